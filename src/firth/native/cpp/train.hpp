// Room native: a slice of training: the plan's windows, one after the other, through an objective's update.
#pragma once

#include "inputs_pool.hpp"
#include "inputs_rows.hpp"
#include "outputs_logistic.hpp"
#include "outputs_softmax.hpp"
#include "plan.hpp"

namespace firth {

constexpr int PREFETCH_WINDOWS = 4;
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
                 settings.sharing == SHARE_PAIR) {}

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
    int64_t pair = 0;
    prefetched_ = 0;
    for (size_t c = 0; c < plan_.centers.size(); ++c) {
      // For every window: under full softmax one may take milliseconds.
      if (stop_requested(s_.stop_flag)) throw Failure(ERROR_STOPPED, "stopped");
      if (c == 0) prefetch(plan_, c);
      train_center(plan_, c, pair, result);
    }
  }

  void train_center(const Planner& plan, size_t index, int64_t& pair, Result& result) {
    const Planner::Center& center = plan.centers[index];
    const int64_t position = plan.kept_positions[center.kept];
    const int n_context = center.last - center.first - 1;
    double weight = 1;
    if (s_.sequence_weights) weight = double(s_.sequence_weights[plan.center_sequences[index]]);
    const Real rate = Real(learning_rate_at(s_, epoch_, position) * weight);
    context_.resize(n_context);
    const int32_t* const ids = plan.kept_ids.data();
    int32_t* to = context_.data();
    for (int32_t k = center.first; k < center.kept; ++k) *to++ = ids[k];
    for (int32_t k = center.kept + 1; k < center.last; ++k) *to++ = ids[k];
    const int32_t target = plan.kept_ids[center.kept];
    const int32_t* negatives = plan.negatives.data() + center.draws;
    if (!by_pair_) {
      const bool may_repeat = plan.may_repeat(center);
      train_unit<UPDATE, Real, Input, Output>(
          s_, {context_.data(), n_context, target, negatives, center.n_draws, may_repeat}, rate, input_row_,
          output_row_, work_, [&] { prefetch(plan, index + 1); });
    } else {
      prefetch(plan, index + 1);
      for (int i = 0; i < n_context; ++i, ++pair) {
        const int n = plan.pair_draws.empty() ? s_.negatives : plan.pair_draws[pair];
        train_unit<UPDATE, Real, Input, Output>(s_, {&context_[i], 1, target, negatives, n, false}, rate, input_row_,
                                                output_row_, work_, [] {});
        negatives += n;
      }
    }
    const int64_t examples = std::is_same<Input, RowInputs>::value ? n_context : 1;
    result.examples += examples;
    result.centers += 1;
    result.weight += weight * double(examples);
    if (s_.sequence_weights) result.loss += weight * work_.loss.take();
  }

  // Asks for the rows of the window PREFETCH_WINDOWS after this one (for the first: of all up to it).
  void prefetch(const Planner& plan, size_t index) {
    if (index >= plan.centers.size()) return;
    const size_t ahead = std::min(index + PREFETCH_WINDOWS, plan.centers.size() - 1);
    const int64_t reach = int64_t(plan.centers[ahead].kept) + (s_.window_mode == WINDOW_SEQUENCE ? 1 : s_.window) + 1;
    for (const int32_t stop = int32_t(std::min(reach, int64_t(plan.kept_ids.size()))); prefetched_ < stop;
         ++prefetched_)
      input_row_.prefetch(plan.kept_ids[prefetched_]);
    for (size_t c = index == 0 ? 0 : index + PREFETCH_WINDOWS; c <= ahead; ++c) {
      const Planner::Center& center = plan.centers[c];
      const int32_t target = plan.kept_ids[center.kept];
      if (std::is_same<Output, SampledNegatives>::value) {
        output_row_.prefetch(target);
        for (int k = 0; k < center.n_draws; ++k) output_row_.prefetch(plan.negatives[center.draws + k]);
      } else if (std::is_same<Output, HuffmanPath>::value) {
        for (int64_t step = s_.path_offsets[target]; step < s_.path_offsets[target + 1]; ++step)
          if (s_.path_nodes[step] < s_.n_output_rows - HOT_NODES) output_row_.prefetch(s_.path_nodes[step]);
      }
    }
    if (!InputRows::IN_PLACE && std::is_same<Output, SampledNegatives>::value) {
      const size_t further = index + 2 * PREFETCH_WINDOWS;
      if (further < plan.centers.size()) {
        const Planner::Center& center = plan.centers[further];
        input_row_.foresee(plan.kept_ids[center.last - 1]);
        output_row_.foresee(plan.kept_ids[center.kept]);
        for (int k = 0; k < center.n_draws; ++k) output_row_.foresee(plan.negatives[center.draws + k]);
      }
    }
    if (std::is_same<Output, HuffmanPath>::value) {  // paths, then where they begin, further ahead
      if (const int32_t* target = target_at(plan, index + 2 * PREFETCH_WINDOWS)) {
        __builtin_prefetch(s_.path_nodes + s_.path_offsets[*target]);
        __builtin_prefetch(s_.path_codes + s_.path_offsets[*target]);
      }
      if (const int32_t* target = target_at(plan, index + 3 * PREFETCH_WINDOWS))
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
  Workspace<Real> work_;
  std::vector<int32_t> context_;
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
