// Room native: explicit examples, a source of examples: each example is a bag of input rows, a target and a weight.
// Example e has the input rows ids[offsets[e] .. offsets[e + 1]), the target targets[e] and the weight
// sequence_weights[e]. A pair is a bag of one row. Twin: kernels/plan/examples.py.
//
// With target_offsets an example has several targets, targets[target_offsets[e] .. target_offsets[e + 1]). In each
// epoch one of them is drawn, by counter. Sides that take all targets (one-vs-all) get e as the target, and read them.
//
// An example belongs to the position of its first row; an example without rows is left out. The input side makes one
// vector from a bag (CBOW), or one vector from each row (skip-gram). There is no subsampling, and there are no windows.
// If the examples of a stretch share noise sets, an example whose first row is at the position p of the stretch has
// slot p.
#pragma once

#include "plan/negatives.hpp"
#include "plan/source.hpp"

namespace firth {

class ExplicitExamples final : public ExampleSource {
 public:
  static constexpr const char* NAME = "examples";

  ExplicitExamples(const Settings& settings, const PlanRules& rules)
      : s_(settings),
        takes_all_targets_(rules.takes_all_targets),
        stretches_(settings, one_a_unit(rules)),
        negatives_(settings, rules, stretches_) {
    if (!s_.targets || s_.keep_thresholds)
      throw Failure(ERROR_ARGUMENT, "explicit examples must have targets, and no thresholds of subsampling");
    if (s_.target_offsets && takes_all_targets_ && s_.n_sequences > INT32_MAX)  // an example is its own target
      throw Failure(ERROR_ARGUMENT, "examples with several targets each must be fewer than 2^31");
  }

  void seek(int64_t start, int64_t stop, uint32_t epoch) override {
    epoch_ = epoch;
    next_ = start;
    stop_ = std::min(stop, s_.n_tokens);
    example_ = std::lower_bound(s_.offsets, s_.offsets + s_.n_sequences, start) - s_.offsets;
  }

  bool next_chunk(Chunk& chunk) override {
    if (next_ >= stop_) return false;
    const int64_t end = std::min(stop_, stretches_.end(next_ + CHUNK_TOKENS - 1));
    chunk.clear();
    for (; example_ < s_.n_sequences && s_.offsets[example_] < end; ++example_) add(chunk);
    find_repeats(chunk);
    negatives_.draw(chunk, epoch_);
    make_units(s_, stretches_, chunk);
    next_ = end;
    return true;
  }

 private:
  void add(Chunk& chunk) {
    const int64_t begin = s_.offsets[example_], n_rows = s_.offsets[example_ + 1] - begin;
    if (n_rows == 0) return;
    const int64_t first = int64_t(chunk.inputs.size());
    if (first + n_rows > INT32_MAX) throw Failure(ERROR_ARGUMENT, "an example must have fewer than 2^31 input rows");
    chunk.inputs.resize(size_t(first + n_rows));
    std::copy_n(s_.ids + begin, n_rows, &chunk.inputs[size_t(first)]);
    const int32_t last = int32_t(first + n_rows);
    const int32_t slot = stretches_.share_noise ? int32_t(begin - stretches_.start(begin)) : 0;
    chunk.centers.push_back(
        {last, int32_t(first), last, target_of(begin), 0, 0, int16_t(slot), stretches_.noise_set_of(slot)});
    chunk.positions.push_back(begin);
    chunk.sequences.push_back(example_);
  }

  // Of the next example, whose first row has this position.
  int32_t target_of(int64_t position) const {
    if (!s_.target_offsets) return s_.targets[example_];
    if (takes_all_targets_) return int32_t(example_);
    const int64_t first = s_.target_offsets[example_], count = s_.target_offsets[example_ + 1] - first;
    if (count == 1) return s_.targets[first];
    const PhiloxBlock drawn = draw_block(PhiloxKey(s_.seed), PURPOSE_LABEL, epoch_, uint64_t(position), 0, 0);
    return s_.targets[first + scale_word(drawn.word[0], uint32_t(count))];
  }

  const Settings& s_;
  const bool takes_all_targets_;
  const Stretches stretches_;
  NegativeDrawer negatives_;
  uint32_t epoch_ = 0;
  int64_t next_ = 0, stop_ = 0;  // the rest of the slice: positions [next_, stop_)
  int64_t example_ = 0;          // index of the next example
};

}  // namespace firth
