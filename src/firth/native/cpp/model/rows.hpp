// Room native: a matrix of rows that training updates, as plain data. A run has two matrices.
//
// A row is not always a word. The input matrix may have consecutive segments: words, n-grams, documents. The output
// matrix has a row for each word, each inner node of a Huffman tree, or each label. The meaning of a row is known only
// to the code that makes ids: a source of examples, or a side.
#pragma once

#include <cstdint>

namespace firth {

// How often one token touches each row of a matrix, on average. Rates fall from the row that is touched most, which is
// the first or the last row. The order may be approximate: only the speed depends on it.
struct TouchRates {
  const float* per_token;  // (n_rows); null if not known
  int64_t from_last;       // 0 or 1
};

struct RowMatrix {
  void* rows;  // (n_rows, stride), float or double; the first `dims` elements of a row are used, the others are 0
  int64_t n_rows, stride;
  const uint8_t* frozen;  // (n_rows): not 0 for rows that training does not change; or null
  TouchRates touches;
};

// The fields of a RowMatrix (type, member, name in Python), for the table of Settings' fields (settings_table.hpp).
#define FIRTH_ROW_MATRIX(FIELD, matrix)                   \
  FIELD(matrix, void*, rows, rows)                        \
  FIELD(matrix, int64_t, n_rows, n_rows)                  \
  FIELD(matrix, int64_t, stride, stride)                  \
  FIELD(matrix, const uint8_t*, frozen, frozen)           \
  FIELD(matrix, const float*, touches.per_token, touches) \
  FIELD(matrix, int64_t, touches.from_last, touches_from_last)

}  // namespace firth
