// Room native: a slice of training: the plan's units, one after the other, through an objective's update.
#pragma once

#include "objectives/objectives.hpp"
#include "plan/plan.hpp"

namespace firth {

constexpr int PREFETCH_UNITS = 2;  // further ahead, other threads take rows away again before they are used
constexpr int LOOKUP_UNITS = 8;    // for the tables that say where rows are
constexpr int UNIT_WORDS =
    PART_WORDS + UNIT_WINDOWS;  // at most, of a unit of skip-gram: several windows and their centers
constexpr int LOSS_BLOCK = 64;  // tokens
static_assert(UNIT_BORDER % LOSS_BLOCK == 0, "no unit of windows is in two blocks of the loss");

// Whether the training loss is taken of a block of LOSS_BLOCK tokens: of one in every `loss_every`, drawn by counter,
// the same ones in each epoch, so that epochs can be compared.
inline bool loss_counts(const Settings& s, int64_t block) {
  if (s.loss_every <= 1) return true;
  const PhiloxBlock drawn = draw_block(PhiloxKey(s.seed), PURPOSE_REPORT, 0, uint64_t(block / s.loss_every), 0, 0);
  return block % s.loss_every == scale_word(drawn.word[0], uint32_t(s.loss_every));
}

// Linear in the token position over all epochs, down to the minimum.
inline double learning_rate_at(const Settings& s, int64_t epoch, int64_t position) {
  const double done = (double(epoch) * double(s.n_tokens) + double(position)) / (double(s.epochs) * double(s.n_tokens));
  return s.learning_rate + (s.min_learning_rate - s.learning_rate) * done;
}

template <bool UPDATE, class Real, class Input, class Output, class InputRows, class OutputRows>
class Trainer {
 public:
  Trainer(const Settings& settings, InputRows& input_row, OutputRows& output_row)
      : s_(settings),
        plan_(settings, plan_rules<Input, Output>()),
        input_row_(input_row),
        output_row_(output_row),
        largest_outputs_(Output::largest_count(settings)) {}

  // Trains the tokens [start, stop) of an epoch; stops early, with ERROR_STOPPED, when the stop flag is seen.
  Result run(int64_t start, int64_t stop, uint32_t epoch) {
    Result result = {};
    for (bool more = plan(start, stop, epoch); more; more = plan_.next_chunk()) train_chunk(result);
    return result;
  }

  // The two halves of a slice of at most CHUNK_TOKENS tokens, for those who look at the plan before it is trained.
  bool plan(int64_t start, int64_t stop, uint32_t epoch) {
    epoch_ = epoch;
    plan_.seek(start, stop, epoch);
    return plan_.next_chunk();
  }
  Result train_planned() {
    Result result = {};
    train_chunk(result);
    return result;
  }
  const Planner& planned() const { return plan_; }

 private:
  // Whether a unit may be several windows.
  static constexpr bool SEVERAL_WINDOWS = Input::JOINED_WINDOWS > 1 && Output::DRAWS_NEGATIVES;

  void train_chunk(Result& result) {
    int64_t block = -1;
    double block_loss = 0, block_weight = 0;
    const auto end_block = [&] {
      if (block_weight > 0) result.add_block(block_loss + work_.loss.take(), block_weight);
      block_loss = block_weight = 0;
    };
    work_.loss.take();  // what a unit has left that failed
    prefetched_ = 0;
    part_ = 0;
    std::fill_n(asked_draws_, MAX_BLOCK_DRAWS, -1);
    std::fill_n(checked_draws_, MAX_BLOCK_DRAWS, -1);
    reserve();
    Input::begin_chunk(s_, work_);
    Output::begin_chunk(s_, work_);
    if (!plan_.units.empty()) {
      collect_coming(0);
      coming_.ask_all(s_.stride);
    }
    for (size_t u = 0; u < plan_.units.size(); ++u) {
      // For every unit: under full softmax one may take milliseconds.
      if (stop_requested(s_.stop_flag)) throw Failure(ERROR_STOPPED, "stopped");
      const Planner::Unit& unit = plan_.units[u];
      const int64_t unit_block = plan_.kept_positions[plan_.centers[unit.first].kept] / LOSS_BLOCK;
      if (unit_block != block) {
        end_block();
        block = unit_block;
        work_.takes_loss = !UPDATE || loss_counts(s_, block);
      }
      train(u);
      int64_t examples = 0;
      for (int32_t c = unit.first; c < unit.last; ++c) examples += Input::examples(plan_.centers[c].n_context());
      result.examples += examples;
      result.centers += unit.last - unit.first;
      if (!work_.takes_loss) continue;
      const double weight = weight_of(unit);
      block_weight += weight * double(examples);
      if (s_.sequence_weights) block_loss += weight * work_.loss.take();
    }
    end_block();
    Input::end_chunk(s_, work_);
    Output::end_chunk(s_, work_);
  }

  void reserve() {
    int largest_context = 0;
    for (const Planner::Unit& unit : plan_.units) {
      const Range range = range_of(unit);
      largest_context = std::max(largest_context, range.last - range.first);
    }
    prepared_.reserve(largest_context, largest_outputs_);
    work_.reserve(Input::inputs(Input::TAKES_PARTS ? std::min(largest_context, UNIT_WORDS) : largest_context),
                  largest_outputs_);
  }

  // The kept tokens that a unit's windows cover, their centers included.
  struct Range {
    int32_t first, last;
  };
  Range range_of(const Planner::Unit& unit) const {
    Range range = {plan_.centers[unit.first].first, plan_.centers[unit.first].last};
    for (int32_t c = unit.first + 1; c < unit.last; ++c) {
      range.first = std::min(range.first, plan_.centers[c].first);
      range.last = std::max(range.last, plan_.centers[c].last);
    }
    return range;
  }

  void train(size_t index) {
    if constexpr (Input::TAKES_PARTS) {
      const Planner::Center& center = plan_.centers[plan_.units[index].first];
      const int32_t n_parts = part_count(center.n_context(), Output::part_words(s_, center.n_context()));
      if (n_parts > 1) return train_parts(index, center, n_parts);
    }
    train_windows(index);
  }

  void train_windows(size_t index) {
    const Planner::Unit& windows = plan_.units[index];
    const Planner::Center& center = plan_.centers[windows.first];
    int32_t targets[UNIT_WINDOWS];
    Unit unit = {};
    unit.context = prepared_.context;
    unit.targets = targets;
    unit.n_targets = windows.last - windows.first;
    unit.n_negatives = center.n_draws;
    unit.negatives = plan_.negatives.data() + center.draws;
    for (int t = 0; t < unit.n_targets; ++t) targets[t] = plan_.kept_ids[plan_.centers[windows.first + t].kept];
    const Range range = range_of(windows);
    unit.context_may_repeat = plan_.may_repeat(range.first, range.last);
    unit.outputs_may_repeat = Output::MAY_REPEAT && (unit.context_may_repeat || negatives_may_repeat(center));
    if (!SEVERAL_WINDOWS || unit.n_targets == 1) {
      unit.n_context = range.last - range.first - 1;
      copy_context(center, prepared_.context);
    } else {
      find_contexts(windows, range, unit);
    }
    prepare_unit<Real, Output>(s_, unit, rate_of(windows), input_row_, output_row_, prepared_);
    collect_coming(index + 1);
    train_unit<UPDATE, Real, Input, Output>(s_, prepared_, work_, coming_);
  }

  // A window in several parts, each of which is a unit.
  void train_parts(size_t index, const Planner::Center& center, int32_t n_parts) {
    const int32_t n_context = center.n_context(), target = plan_.kept_ids[center.kept];
    copy_context(center, prepared_.context);
    const int32_t* negatives = plan_.negatives.data() + center.draws;
    collect_coming(index + 1);
    coming_.ask_all(s_.stride);
    coming_.clear();
    for (int32_t part = 0; part < n_parts; ++part, ++part_) {
      if (stop_requested(s_.stop_flag)) throw Failure(ERROR_STOPPED, "stopped");
      const int32_t first = part_first(n_context, n_parts, part), last = part_first(n_context, n_parts, part + 1);
      const int n = !Output::DRAWS_NEGATIVES ? 0 : plan_.part_draws.empty() ? s_.negatives : plan_.part_draws[part_];
      const bool may_repeat =
          last - first > 1 && plan_.may_repeat(kept_of(center, first), kept_of(center, last - 1) + 1);
      const Unit unit = {prepared_.context + first, last - first, &target, 1, nullptr, negatives, n, may_repeat, true};
      prepare_unit<Real, Output>(s_, unit, rate_of(plan_.units[index]), input_row_, output_row_, prepared_);
      train_unit<UPDATE, Real, Input, Output>(s_, prepared_, work_, coming_);
      negatives += n;
    }
  }

  // Where a word of a window's context is among the kept tokens.
  static int32_t kept_of(const Planner::Center& center, int32_t context_word) {
    const int32_t kept = center.first + context_word;
    return kept + (kept >= center.kept);
  }

  void copy_context(const Planner::Center& center, int32_t* context) const {
    const int32_t* const ids = plan_.kept_ids.data();
    for (int32_t k = center.first; k < center.last; ++k) {
      *context = ids[k];
      context += k != center.kept;
    }
  }

  // The context of several windows into `unit`, and which of them has each word; words of none, a center maybe, are
  // left out.
  void find_contexts(const Planner::Unit& windows, Range range, Unit& unit) {
    typedef uint8_t Bytes __attribute__((vector_size(16)));
    uint8_t* const in_windows = prepared_.windows;
    const int count = range.last - range.first;
    const int32_t* const ids = plan_.kept_ids.data() + range.first;
    unit.windows = in_windows;
    unit.context = ids;
    unit.n_context = count;
    bool all_in_some = true;
    for (int first = 0; first < count; first += 16) {
      const Bytes place = Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      Bytes bits = Bytes{};
      for (int32_t c = windows.first; c < windows.last; ++c) {
        const Planner::Center& center = plan_.centers[c];
        const auto at = [&](int32_t kept) {
          return Bytes{} + uint8_t(std::min(std::max(kept - range.first - first, -1), 16) + 1);
        };
        const Bytes one_more = place + 1;
        const Bytes inside =
            Bytes((one_more >= at(center.first)) & (one_more < at(center.last)) & (one_more != at(center.kept)));
        const uint8_t bit = uint8_t(1 << (c - windows.first));
        bits |= inside & bit;
      }
      std::memcpy(in_windows + first, &bits, sizeof bits);
      for (int k = first; k < std::min(first + 16, count); ++k) all_in_some &= in_windows[k] != 0;
    }
    if (all_in_some) return;
    int size = 0;
    for (int k = 0; k < count; ++k) {
      prepared_.context[size] = ids[k];
      in_windows[size] = in_windows[k];
      size += in_windows[k] != 0;
    }
    unit.context = prepared_.context;
    unit.n_context = size;
  }

  // False only if a center's negatives and its target differ. Negatives that several units share are looked at once.
  bool negatives_may_repeat(const Planner::Center& center) {
    if (s_.target_collision == COLLISION_COUNT) return true;
    const int32_t draw = plan_.shared_draw(center.place);
    if (checked_draws_[draw] != center.draws) {
      checked_draws_[draw] = center.draws;
      repeated_draws_[draw] = has_repeats(plan_.negatives.data() + center.draws, center.n_draws);
    }
    return repeated_draws_[draw];
  }

  double weight_of(const Planner::Unit& unit) const {
    return s_.sequence_weights ? double(s_.sequence_weights[plan_.center_sequences[unit.first]]) : 1;
  }

  // That of its first center.
  Real rate_of(const Planner::Unit& unit) const {
    return Real(learning_rate_at(s_, epoch_, plan_.kept_positions[plan_.centers[unit.first].kept]) * weight_of(unit));
  }

  // The rows of the unit PREFETCH_UNITS after this one (for the first: of all up to it), to be asked for.
  void collect_coming(size_t index) {
    const Planner& plan = plan_;
    coming_.clear();
    if (index >= plan.units.size()) return;
    const size_t ahead = std::min(index + PREFETCH_UNITS, plan.units.size() - 1);
    const Planner::Center& furthest = plan.centers[plan.units[ahead].last - 1];
    const int64_t reach = int64_t(furthest.kept) + (s_.window_mode == WINDOW_SEQUENCE ? 1 : s_.window) + 1;
    for (const int32_t stop = int32_t(std::min(reach, int64_t(plan.kept_ids.size()))); prefetched_ < stop;
         ++prefetched_)
      coming_.add(input_row_.home(plan.kept_ids[prefetched_]));
    for (size_t u = index == 0 ? 0 : index + PREFETCH_UNITS; u <= ahead; ++u) collect_outputs(plan.units[u]);
    if (!InputRows::IN_PLACE && Output::DRAWS_NEGATIVES) {
      const size_t further = index + LOOKUP_UNITS;
      if (further < plan.units.size()) {
        const Planner::Unit& unit = plan.units[further];
        for (int32_t c = unit.first; c < unit.last; ++c) {
          input_row_.foresee(plan.kept_ids[plan.centers[c].last - 1]);
          output_row_.foresee(plan.kept_ids[plan.centers[c].kept]);
        }
        const Planner::Center& center = plan.centers[unit.first];
        for (int k = 0; k < center.n_draws; ++k) output_row_.foresee(plan.negatives[center.draws + k]);
      }
    }
    Output::look_ahead(
        s_, [&] { return target_at(plan, index + LOOKUP_UNITS); },
        [&] { return target_at(plan, index + LOOKUP_UNITS * 3 / 2); });
  }

  void collect_outputs(const Planner::Unit& unit) {
    for (int32_t c = unit.first; c < unit.last; ++c) {
      const int32_t target = plan_.kept_ids[plan_.centers[c].kept];
      Output::each_coming_row(s_, target, [&](int32_t id) { coming_.add(output_row_.home(id)); });
    }
    if (!Output::DRAWS_NEGATIVES) return;
    const Planner::Center& center = plan_.centers[unit.first];
    int64_t& asked = asked_draws_[plan_.shared_draw(center.place)];
    if (center.draws == asked) return;  // they have come for a unit before
    asked = center.draws;
    for (int k = 0; k < center.n_draws; ++k) coming_.add(output_row_.home(plan_.negatives[center.draws + k]));
  }

  static const int32_t* target_at(const Planner& plan, size_t index) {
    return index < plan.units.size() ? &plan.kept_ids[plan.centers[plan.units[index].first].kept] : nullptr;
  }

  const Settings& s_;
  Planner plan_;
  InputRows& input_row_;
  OutputRows& output_row_;
  uint32_t epoch_ = 0;
  const int largest_outputs_;
  Workspace<Real> work_;
  Prepared<Real> prepared_;
  ComingRows<Real, InputRows::PREFETCH_WRITE> coming_;
  int64_t part_ = 0;  // of the chunk's windows that have several parts
  // Of each of a block's draws: where its negatives are whose rows were asked for last; where its negatives are that
  // were looked through for repeats last, and whether there are any.
  int64_t asked_draws_[MAX_BLOCK_DRAWS], checked_draws_[MAX_BLOCK_DRAWS];
  bool repeated_draws_[MAX_BLOCK_DRAWS];
  int32_t prefetched_ = 0;  // kept tokens of the chunk whose input rows are on their way
};

}  // namespace firth
