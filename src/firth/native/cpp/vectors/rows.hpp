// Room native: how a block of rows of a vector file reports what it found to Python, which knows file, row and offset.
#pragma once

#include <cstdint>

namespace firth {

enum RowError : int64_t {
  ROW_FINE = 0,
  ROW_TOO_FEW = 1,       // fewer numbers than dimensions; detail: how many there are
  ROW_TOO_MANY = 2,      // more numbers than dimensions
  ROW_NO_NUMBER = 3,     // something that is no number; detail: which dimension
  ROW_NOT_FINITE = 4,    // NaN, infinity, or beyond float32; detail: which dimension
  ROW_NO_WORD = 5,       // no word before the numbers
  ROW_LONG_WORD = 6,     // a word beyond the limit; detail: its length
  ROW_BREAK_IN_WORD = 7  // a line break inside the word of a binary row
};

// Written by every function that reads a block; int64 throughout, so that Python needs no structure.
struct BlockReport {
  int64_t error;   // RowError of the first bad row
  int64_t row;     // bad row, counted in the block from 0
  int64_t offset;  // byte of the block where the trouble is
  int64_t length;  // bytes of the piece that is wrong
  int64_t detail;
  int64_t n_rows;       // rows read before the error or the end
  int64_t n_bytes;      // bytes of the block that those rows took
  int64_t words_bytes;  // bytes written to the words: each followed by a newline
};

}  // namespace firth
