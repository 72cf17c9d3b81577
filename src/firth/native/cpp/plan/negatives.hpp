// Room native: draws noise words. A draw is a function of (seed, epoch, position or stretch and noise set, number of
// the draw). Twin: kernels/plan/negatives.py.
#pragma once

#include <string>

#include "base/abi.hpp"
#include "base/philox_batch.hpp"
#include "plan/units.hpp"

namespace firth {

class NegativeDrawer {
 public:
  NegativeDrawer(const Settings& settings, const PlanRules& rules, const Stretches& stretches)
      : s_(settings), rules_(rules), stretches_(stretches), key_(settings.noise_seed) {}

  // From now on, the noise sets of the first stretches are kept for an epoch. For documents, which all begin there, and
  // whose windows have one part. Long noise sets are not kept, because a short document uses few of them.
  void keep_sets() { keeps_sets_ = stretches_.share_noise && s_.negatives <= MAX_KEPT_NEGATIVES; }

  // Draws the negatives of every center of a chunk. The other fields of the centers must be set.
  void draw(Chunk& chunk, uint32_t epoch) {
    if (!rules_.draws_negatives || s_.negatives == 0) return;
    epoch_ = epoch;
    key_ = PhiloxKey(s_.noise_seed);
    if (keeps_sets_ && (chunk.centers.empty() || chunk.positions[chunk.positions.size() - 1] < CHUNK_TOKENS)) {
      use_kept_sets(chunk);
    } else {
      list_blocks(chunk);
      draw_listed_blocks(chunk.negatives);
    }
    redraws_.clear();
    std::fill_n(shared_redraws_, MAX_NOISE_SETS, SharedRedraw{});
    for (size_t c = 0; c < chunk.centers.size(); ++c) {
      Center& center = chunk.centers[c];
      if (s_.target_collision == COLLISION_DROP && parts_of(s_, rules_, center) > 1) {
        drop_by_part(chunk, center);
        continue;
      }
      bool collided = false;
      for (int32_t d = 0; d < center.n_negatives; ++d)
        collided |= chunk.negatives[center.negatives + d] == center.target;
      if (!collided || s_.target_collision == COLLISION_COUNT) continue;
      if (s_.target_collision == COLLISION_DROP) {
        if (stretches_.share_noise) copy_negatives(chunk, center);
        int32_t* const drawn = &chunk.negatives[center.negatives];
        center.n_negatives = int32_t(std::remove(drawn, drawn + center.n_negatives, center.target) - drawn);
      } else if (shares(center)) {
        redraw_shared(chunk, center, chunk.positions[c]);
      } else {
        list_redraws(chunk, center, uint64_t(chunk.positions[c]));
      }
    }
    redraw_listed(chunk.negatives);
  }

 private:
  // Whether a center shares a noise set of its stretch. A center of several parts needs more noise words, so it does
  // not.
  bool shares(const Center& center) const { return stretches_.share_noise && center.n_negatives == s_.negatives; }

  static constexpr int32_t MAX_KEPT_NEGATIVES = 64;

  // Gives the centers of a chunk that begins at 0 the kept noise sets. Sets that were not used yet are drawn, by
  // stretch.
  void use_kept_sets(Chunk& chunk) {
    const size_t set_length = size_t(s_.negatives + 1) / 2 * 2, stretch_length = size_t(rules_.noise_sets) * set_length;
    if (kept_epoch_ != int64_t(epoch_)) kept_.clear();
    kept_epoch_ = epoch_;
    size_t length = 0;
    for (size_t c = 0; c < chunk.centers.size(); ++c) {
      Center& center = chunk.centers[c];
      const size_t stretch = size_t(chunk.positions[c] / stretches_.tokens);
      center.n_negatives = s_.negatives;
      center.negatives = int64_t(stretch * stretch_length + size_t(center.noise_set) * set_length);
      length = (stretch + 1) * stretch_length;
    }
    while (kept_.size() < length) draw_stretch(int64_t(kept_.size() / stretch_length));
    chunk.negatives.resize(length);
    std::copy_n(kept_.data(), length, chunk.negatives.data());
  }

  // Appends the noise sets of a stretch to the kept sets.
  void draw_stretch(int64_t stretch) {
    block_positions_.clear();
    block_draws_.clear();
    for (int32_t set = 0; set < rules_.noise_sets; ++set)
      for (int32_t draw = 0; draw < (s_.negatives + 1) / 2; ++draw) {
        block_positions_.push_back(uint64_t(stretch * stretches_.tokens + set));
        block_draws_.push_back(uint32_t(draw));
      }
    const size_t first = kept_.size(), n_blocks = block_positions_.size();
    while (block_positions_.size() % PHILOX_BATCH != 0) {
      block_positions_.push_back(0);
      block_draws_.push_back(0);
    }
    drawn_.resize(2 * block_positions_.size());
    draw_listed_blocks(drawn_);
    kept_.resize(first + 2 * n_blocks);
    std::copy_n(drawn_.data(), 2 * n_blocks, kept_.data() + first);
  }

  // Lists the random blocks of each center; a block has two draws. Centers that share a noise set have the same draws.
  void list_blocks(Chunk& chunk) {
    size_t most = 0;
    for (Center& center : chunk.centers) {
      const int64_t n_negatives = int64_t(parts_of(s_, rules_, center)) * s_.negatives;
      if (n_negatives > INT32_MAX) throw Failure(ERROR_ARGUMENT, "a window must have at most 2^31 - 1 negatives");
      center.n_negatives = int32_t(n_negatives);
      most += size_t(center.n_negatives + 1) / 2;
    }
    block_positions_.resize(most + PHILOX_BATCH);
    block_draws_.resize(most + PHILOX_BATCH);
    int64_t latest[MAX_NOISE_SETS], latest_negatives[MAX_NOISE_SETS];
    std::fill_n(latest, MAX_NOISE_SETS, -1);
    size_t blocks = 0;
    for (size_t c = 0; c < chunk.centers.size(); ++c) {
      Center& center = chunk.centers[c];
      int64_t position = chunk.positions[c];
      if (shares(center)) {
        const int noise_set = center.noise_set;
        position = stretches_.start(position) + noise_set;
        if (latest[noise_set] == position) {
          center.negatives = latest_negatives[noise_set];
          continue;
        }
        latest[noise_set] = position;
        latest_negatives[noise_set] = int64_t(2 * blocks);
      }
      center.negatives = int64_t(2 * blocks);
      for (int32_t draw = 0; draw < (center.n_negatives + 1) / 2; ++draw, ++blocks) {
        block_positions_[blocks] = uint64_t(position);
        block_draws_[blocks] = uint32_t(draw);
      }
    }
    for (; blocks % PHILOX_BATCH != 0; ++blocks) block_positions_[blocks] = block_draws_[blocks] = 0;
    block_positions_.resize(blocks);
    block_draws_.resize(blocks);
    chunk.negatives.resize(2 * blocks);
  }

  // The columns of a batch are prefetched while the next batches are drawn, because the table exceeds the inner caches.
  void draw_listed_blocks(Buffer<int32_t>& negatives) {
    constexpr size_t AHEAD = 2;
    alignas(64) uint32_t words[AHEAD + 1][4][PHILOX_BATCH];
    const size_t batches = block_positions_.size() / PHILOX_BATCH;
    const uint32_t n_targets = uint32_t(s_.n_targets);
    for (size_t batch = 0; batch < batches + AHEAD; ++batch) {
      if (batch < batches) {
        uint32_t (*const drawn)[PHILOX_BATCH] = words[batch % (AHEAD + 1)];
        draw_blocks(key_, Purpose(s_.noise_purpose), epoch_, 0, &block_positions_[batch * PHILOX_BATCH],
                    &block_draws_[batch * PHILOX_BATCH], drawn);
        for (int j = 0; j < PHILOX_BATCH; ++j) {
          __builtin_prefetch(&s_.noise[scale_word(drawn[0][j], n_targets)]);
          __builtin_prefetch(&s_.noise[scale_word(drawn[2][j], n_targets)]);
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

  // Draw d of a center has column and coin from the words 2 (d mod 2) and the next of block d / 2 of its position.
  int32_t noise_word(uint32_t column_word, uint32_t coin) const {
    const uint32_t column = scale_word(column_word, uint32_t(s_.n_targets));
    const AliasColumn cell = s_.noise[column];
    const int32_t own = -int32_t(coin < cell.threshold);  // all ones or zero; a branch on the coin cannot be predicted
    return (int32_t(column) & own) | (cell.alias & ~own);
  }

  // A noise word that equals its target is drawn again from the noise without the target: each other word w has
  // probability q(w) / (1 - q(target)). The words divide [0, total) into parts, in order. A number below
  // total - (the target's part) is drawn; if it is not before the target's part, the length of that part is added. The
  // random words are those of the same draw's next attempt. The draws of a chunk are listed first and drawn together.
  void list_redraws(const Chunk& chunk, const Center& center, uint64_t position) {
    const int32_t target = center.target;
    if (s_.noise_parts[target + 1] - s_.noise_parts[target] == s_.noise_parts[s_.n_targets])
      throw Failure(ERROR_ARGUMENT,
                    "the noise must have another word than the target, for target_collision=\"reject\"");
    for (int32_t d = 0; d < center.n_negatives; ++d)
      if (chunk.negatives[center.negatives + d] == target)
        redraws_.push_back({center.negatives + d, position, uint32_t(d), target});
  }

  void redraw_listed(Buffer<int32_t>& negatives) {
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
        at[j] = uint64_t((unsigned __int128)random * (parts[s_.n_targets] - own) >> 64);
        at[j] += at[j] >= start ? own : 0;
      }
      // Finds the last word whose part begins at or before each number. All searches advance together, because steps of
      // different searches do not depend on each other.
      int64_t found[PHILOX_BATCH] = {};
      for (int64_t size = s_.n_targets; size > 1; size -= size / 2)
        for (int j = 0; j < n; ++j) found[j] += parts[found[j] + size / 2] <= at[j] ? size / 2 : 0;
      for (int j = 0; j < n; ++j) negatives[batch[j].at] = int32_t(found[j]);
    }
  }

  // Centers that share a noise set and have the same target also share the words drawn again.
  void redraw_shared(Chunk& chunk, Center& center, int64_t position) {
    SharedRedraw& latest = shared_redraws_[center.noise_set];
    if (latest.from != center.negatives || latest.target != center.target) {
      latest.from = center.negatives;
      latest.target = center.target;
      copy_negatives(chunk, center);
      list_redraws(chunk, center, uint64_t(stretches_.start(position) + center.noise_set));
      latest.to = center.negatives;
    }
    center.negatives = latest.to;
  }

  // Gives a center a separate copy of its negatives, which may be changed.
  static void copy_negatives(Chunk& chunk, Center& center) {
    Buffer<int32_t>& negatives = chunk.negatives;
    const size_t first = negatives.size();
    negatives.resize(first + size_t(center.n_negatives));
    std::copy_n(&negatives[center.negatives], center.n_negatives, &negatives[first]);
    center.negatives = int64_t(first);
  }

  // Removes the target from the noise words of each part; the remaining words stay in the order of the parts.
  void drop_by_part(Chunk& chunk, Center& center) {
    int32_t* const drawn = &chunk.negatives[center.negatives];
    int32_t* next = drawn;
    for (int32_t d = 0; d < center.n_negatives; d += s_.negatives) {
      const int32_t* const before = next;
      for (int32_t k = 0; k < s_.negatives; ++k)
        if (drawn[d + k] != center.target) *next++ = drawn[d + k];
      chunk.part_negatives.push_back(int32_t(next - before));
    }
    center.n_negatives = int32_t(next - drawn);
  }

  struct SharedRedraw {
    int64_t from = -1, to = -1;  // index in Chunk::negatives of a noise set, and of its copy without the target
    int32_t target = -1;
  };
  struct Redraw {
    int64_t at;  // in Chunk::negatives
    uint64_t position;
    uint32_t draw;
    int32_t target;
  };

  const Settings& s_;
  const PlanRules rules_;
  const Stretches& stretches_;
  PhiloxKey key_;
  uint32_t epoch_ = 0;
  SharedRedraw shared_redraws_[MAX_NOISE_SETS];  // by noise set: the latest copy
  Buffer<Redraw> redraws_;
  bool keeps_sets_ = false;
  int64_t kept_epoch_ = -1;
  Buffer<int32_t> kept_, drawn_;
  Buffer<uint64_t> block_positions_;
  Buffer<uint32_t> block_draws_;
};

}  // namespace firth
