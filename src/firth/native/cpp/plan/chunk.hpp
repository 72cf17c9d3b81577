// Room native: a chunk, the examples that are planned at once, as plain arrays. A source of examples makes it
// (source.hpp); the trainer, the rounds, the exported plan and the tests read it.
//
// A chunk has *inputs*: ids of rows of the input matrix, or other ids from which the input side makes vectors. A
// *center* is one prediction: a target, and its context, which is a range of inputs. A *unit* is the centers of one
// update.
#pragma once

#include "base/abi.hpp"
#include "base/buffer.hpp"

namespace firth {

constexpr int CHUNK_TOKENS = 1024;

struct Center {
  // The context: inputs [first, last) without `kept`, the token of the center. It has at least one input. If the center
  // is not one of the inputs, kept = last.
  int32_t kept, first, last;
  int32_t target;       // id of the predicted word or label, below Settings::n_targets
  int64_t negatives;    // index of its first noise word in Chunk::negatives
  int32_t n_negatives;  // number of noise words of all its parts, which are stored in the order of the parts
  int16_t slot;         // index among the kept tokens of its stretch; 0 if centers do not share noise sets
  int16_t noise_set;    // index of its noise set in its stretch; 0 if centers do not share noise sets

  int32_t n_context() const { return last - first - (kept < last); }
};

// Centers [first, last) of a chunk, which have one noise set; or a single center.
struct PlannedUnit {
  int32_t first, last;
  int64_t position;  // position of its first center in the corpus; decides the learning rate
  double weight;     // weight of its sequence: a factor of the loss and of the step
};

struct Chunk {
  Buffer<int32_t> inputs;
  // By input k: the largest index whose id occurs again up to k, or may occur again; -1 if there is none.
  Buffer<int32_t> last_repeats;
  Buffer<Center> centers;
  Buffer<int64_t> positions, sequences;  // by center: its position and its sequence in the corpus
  Buffer<PlannedUnit> units;
  // Ids of targets. There may be gaps between the noise words of two centers, and centers may share noise words.
  Buffer<int32_t> negatives;
  // If noise words may be dropped: the number of noise words of each part, in order, for windows of several parts.
  // Otherwise it is empty, and each part has Settings::negatives noise words.
  Buffer<int32_t> part_negatives;
  int32_t reach = 0;  // maximum number of inputs after a center's token that are in its context

  void clear() {
    inputs.clear();
    centers.clear();
    positions.clear();
    sequences.clear();
    units.clear();
    negatives.clear();
    part_negatives.clear();
  }

  // False only if the inputs [first, last) are all different.
  bool inputs_may_repeat(int32_t first, int32_t last) const { return last_repeats[last - 1] >= first; }
};

// The number of inputs of a chunk. A center has the indices of its inputs as int32.
inline int32_t input_count(const Chunk& chunk) {
  if (chunk.inputs.size() > size_t(INT32_MAX))
    throw Failure(ERROR_ARGUMENT,
                  "a sequence with its windows, or the tags of a document, must have fewer than 2^31 ids");
  return int32_t(chunk.inputs.size());
}

}  // namespace firth
