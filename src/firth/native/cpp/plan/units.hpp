// Room native: groups centers into units of training, divides wide windows into parts, and defines stretches.
//
// With negative_sharing="block", the windows of a *stretch* of PlanRules::stretch_tokens tokens share noise words. The
// *slot* of a kept token is its index among the kept tokens of its stretch. A stretch has PlanRules::noise_sets noise
// sets, which its units use in a cycle. So a core loads the rows of noise words once and uses them several times. With
// skip-gram, the windows of neighbouring slots (joined_windows) have one noise set and are one unit of training: the
// products of a word and the noise words are computed once, also if the word is in several of the windows.
#pragma once

#include <algorithm>

#include "plan/chunk.hpp"
#include "plan/plan_rules.hpp"

namespace firth {

constexpr int MAX_STRETCH_WINDOW = 10;  // words on a side; wider windows, and whole sequences, do not share noise sets

// Skip-gram divides a wide window into *parts*. A part is a range of the window's context words. It is one unit of
// training, and its noise set is not shared. The reason: the step of a unit is the sum over its words, and the sum over
// a whole sequence of hundreds of words overshoots and diverges. With negatives by pair, a part is one word. CBOW makes
// one vector from the whole window, so its windows have no parts.
static_assert(PART_WORDS >= 2 * MAX_STRETCH_WINDOW, "a window that shares the noise sets of a stretch is one part");

// Number of parts of at most `most` words, for a window with `context` words. Sizes of parts differ by at most one.
inline int32_t part_count(int32_t context, int32_t most) { return (context + most - 1) / most; }

// Index of the first context word of part `part`.
inline int32_t part_first(int32_t context, int32_t n_parts, int32_t part) {
  return int32_t(int64_t(context) * part / n_parts);
}

inline int32_t parts_of(const Settings& s, const PlanRules& rules, const Center& center) {
  if (!rules.takes_parts) return 1;
  const int32_t context = center.n_context();
  return part_count(context, rules.part_words(s, context));
}

// The rules for a source in which every example is one unit.
inline PlanRules one_a_unit(PlanRules rules) {
  rules.joined_windows = 1;
  return rules;
}

// The borders of stretches, and the groups and noise sets of their slots.
class Stretches {
 public:
  Stretches(const Settings& s, const PlanRules& rules)
      : share_noise(s.negative_sharing == SHARE_BLOCK && s.window_mode != WINDOW_SEQUENCE &&
                    s.window <= MAX_STRETCH_WINDOW),
        join_windows(share_noise && rules.joined_windows > 1 && rules.draws_negatives),
        tokens(rules.stretch_tokens) {
    for (int32_t slot = 0; slot < MAX_STRETCH_TOKENS; ++slot) {
      group_of_[slot] = uint8_t(slot / rules.joined_windows);
      noise_set_of_[slot] = uint8_t(slot / rules.joined_windows % rules.noise_sets);
    }
  }

  const bool share_noise;   // whether the windows of a stretch share its noise sets
  const bool join_windows;  // whether windows of neighbouring slots are one unit
  const int64_t tokens;

  // A mask and not a division, because it is computed for every center.
  int64_t start(int64_t position) const { return position & -tokens; }
  int64_t end(int64_t position) const { return start(position) + tokens; }

  // Slots whose windows can be one unit have the same group and the same noise set.
  int group_of(int slot) const { return group_of_[slot]; }
  int16_t noise_set_of(int slot) const { return noise_set_of_[slot]; }

 private:
  uint8_t group_of_[MAX_STRETCH_TOKENS], noise_set_of_[MAX_STRETCH_TOKENS];
};

// Makes the units of a chunk whose centers have their negatives. Consecutive centers are one unit if they have the same
// sequence, stretch, group of slots and noise words.
inline void make_units(const Settings& s, const Stretches& stretches, Chunk& chunk) {
  const Center* const centers = chunk.centers.data();
  const int64_t *const positions = chunk.positions.data(), *const sequences = chunk.sequences.data();
  const int32_t n_centers = int32_t(chunk.centers.size());
  chunk.units.resize(chunk.centers.size());
  size_t count = 0;
  const auto add = [&](int32_t first, int32_t last) {
    const double weight = s.sequence_weights ? double(s.sequence_weights[sequences[first]]) : 1;
    chunk.units[count++] = {first, last, positions[first], weight};
  };
  if (!stretches.join_windows) {
    for (int32_t c = 0; c < n_centers; ++c) add(c, c + 1);
    return;
  }
  for (int32_t c = 0; c < n_centers;) {
    const int32_t first = c;
    const int group = stretches.group_of(centers[first].slot);
    const int64_t start = stretches.start(positions[first]);
    do ++c;
    while (c < n_centers && centers[c].negatives == centers[first].negatives && sequences[c] == sequences[first] &&
           stretches.group_of(centers[c].slot) == group && stretches.start(positions[c]) == start);
    add(first, c);
  }
  chunk.units.resize(count);
}

// Computes last_repeats. Ids with the same last bits are treated as equal.
inline void find_repeats(Chunk& chunk) {
  constexpr uint32_t BUCKETS = 1024;  // one word in 80 is treated as equal to another one of the 13 words before it
  int32_t latest_of[BUCKETS];
  std::fill_n(latest_of, BUCKETS, -1);
  const size_t n_inputs = chunk.inputs.size();
  const int32_t* const inputs = chunk.inputs.data();
  chunk.last_repeats.resize(n_inputs);
  int32_t* const last_repeats = chunk.last_repeats.data();
  int32_t latest = -1;
  for (size_t k = 0; k < n_inputs; ++k) {
    int32_t& before = latest_of[uint32_t(inputs[k]) % BUCKETS];
    last_repeats[k] = latest = std::max(latest, before);
    before = int32_t(k);
  }
}

}  // namespace firth
