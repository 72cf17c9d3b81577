// Room native: the report about a block of rows of a vector file. Python adds the file, the row and the offset.
#pragma once

#include <cstdint>

namespace firth {

enum RowError : int64_t {
  ROW_FINE = 0,
  ROW_TOO_FEW = 1,       // fewer numbers than dimensions; detail: number of numbers
  ROW_TOO_MANY = 2,      // more numbers than dimensions
  ROW_NO_NUMBER = 3,     // a piece that is not a number; detail: its dimension
  ROW_NOT_FINITE = 4,    // NaN, infinity, or beyond float32; detail: its dimension
  ROW_NO_WORD = 5,       // no word before the numbers
  ROW_LONG_WORD = 6,     // a word above the limit of length; detail: its length
  ROW_BREAK_IN_WORD = 7  // a line break inside the word of a binary row
};

// Written by every function that reads a block; int64 throughout, so that Python needs no structure.
struct BlockReport {
  int64_t error;   // RowError of the first bad row
  int64_t row;     // bad row, counted in the block from 0
  int64_t offset;  // offset in the block of the wrong piece
  int64_t length;  // bytes of the wrong piece
  int64_t detail;
  int64_t n_rows;       // rows read before the error or the end
  int64_t n_bytes;      // bytes of these rows in the block
  int64_t words_bytes;  // bytes of the words that were written, each followed by a newline
};

}  // namespace firth
