// Room native: trains a slice: applies the update of an objective to each unit of the slice's chunks, in order.
#pragma once

#include "plan/sources.hpp"
#include "train/bags.hpp"
#include "train/contexts.hpp"
#include "train/prefetch.hpp"

namespace firth {

constexpr int UNIT_WORDS =
    PART_WORDS + UNIT_WINDOWS;  // maximum for a unit of skip-gram: several windows and their centers

// The learning rate falls linearly with the token position over all epochs, to the minimum.
inline double learning_rate_at(const Settings& s, int64_t epoch, int64_t position) {
  const double done = (double(epoch) * double(s.n_tokens) + double(position)) / (double(s.epochs) * double(s.n_tokens));
  return s.learning_rate + (s.min_learning_rate - s.learning_rate) * done;
}

// Trains slices of any objective. Whoever trains slices sees this class: a pair of sides is a class below, and calls of
// it are virtual once for a chunk.
class SliceTrainer {
 public:
  virtual ~SliceTrainer() = default;
  SliceTrainer(const SliceTrainer&) = delete;

  // Trains the tokens [start, stop) of an epoch. Throws ERROR_STOPPED if the stop flag is set.
  Result run(int64_t start, int64_t stop, uint32_t epoch) {
    Result result = {};
    for (bool more = plan(start, stop, epoch); more; more = source_->next_chunk(chunk_)) train_chunk(result);
    return result;
  }

  // The two steps of training a slice of at most CHUNK_TOKENS tokens, for callers that read the chunk in between.
  bool plan(int64_t start, int64_t stop, uint32_t epoch) {
    epoch_ = epoch;
    source_->seek(start, stop, epoch);
    return source_->next_chunk(chunk_);
  }
  Result train_planned() {
    Result result = {};
    train_chunk(result);
    return result;
  }
  const Chunk& planned() const { return chunk_; }

 protected:
  // updates: whether rows are updated; otherwise only the loss is computed.
  SliceTrainer(const Settings& settings, const PlanRules& rules, BagRows<float>* bags, bool updates)
      : s_(settings), updates_(updates), source_(make_source(settings, rules)), bags_(bags) {
    if (bags) stretches_.reset(new BagStretches<float>(*bags, chunk_));
  }

  virtual void train_chunk(Result& result) = 0;

  // The last stretch of a chunk ends with it; so does one that was stopped, since what was done stays done.
  struct SpreadAtEnd {
    BagRows<float>* bags;
    ~SpreadAtEnd() {
      if (bags) bags->spread();
    }
  };

  int largest_context() const {
    int largest = 0;
    for (const PlannedUnit& unit : chunk_.units) {
      const InputRange range = range_of(chunk_, unit);
      largest = std::max(largest, range.last - range.first);
    }
    return largest;
  }

  static bool targets_repeat(const int32_t* targets, int n_targets) {
    bool repeat = false;
    for (int t = 1; t < n_targets; ++t)
      for (int before = 0; before < t; ++before) repeat |= targets[t] == targets[before];
    return repeat;
  }

  // False only if the target and the negatives of a center are all different. A shared noise set is checked once.
  bool negatives_may_repeat(const Center& center) {
    if (s_.target_collision == COLLISION_COUNT) return true;
    const int set = center.noise_set;
    if (checked_[set] != center.negatives) {
      checked_[set] = center.negatives;
      repeats_[set] = has_repeats(chunk_.negatives.data() + center.negatives, center.n_negatives);
    }
    return repeats_[set];
  }

  float rate_of(const PlannedUnit& unit) const {
    return float(learning_rate_at(s_, epoch_, unit.position) * unit.weight);
  }

  const Settings& s_;
  const bool updates_;
  const std::unique_ptr<ExampleSource> source_;
  Chunk chunk_;
  uint32_t epoch_ = 0;
  Workspace<float> work_;
  Prepared<float> prepared_;
  BagRows<float>* const bags_;
  std::unique_ptr<BagStretches<float>> stretches_;
  int64_t part_ = 0;  // index in Chunk::part_negatives
  // By noise set: index in Chunk::negatives of the words checked last, and whether they repeat.
  int64_t checked_[MAX_NOISE_SETS];
  bool repeats_[MAX_NOISE_SETS];
};

// The units of a pair of sides. This class is compiled for every pair, and for each type of objects that find rows:
// the loop over units and what it calls for each of them is here, everything else is not.
template <class Input, class Output, class FindRow>
class Trainer final : public SliceTrainer {
 public:
  Trainer(const Settings& settings, const FindRow& input_row, const FindRow& output_row, BagRows<float>* bags,
          bool updates)
      : SliceTrainer(settings, plan_rules<Input, Output>(), bags, updates),
        input_row_(input_row),
        output_row_(output_row),
        prefetch_(settings, chunk_, input_row, output_row),
        largest_outputs_(Output::largest_count(settings)) {}

 private:
  // Whether a unit may be several windows.
  static constexpr bool SEVERAL_WINDOWS = Input::JOINED_WINDOWS > 1 && Output::DRAWS_NEGATIVES;

  void train_chunk(Result& result) override {
    work_.loss.take();  // discards the sum of a chunk that failed
    part_ = 0;
    std::fill_n(checked_, MAX_NOISE_SETS, -1);
    reserve();
    prefetch_.begin_chunk();
    const SpreadAtEnd spread{updates_ ? bags_ : nullptr};
    if (bags_) {
      stretches_->begin_chunk();
      prefetch_.leave_inputs();
    }
    Input::begin_chunk(s_, work_);
    Output::begin_chunk(s_, work_);
    if (!chunk_.units.empty()) {
      prefetch_.collect(0);
      prefetch_.ask_all();
    }
    for (size_t u = 0; u < chunk_.units.size(); ++u) {
      // For every unit, because a unit of full softmax may take milliseconds.
      if (stop_requested(s_.stop_flag)) throw Failure(ERROR_STOPPED, "stopped");
      const PlannedUnit& unit = chunk_.units[u];
      if (bags_) stretches_->enter(u, updates_);
      train(unit, u);
      int64_t examples = 0;
      for (int32_t c = unit.first; c < unit.last; ++c) examples += Input::examples(chunk_.centers[c].n_context());
      result.examples += examples;
      result.centers += unit.last - unit.first;
      result.weight += unit.weight * double(examples);
      if (s_.sequence_weights) result.loss += unit.weight * work_.loss.take();
    }
    result.loss += work_.loss.take();
    Input::end_chunk(s_, work_);
    Output::end_chunk(s_, work_);
  }

  void reserve() {
    const int context = largest_context();
    prepared_.reserve(context, largest_outputs_);
    work_.reserve(Input::inputs(Input::TAKES_PARTS ? std::min(context, UNIT_WORDS) : context), largest_outputs_);
  }

  void train(const PlannedUnit& unit, size_t index) {
    if constexpr (Input::TAKES_PARTS) {
      const Center& center = chunk_.centers[unit.first];
      const int32_t n_parts = part_count(center.n_context(), Output::part_words(s_, center.n_context()));
      if (n_parts > 1) return train_parts(unit, index, center, n_parts);
    }
    train_windows(unit, index);
  }

  void train_windows(const PlannedUnit& windows, size_t index) {
    const Center& center = chunk_.centers[windows.first];
    int32_t targets[UNIT_WINDOWS];
    Unit& unit = prepared_.unit;
    unit.context = prepared_.context;
    unit.windows = nullptr;
    unit.targets = targets;
    unit.n_targets = windows.last - windows.first;
    unit.n_negatives = center.n_negatives;
    unit.negatives = chunk_.negatives.data() + center.negatives;
    for (int t = 0; t < unit.n_targets; ++t) targets[t] = chunk_.centers[windows.first + t].target;
    const InputRange range = range_of(chunk_, windows);
    unit.context_may_repeat = chunk_.inputs_may_repeat(range.first, range.last);
    unit.outputs_may_repeat =
        Output::MAY_REPEAT && (targets_repeat(targets, unit.n_targets) || negatives_may_repeat(center));
    if (!SEVERAL_WINDOWS || unit.n_targets == 1) {
      unit.n_context = center.n_context();
      copy_context(chunk_, center, prepared_.context);
    } else {
      find_contexts(chunk_, windows, range, prepared_.context, prepared_.windows, unit);
    }
    prepare_unit<float, Output>(s_, rate_of(windows), input_row_, output_row_, prepared_);
    prefetch_.collect(index + 1);
    train_unit<float, Input, Output>(s_, prepared_, updates_, work_, prefetch_.coming());
  }

  // Trains a window in several parts. Each part is a unit.
  void train_parts(const PlannedUnit& window, size_t index, const Center& center, int32_t n_parts) {
    const int32_t n_context = center.n_context(), target = center.target;
    copy_context(chunk_, center, prepared_.context);
    const int32_t* negatives = chunk_.negatives.data() + center.negatives;
    prefetch_.collect(index + 1);
    prefetch_.ask_all();
    prefetch_.clear();
    for (int32_t part = 0; part < n_parts; ++part, ++part_) {
      if (stop_requested(s_.stop_flag)) throw Failure(ERROR_STOPPED, "stopped");
      const int32_t first = part_first(n_context, n_parts, part), last = part_first(n_context, n_parts, part + 1);
      const int n = !Output::DRAWS_NEGATIVES        ? 0
                    : chunk_.part_negatives.empty() ? s_.negatives
                                                    : chunk_.part_negatives[part_];
      const bool may_repeat =
          last - first > 1 && chunk_.inputs_may_repeat(input_of(center, first), input_of(center, last - 1) + 1);
      const Unit unit = {prepared_.context + first, last - first, &target, 1, nullptr, negatives, n, may_repeat, true};
      train_rare_unit<float, Input, Output>(s_, unit, rate_of(window), updates_, input_row_, output_row_, prepared_,
                                            work_, prefetch_.coming());
      negatives += n;
    }
  }

  const FindRow& input_row_;
  const FindRow& output_row_;
  Prefetch<float, Output, FindRow> prefetch_;
  const int largest_outputs_;
};

// A trainer of the objective that the settings choose. All arguments must outlive it. With `bags`: `settings` and
// `input_row` are those of the bags.
template <class FindRow>
std::unique_ptr<SliceTrainer> make_trainer(const Settings& settings, const FindRow& input_row,
                                           const FindRow& output_row, BagRows<float>* bags, bool updates) {
  return with_objective(settings, [&](auto input, auto output) -> std::unique_ptr<SliceTrainer> {
    typedef Trainer<typename decltype(input)::type, typename decltype(output)::type, FindRow> PairTrainer;
    return std::make_unique<PairTrainer>(settings, input_row, output_row, bags, updates);
  });
}

}  // namespace firth
