// Room native: rows of decimal numbers, with or without a leading word: word2vec text, GloVe, fastText .vec, TSV.
//
// A row is   word separator number (separator number)*  newline   with separator = runs of spaces and tabs. The word is
// the text before the last `n_dims` numbers, so it may contain spaces. If a word has several pieces and its last piece
// is a number, the row is refused as too wide.
#include <cmath>
#include <cstring>

#include "base/abi.hpp"
#include "vectors/numbers.hpp"
#include "vectors/rows.hpp"

namespace firth {
namespace {

inline bool is_separator(char c) { return c == ' ' || c == '\t'; }

const char* find_break(const char* p, const char* end) {
  return static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p)));
}

struct RowReader {
  const char* block;
  int64_t n_dims;
  bool has_words;
  int64_t max_word_bytes;
  BlockReport* report;

  bool fail(RowError error, const char* at, const char* until, int64_t detail) const {
    report->error = error;
    report->offset = at - block;
    report->length = until - at;
    report->detail = detail;
    return false;
  }

  // Reads at most `limit` numbers from *position on, up to the end of the line or the first piece that is not a number.
  // Returns how many numbers it read.
  int64_t read_numbers(const char** position, const char* end, float* row, int64_t limit, Number* state) const {
    const char* p = *position;
    int64_t dim = 0;
    *state = Number::FINITE;
    while (dim < limit) {
      while (is_separator(*p)) ++p;
      if (p >= end) break;
      const char* after = p;
      *state = parse_number(p, end, row + dim, &after);
      if (*state == Number::FINITE && after < end && !is_separator(*after)) *state = Number::NONE;
      if (*state != Number::FINITE) break;
      p = after;
      ++dim;
    }
    while (is_separator(*p)) ++p;
    *position = p;
    return dim;
  }

  // Reads one row in [start, end); *end is the newline. The word is [start, *word_end).
  bool read(const char* start, const char* end, float* row, const char** word_end) const {
    while (end > start && (is_separator(end[-1]) || end[-1] == '\r')) --end;
    const char* p = start;
    if (has_words) {
      if (start == end || is_separator(*start)) return fail(ROW_NO_WORD, start, end, 0);
      while (p < end && !is_separator(*p)) ++p;
    } else if (start == end) {
      return fail(ROW_TOO_FEW, start, end, 0);
    }
    *word_end = p;
    Number state;
    // *end may be a separator or \r here; neither can be part of a number
    const int64_t n_numbers = read_numbers(&p, end, row, n_dims, &state);
    if (n_numbers == n_dims && p >= end) return check_word(start, *word_end);
    if (!has_words) {
      const char* piece = p;
      while (piece < end && !is_separator(*piece)) ++piece;
      if (n_numbers == n_dims) return fail(ROW_TOO_MANY, p, piece, n_dims);
      if (p >= end) return fail(ROW_TOO_FEW, start, end, n_numbers);
      return fail(state == Number::NOT_FINITE ? ROW_NOT_FINITE : ROW_NO_NUMBER, p, piece, n_numbers + 1);
    }
    return read_from_right(start, end, row, word_end);
  }

  // Reads a row whose word has spaces: the last n_dims pieces are the numbers. Reports a wrong row.
  bool read_from_right(const char* start, const char* end, float* row, const char** word_end) const {
    const char* p = end;
    for (int64_t dim = n_dims; dim > 0; --dim) {
      const char* piece_end = p;
      while (p > start && !is_separator(p[-1])) --p;
      if (p == start) return count_too_few(start, end);
      const char* after = p;
      const Number state = parse_number(p, piece_end, row + dim - 1, &after);
      if (state == Number::NOT_FINITE) return fail(ROW_NOT_FINITE, p, piece_end, dim);
      if (state == Number::NONE || after != piece_end) {
        // report too few pieces first, because this message is clearer
        int64_t n_pieces = 0;
        for (const char* q = start; q < end;) {
          while (q < end && is_separator(*q)) ++q;
          if (q < end) ++n_pieces;
          while (q < end && !is_separator(*q)) ++q;
        }
        if (n_pieces <= n_dims) return fail(ROW_TOO_FEW, start, end, n_pieces - 1);
        return fail(ROW_NO_NUMBER, p, piece_end, dim);
      }
      while (p > start && is_separator(p[-1])) --p;
    }
    *word_end = p;
    const char* piece = p;
    while (piece > start && !is_separator(piece[-1])) --piece;
    float ignored;
    const char* after = piece;
    if (piece > start && parse_number(piece, p, &ignored, &after) != Number::NONE && after == p) {
      return fail(ROW_TOO_MANY, piece, p, n_dims);
    }
    return check_word(start, p);
  }

  bool count_too_few(const char* start, const char* end) const {
    int64_t n_pieces = 0;
    for (const char* q = start; q < end;) {
      while (q < end && is_separator(*q)) ++q;
      if (q < end) ++n_pieces;
      while (q < end && !is_separator(*q)) ++q;
    }
    return fail(ROW_TOO_FEW, start, end, n_pieces - 1);
  }

  bool check_word(const char* start, const char* word_end) const {
    if (word_end - start > max_word_bytes) return fail(ROW_LONG_WORD, start, word_end, word_end - start);
    return true;
  }
};

}  // namespace
}  // namespace firth

// Reads `n_rows` rows of a block of complete lines (its last byte is a newline) into a matrix and a buffer of words,
// each followed by a newline. A bad row is reported and not raised, because Python knows the offset of the block in the
// file.
FIRTH_API int64_t firth_vectors_parse_text(const char* block, int64_t n_bytes, int64_t n_rows, int64_t n_dims,
                                           int64_t has_words, int64_t max_word_bytes, float* matrix, char* words,
                                           firth::BlockReport* report) {
  return firth::guard([&]() -> int64_t {
    if (n_dims < 1 || n_bytes < 0 || n_rows < 0 || (n_bytes > 0 && block[n_bytes - 1] != '\n')) {
      throw firth::Failure(firth::ERROR_ARGUMENT,
                           "block must end with a newline, n_dims must be at least 1, and counts at least 0");
    }
    *report = {};
    const firth::RowReader reader{block, n_dims, has_words != 0, max_word_bytes, report};
    const char* p = block;
    const char* const block_end = block + n_bytes;
    char* words_end = words;
    int64_t row = 0;
    for (; row < n_rows && p < block_end; ++row) {
      firth::check_stop();
      const char* line_end = firth::find_break(p, block_end);
      const char* word_end = p;
      if (!reader.read(p, line_end, matrix + row * n_dims, &word_end)) {
        report->row = row;
        break;
      }
      if (has_words) {
        std::memcpy(words_end, p, static_cast<size_t>(word_end - p));
        words_end += word_end - p;
        *words_end++ = '\n';
      }
      p = line_end + 1;
    }
    report->n_rows = row;
    report->n_bytes = p - block;
    report->words_bytes = words_end - words;
    return firth::OK;
  });
}

// Maximum number of bytes that firth_vectors_format_text writes for these rows.
FIRTH_API int64_t firth_vectors_text_capacity(int64_t n_rows, int64_t n_dims, int64_t words_bytes) {
  return words_bytes + n_rows * (n_dims * (firth::FLOAT_TEXT + 1) + 2);
}

// Writes rows as text: the word (words are followed by newlines in their buffer; null: no words), then the numbers in
// their shortest form. `separator` is between them, and if `trailing` also before the newline. Returns the number of
// bytes written, or -(row + 1000) for the first row with a NaN or an infinity.
FIRTH_API int64_t firth_vectors_format_text(const float* matrix, int64_t n_rows, int64_t n_dims, const char* words,
                                            int64_t words_bytes, int64_t separator, int64_t trailing, char* out) {
  return firth::guard([&]() -> int64_t {
    const char* word = words;
    const char* const words_end = words + (words ? words_bytes : 0);
    char* p = out;
    for (int64_t row = 0; row < n_rows; ++row) {
      firth::check_stop();
      if (words) {
        const char* word_end = firth::find_break(word, words_end);
        if (!word_end) throw firth::Failure(firth::ERROR_ARGUMENT, "words must have one newline for each row");
        std::memcpy(p, word, static_cast<size_t>(word_end - word));
        p += word_end - word;
        *p++ = static_cast<char>(separator);
        word = word_end + 1;
      }
      for (int64_t dim = 0; dim < n_dims; ++dim) {
        const float value = matrix[row * n_dims + dim];
        if (!std::isfinite(value)) return -(row + 1000);
        p = firth::print_number(p, value);
        if (dim + 1 < n_dims || trailing) *p++ = static_cast<char>(separator);
      }
      *p++ = '\n';
    }
    return p - out;
  });
}
