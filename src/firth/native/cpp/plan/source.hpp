// Room native: a source of examples: it plans chunks of the examples to train. Sources are listed in sources.hpp.
//
// An epoch has the positions [0, Settings::n_tokens). The examples of a slice of positions are a function of the
// settings, the epoch and the positions only; they do not depend on the borders of slices or on earlier calls. Every
// example belongs to one position, and so to one slice. The weight of a unit is the weight of its sequence
// (Settings::sequence_weights), which the merging of copies reads too.
#pragma once

#include "plan/chunk.hpp"

namespace firth {

class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // Starts the slice [start, stop) of an epoch.
  virtual void seek(int64_t start, int64_t stop, uint32_t epoch) = 0;

  // Plans the next chunk: at least CHUNK_TOKENS positions, or the rest of the slice. False at the end of the slice.
  virtual bool next_chunk(Chunk& chunk) = 0;
};

}  // namespace firth
