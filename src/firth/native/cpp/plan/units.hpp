// Room native: which centers are one unit of training, which parts a wide window has, and stretches of tokens.
//
// Noise shared by a stretch (negative_sharing="block"). The kept tokens of a stretch (PlanRules::stretch_tokens) are
// numbered from its first one on: their *slots*. A stretch has some noise sets (PlanRules::noise_sets), which its
// windows take in turns: so the rows of noise words come to a core once and are used several times. With skip-gram, the
// windows of neighbouring slots (joined_windows) have one noise set and are one unit of training: a word that is in
// several of them meets the noise words once.
#pragma once

#include <algorithm>

#include "plan/chunk.hpp"
#include "plan/plan_rules.hpp"

namespace firth {

constexpr int MAX_STRETCH_WINDOW = 10;  // wider windows, and whole sequences, have a noise set each

// Skip-gram takes a wide window in *parts*. A part is neighbouring words of the window's context; it is one unit of
// training and has a noise set of its own. Why: the step of a unit is the sum over its words, and the sum over a whole
// sequence of hundreds of words overshoots and diverges. With negatives by pair a part is one word. CBOW makes one
// vector of the whole window, and has no parts.
static_assert(PART_WORDS >= 2 * MAX_STRETCH_WINDOW, "a window that shares the noise sets of a stretch is one part");

// Parts of at most `most` words of a window with `context` words, as equal as can be.
inline int32_t part_count(int32_t context, int32_t most) { return (context + most - 1) / most; }

// The first context word of part `part`.
inline int32_t part_first(int32_t context, int32_t n_parts, int32_t part) {
  return int32_t(int64_t(context) * part / n_parts);
}

inline int32_t parts_of(const Settings& s, const PlanRules& rules, const Center& center) {
  if (!rules.takes_parts) return 1;
  const int32_t context = center.n_context();
  return part_count(context, rules.part_words(s, context));
}

// The rules of a source whose every example is a unit of its own.
inline PlanRules one_a_unit(PlanRules rules) {
  rules.joined_windows = 1;
  return rules;
}

// Which tokens are a stretch, and what its slots share.
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

  const bool share_noise;   // the windows of a stretch share its noise sets; elsewhere each window has its own
  const bool join_windows;  // those of neighbouring slots are one unit
  const int64_t tokens;

  // A mask and no division: this is asked of every center.
  int64_t start(int64_t position) const { return position & -tokens; }
  int64_t end(int64_t position) const { return start(position) + tokens; }

  // The slots whose windows can be one unit have the same group, and the same noise set.
  int group_of(int slot) const { return group_of_[slot]; }
  int16_t noise_set_of(int slot) const { return noise_set_of_[slot]; }

 private:
  uint8_t group_of_[MAX_STRETCH_TOKENS], noise_set_of_[MAX_STRETCH_TOKENS];
};

// When a chunk's centers have their negatives: makes its units. Centers are one unit if they follow each other in one
// sequence, stretch and group of slots and have the same noise words.
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

// Fills last_repeats: ids that agree in their last bits are taken for one.
inline void find_repeats(Chunk& chunk) {
  constexpr uint32_t BUCKETS = 1024;  // a word is mistaken for one of the thirteen before it once in eighty times
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
