// Room native: windows over text, a source of examples: chooses the kept tokens and the width of each window. The plan
// is a function of (seed, epoch, token position), so it does not depend on slices or threads. Twin:
// kernels/plan/windows.py.
//
// A chunk has the kept tokens of its positions. It also has the kept tokens outside its borders that its windows reach,
// in the same sequence. Word ids are ids of input rows and of targets.
//
// If windows of neighbouring slots are one unit, dynamic windows of a unit have one width, so they share more words
// than windows of different widths. The units of a stretch use the widths 1 .. window in a cycle. The cycle starts at a
// random width in each stretch, and at the next width in the next epoch. For each window, every width has the same
// probability as if it were drawn, but widths occur more evenly. Widths drawn for each unit gave worse vectors
// (docs/training.md).
#pragma once

#include "plan/negatives.hpp"
#include "plan/source.hpp"

namespace firth {

class WindowsOverText : public ExampleSource {
 public:
  static constexpr const char* NAME = "windows";

  // A token is a center if its window has at least `least_context` words.
  WindowsOverText(const Settings& settings, const PlanRules& rules, int32_t least_context = 1)
      : s_(settings),
        stretches_(settings, rules),
        least_inputs_(least_context + 1),
        negatives_(settings, rules, stretches_),
        cycle_widths_(stretches_.join_windows && settings.window_mode == WINDOW_DYNAMIC),
        key_(settings.seed) {}

  void seek(int64_t start, int64_t stop, uint32_t epoch) override {
    epoch_ = epoch;
    key_ = PhiloxKey(s_.seed);  // read again, because inference has a seed for each document
    next_ = start;
    stop_ = std::min(stop, s_.n_tokens);
    if (next_ < stop_) {
      const int64_t* found = std::upper_bound(s_.offsets, s_.offsets + s_.n_sequences + 1, next_);
      sequence_ = (found - s_.offsets) - 1;
    }
  }

  bool next_chunk(Chunk& chunk) override {
    if (next_ >= stop_) return false;
    // A chunk ends at the end of a stretch or of the slice, so that no unit is divided.
    const int64_t begin = next_, end = std::min(stop_, stretches_.end(begin + CHUNK_TOKENS - 1));
    chunk.clear();
    chunk.reach = unbounded() ? 1 : s_.window;
    kept_positions_.clear();
    widths_.clear();
    collect_left(chunk, begin);
    if (stretches_.share_noise) seek_slot(begin);
    int32_t line_first = 0;  // first kept token of the current sequence
    for (int64_t position = begin; position < end;) {
      while (s_.offsets[sequence_ + 1] <= position) ++sequence_;  // skips empty sequences
      const int64_t line_stop = std::min(end, s_.offsets[sequence_ + 1]);
      const int32_t own_first = input_count(chunk);
      keep_range(chunk, position, line_stop, true);
      const int32_t own_last = input_count(chunk);
      if (line_stop == end && line_stop < s_.offsets[sequence_ + 1])
        collect_right(chunk, end, s_.offsets[sequence_ + 1]);
      add_centers(chunk, own_first, own_last, line_first, input_count(chunk));
      line_first = input_count(chunk);
      position = line_stop;
    }
    complete(chunk);
    negatives_.draw(chunk, epoch_);
    make_units(s_, stretches_, chunk);
    next_ = end;
    return true;
  }

 protected:
  // Called before the negatives are drawn, for last_repeats. A source that is made from windows changes the inputs of
  // the centers here.
  virtual void complete(Chunk& chunk) { find_repeats(chunk); }

  void keep_noise_sets() { negatives_.keep_sets(); }

  const Settings& s_;
  const Stretches stretches_;

 private:
  bool unbounded() const { return s_.window_mode == WINDOW_SEQUENCE; }

  // Appends the tokens of [from, to) that subsampling keeps, in order. If `with_windows`, draws their window widths.
  void keep_range(Chunk& chunk, int64_t from, int64_t to, bool with_windows) {
    const bool random_window = with_windows && s_.window_mode == WINDOW_DYNAMIC && !cycle_widths_;
    const int64_t count = to - from;
    if (!s_.keep_thresholds && !random_window) {
      for (int64_t i = 0; i < count; ++i) push(chunk, from + i, s_.window);
      return;
    }
    const uint32_t none[PHILOX_BATCH] = {};
    uint64_t pairs[PHILOX_BATCH];  // pairs of tokens: a random block has the words of two tokens
    alignas(64) uint32_t words[4][PHILOX_BATCH];
    for (int64_t first = from - from % 2; first < to; first += 2 * PHILOX_BATCH) {
      for (int j = 0; j < PHILOX_BATCH; ++j) pairs[j] = uint64_t(first / 2 + j);
      draw_blocks(key_, PURPOSE_TOKEN, epoch_, 0, pairs, none, words);
      // Writes always, and increases the size only if the token is kept, because a branch could not be predicted.
      size_t size = chunk.inputs.size();
      resize_kept(chunk, size + 2 * PHILOX_BATCH);
      const int last = int(std::min<int64_t>(2 * PHILOX_BATCH, to - first));
      for (int j = first < from; j < last; ++j) {
        const uint32_t coin = words[j % 2 * 2][j / 2], width = words[j % 2 * 2 + 1][j / 2];
        const int32_t id = s_.ids[first + j];
        chunk.inputs[size] = id;
        kept_positions_[size] = first + j;
        widths_[size] = random_window ? 1 + int32_t(scale_word(width, uint32_t(s_.window))) : s_.window;
        size += !s_.keep_thresholds || coin <= s_.keep_thresholds[id];
      }
      resize_kept(chunk, size);
    }
  }

  void resize_kept(Chunk& chunk, size_t size) {
    chunk.inputs.resize(size);
    kept_positions_.resize(size);
    widths_.resize(size);
  }

  void push(Chunk& chunk, int64_t position, int32_t width) {
    chunk.inputs.push_back(s_.ids[position]);
    kept_positions_.push_back(position);
    widths_.push_back(width);
  }

  // One of the two random words of a token: word 0 decides whether it is kept, word 1 the width of its window.
  uint32_t token_word(uint32_t epoch, int64_t position, int which) const {
    return draw_block(key_, PURPOSE_TOKEN, epoch, uint64_t(position / 2), 0, 0).word[position % 2 * 2 + which];
  }

  bool kept(int64_t position) const {
    return !s_.keep_thresholds || token_word(epoch_, position, 0) <= s_.keep_thresholds[s_.ids[position]];
  }

  // Appends up to `window` kept tokens before `begin`, in its sequence; all of them if windows are whole sequences.
  void collect_left(Chunk& chunk, int64_t begin) {
    while (s_.offsets[sequence_ + 1] <= begin) ++sequence_;
    const int64_t line_start = s_.offsets[sequence_];
    if (unbounded()) {
      keep_range(chunk, line_start, begin, false);
      return;
    }
    neighbours_.clear();
    for (int64_t position = begin - 1; position >= line_start && int(neighbours_.size()) < s_.window; --position)
      if (kept(position)) neighbours_.push_back(position);
    for (size_t i = neighbours_.size(); i-- > 0;) push(chunk, neighbours_[i], 0);
  }

  void collect_right(Chunk& chunk, int64_t end, int64_t line_stop) {
    if (unbounded()) {
      keep_range(chunk, end, line_stop, false);
      return;
    }
    int found = 0;
    for (int64_t position = end; position < line_stop && found < s_.window; ++position)
      if (kept(position)) push(chunk, position, 0), ++found;
  }

  // Sets the next slot to the slot of the first kept token from `begin` on.
  void seek_slot(int64_t begin) {
    begin_stretch(stretches_.start(begin));
    for (int64_t position = stretch_; position < begin; ++position)
      if (kept(position)) take_slot(position);
  }

  void begin_stretch(int64_t start) {
    stretch_ = start;
    next_slot_ = 0;
    if (!cycle_widths_) return;
    const uint32_t first = scale_word(token_word(0, start, 1), uint32_t(s_.window));
    unit_width_ = 1 + int32_t((first + uint64_t(epoch_)) % uint32_t(s_.window));
  }

  // The slot of the next kept token, which is at `position`. Tokens without context also have a slot.
  int32_t take_slot(int64_t position) {
    if (position - stretch_ >= stretches_.tokens)
      begin_stretch(stretches_.start(position));
    else if (next_slot_ > 0 && stretches_.group_of(next_slot_) != stretches_.group_of(next_slot_ - 1))
      unit_width_ = unit_width_ < s_.window ? unit_width_ + 1 : 1;
    return next_slot_++;
  }

  void add_centers(Chunk& chunk, int32_t own_first, int32_t own_last, int32_t line_first, int32_t line_last) {
    size_t count = chunk.centers.size();  // a center is written always, and counted only if it has a context
    resize_centers(chunk, count + size_t(own_last - own_first));
    const bool by_stretch = stretches_.share_noise, by_unit = cycle_widths_;
    for (int32_t k = own_first; k < own_last; ++k) {
      int32_t first = line_first, last = line_last;
      const int64_t position = kept_positions_[k];
      const int32_t slot = by_stretch ? take_slot(position) : 0;
      if (!unbounded()) {
        const int64_t width = by_unit ? unit_width_ : widths_[k];
        first = int32_t(std::max<int64_t>(first, k - width));
        last = int32_t(std::min<int64_t>(last, k + width + 1));
      }
      if (s_.window_side == SIDE_LEFT) last = k + 1;
      if (s_.window_side == SIDE_RIGHT) first = k;
      chunk.centers[count] = {k, first, last, chunk.inputs[k], 0, 0, int16_t(slot), stretches_.noise_set_of(slot)};
      chunk.positions[count] = position;
      chunk.sequences[count] = sequence_;
      count += last - first >= least_inputs_;
    }
    resize_centers(chunk, count);
  }

  static void resize_centers(Chunk& chunk, size_t size) {
    chunk.centers.resize(size);
    chunk.positions.resize(size);
    chunk.sequences.resize(size);
  }

  const int32_t least_inputs_;  // minimum size of a window with its center
  NegativeDrawer negatives_;
  const bool cycle_widths_;  // whether units use the widths in a cycle; if not, a dynamic window draws its width
  PhiloxKey key_;
  uint32_t epoch_ = 0;
  int64_t next_ = 0, stop_ = 0;  // the rest of the slice: positions [next_, stop_)
  int64_t sequence_ = 0;
  int64_t stretch_ = 0;  // first position of the stretch of the next slot
  int32_t next_slot_ = 0;
  int32_t unit_width_ = 0;          // window half-width of the current unit
  Buffer<int64_t> kept_positions_;  // position of each kept token of the chunk
  Buffer<int32_t> widths_;          // half-width of each kept token's window
  Buffer<int64_t> neighbours_;
};

}  // namespace firth
