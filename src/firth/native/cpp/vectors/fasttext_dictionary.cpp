// Room native: finds the entries of a fastText model's dictionary in its bytes, and copies the words into one buffer.
#include <algorithm>
#include <cstring>

#include "base/abi.hpp"

namespace firth {
namespace {

constexpr int64_t TAIL_BYTES = 9;  // int64 count, int8 type

enum Fault : int64_t { FAULT_NONE, FAULT_CUT, FAULT_KIND, FAULT_EMPTY };

}  // namespace
}  // namespace firth

// Finds n_entries entries (word, 0, count, type) from byte `at` on: words first, then labels. Entry i's word is
// data[starts[i] .. ends[i]). Report: fault, its entry, a byte offset (of the faulty entry; without fault, the end of
// the last entry), the type that was found, bytes of all words.
FIRTH_API int64_t firth_fasttext_scan(const char* data, int64_t n_bytes, int64_t at, int64_t n_entries, int64_t n_words,
                                      int64_t max_word_bytes, int64_t* starts, int64_t* ends, int64_t* counts,
                                      int64_t* report) {
  return firth::guard([&]() -> int64_t {
    int64_t total = 0;
    const auto tell = [&](int64_t fault, int64_t row, int64_t kind) {
      report[0] = fault, report[1] = row, report[2] = at, report[3] = kind, report[4] = total;
      return firth::OK;
    };
    for (int64_t row = 0; row < n_entries; ++row) {
      if (row % 4096 == 0) firth::check_stop();
      const int64_t room = std::min(n_bytes - at, max_word_bytes + 1);
      const void* found = room > 0 ? std::memchr(data + at, 0, static_cast<size_t>(room)) : nullptr;
      if (!found) return tell(firth::FAULT_CUT, row, 0);
      const int64_t end = static_cast<const char*>(found) - data;
      if (end + 1 + firth::TAIL_BYTES > n_bytes) return tell(firth::FAULT_CUT, row, 0);
      const int64_t kind = static_cast<signed char>(data[end + 9]);
      if (kind != (row < n_words ? 0 : 1)) return tell(firth::FAULT_KIND, row, kind);
      if (end == at) return tell(firth::FAULT_EMPTY, row, 0);
      starts[row] = at;
      ends[row] = end;
      std::memcpy(counts + row, data + end + 1, sizeof(int64_t));
      total += end - at;
      at = end + 1 + firth::TAIL_BYTES;
    }
    return tell(firth::FAULT_NONE, n_entries, 0);
  });
}

// Copies the words that the scan found into `words`, without gaps, and writes their n + 1 offsets.
FIRTH_API int64_t firth_fasttext_gather(const char* data, const int64_t* starts, const int64_t* ends, int64_t n_entries,
                                        char* words, int64_t* offsets) {
  return firth::guard([&]() -> int64_t {
    int64_t to = offsets[0] = 0;
    for (int64_t row = 0; row < n_entries; ++row) {
      if (row % 4096 == 0) firth::check_stop();
      const int64_t size = ends[row] - starts[row];
      std::memcpy(words + to, data + starts[row], static_cast<size_t>(size));
      offsets[row + 1] = to += size;
    }
    return firth::OK;
  });
}
