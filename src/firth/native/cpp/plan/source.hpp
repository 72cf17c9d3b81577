// Room native: a source of examples: what is trained on, cut into chunks. Sources are listed in sources.hpp.
//
// An epoch has the positions [0, Settings::n_tokens). What a source makes of a slice of them is a function of the
// settings, the epoch and the positions alone: neither of the slices' borders nor of earlier calls. Every example
// belongs to one position, and so to one slice. A unit's weight is that of its sequence (Settings::sequence_weights),
// which those who bring copies of rows together read as well.
#pragma once

#include "plan/chunk.hpp"

namespace firth {

class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // Goes to the slice [start, stop) of an epoch.
  virtual void seek(int64_t start, int64_t stop, uint32_t epoch) = 0;

  // Plans the next chunk: at least CHUNK_TOKENS positions, or what the slice has left. False at the slice's end.
  virtual bool next_chunk(Chunk& chunk) = 0;
};

}  // namespace firth
