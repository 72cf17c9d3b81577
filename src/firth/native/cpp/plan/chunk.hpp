// Room native: a chunk, what is planned at once, as plain arrays. A source of examples makes it (source.hpp); the
// trainer, the rounds, the exported plan and the tests read it.
//
// A chunk has *inputs*: ids of rows of the input matrix, or whatever else the objective's input side makes vectors of.
// A *center* is one prediction: a target, whose context is some of the inputs that follow each other. A *unit* is the
// centers of one update.
#pragma once

#include "base/buffer.hpp"

namespace firth {

constexpr int CHUNK_TOKENS = 1024;

struct Center {
  // The context: inputs [first, last) but for `kept`, the center's own token where it is one of these. There is at
  // least one. A center that is none of the inputs has kept = last.
  int32_t kept, first, last;
  int32_t target;       // what is predicted: a word or a label, below Settings::n_targets
  int64_t negatives;    // index of its first noise word in Chunk::negatives
  int32_t n_negatives;  // of all its parts, one part's after the other's
  int16_t slot;         // index among the kept tokens of its stretch; 0 where centers have noise sets of their own
  int16_t noise_set;    // which of its stretch's noise sets it has; 0 where centers have their own

  int32_t n_context() const { return last - first - (kept < last); }
};

// Centers [first, last) of a chunk, which have one noise set; or a single one.
struct PlannedUnit {
  int32_t first, last;
  int64_t position;  // of its first center, in the corpus: the learning rate depends on it
  double weight;     // of its sequence: a factor of the loss and of the step
};

struct Chunk {
  Buffer<int32_t> inputs;
  Buffer<int32_t> last_repeats;  // of each input, the last one before it whose id has come again since, or may have
  Buffer<Center> centers;
  Buffer<int64_t> positions, sequences;  // of each center, in the corpus
  Buffer<PlannedUnit> units;
  // Noise words are targets' ids. Those of different centers do not follow each other without gaps, and may be the same
  // elements.
  Buffer<int32_t> negatives;
  // Where noise words may be dropped: the number of each part's, of the windows that have several parts, in order.
  // Elsewhere it is empty, and each part has Settings::negatives.
  Buffer<int32_t> part_negatives;
  int32_t reach = 0;  // inputs behind a center's own that its context may have, at most

  void clear() {
    inputs.clear();
    centers.clear();
    positions.clear();
    sequences.clear();
    units.clear();
    negatives.clear();
    part_negatives.clear();
  }

  // False only if the inputs [first, last) differ.
  bool inputs_may_repeat(int32_t first, int32_t last) const { return last_repeats[last - 1] >= first; }
};

}  // namespace firth
