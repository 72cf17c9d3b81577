// Room native: makes the context of a unit from its chunk: context ids, and the windows of the unit that have each id.
#pragma once

#include <cstring>

#include "objectives/objective.hpp"
#include "plan/units.hpp"

namespace firth {

// The inputs [first, last) that the windows of a unit cover, including the tokens of the centers.
struct InputRange {
  int32_t first, last;
};

FIRTH_INLINE InputRange range_of(const Chunk& chunk, const PlannedUnit& unit) {
  InputRange range = {chunk.centers[unit.first].first, chunk.centers[unit.first].last};
  for (int32_t c = unit.first + 1; c < unit.last; ++c) {
    range.first = std::min(range.first, chunk.centers[c].first);
    range.last = std::max(range.last, chunk.centers[c].last);
  }
  return range;
}

// Index in Chunk::inputs of a context word of a window.
inline int32_t input_of(const Center& center, int32_t context_word) {
  const int32_t k = center.first + context_word;
  return k + (k >= center.kept);
}

// Copies the context ids of a window. `context` must have room for one more id.
FIRTH_INLINE void copy_context(const Chunk& chunk, const Center& center, int32_t* context) {
  const int32_t* const ids = chunk.inputs.data();
  for (int32_t k = center.first; k < center.last; ++k) {
    *context = ids[k];
    context += k != center.kept;
  }
}

// Writes the context of several windows into `unit`, and for each word the windows that have it. Words that are in no
// window, such as a center, are left out. `context` must have room for `range`, and `in_windows` for 16 more bytes.
FIRTH_INLINE void find_contexts(const Chunk& chunk, const PlannedUnit& windows, InputRange range, int32_t* context,
                                uint8_t* in_windows, Unit& unit) {
  typedef uint8_t Bytes __attribute__((vector_size(16)));
  const int count = range.last - range.first;
  const int32_t* const ids = chunk.inputs.data() + range.first;
  unit.windows = in_windows;
  unit.context = ids;
  unit.n_context = count;
  bool all_in_some = true;
  for (int first = 0; first < count; first += 16) {
    const Bytes index = Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Bytes bits = Bytes{};
    for (int32_t c = windows.first; c < windows.last; ++c) {
      const Center& center = chunk.centers[c];
      const auto at = [&](int32_t k) {
        return Bytes{} + uint8_t(std::min(std::max(k - range.first - first, -1), 16) + 1);
      };
      const Bytes one_more = index + 1;
      const Bytes inside =
          Bytes((one_more >= at(center.first)) & (one_more < at(center.last)) & (one_more != at(center.kept)));
      const uint8_t bit = uint8_t(1 << (c - windows.first));
      bits |= inside & bit;
    }
    std::memcpy(in_windows + first, &bits, sizeof bits);
    for (int k = first; k < std::min(first + 16, count); ++k) all_in_some &= in_windows[k] != 0;
  }
  if (all_in_some) return;
  int size = 0;
  for (int k = 0; k < count; ++k) {
    context[size] = ids[k];
    in_windows[size] = in_windows[k];
    size += in_windows[k] != 0;
  }
  unit.context = context;
  unit.n_context = size;
}

}  // namespace firth
