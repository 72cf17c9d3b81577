// Room native: makes lines of the rows of an Arrow column of strings, for the counter of text (count.cpp).
#include <cstdint>
#include <cstring>

#include "base/abi.hpp"

namespace {

// Copies each row to `joined`, a line end after it. A line end inside a row becomes a space, because a row is one
// sequence. Returns the number of bytes written, or -1 if an offset is outside the data.
template <typename Offset>
int64_t join_rows(const uint8_t* bytes, int64_t size, const Offset* offsets, const uint8_t* valid, int64_t first_bit,
                  int64_t n_rows, uint8_t* joined) {
  uint8_t* to = joined;
  const int64_t last = offsets[n_rows];  // no row may end after the last row, or `joined` would be too short
  if (last > size) return -1;
  for (int64_t row = 0; row < n_rows; ++row) {
    const int64_t begin = offsets[row], end = offsets[row + 1], bit = first_bit + row;
    if (begin < 0 || end < begin || end > last) return -1;
    if (valid == nullptr || (valid[bit >> 3] >> (bit & 7) & 1) != 0) {
      const size_t length = size_t(end - begin);
      if (length > 0) std::memcpy(to, bytes + begin, length);
      uint8_t* const stop = to + length;
      while (to < stop) {
        auto* const found = static_cast<uint8_t*>(std::memchr(to, '\n', size_t(stop - to)));
        if (found == nullptr) break;
        *found = ' ';
        to = found + 1;
      }
      to = stop;
    }
    *to++ = '\n';
  }
  return to - joined;
}

}  // namespace

// The offsets have 4 or 8 bytes each; there are n_rows + 1. `valid` is a bitmap or null; the bit of row 0 is first_bit.
// `joined` must have room for the bytes of all rows and n_rows line ends: offsets[n_rows] - offsets[0] + n_rows.
FIRTH_API int64_t firth_text_join_rows(const uint8_t* bytes, int64_t size, const void* offsets, int32_t offset_bytes,
                                       const uint8_t* valid, int64_t first_bit, int64_t n_rows, uint8_t* joined,
                                       int64_t* n_joined) {
  return firth::guard([&]() -> int64_t {
    *n_joined = offset_bytes == 4
                    ? join_rows(bytes, size, static_cast<const int32_t*>(offsets), valid, first_bit, n_rows, joined)
                    : join_rows(bytes, size, static_cast<const int64_t*>(offsets), valid, first_bit, n_rows, joined);
    return firth::OK;
  });
}
