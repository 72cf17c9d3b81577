// Room native: a slice of training: the plan's windows, one after the other, through an objective's update.
#pragma once

#include "inputs_pool.hpp"
#include "inputs_rows.hpp"
#include "outputs_logistic.hpp"
#include "outputs_softmax.hpp"
#include "plan.hpp"

namespace firth {

constexpr int PREFETCH_WINDOWS = 2;  // further ahead, other threads take rows away again before they are used
constexpr int LOOKUP_WINDOWS = 8;    // for the tables that say where rows are
constexpr int HOT_NODES = 256;  // the inner nodes next to the root, made last, are on most paths and so in the cache

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
        plan_(settings),
        input_row_(input_row),
        output_row_(output_row),
        by_pair_(std::is_same<Input, RowInputs>::value && std::is_same<Output, SampledNegatives>::value &&
                 settings.sharing == SHARE_PAIR),
        largest_outputs_(Output::largest_count(settings)) {}

  // Trains the tokens [start, stop) of an epoch; stops early, with ERROR_STOPPED, when the stop flag is seen.
  Result run(int64_t start, int64_t stop, uint32_t epoch) {
    Result result = {};
    for (bool more = plan(start, stop, epoch); more; more = plan_.next_chunk()) train_chunk(result);
    result.loss += work_.loss.take();
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
    result.loss += work_.loss.take();
    return result;
  }
  const Planner& planned() const { return plan_; }

 private:
  void train_chunk(Result& result) {
    prefetched_ = 0;
    pair_ = 0;
    reserve();
    if (!plan_.centers.empty()) {
      collect_coming(0);
      coming_.ask_all(s_.stride);
    }
    for (size_t c = 0; c < plan_.centers.size(); ++c) {
      // For every window: under full softmax one may take milliseconds.
      if (stop_requested(s_.stop_flag)) throw Failure(ERROR_STOPPED, "stopped");
      if (by_pair_)
        train_pairs(c);
      else
        train_window(c);
      const Planner::Center& center = plan_.centers[c];
      const int64_t examples = std::is_same<Input, RowInputs>::value ? center.last - center.first - 1 : 1;
      const double weight = weight_of(c);
      result.examples += examples;
      result.centers += 1;
      result.weight += weight * double(examples);
      if (s_.sequence_weights) result.loss += weight * work_.loss.take();
    }
  }

  void reserve() {
    int largest_context = 0;
    for (const Planner::Center& center : plan_.centers)
      largest_context = std::max(largest_context, center.last - center.first - 1);
    prepared_.reserve(largest_context, largest_outputs_);
    work_.reserve(largest_context, largest_outputs_);
  }

  void train_window(size_t index) {
    const Planner::Center& center = plan_.centers[index];
    Prepared<Real>& prepared = prepared_;
    copy_context(center, prepared.context);
    prepare_unit<Real, Output>(s_,
                               {prepared.context, center.last - center.first - 1, plan_.kept_ids[center.kept],
                                plan_.negatives.data() + center.draws, center.n_draws, plan_.may_repeat(center)},
                               rate_of(index), input_row_, output_row_, prepared);
    collect_coming(index + 1);
    train_unit<UPDATE, Real, Input, Output>(s_, prepared, work_, coming_);
  }

  void train_pairs(size_t index) {
    const Planner::Center& center = plan_.centers[index];
    Prepared<Real>& prepared = prepared_;
    copy_context(center, prepared.context);
    const int32_t* negatives = plan_.negatives.data() + center.draws;
    collect_coming(index + 1);
    coming_.ask_all(s_.stride);
    coming_.clear();
    for (int i = 0; i < center.last - center.first - 1; ++i, ++pair_) {
      const int n = plan_.pair_draws.empty() ? s_.negatives : plan_.pair_draws[pair_];
      prepare_unit<Real, Output>(s_, {&prepared.context[i], 1, plan_.kept_ids[center.kept], negatives, n, false},
                                 rate_of(index), input_row_, output_row_, prepared);
      train_unit<UPDATE, Real, Input, Output>(s_, prepared, work_, coming_);
      negatives += n;
    }
  }

  void copy_context(const Planner::Center& center, int32_t* context) const {
    const int32_t* const ids = plan_.kept_ids.data();
    for (int32_t k = center.first; k < center.last; ++k) {
      *context = ids[k];
      context += k != center.kept;
    }
  }

  double weight_of(size_t index) const {
    return s_.sequence_weights ? double(s_.sequence_weights[plan_.center_sequences[index]]) : 1;
  }

  Real rate_of(size_t index) const {
    return Real(learning_rate_at(s_, epoch_, plan_.kept_positions[plan_.centers[index].kept]) * weight_of(index));
  }

  // The rows of the window PREFETCH_WINDOWS after this one (for the first: of all up to it), to be asked for.
  void collect_coming(size_t index) {
    const Planner& plan = plan_;
    coming_.clear();
    if (index >= plan.centers.size()) return;
    const size_t ahead = std::min(index + PREFETCH_WINDOWS, plan.centers.size() - 1);
    const int64_t reach = int64_t(plan.centers[ahead].kept) + (s_.window_mode == WINDOW_SEQUENCE ? 1 : s_.window) + 1;
    for (const int32_t stop = int32_t(std::min(reach, int64_t(plan.kept_ids.size()))); prefetched_ < stop;
         ++prefetched_)
      coming_.add(input_row_.home(plan.kept_ids[prefetched_]));
    for (size_t c = index == 0 ? 0 : index + PREFETCH_WINDOWS; c <= ahead; ++c) {
      const Planner::Center& center = plan.centers[c];
      const int32_t target = plan.kept_ids[center.kept];
      if (std::is_same<Output, SampledNegatives>::value) {
        coming_.add(output_row_.home(target));
        for (int k = 0; k < center.n_draws; ++k) coming_.add(output_row_.home(plan.negatives[center.draws + k]));
      } else if (std::is_same<Output, HuffmanPath>::value) {
        for (int64_t step = s_.path_offsets[target]; step < s_.path_offsets[target + 1]; ++step)
          if (s_.path_nodes[step] < s_.n_output_rows - HOT_NODES) coming_.add(output_row_.home(s_.path_nodes[step]));
      }
    }
    if (!InputRows::IN_PLACE && std::is_same<Output, SampledNegatives>::value) {
      const size_t further = index + LOOKUP_WINDOWS;
      if (further < plan.centers.size()) {
        const Planner::Center& center = plan.centers[further];
        input_row_.foresee(plan.kept_ids[center.last - 1]);
        output_row_.foresee(plan.kept_ids[center.kept]);
        for (int k = 0; k < center.n_draws; ++k) output_row_.foresee(plan.negatives[center.draws + k]);
      }
    }
    if (std::is_same<Output, HuffmanPath>::value) {  // paths, then where they begin, further ahead
      if (const int32_t* target = target_at(plan, index + LOOKUP_WINDOWS)) {
        __builtin_prefetch(s_.path_nodes + s_.path_offsets[*target]);
        __builtin_prefetch(s_.path_codes + s_.path_offsets[*target]);
      }
      if (const int32_t* target = target_at(plan, index + LOOKUP_WINDOWS * 3 / 2))
        __builtin_prefetch(s_.path_offsets + *target);
    }
  }

  static const int32_t* target_at(const Planner& plan, size_t index) {
    return index < plan.centers.size() ? &plan.kept_ids[plan.centers[index].kept] : nullptr;
  }

  const Settings& s_;
  Planner plan_;
  InputRows& input_row_;
  OutputRows& output_row_;
  uint32_t epoch_ = 0;
  const bool by_pair_;
  const int largest_outputs_;
  Workspace<Real> work_;
  Prepared<Real> prepared_;
  ComingRows<Real, InputRows::PREFETCH_WRITE> coming_;
  int64_t pair_ = 0;        // of the chunk, where pairs are units
  int32_t prefetched_ = 0;  // kept tokens of the chunk whose input rows are on their way
};

template <class T>
struct Type {
  typedef T type;
};

// Calls body(Type<Input>, Type<Output>) with the sides that the settings choose.
template <class Body>
inline auto with_objective(const Settings& s, Body&& body) {
  auto with_output = [&](auto input) {
    switch (s.loss) {
      case NEGATIVE_SAMPLING:
        return body(input, Type<SampledNegatives>());
      case HIERARCHICAL_SOFTMAX:
        return body(input, Type<HuffmanPath>());
      case FULL_SOFTMAX:
        return body(input, Type<AllRows>());
    }
    throw Failure(ERROR_ARGUMENT, "unknown loss");
  };
  switch (s.architecture) {
    case SKIPGRAM:
      return with_output(Type<RowInputs>());
    case CBOW:
      return with_output(Type<PooledInput>());
  }
  throw Failure(ERROR_ARGUMENT, "unknown architecture");
}

}  // namespace firth
