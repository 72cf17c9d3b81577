// Room native: the rows of an Arrow column of strings: by offsets, by views, or by a dictionary of them. The layouts
// are those of Arrow's columnar format, version 1.4. Nothing in a column is trusted: a row outside the data is an
// error.
#pragma once

#include <cstdint>
#include <cstring>

namespace firth {

// native/arrow.py has the same order. All pointers are borrowed.
struct StringColumn {
  int64_t offset_bytes;         // 4 or 8: `offsets` has integers of this size; 0: `offsets` has views
  const void* offsets;          // of row 0 of the values
  const uint8_t* bytes;         // of all values, with offsets
  int64_t n_bytes;              // of the values, with offsets
  const uint8_t* const* parts;  // with views: the buffers of long values
  const int64_t* part_bytes;    // sizes of the parts
  int64_t n_parts;
  const uint8_t* valid;  // bitmap of values, or null if all rows have a value
  int64_t first;         // the first value in `offsets` and `valid`
  int64_t n_values;
  const void* indices;         // of a dictionary; null if the rows are the values
  int64_t index_bytes;         // 1, 2, 4 or 8
  int64_t is_signed;           // whether the indices are signed
  const uint8_t* index_valid;  // bitmap of rows, or null
  int64_t index_first;         // the first row in `indices` and `index_valid`
  int64_t n_rows;
};

inline bool is_set(const uint8_t* bitmap, int64_t bit) {
  return bitmap == nullptr || (bitmap[bit >> 3] >> (bit & 7) & 1) != 0;
}

// A row: its bytes, or nothing if it has no value.
struct RowBytes {
  const uint8_t* begin;
  int64_t length;
};

template <typename Offset>
struct OffsetValues {
  const StringColumn& column;

  bool get(int64_t value, RowBytes& row) const {
    const Offset* offsets = static_cast<const Offset*>(column.offsets) + column.first + value;
    const int64_t begin = offsets[0], end = offsets[1];
    if (begin < 0 || end < begin || end > column.n_bytes) return false;
    row = {column.bytes + begin, is_set(column.valid, column.first + value) ? end - begin : 0};
    return true;
  }
};

// A view has 16 bytes: the length, then the value if it has at most 12 bytes, else 4 bytes of it, the number of a part,
// and the position in the part.
struct ViewValues {
  const StringColumn& column;

  bool get(int64_t value, RowBytes& row) const {
    constexpr int32_t INLINE_BYTES = 12;
    row = {nullptr, 0};
    if (!is_set(column.valid, column.first + value)) return true;
    const uint8_t* view = static_cast<const uint8_t*>(column.offsets) + 16 * (column.first + value);
    int32_t length, part, at;
    std::memcpy(&length, view, 4);
    if (length < 0) return false;
    row = {view + 4, length};
    if (length <= INLINE_BYTES) return true;
    std::memcpy(&part, view + 8, 4);
    std::memcpy(&at, view + 12, 4);
    if (part < 0 || part >= column.n_parts || at < 0 || int64_t(at) + length > column.part_bytes[part]) return false;
    row.begin = column.parts[part] + at;
    return true;
  }
};

inline int64_t index_of(const StringColumn& column, int64_t row) {
  const int64_t at = column.index_first + row;
  switch (column.index_bytes * 2 + (column.is_signed != 0 ? 1 : 0)) {
    case 2:
      return static_cast<const uint8_t*>(column.indices)[at];
    case 3:
      return static_cast<const int8_t*>(column.indices)[at];
    case 4:
      return static_cast<const uint16_t*>(column.indices)[at];
    case 5:
      return static_cast<const int16_t*>(column.indices)[at];
    case 8:
      return static_cast<const uint32_t*>(column.indices)[at];
    case 9:
      return static_cast<const int32_t*>(column.indices)[at];
    default:
      return static_cast<const int64_t*>(column.indices)[at];  // above 2^63 an unsigned index is negative
  }
}

// Calls `take(row)` for each row in turn; returns false at a row that is outside the data.
template <typename Values, typename Take>
bool take_values(const StringColumn& column, const Values& values, Take&& take) {
  RowBytes row;
  if (column.indices == nullptr) {
    for (int64_t i = 0; i < column.n_rows; ++i) {
      if (!values.get(i, row)) return false;
      take(row);
    }
    return true;
  }
  for (int64_t i = 0; i < column.n_rows; ++i) {
    row = {nullptr, 0};
    if (is_set(column.index_valid, column.index_first + i)) {
      const int64_t value = index_of(column, i);
      if (value < 0 || value >= column.n_values || !values.get(value, row)) return false;
    }
    take(row);
  }
  return true;
}

template <typename Take>
bool take_rows(const StringColumn& column, Take&& take) {
  if (column.offset_bytes == 4) return take_values(column, OffsetValues<int32_t>{column}, take);
  if (column.offset_bytes == 8) return take_values(column, OffsetValues<int64_t>{column}, take);
  return take_values(column, ViewValues{column}, take);
}

// Copies bytes of a row. A line end inside a row becomes a space, because a row is one sequence.
inline void copy_row(uint8_t* to, const uint8_t* from, size_t length) {
  if (length == 0) return;
  std::memcpy(to, from, length);
  for (uint8_t *at = to, *const stop = to + length; at < stop; ++at) {
    at = static_cast<uint8_t*>(std::memchr(at, '\n', size_t(stop - at)));
    if (at == nullptr) return;
    *at = ' ';
  }
}

}  // namespace firth
