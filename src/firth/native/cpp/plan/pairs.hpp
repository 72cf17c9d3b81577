// Room native: pairs, a source of examples: the pair at position p has the input row ids[p], the target targets[p] and
// the weight sequence_weights[p]. Each pair is one unit of one input row. A pair is explicit_examples' bag of one row
// without the array of offsets, and it has subsampling. Twin: kernels/plan/pairs.py.
//
// A pair is kept if subsampling keeps its input row and its target; the two coins are independent. The coins are the
// two words that a token of a text has for subsampling and for its window. If the pairs of a stretch share noise sets,
// the pair at the position p of the stretch has slot p, whether the pairs before it are kept or not.
#pragma once

#include "plan/negatives.hpp"
#include "plan/source.hpp"

namespace firth {

class WeightedPairs final : public ExampleSource {
 public:
  static constexpr const char* NAME = "pairs";

  WeightedPairs(const Settings& settings, const PlanRules& rules)
      : s_(settings),
        stretches_(settings, one_a_unit(rules)),
        negatives_(settings, rules, stretches_),
        key_(settings.seed) {
    if (!s_.targets || s_.target_offsets || s_.offsets || !s_.keep_thresholds != !s_.input_keep_thresholds)
      throw Failure(ERROR_ARGUMENT,
                    "pairs must have one target each, no offsets, and thresholds of both sides or none");
  }

  void seek(int64_t start, int64_t stop, uint32_t epoch) override {
    epoch_ = epoch;
    next_ = start;
    stop_ = std::min(stop, s_.n_tokens);
  }

  bool next_chunk(Chunk& chunk) override {
    if (next_ >= stop_) return false;
    const int64_t end = std::min(stop_, stretches_.end(next_ + CHUNK_TOKENS - 1));
    chunk.clear();
    if (s_.keep_thresholds)
      add_kept(chunk, next_, end);
    else
      for (int64_t position = next_; position < end; ++position) add(chunk, position);
    find_repeats(chunk);
    negatives_.draw(chunk, epoch_);
    make_units(s_, stretches_, chunk);
    next_ = end;
    return true;
  }

 private:
  void add(Chunk& chunk, int64_t position) {
    const int32_t first = int32_t(chunk.inputs.size());
    const int32_t slot = stretches_.share_noise ? int32_t(position - stretches_.start(position)) : 0;
    chunk.inputs.push_back(s_.ids[position]);
    chunk.centers.push_back(
        {first + 1, first, first + 1, s_.targets[position], 0, 0, int16_t(slot), stretches_.noise_set_of(slot)});
    chunk.positions.push_back(position);
    chunk.sequences.push_back(position);
  }

  // Adds the pairs of [from, to) that subsampling keeps. A random block has the words of two pairs.
  void add_kept(Chunk& chunk, int64_t from, int64_t to) {
    const uint32_t none[PHILOX_BATCH] = {};
    uint64_t blocks[PHILOX_BATCH];
    alignas(64) uint32_t words[4][PHILOX_BATCH];
    for (int64_t first = from - from % 2; first < to; first += 2 * PHILOX_BATCH) {
      for (int j = 0; j < PHILOX_BATCH; ++j) blocks[j] = uint64_t(first / 2 + j);
      draw_blocks(key_, PURPOSE_TOKEN, epoch_, 0, blocks, none, words);
      const int last = int(std::min<int64_t>(2 * PHILOX_BATCH, to - first));
      for (int j = first < from; j < last; ++j) {
        const uint32_t of_input = words[j % 2 * 2][j / 2], of_target = words[j % 2 * 2 + 1][j / 2];
        if (of_input <= s_.input_keep_thresholds[s_.ids[first + j]] &&
            of_target <= s_.keep_thresholds[s_.targets[first + j]])
          add(chunk, first + j);
      }
    }
  }

  const Settings& s_;
  const Stretches stretches_;
  NegativeDrawer negatives_;
  const PhiloxKey key_;
  uint32_t epoch_ = 0;
  int64_t next_ = 0, stop_ = 0;  // the rest of the slice: positions [next_, stop_)
};

}  // namespace firth
