// Room tests/extending: a toy source of examples, which the core is compiled with: each token predicts the next one of
// its sequence. What a source must have: native/cpp/plan/source.hpp.

namespace firth {

class Successors final : public ExampleSource {
 public:
  static constexpr const char* NAME = "successors";

  Successors(const Settings& settings, const PlanRules& rules)
      : s_(settings), stretches_(settings, one_a_unit(rules)), negatives_(settings, rules, stretches_) {}

  void seek(int64_t start, int64_t stop, uint32_t epoch) override {
    epoch_ = epoch;
    next_ = start;
    stop_ = std::min(stop, s_.n_tokens);
    sequence_ = std::upper_bound(s_.offsets, s_.offsets + s_.n_sequences + 1, start) - s_.offsets - 1;
  }

  bool next_chunk(Chunk& chunk) override {
    if (next_ >= stop_) return false;
    const int64_t end = std::min(stop_, stretches_.end(next_ + CHUNK_TOKENS - 1));
    chunk.clear();
    for (; next_ < end; ++next_) {
      while (s_.offsets[sequence_ + 1] <= next_) ++sequence_;
      if (next_ + 1 == s_.offsets[sequence_ + 1]) continue;  // the last one has no successor
      const int32_t input = int32_t(chunk.inputs.size());
      chunk.inputs.push_back(s_.ids[next_]);
      const int32_t slot = stretches_.share_noise ? int32_t(next_ - stretches_.start(next_)) : 0;
      chunk.centers.push_back(
          {input + 1, input, input + 1, s_.ids[next_ + 1], 0, 0, int16_t(slot), stretches_.noise_set_of(slot)});
      chunk.positions.push_back(next_);
      chunk.sequences.push_back(sequence_);
    }
    find_repeats(chunk);
    negatives_.draw(chunk, epoch_);
    make_units(s_, stretches_, chunk);
    return true;
  }

 private:
  const Settings& s_;
  const Stretches stretches_;
  NegativeDrawer negatives_;
  uint32_t epoch_ = 0;
  int64_t next_ = 0, stop_ = 0, sequence_ = 0;
};

typedef Sources<Successors> ExtraSources;

}  // namespace firth
