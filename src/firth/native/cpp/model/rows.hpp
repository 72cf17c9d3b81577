// Room native: a matrix of rows that training moves, as plain data. A run has two.
//
// Rows are not words. The input matrix may have segments, one after the other: words, n-grams, documents. The output
// matrix has a row for each word, each inner node of a Huffman tree, or each label. Only who makes ids (a source of
// examples, an objective's side) knows what a row means.
#pragma once

#include <cstdint>

namespace firth {

// How often one token touches each row of a matrix, on average: from the row that is touched most on (about: all that
// depends on the order is speed), which is the first or the last one.
struct TouchRates {
  const float* per_token;  // (n_rows), or null: not known
  int64_t from_last;       // 0 or 1
};

struct RowMatrix {
  void* rows;  // (n_rows, stride) numbers of one float type; the first `dims` of a row are used and the rest are 0
  int64_t n_rows, stride;
  const uint8_t* frozen;  // (n_rows): rows that stay as they are; or null
  TouchRates touches;
};

// The fields of a RowMatrix, for the table that Python fills it by (settings_table.hpp): type, member, name in Python.
#define FIRTH_ROW_MATRIX(FIELD, matrix)                   \
  FIELD(matrix, void*, rows, rows)                        \
  FIELD(matrix, int64_t, n_rows, n_rows)                  \
  FIELD(matrix, int64_t, stride, stride)                  \
  FIELD(matrix, const uint8_t*, frozen, frozen)           \
  FIELD(matrix, const float*, touches.per_token, touches) \
  FIELD(matrix, int64_t, touches.from_last, touches_from_last)

}  // namespace firth
