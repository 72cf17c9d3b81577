// Room native: the initial input vectors.
#pragma once

#include "base/philox.hpp"

namespace firth {

// A row of U(-0.5/D, 0.5/D): element d from word (d mod 4) of block (position row, draw d / 4).
inline void draw_initial_row(const PhiloxKey& key, int64_t row, int32_t dims, float* to) {
  for (int32_t d = 0; d < dims; d += 4) {
    const PhiloxBlock block = draw_block(key, PURPOSE_INITIAL, 0, uint64_t(row), uint32_t(d / 4), 0);
    for (int32_t k = 0; k < 4 && d + k < dims; ++k)
      to[d + k] = float((double(block.word[k]) / 4294967296.0 - 0.5) / double(dims));
  }
}

}  // namespace firth
