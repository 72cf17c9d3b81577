// Room native: counts words. A counter reads text, gives each distinct word an id in the order of first occurrence,
// counts the word, and writes the ids of all tokens to a spool file. So encoding is a look-up in an array, and the text
// is read once. Each thread has a counter; counters are merged afterwards. Twin: none; tests/corpus compares the counts
// with collections.Counter over bytes.split().
//
// A chunk of a text is the bytes [start, stop) of its file. A word belongs to the chunk in which it starts, also if it
// ends after the chunk; a line end belongs to the chunk in which it is. In the spool, a chunk is its n_tokens ids
// (int32), then its n_lines line ends (uint32: number of the chunk's tokens before the line end).
#include <algorithm>
#include <memory>
#include <vector>

#include "base/abi.hpp"
#include "text/file.hpp"
#include "text/merge.hpp"
#include "text/rows.hpp"
#include "text/scan.hpp"
#include "text/table.hpp"

namespace firth {

constexpr size_t STEP_BYTES = size_t(1) << 16;      // text scanned at once: with its tables of edges it fits in L2
constexpr size_t MAX_WORD_BYTES = size_t(1) << 20;  // longer words are refused, which bounds the memory
constexpr size_t BATCH = 32;                        // look-ups whose slots are prefetched

// The report of a call; native/text.py has the same order.
struct ChunkReport {
  int64_t n_tokens, n_lines, spool_offset;
  int64_t problem;         // a Problem
  int64_t problem_offset;  // bytes from the start of the text
  int64_t problem_byte;
};

enum Problem : int64_t { NO_PROBLEM = 0, INVALID_UTF8 = 1, NUL_BYTE = 2, WORD_TOO_LONG = 3, DAMAGED_ROWS = 4 };

constexpr int64_t MARK_BYTES = 3;

inline bool has_byte_order_mark(int file) {
  uint8_t mark[MARK_BYTES];
  return read_at(file, mark, sizeof mark, 0) == sizeof mark && mark[0] == 0xEF && mark[1] == 0xBB && mark[2] == 0xBF;
}

class Counter {
 public:
  Counter(int spool, bool validate)
      : spool_(spool),
        validate_(validate),
        buffer_(MAX_WORD_BYTES + STEP_BYTES + SCAN_BYTES + READ_SLACK),
        starts_(STEP_BYTES + SCAN_BYTES),  // each byte is a word if it is a row
        ends_(STEP_BYTES + SCAN_BYTES) {}

  void count_range(int file, int64_t start, int64_t stop, bool is_last, ChunkReport& report) {
    begin_text(start);
    int64_t at = start;
    if (start <= MARK_BYTES && has_byte_order_mark(file)) {
      at = stop < MARK_BYTES ? stop : MARK_BYTES;  // the mark is not text
      offset_ = at;
    } else if (start > 0) {
      uint8_t before;
      read_exactly_at(file, &before, 1, start - 1);
      open_ = foreign_ = !is_space(before);
    }
    while (at < stop) {
      check_stop();
      const size_t n = size_t(stop - at) < STEP_BYTES ? size_t(stop - at) : STEP_BYTES;
      read_exactly_at(file, buffer_.data() + carried_, n, at);
      scan_step(n, report);
      at += int64_t(n);
    }
    if (is_last) {
      end_text(report);
    } else if (open_ && !foreign_) {
      close_word_behind(file, stop, report);
    }
    flush(report);
  }

  void begin_text(int64_t offset) {
    offset_ = offset;
    carried_ = 0;
    open_ = foreign_ = has_text_ = false;
    last_byte_ = '\n';
  }

  void feed(const uint8_t* bytes, size_t size, ChunkReport& report) {
    for (size_t at = 0; at < size;) {
      check_stop();
      const size_t n = size - at < STEP_BYTES ? size - at : STEP_BYTES;
      std::memcpy(buffer_.data() + carried_, bytes + at, n);
      scan_step(n, report);
      at += n;
    }
  }

  // Counts the rows of a column as lines. Rows that follow each other in memory are copied in steps, and a row end ends
  // a word and a line; other rows are copied one by one, each with a line end.
  void feed_rows(const StringColumn& column, ChunkReport& report) {
    bool is_done = false;
    if (column.indices == nullptr && column.valid == nullptr) {
      if (column.offset_bytes == 4) is_done = scan_rows<int32_t>(column, report);
      if (column.offset_bytes == 8) is_done = scan_rows<int64_t>(column, report);
    }
    if (!is_done) copy_rows(column, report);
  }

  // Counts rows that follow each other; false, and nothing is done, if an offset is outside the data.
  template <typename Offset>
  bool scan_rows(const StringColumn& column, ChunkReport& report) {
    const Offset* offsets = static_cast<const Offset*>(column.offsets) + column.first;
    const int64_t n_rows = column.n_rows;
    if (n_rows == 0 || offsets[0] < 0 || offsets[n_rows] > column.n_bytes) return false;
    for (int64_t row = 0; row < n_rows; ++row) {
      if (offsets[row + 1] < offsets[row]) return false;
    }
    const Offset *next = offsets + 1, *const last = offsets + 1 + n_rows;
    try {
      for (int64_t at = offsets[0]; at < offsets[n_rows];) {
        check_stop();
        const int64_t rest = offsets[n_rows] - at;
        const size_t n = size_t(rest < int64_t(STEP_BYTES) ? rest : int64_t(STEP_BYTES));
        std::memcpy(buffer_.data() + carried_, column.bytes + at, n);
        scan_rows_step(n, next, last, at, report);
        at += int64_t(n);
      }
      if (open_) count_word(0, carried_, report);
    } catch (const Failure&) {  // the offset is that in the lines, which have a line end after each row
      report.problem_offset += std::upper_bound(offsets + 1, last, offsets[0] + report.problem_offset) - (offsets + 1);
      throw;
    }
    for (; next < last; ++next) line_ends_.push_back(uint32_t(ids_.size()));
    carried_ = 0;
    open_ = false;
    return true;
  }

  // As scan_step, for n new bytes that are at `from` in the data. Only row ends end a line; a word ends there too.
  // `next` is the first row end that was not passed.
  template <typename Offset>
  void scan_rows_step(size_t n, const Offset*& next, const Offset* last, int64_t from, ChunkReport& report) {
    const size_t stop = carried_ + n;
    const int64_t base = from - int64_t(carried_);  // of buffer_[0] in the data
    uint32_t *starts = starts_.data(), *ends = ends_.data();
    uint64_t in_word = open_;
    if (open_) *starts++ = 0;
    const int64_t line_base = int64_t(ids_.size());
    for (size_t at = carried_; at < stop; at += SCAN_BYTES) {
      const size_t rest = stop - at;
      const uint64_t valid = rest >= SCAN_BYTES ? ~uint64_t(0) : (uint64_t(1) << rest) - 1;
      const int64_t block = base + int64_t(at), block_stop = block + int64_t(rest < SCAN_BYTES ? rest : SCAN_BYTES);
      const Offset* const first = next;
      uint64_t cuts = 0;  // bit i: a row ends before byte i
      for (; next < last && *next < block_stop; ++next) cuts |= uint64_t(1) << (*next - block);
      const uint64_t word = ~space_masks(buffer_.data() + at).space & valid, after_word = word << 1 | in_word;
      uint64_t start_bits = word & (~after_word | cuts), end_bits = (~word | cuts) & after_word & valid;
      for (const Offset* row = first; row < next; ++row) {
        const uint64_t bit = uint64_t(1) << (*row - block), up_to = bit | (bit - 1);
        line_ends_.push_back(uint32_t(line_base + (ends - ends_.data()) + __builtin_popcountll(end_bits & up_to)));
      }
      for (; start_bits != 0; start_bits &= start_bits - 1) *starts++ = uint32_t(at + __builtin_ctzll(start_bits));
      for (; end_bits != 0; end_bits &= end_bits - 1) *ends++ = uint32_t(at + __builtin_ctzll(end_bits));
      in_word = rest >= SCAN_BYTES ? word >> 63 : word >> (rest - 1) & 1;
    }
    open_ = in_word != 0;
    count_words(starts_.data(), ends_.data(), size_t(ends - ends_.data()), report);
    carry(open_ ? size_t(starts[-1]) : stop, stop, report);
  }

  void copy_rows(const StringColumn& column, ChunkReport& report) {
    size_t filled = 0;
    const auto step = [&] {
      check_stop();
      scan_step(filled, report);
      filled = 0;
    };
    const bool is_whole = take_rows(column, [&](const RowBytes& row) {
      const uint8_t* from = row.begin;
      for (size_t rest = size_t(row.length); rest > 0;) {
        const size_t n = rest < STEP_BYTES - filled ? rest : STEP_BYTES - filled;
        copy_row(buffer_.data() + carried_ + filled, from, n);
        from += n;
        rest -= n;
        filled += n;
        if (filled == STEP_BYTES) step();
      }
      buffer_.data()[carried_ + filled++] = '\n';
      if (filled == STEP_BYTES) step();
    });
    if (!is_whole) fail(DAMAGED_ROWS, 0, 0, report);
    step();
  }

  // The end of a text ends its last word, and its last line unless the text ends with a line end.
  void end_text(ChunkReport& report) {
    if (open_ && !foreign_) count_word(0, carried_, report);
    if (has_text_ && last_byte_ != '\n') line_ends_.push_back(uint32_t(ids_.size()));
    open_ = foreign_ = false;
    carried_ = 0;
  }

  void flush(ChunkReport& report) {
    report.n_tokens = int64_t(ids_.size());
    report.n_lines = int64_t(line_ends_.size());
    report.spool_offset = spool_size_;
    write_at(spool_, ids_.data(), ids_.size() * 4, spool_size_);
    spool_size_ += int64_t(ids_.size()) * 4;
    write_at(spool_, line_ends_.data(), line_ends_.size() * 4, spool_size_);
    spool_size_ += int64_t(line_ends_.size()) * 4;
    ids_.clear();
    line_ends_.clear();
  }

  WordTable& table() { return table_; }

  void release_buffers() {
    buffer_ = Pages<uint8_t>();
    starts_ = Pages<uint32_t>();
    ends_ = Pages<uint32_t>();
    std::vector<int32_t>().swap(ids_);
    std::vector<uint32_t>().swap(line_ends_);
  }

 private:
  // Scans n new bytes. In the buffer they follow the bytes of the open word, if there is one.
  void scan_step(size_t n, ChunkReport& report) {
    const size_t stop = carried_ + n;
    if (n == 0) return;
    has_text_ = true;
    last_byte_ = buffer_[stop - 1];
    uint32_t *starts = starts_.data(), *ends = ends_.data();
    uint64_t in_word = open_;
    if (open_ && !foreign_) *starts++ = 0;
    const int64_t line_base = int64_t(ids_.size()) - int64_t(foreign_);
    for (size_t at = carried_; at < stop; at += SCAN_BYTES) {
      const size_t rest = stop - at;
      const uint64_t valid = rest >= SCAN_BYTES ? ~uint64_t(0) : (uint64_t(1) << rest) - 1;
      const SpaceMasks masks = space_masks(buffer_.data() + at);
      const uint64_t word = ~masks.space & valid, after_word = word << 1 | in_word;
      uint64_t start_bits = word & ~after_word, end_bits = ~word & after_word & valid;
      for (uint64_t newlines = masks.newline & valid; newlines != 0; newlines &= newlines - 1) {
        const uint64_t up_to = (newlines & -newlines) | ((newlines & -newlines) - 1);
        line_ends_.push_back(uint32_t(line_base + (ends - ends_.data()) + __builtin_popcountll(end_bits & up_to)));
      }
      for (; start_bits != 0; start_bits &= start_bits - 1) *starts++ = uint32_t(at + __builtin_ctzll(start_bits));
      for (; end_bits != 0; end_bits &= end_bits - 1) *ends++ = uint32_t(at + __builtin_ctzll(end_bits));
      in_word = rest >= SCAN_BYTES ? word >> 63 : word >> (rest - 1) & 1;
    }
    open_ = in_word != 0;
    const uint32_t* first_end = ends_.data();
    if (foreign_ && ends != first_end) {  // the end of a word that began in the previous chunk
      ++first_end;
      foreign_ = false;
    }
    count_words(starts_.data(), first_end, size_t(ends - first_end), report);
    carry(open_ && !foreign_ ? size_t(starts[-1]) : stop, stop, report);
  }

  void carry(size_t from, size_t stop, ChunkReport& report) {
    carried_ = stop - from;
    if (carried_ > MAX_WORD_BYTES) fail(WORD_TOO_LONG, from, 0, report);
    if (from != 0) std::memmove(buffer_.data(), buffer_.data() + from, carried_);
    offset_ += int64_t(from);
  }

  void close_word_behind(int file, int64_t at, ChunkReport& report) {
    constexpr size_t LOOK_BYTES = 256;
    for (;;) {
      uint8_t* behind = buffer_.data() + carried_;
      const size_t n = read_at(file, behind, LOOK_BYTES, at);
      size_t length = 0;
      while (length < n && !is_space(behind[length])) ++length;
      carried_ += length;
      if (carried_ > MAX_WORD_BYTES) fail(WORD_TOO_LONG, 0, 0, report);
      if (length < LOOK_BYTES) break;
      at += int64_t(length);
    }
    count_word(0, carried_, report);
    open_ = false;
    carried_ = 0;
  }

  void count_words(const uint32_t* starts, const uint32_t* ends, size_t n_words, ChunkReport& report) {
    const size_t first = ids_.size();
    ids_.resize(first + n_words);
    int32_t* ids = ids_.data() + first;
    WordKey keys[BATCH];
    for (size_t base = 0; base < n_words; base += BATCH) {
      const size_t n = n_words - base < BATCH ? n_words - base : BATCH;
      for (size_t i = 0; i < n; ++i) {
        keys[i] = make_key(buffer_.data() + starts[base + i], ends[base + i] - starts[base + i]);
        table_.prefetch(keys[i]);
      }
      for (size_t i = 0; i < n; ++i) {
        ids[base + i] = count_key(keys[i], starts[base + i], ends[base + i] - starts[base + i], report);
      }
    }
  }

  void count_word(size_t start, size_t length, ChunkReport& report) {
    ids_.push_back(count_key(make_key(buffer_.data() + start, length), start, length, report));
  }

  int32_t count_key(const WordKey& key, size_t start, size_t length, ChunkReport& report) {
    const uint8_t* word = buffer_.data() + start;
    WordTable::Slot* slot = &table_.find(word, length, key);
    if (__builtin_expect(slot->word_id_plus_1 == 0, 0)) {
      check_new_word(start, length, report);
      table_.insert(*slot, word, length, key);
      slot = &table_.find(word, length, key);
    }
    ++slot->count;
    return int32_t(slot->word_id_plus_1 - 1);
  }

  // A text is valid if all its words are valid. Only new words are checked, because known words are valid.
  void check_new_word(size_t start, size_t length, ChunkReport& report) {
    const uint8_t* word = buffer_.data() + start;
    const void* nul = std::memchr(word, 0, length);
    if (nul != nullptr) fail(NUL_BYTE, size_t(static_cast<const uint8_t*>(nul) - buffer_.data()), 0, report);
    if (length > MAX_WORD_BYTES) fail(WORD_TOO_LONG, start, 0, report);
    if (!validate_) return;
    const int64_t invalid = find_invalid_utf8(word, length);
    if (invalid >= 0) fail(INVALID_UTF8, start + size_t(invalid), word[invalid], report);
  }

  [[noreturn]] void fail(Problem problem, size_t position, uint8_t byte, ChunkReport& report) {
    report.problem = problem;
    report.problem_offset = offset_ + int64_t(position);
    report.problem_byte = byte;
    throw Failure(problem == INVALID_UTF8 ? ERROR_ENCODING : ERROR_FORMAT, "the text cannot be read");
  }

  int spool_;
  bool validate_;
  WordTable table_;
  Pages<uint8_t> buffer_;  // the bytes of the open word, then the bytes to scan
  Pages<uint32_t> starts_, ends_;
  std::vector<int32_t> ids_;
  std::vector<uint32_t> line_ends_;
  int64_t spool_size_ = 0;
  int64_t offset_ = 0;    // offset of buffer_[0] in the text
  size_t carried_ = 0;    // number of bytes of the open word
  bool open_ = false;     // whether the bytes up to now end inside a word, the open word
  bool foreign_ = false;  // whether the open word began in the previous chunk, where it is counted
  bool has_text_ = false;
  uint8_t last_byte_ = '\n';
};

}  // namespace firth

using firth::ChunkReport;
using firth::Counter;

FIRTH_API int64_t firth_text_counter_new(int32_t spool, int32_t validate, void** counter) {
  return firth::guard([&]() -> int64_t {
    *counter = new Counter(spool, validate != 0);
    return firth::OK;
  });
}

FIRTH_API void firth_text_counter_free(void* counter) { delete static_cast<Counter*>(counter); }

FIRTH_API int64_t firth_text_count_range(void* counter, int32_t file, int64_t start, int64_t stop, int32_t is_last,
                                         ChunkReport* report) {
  return firth::guard([&]() -> int64_t {
    static_cast<Counter*>(counter)->count_range(file, start, stop, is_last != 0, *report);
    return firth::OK;
  });
}

FIRTH_API int64_t firth_text_begin(void* counter) {
  return firth::guard([&]() -> int64_t {
    static_cast<Counter*>(counter)->begin_text(0);
    return firth::OK;
  });
}

// Counts one block of a stream; the bytes read up to now are one chunk. `is_last`: the text ends with these bytes.
FIRTH_API int64_t firth_text_feed(void* counter, const uint8_t* bytes, int64_t size, int32_t is_last,
                                  ChunkReport* report) {
  return firth::guard([&]() -> int64_t {
    Counter& counting = *static_cast<Counter*>(counter);
    counting.feed(bytes, size_t(size), *report);
    if (is_last != 0) counting.end_text(*report);
    counting.flush(*report);
    return firth::OK;
  });
}

// Counts the rows of an Arrow column of strings (rows.hpp) as the lines of a text of its own.
FIRTH_API int64_t firth_text_feed_rows(void* counter, const firth::StringColumn* column, ChunkReport* report) {
  return firth::guard([&]() -> int64_t {
    Counter& counting = *static_cast<Counter*>(counter);
    counting.begin_text(0);
    counting.feed_rows(*column, *report);
    counting.end_text(*report);
    counting.flush(*report);
    return firth::OK;
  });
}

// Ends the reading; only the words are kept. Writes the number of words and of their bytes.
FIRTH_API int64_t firth_text_finish(void* counter, int64_t* n_words, int64_t* n_bytes) {
  return firth::guard([&]() -> int64_t {
    Counter& counting = *static_cast<Counter*>(counter);
    counting.release_buffers();
    *n_words = int64_t(counting.table().n_words());
    *n_bytes = counting.table().n_bytes();
    return firth::OK;
  });
}

// Makes a merge of the words of finished counters into one list (merge.hpp), for several threads. The counters and the
// arrays must outlive it. It frees only the words of the counters.
FIRTH_API int64_t firth_text_merge_new(void* const* counters, int64_t n_counters, int32_t* const* maps, uint8_t* bytes,
                                       int64_t* offsets, int64_t* counts, void** merge) {
  return firth::guard([&]() -> int64_t {
    std::vector<firth::WordTable*> tables;
    for (int64_t t = 0; t < n_counters; ++t) tables.push_back(&static_cast<Counter*>(counters[t])->table());
    *merge = new firth::WordMerge(std::move(tables), maps, bytes, offsets, counts);
    return firth::OK;
  });
}

FIRTH_API void firth_text_merge_free(void* merge) { delete static_cast<firth::WordMerge*>(merge); }

// Merges parts until none is left.
FIRTH_API int64_t firth_text_merge_work(void* merge) {
  return firth::guard([&]() -> int64_t {
    static_cast<firth::WordMerge*>(merge)->work();
    return firth::OK;
  });
}

// Call it after all threads have merged: the number of distinct words and of their bytes.
FIRTH_API int64_t firth_text_merge_sizes(const void* merge, int64_t* n_words, int64_t* n_bytes) {
  return firth::guard([&]() -> int64_t {
    *n_words = static_cast<const firth::WordMerge*>(merge)->n_words();
    *n_bytes = static_cast<const firth::WordMerge*>(merge)->n_bytes();
    return firth::OK;
  });
}
