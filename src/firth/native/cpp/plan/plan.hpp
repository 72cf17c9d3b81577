// Room native: the sampling plan: which tokens are kept, how wide each window is, which negatives are drawn. All of it
// is a function of (seed, epoch, token position, draw), so it does not depend on slices or threads. Twin:
// kernels/plan.py.
//
// A slice [start, stop) of token positions is planned in chunks. Each chunk holds the kept tokens of its positions and
// of as many neighbours across its borders, within the same sequence, as a window can reach.
#pragma once

#include <algorithm>

#include "base/abi.hpp"
#include "base/buffer.hpp"
#include "base/philox.hpp"
#include "base/simd.hpp"
#include "model/settings.hpp"
#include "plan/plan_rules.hpp"

namespace firth {

constexpr int CHUNK_TOKENS = 1024;
constexpr int PHILOX_BATCH = 16;

// Negatives shared by a block (SHARE_BLOCK). The kept tokens of a block (PlanRules::block_tokens) are numbered from its
// first one on: their *places*. A block has some draws of negatives (block_draws), which its windows take in turns: so
// the negatives' rows come to a core once and are used several times. With skip-gram, the windows of neighbouring
// places (joined_windows) have one draw and are one unit of training: a word that is in several of them meets the
// negatives once. If dynamic, they have one width, and so more words in common than windows of different widths: units
// take the widths 1 .. window in turns, from a random one on in each block, and from the next one on in the next epoch.
// Each width is as likely for each window as if it were drawn, and comes up more evenly; drawn at random for each unit,
// it made worse vectors (docs/training.md).
constexpr int MAX_BLOCK_WINDOW = 10;  // wider windows, and whole sequences, have a draw each

inline bool shares_by_block(const Settings& s) {
  return s.negative_sharing == SHARE_BLOCK && s.window_mode != WINDOW_SEQUENCE && s.window <= MAX_BLOCK_WINDOW;
}

// Skip-gram takes a wide window in *parts*. A part is neighbouring words of the window's context; it is one unit of
// training and has negatives of its own. Why: the step of a unit is the sum over its words, and the sum over a whole
// sequence of hundreds of words overshoots and diverges. With negatives by pair a part is one word. CBOW makes one
// vector of the whole window, and has no parts.
static_assert(PART_WORDS >= 2 * MAX_BLOCK_WINDOW, "a window that shares the draws of a block is one part");

// Parts of at most `most` words of a window with `context` words, as equal as can be.
inline int32_t part_count(int32_t context, int32_t most) { return (context + most - 1) / most; }

// The first context word of part `part`.
inline int32_t part_first(int32_t context, int32_t n_parts, int32_t part) {
  return int32_t(int64_t(context) * part / n_parts);
}

// Many blocks at once: each word in the low half of a lane of 64 bits, since that is what multiplications to 64 bits
// take; what the high halves hold is never read.
inline void draw_blocks(const PhiloxKey& key, Purpose purpose, uint32_t epoch, uint32_t attempt,
                        const uint64_t* positions, const uint32_t* draws, uint32_t (*words)[PHILOX_BATCH]) {
  constexpr int LANES = int(sizeof(U64) / sizeof(uint64_t));
  constexpr int VECTORS = PHILOX_BATCH / LANES;
  const uint64_t shared = uint64_t(purpose) << 16 | uint64_t(attempt) << 24;
  U64 c0[VECTORS], c1[VECTORS], c2[VECTORS], c3[VECTORS];
  for (int v = 0; v < VECTORS; ++v) {
    std::memcpy(&c0[v], positions + v * LANES, sizeof(U64));
    c1[v] = ((c0[v] >> 32) & 0xffff) | shared;
    c2[v] = U64{} + epoch;
    for (int lane = 0; lane < LANES; ++lane) c3[v][lane] = draws[v * LANES + lane];
  }
  uint32_t k0 = key.low, k1 = key.high;
  for (int round = 0; round < PHILOX_ROUNDS; ++round) {
    for (int v = 0; v < VECTORS; ++v) {
      const U64 p0 = multiply_low_halves(c0[v], PHILOX_M0), p1 = multiply_low_halves(c2[v], PHILOX_M1);
      c0[v] = (p1 >> 32) ^ c1[v] ^ uint64_t(k0);
      c2[v] = (p0 >> 32) ^ c3[v] ^ uint64_t(k1);
      c1[v] = p1;
      c3[v] = p0;
    }
    k0 += PHILOX_W0;
    k1 += PHILOX_W1;
  }
  for (int v = 0; v < VECTORS; ++v)
    for (int lane = 0; lane < LANES; ++lane) {
      words[0][v * LANES + lane] = uint32_t(c0[v][lane]);
      words[1][v * LANES + lane] = uint32_t(c1[v][lane]);
      words[2][v * LANES + lane] = uint32_t(c2[v][lane]);
      words[3][v * LANES + lane] = uint32_t(c3[v][lane]);
    }
}

// floor(word / 2^32 * range): a uniform integer below `range`, with a bias below range / 2^32.
inline uint32_t scale_word(uint32_t word, uint32_t range) { return uint32_t((uint64_t(word) * range) >> 32); }

class Planner {
 public:
  struct Center {
    int32_t kept;         // index into kept_ids / kept_positions
    int32_t first, last;  // its context: kept[first .. last) without `kept` itself; never empty
    int64_t draws;        // index of its first negative in `negatives`
    int32_t n_draws;      // negatives of all its parts, one part's after the other's
    int32_t place;        // among the kept tokens of its block, where negatives are shared by block

    int32_t n_context() const { return last - first - 1; }
  };

  // Centers [first, last), which follow each other in one group of joined places and have one draw; or a single
  // one.
  struct Unit {
    int32_t first, last;
  };

  // Negatives of different centers do not follow each other without gaps, and may be the same elements. Where negatives
  // may be dropped, part_draws holds the number of negatives of each part of the windows that have several, in order;
  // elsewhere it stays empty, and each part has Settings::negatives.
  Buffer<int32_t> kept_ids;
  Buffer<int64_t> kept_positions;
  Buffer<Center> centers;
  Buffer<Unit> units;
  Buffer<int32_t> negatives;
  Buffer<int32_t> part_draws;
  Buffer<int64_t> center_sequences;

  // False only if the words [first, last) differ, of the windows of a unit and their centers.
  bool may_repeat(int32_t first, int32_t last) const { return last_repeat_[last - 1] >= first; }

  Planner(const Settings& settings, const PlanRules& rules)
      : s_(settings),
        rules_(rules),
        by_block_(shares_by_block(settings)),
        joins_windows_(by_block_ && rules.joined_windows > 1 && rules.draws_negatives),
        widths_in_turns_(joins_windows_ && settings.window_mode == WINDOW_DYNAMIC),
        key_(settings.seed) {
    for (int32_t place = 0; place < MAX_BLOCK_TOKENS; ++place) {
      unit_of_[place] = uint8_t(place / rules.joined_windows);
      draw_of_[place] = uint8_t(place / rules.joined_windows % rules.block_draws);
    }
  }

  // Which of its block's draws a center has: neighbouring places whose windows can be one unit have the same.
  int32_t shared_draw(int32_t place) const { return draw_of_[place]; }

  // Go to the slice [start, stop) of an epoch.
  void seek(int64_t start, int64_t stop, uint32_t epoch) {
    epoch_ = epoch;
    next_ = start;
    stop_ = std::min(stop, s_.n_tokens);
    if (next_ < stop_) {
      const int64_t* found = std::upper_bound(s_.offsets, s_.offsets + s_.n_sequences + 1, next_);
      sequence_ = (found - s_.offsets) - 1;
    }
  }

  // Plan the next chunk; false at the end of the slice.
  bool next_chunk() {
    if (next_ >= stop_) return false;
    const int64_t begin = next_, end = std::min(stop_, end_of_block(begin + CHUNK_TOKENS - 1));
    kept_ids.clear();
    kept_positions.clear();
    centers.clear();
    center_sequences.clear();
    negatives.clear();
    part_draws.clear();

    collect_left(begin);
    if (by_block_) seek_place(begin);
    int32_t line_first = 0;  // first kept token of the current sequence
    for (int64_t position = begin; position < end;) {
      while (s_.offsets[sequence_ + 1] <= position) ++sequence_;  // empty sequences are stepped over
      const int64_t line_stop = std::min(end, s_.offsets[sequence_ + 1]);
      const int32_t own_first = int32_t(kept_ids.size());
      keep_range(position, line_stop, true);
      const int32_t own_last = int32_t(kept_ids.size());
      if (line_stop == end && line_stop < s_.offsets[sequence_ + 1]) collect_right(end, s_.offsets[sequence_ + 1]);
      add_centers(own_first, own_last, line_first, int32_t(kept_ids.size()));
      line_first = int32_t(kept_ids.size());
      position = line_stop;
    }
    find_repeats();
    if (rules_.draws_negatives && s_.negatives > 0) draw_negatives();
    make_units();
    next_ = end;
    return true;
  }

 private:
  int32_t parts_of(const Center& center) const {
    if (!rules_.takes_parts) return 1;
    const int32_t context = center.n_context();
    return part_count(context, rules_.part_words(s_, context));
  }

  bool unbounded() const { return s_.window_mode == WINDOW_SEQUENCE; }

  // Tokens of [from, to) that subsampling keeps, in order; windows of centers are drawn where asked.
  void keep_range(int64_t from, int64_t to, bool with_windows) {
    const bool random_window = with_windows && s_.window_mode == WINDOW_DYNAMIC && !widths_in_turns_;
    const int64_t count = to - from;
    if (!s_.keep_thresholds && !random_window) {
      for (int64_t i = 0; i < count; ++i) push(from + i, s_.window);
      return;
    }
    const uint32_t none[PHILOX_BATCH] = {};
    uint64_t pairs[PHILOX_BATCH];  // of tokens: a block of random words has those of two
    alignas(64) uint32_t words[4][PHILOX_BATCH];
    for (int64_t first = from - from % 2; first < to; first += 2 * PHILOX_BATCH) {
      for (int j = 0; j < PHILOX_BATCH; ++j) pairs[j] = uint64_t(first / 2 + j);
      draw_blocks(key_, PURPOSE_TOKEN, epoch_, 0, pairs, none, words);
      // Written first and counted if kept: whether a token is kept cannot be predicted by a branch.
      size_t size = kept_ids.size();
      resize_kept(size + 2 * PHILOX_BATCH);
      const int last = int(std::min<int64_t>(2 * PHILOX_BATCH, to - first));
      for (int j = first < from; j < last; ++j) {
        const uint32_t coin = words[j % 2 * 2][j / 2], width = words[j % 2 * 2 + 1][j / 2];
        const int32_t id = s_.ids[first + j];
        kept_ids[size] = id;
        kept_positions[size] = first + j;
        windows_[size] = random_window ? 1 + int32_t(scale_word(width, uint32_t(s_.window))) : s_.window;
        size += !s_.keep_thresholds || coin <= s_.keep_thresholds[id];
      }
      resize_kept(size);
    }
  }

  // A chunk ends with a block, unless the slice ends before: no unit is divided.
  int64_t end_of_block(int64_t position) const { return block_start(position) + rules_.block_tokens; }

  // A mask and no division: this is asked of every center.
  int64_t block_start(int64_t position) const { return position & -rules_.block_tokens; }

  // Goes to the place of the first kept token from `begin` on.
  void seek_place(int64_t begin) {
    begin_block(block_start(begin));
    for (int64_t position = block_; position < begin; ++position)
      if (kept(position)) take_place(position);
  }

  void begin_block(int64_t block) {
    block_ = block;
    next_place_ = 0;
    if (!widths_in_turns_) return;
    const uint32_t turn = scale_word(token_word(0, block, 1), uint32_t(s_.window));
    unit_width_ = 1 + int32_t((turn + uint64_t(epoch_)) % uint32_t(s_.window));
  }

  // The place of the next kept token, which stands at `position`. Those without a context have one as well.
  int32_t take_place(int64_t position) {
    if (position - block_ >= rules_.block_tokens)
      begin_block(block_start(position));
    else if (next_place_ > 0 && unit_of_[next_place_] != unit_of_[next_place_ - 1])
      unit_width_ = unit_width_ < s_.window ? unit_width_ + 1 : 1;
    return next_place_++;
  }

  void resize_kept(size_t size) {
    kept_ids.resize(size);
    kept_positions.resize(size);
    windows_.resize(size);
  }

  void push(int64_t position, int32_t window) {
    kept_ids.push_back(s_.ids[position]);
    kept_positions.push_back(position);
    resize_kept(kept_ids.size());
    windows_[kept_ids.size() - 1] = window;
  }

  // One of a token's two random words: whether it is kept, how wide its window is.
  uint32_t token_word(uint32_t epoch, int64_t position, int which) const {
    return draw_block(key_, PURPOSE_TOKEN, epoch, uint64_t(position / 2), 0, 0).word[position % 2 * 2 + which];
  }

  bool kept(int64_t position) const {
    return !s_.keep_thresholds || token_word(epoch_, position, 0) <= s_.keep_thresholds[s_.ids[position]];
  }

  // Up to `window` kept tokens before `begin`, in its sequence (all of them where windows have no bound).
  void collect_left(int64_t begin) {
    while (s_.offsets[sequence_ + 1] <= begin) ++sequence_;
    const int64_t line_start = s_.offsets[sequence_];
    if (unbounded()) {
      keep_range(line_start, begin, false);
      return;
    }
    neighbours_.clear();
    for (int64_t position = begin - 1; position >= line_start && int(neighbours_.size()) < s_.window; --position)
      if (kept(position)) neighbours_.push_back(position);
    for (size_t i = neighbours_.size(); i-- > 0;) push(neighbours_[i], 0);
  }

  void collect_right(int64_t end, int64_t line_stop) {
    if (unbounded()) {
      keep_range(end, line_stop, false);
      return;
    }
    int found = 0;
    for (int64_t position = end; position < line_stop && found < s_.window; ++position)
      if (kept(position)) push(position, 0), ++found;
  }

  void add_centers(int32_t own_first, int32_t own_last, int32_t line_first, int32_t line_last) {
    size_t count = centers.size();  // written first and counted if it has a context
    centers.resize(count + size_t(own_last - own_first));
    center_sequences.resize(centers.size());
    const bool by_block = by_block_, by_unit = widths_in_turns_;
    for (int32_t k = own_first; k < own_last; ++k) {
      int32_t first = line_first, last = line_last;
      const int32_t place = by_block ? take_place(kept_positions[k]) : 0;
      if (!unbounded()) {
        const int64_t width = by_unit ? unit_width_ : windows_[k];
        first = int32_t(std::max<int64_t>(first, k - width));
        last = int32_t(std::min<int64_t>(last, k + width + 1));
      }
      if (s_.window_side == SIDE_LEFT) last = k + 1;
      if (s_.window_side == SIDE_RIGHT) first = k;
      centers[count] = {k, first, last, 0, 0, place};
      center_sequences[count] = sequence_;
      count += last - first >= 2;
    }
    centers.resize(count);
    center_sequences.resize(count);
  }

  // For each kept token, the last place before it whose word has come again since, or seems to: words whose ids agree
  // in their last bits are taken for one.
  void find_repeats() {
    constexpr uint32_t SLOTS = 1024;  // a word is mistaken for one of the thirteen before it once in eighty times
    int32_t latest_of[SLOTS];
    std::fill_n(latest_of, SLOTS, -1);
    last_repeat_.resize(kept_ids.size());
    int32_t latest = -1;
    for (size_t k = 0; k < kept_ids.size(); ++k) {
      int32_t& place = latest_of[uint32_t(kept_ids[k]) % SLOTS];
      last_repeat_[k] = latest = std::max(latest, place);
      place = int32_t(k);
    }
  }

  // Draw d of a center: block d / 2 of its position, words 2 (d mod 2) and the next: column and coin.
  int32_t noise_word(uint32_t column_word, uint32_t coin) const {
    const uint32_t column = scale_word(column_word, uint32_t(s_.n_words));
    const AliasColumn cell = s_.noise[column];
    const int32_t own = -int32_t(coin < cell.threshold);  // all ones or zero: the coin is fair enough to fool a branch
    return (int32_t(column) & own) | (cell.alias & ~own);
  }

  // What takes the place of draws that equal their target: words of the noise without the target, each other word w
  // with probability q(w) / (1 - q(target)). The noise's words have parts of [0, total), one behind the other; a number
  // below total - (the target's part) is drawn, and those from the target's part on are moved behind it. It comes from
  // the draw's own random words of the next attempt. The draws of a chunk are found one by one and drawn anew together.
  void list_redraws(const Center& center, uint64_t position, int32_t target) {
    if (s_.noise_parts[target + 1] - s_.noise_parts[target] == s_.noise_parts[s_.n_words])
      throw Failure(ERROR_ARGUMENT,
                    "the noise must have another word than the target, for target_collision=\"reject\"");
    for (int32_t d = 0; d < center.n_draws; ++d)
      if (negatives[center.draws + d] == target) redraws_.push_back({center.draws + d, position, uint32_t(d), target});
  }

  void redraw_listed() {
    const uint64_t* const parts = s_.noise_parts;
    for (size_t first = 0; first < redraws_.size(); first += PHILOX_BATCH) {
      const int n = int(std::min<size_t>(PHILOX_BATCH, redraws_.size() - first));
      const Redraw* const batch = &redraws_[first];
      uint64_t positions[PHILOX_BATCH] = {}, at[PHILOX_BATCH];
      uint32_t draws[PHILOX_BATCH] = {};
      alignas(64) uint32_t words[4][PHILOX_BATCH];
      for (int j = 0; j < n; ++j) {
        positions[j] = batch[j].position;
        draws[j] = batch[j].draw / 2;
      }
      draw_blocks(key_, Purpose(s_.noise_purpose), epoch_, 1, positions, draws, words);
      for (int j = 0; j < n; ++j) {
        const uint32_t which = 2 * (batch[j].draw % 2);
        const uint64_t random = uint64_t(words[which][j]) << 32 | words[which + 1][j];
        const uint64_t start = parts[batch[j].target], own = parts[batch[j].target + 1] - start;
        at[j] = uint64_t((unsigned __int128)random * (parts[s_.n_words] - own) >> 64);
        at[j] += at[j] >= start ? own : 0;
      }
      // The last word whose part begins at or before each number: all searches step together, since no step of one
      // waits for one of another.
      int64_t found[PHILOX_BATCH] = {};
      for (int64_t size = s_.n_words; size > 1; size -= size / 2)
        for (int j = 0; j < n; ++j) found[j] += parts[found[j] + size / 2] <= at[j] ? size / 2 : 0;
      for (int j = 0; j < n; ++j) negatives[batch[j].at] = int32_t(found[j]);
    }
  }

  // Centers that share draws and have one target share what is drawn anew as well.
  void redraw_shared(Center& center, int32_t target) {
    const int32_t draw = shared_draw(center.place);
    SharedRedraw& latest = shared_redraws_[draw];
    if (latest.from != center.draws || latest.target != target) {
      latest.from = center.draws;
      latest.target = target;
      copy_draws(center);
      list_redraws(center, uint64_t(block_start(kept_positions[center.kept]) + draw), target);
      latest.to = center.draws;
    }
    center.draws = latest.to;
  }

  void draw_negatives() {
    list_blocks();
    draw_listed_blocks();
    redraws_.clear();
    std::fill_n(shared_redraws_, MAX_BLOCK_DRAWS, SharedRedraw{});
    for (Center& center : centers) {
      const int32_t target = kept_ids[center.kept];
      if (s_.target_collision == COLLISION_DROP && parts_of(center) > 1) {
        drop_by_part(center, &negatives[center.draws], target);
        continue;
      }
      bool collided = false;
      for (int32_t d = 0; d < center.n_draws; ++d) collided |= negatives[center.draws + d] == target;
      if (!collided || s_.target_collision == COLLISION_COUNT) continue;
      if (s_.target_collision == COLLISION_DROP) {
        if (by_block_) copy_draws(center);
        int32_t* const drawn = &negatives[center.draws];
        center.n_draws = int32_t(std::remove(drawn, drawn + center.n_draws, target) - drawn);
      } else if (by_block_) {
        redraw_shared(center, target);
      } else {
        list_redraws(center, uint64_t(kept_positions[center.kept]), target);
      }
    }
    redraw_listed();
  }

  // Gives a center draws of its own, which may be changed.
  void copy_draws(Center& center) {
    const size_t first = negatives.size();
    negatives.resize(first + size_t(center.n_draws));
    std::copy_n(&negatives[center.draws], center.n_draws, &negatives[first]);
    center.draws = int64_t(first);
  }

  // The blocks of random words of each center, two draws from each; centers that share them have the same draws.
  void list_blocks() {
    size_t most = 0;
    for (Center& center : centers) {
      const int64_t n_draws = int64_t(parts_of(center)) * s_.negatives;
      if (n_draws > INT32_MAX) throw Failure(ERROR_ARGUMENT, "a window must have at most 2^31 - 1 negatives");
      center.n_draws = int32_t(n_draws);
      most += size_t(center.n_draws + 1) / 2;
    }
    block_positions_.resize(most + PHILOX_BATCH);
    block_draws_.resize(most + PHILOX_BATCH);
    int64_t latest[MAX_BLOCK_DRAWS], latest_draws[MAX_BLOCK_DRAWS];
    std::fill_n(latest, MAX_BLOCK_DRAWS, -1);
    size_t blocks = 0;
    for (Center& center : centers) {
      int64_t position = kept_positions[center.kept];
      if (by_block_) {
        const int32_t draw = shared_draw(center.place);
        position = block_start(position) + draw;
        if (latest[draw] == position) {
          center.draws = latest_draws[draw];
          continue;
        }
        latest[draw] = position;
        latest_draws[draw] = int64_t(2 * blocks);
      }
      center.draws = int64_t(2 * blocks);
      for (int32_t draw = 0; draw < (center.n_draws + 1) / 2; ++draw, ++blocks) {
        block_positions_[blocks] = uint64_t(position);
        block_draws_[blocks] = uint32_t(draw);
      }
    }
    for (; blocks % PHILOX_BATCH != 0; ++blocks) block_positions_[blocks] = block_draws_[blocks] = 0;
    block_positions_.resize(blocks);
    block_draws_.resize(blocks);
    negatives.resize(2 * blocks);
  }

  void make_units() {
    const int32_t n_centers = int32_t(centers.size());
    units.resize(centers.size());
    size_t count = 0;
    if (!joins_windows_) {
      for (int32_t c = 0; c < n_centers; ++c) units[count++] = {c, c + 1};
      return;
    }
    for (int32_t c = 0; c < n_centers;) {
      const int32_t first = c;
      const int32_t group = unit_of_[centers[first].place];
      const int64_t block = block_start(kept_positions[centers[first].kept]);
      do ++c;
      while (c < n_centers && centers[c].draws == centers[first].draws &&
             center_sequences[c] == center_sequences[first] && unit_of_[centers[c].place] == group &&
             block_start(kept_positions[centers[c].kept]) == block);
      units[count++] = {first, c};
    }
    units.resize(count);
  }

  // A batch's columns are asked for while the next batches are drawn: the table is larger than the near caches.
  void draw_listed_blocks() {
    constexpr size_t AHEAD = 2;
    alignas(64) uint32_t words[AHEAD + 1][4][PHILOX_BATCH];
    const size_t batches = block_positions_.size() / PHILOX_BATCH;
    const uint32_t n_words = uint32_t(s_.n_words);
    for (size_t batch = 0; batch < batches + AHEAD; ++batch) {
      if (batch < batches) {
        uint32_t (*const drawn)[PHILOX_BATCH] = words[batch % (AHEAD + 1)];
        draw_blocks(key_, Purpose(s_.noise_purpose), epoch_, 0, &block_positions_[batch * PHILOX_BATCH],
                    &block_draws_[batch * PHILOX_BATCH], drawn);
        for (int j = 0; j < PHILOX_BATCH; ++j) {
          __builtin_prefetch(&s_.noise[scale_word(drawn[0][j], n_words)]);
          __builtin_prefetch(&s_.noise[scale_word(drawn[2][j], n_words)]);
        }
      }
      if (batch < AHEAD) continue;
      const uint32_t (*const drawn)[PHILOX_BATCH] = words[(batch - AHEAD) % (AHEAD + 1)];
      int32_t* const to = &negatives[2 * (batch - AHEAD) * PHILOX_BATCH];
      for (int j = 0; j < PHILOX_BATCH; ++j) {
        to[2 * j] = noise_word(drawn[0][j], drawn[1][j]);
        to[2 * j + 1] = noise_word(drawn[2][j], drawn[3][j]);
      }
    }
  }

  // What is left of each part's draws, one part's after the other's.
  void drop_by_part(Center& center, int32_t* drawn, int32_t target) {
    int32_t* next = drawn;
    for (int32_t d = 0; d < center.n_draws; d += s_.negatives) {
      const int32_t* const before = next;
      for (int32_t k = 0; k < s_.negatives; ++k)
        if (drawn[d + k] != target) *next++ = drawn[d + k];
      part_draws.push_back(int32_t(next - before));
    }
    center.n_draws = int32_t(next - drawn);
  }

  const Settings& s_;
  const PlanRules rules_;
  uint8_t unit_of_[MAX_BLOCK_TOKENS], draw_of_[MAX_BLOCK_TOKENS];  // by place: its group of joined windows, its draw
  const bool by_block_, joins_windows_;
  const bool widths_in_turns_;  // units take the widths in turns; elsewhere dynamic windows draw theirs
  PhiloxKey key_;
  uint32_t epoch_ = 0;
  int64_t next_ = 0, stop_ = 0;
  int64_t sequence_ = 0;
  int64_t block_ = 0;                        // where the next place is
  int32_t next_place_ = 0, unit_width_ = 0;  // the latter of the unit that the place before is in
  Buffer<int32_t> windows_;                  // half-width of each kept token's window
  Buffer<int32_t> last_repeat_;
  Buffer<int64_t> neighbours_;
  struct SharedRedraw {
    int64_t from = -1, to = -1;  // where the shared draws are, and where they are with the target drawn anew
    int32_t target = -1;
  };
  struct Redraw {
    int64_t at;  // in `negatives`
    uint64_t position;
    uint32_t draw;
    int32_t target;
  };
  SharedRedraw shared_redraws_[MAX_BLOCK_DRAWS];  // the latest of each of a block's draws
  Buffer<Redraw> redraws_;
  Buffer<uint64_t> block_positions_;
  Buffer<uint32_t> block_draws_;
};

}  // namespace firth
