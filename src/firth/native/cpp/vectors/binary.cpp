// Room native: rows of word2vec's binary file: a word, a space, n_dims float32 (little-endian), perhaps a newline.
#include <cmath>
#include <cstring>

#include "base/abi.hpp"
#include "vectors/rows.hpp"

namespace firth {
namespace {

// Returns the first dimension with a NaN or an infinity, or -1. In these, all exponent bits of the float are set.
int64_t first_not_finite(const float* row, int64_t n_dims) {
  uint32_t any = 0;
  for (int64_t dim = 0; dim < n_dims; ++dim) {
    uint32_t bits;
    std::memcpy(&bits, row + dim, sizeof bits);
    any |= static_cast<uint32_t>((bits & 0x7f800000u) == 0x7f800000u);
  }
  if (!any) return -1;
  for (int64_t dim = 0; dim < n_dims; ++dim) {
    if (!std::isfinite(row[dim])) return dim;
  }
  return -1;
}

}  // namespace
}  // namespace firth

// Finds up to `max_rows` complete rows in a block. Writes the offset of each row's numbers to `starts` and the words to
// `words`, each followed by a newline.
FIRTH_API int64_t firth_vectors_scan_binary(const char* block, int64_t n_bytes, int64_t max_rows, int64_t n_dims,
                                            int64_t max_word_bytes, int64_t* starts, char* words,
                                            firth::BlockReport* report) {
  return firth::guard([&]() -> int64_t {
    *report = {};
    const int64_t row_bytes = n_dims * static_cast<int64_t>(sizeof(float));
    int64_t at = 0;
    char* words_end = words;
    int64_t row = 0;
    const auto fail = [&](firth::RowError error, int64_t offset, int64_t length) {
      report->error = error;
      report->row = row;
      report->offset = offset;
      report->length = length;
      report->detail = length;
    };
    for (; row < max_rows; ++row) {
      firth::check_stop();
      int64_t start = at;
      if (start < n_bytes && block[start] == '\n') ++start;  // word2vec.c ends a row with a newline, gensim does not
      const int64_t window = n_bytes - start < max_word_bytes + 1 ? n_bytes - start : max_word_bytes + 1;
      if (window <= 0) break;
      const char* word = block + start;
      const char* space = static_cast<const char*>(std::memchr(word, ' ', static_cast<size_t>(window)));
      if (!space) {
        if (window > max_word_bytes) fail(firth::ROW_LONG_WORD, start, window);
        break;  // else the word continues in the next block
      }
      while (word < space && *word == '\n') ++word;  // gensim and word2vec.c's distance.c skip further newlines
      const int64_t length = space - word;
      if (length == 0) {
        fail(firth::ROW_NO_WORD, start, 0);
        break;
      }
      if (std::memchr(word, '\n', static_cast<size_t>(length))) {
        fail(firth::ROW_BREAK_IN_WORD, word - block, length);
        break;
      }
      const int64_t numbers = space + 1 - block;
      if (n_bytes - numbers < row_bytes) break;
      std::memcpy(words_end, word, static_cast<size_t>(length));
      words_end += length;
      *words_end++ = '\n';
      starts[row] = numbers;
      at = starts[row] + row_bytes;
    }
    report->n_rows = row;
    report->n_bytes = at;
    report->words_bytes = words_end - words;
    return firth::OK;
  });
}

// Copies the numbers of the rows found by the scan. Returns OK, or reports the first row that has a NaN or an infinity.
FIRTH_API int64_t firth_vectors_gather_binary(const char* block, const int64_t* starts, int64_t n_rows, int64_t n_dims,
                                              float* matrix, firth::BlockReport* report) {
  return firth::guard([&]() -> int64_t {
    *report = {};
    for (int64_t row = 0; row < n_rows; ++row) {
      firth::check_stop();
      float* target = matrix + row * n_dims;
      std::memcpy(target, block + starts[row], static_cast<size_t>(n_dims) * sizeof(float));
      const int64_t bad = firth::first_not_finite(target, n_dims);
      if (bad >= 0) {
        report->error = firth::ROW_NOT_FINITE;
        report->row = row;
        report->offset = starts[row] + bad * static_cast<int64_t>(sizeof(float));
        report->detail = bad + 1;
        return firth::OK;
      }
    }
    report->n_rows = n_rows;
    return firth::OK;
  });
}

// Writes rows in the binary format; words as in firth_vectors_format_text. Returns the number of bytes written, or
// -(row + 1000) for the first row with a NaN or an infinity.
FIRTH_API int64_t firth_vectors_pack_binary(const float* matrix, int64_t n_rows, int64_t n_dims, const char* words,
                                            int64_t words_bytes, int64_t newline, char* out) {
  return firth::guard([&]() -> int64_t {
    const char* word = words;
    const char* const words_end = words + words_bytes;
    char* p = out;
    for (int64_t row = 0; row < n_rows; ++row) {
      firth::check_stop();
      const char* word_end = static_cast<const char*>(std::memchr(word, '\n', static_cast<size_t>(words_end - word)));
      if (!word_end) throw firth::Failure(firth::ERROR_ARGUMENT, "words must have one newline for each row");
      std::memcpy(p, word, static_cast<size_t>(word_end - word));
      p += word_end - word;
      *p++ = ' ';
      word = word_end + 1;
      if (firth::first_not_finite(matrix + row * n_dims, n_dims) >= 0) return -(row + 1000);
      std::memcpy(p, matrix + row * n_dims, static_cast<size_t>(n_dims) * sizeof(float));
      p += n_dims * static_cast<int64_t>(sizeof(float));
      if (newline) *p++ = '\n';
    }
    return p - out;
  });
}

// The first row of a matrix that has a NaN or an infinity, or -1 if all rows are finite (never an error).
FIRTH_API int64_t firth_vectors_first_not_finite(const float* matrix, int64_t n_rows, int64_t n_dims) {
  for (int64_t row = 0; row < n_rows; ++row) {
    if (firth::first_not_finite(matrix + row * n_dims, n_dims) >= 0) return row;
  }
  return -1;
}
