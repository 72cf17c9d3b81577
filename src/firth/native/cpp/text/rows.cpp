// Room native: makes lines of the rows of an Arrow column of strings (rows.hpp). count.cpp counts rows without lines.
#include "text/rows.hpp"

#include "base/abi.hpp"

using firth::RowBytes;
using firth::StringColumn;

// The bytes of the lines of a column: of all rows, and a line end for each; -1 if a row is outside the data.
FIRTH_API int64_t firth_text_rows_bytes(const StringColumn* column, int64_t* n_bytes) {
  return firth::guard([&]() -> int64_t {
    int64_t total = 0;
    const bool is_whole = firth::take_rows(*column, [&](const RowBytes& row) { total += row.length + 1; });
    *n_bytes = is_whole ? total : -1;
    return firth::OK;
  });
}

// Copies each row to `joined`, a line end after it. `joined` has room for the bytes that firth_text_rows_bytes counted.
FIRTH_API int64_t firth_text_join_rows(const StringColumn* column, uint8_t* joined) {
  return firth::guard([&]() -> int64_t {
    firth::take_rows(*column, [&](const RowBytes& row) {
      firth::copy_row(joined, row.begin, size_t(row.length));
      joined += row.length;
      *joined++ = '\n';
    });
    return firth::OK;
  });
}
