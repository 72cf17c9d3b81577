// Room native: sorts a vocabulary by falling count, ties by bytes (for UTF-8 the order of code points); concatenates
// chosen words.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/abi.hpp"
#include "text/pages.hpp"
#include "text/table.hpp"

namespace firth {
namespace {

constexpr uint32_t PREFIX_BYTES = 8;

// A word to be sorted. Words with the same first `depth` bytes are compared by the next 8 bytes, read as one number. So
// the bytes of a word, which may be anywhere in memory, are read once for every 8 bytes.
struct Entry {
  int64_t count;
  uint64_t prefix;  // the 8 bytes from `depth` on, the first byte highest, with zeros after the word's end
  uint32_t word_id;
  uint32_t n_bytes;  // number of bytes of the word from `depth` on; PREFIX_BYTES + 1 if more than PREFIX_BYTES

  bool is_equal_so_far(const Entry& other) const {
    return count == other.count && prefix == other.prefix && n_bytes == other.n_bytes;
  }
};

class Ranking {
 public:
  Ranking(const uint8_t* bytes, const int64_t* offsets) : bytes_(bytes), offsets_(offsets) {}

  void rank(const int64_t* counts, int64_t n, int64_t* word_ids) {
    std::vector<Entry> entries(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      if (i % LOOK_EVERY == 0) check_stop();
      Entry& entry = entries[size_t(i)];
      entry.count = counts[word_ids[i]];
      entry.word_id = uint32_t(word_ids[i]);
      read_prefix(entry, 0);
    }
    // A list and not recursion, because words may have a common prefix of a million bytes.
    runs_.push_back({entries.data(), entries.data() + n, 0});
    while (!runs_.empty()) {
      const Run run = runs_.back();
      runs_.pop_back();
      sort_run(run);
    }
    for (int64_t i = 0; i < n; ++i) word_ids[i] = entries[size_t(i)].word_id;
  }

 private:
  static constexpr int64_t LOOK_EVERY = 1 << 18;
  static constexpr int64_t LONG_RUN = 1 << 12;

  struct Run {
    Entry *first, *last;
    int64_t depth;
  };

  void read_prefix(Entry& entry, int64_t depth) const {
    const int64_t start = offsets_[entry.word_id] + depth, rest = offsets_[entry.word_id + 1] - start;
    uint8_t first[PREFIX_BYTES] = {};
    std::memcpy(first, bytes_ + start, size_t(std::min<int64_t>(rest, PREFIX_BYTES)));
    entry.prefix = 0;
    for (const uint8_t byte : first) entry.prefix = entry.prefix << 8 | byte;
    entry.n_bytes = uint32_t(std::min<int64_t>(rest, PREFIX_BYTES + 1));
  }

  void sort_run(const Run& run) {
    if (run.last - run.first >= LONG_RUN) {
      sort_by_bytes(run);
    } else {
      sort_by_comparing(run);
    }
    for (Entry* entry = run.first; entry < run.last;) {
      Entry* const first = entry++;
      while (entry < run.last && entry->is_equal_so_far(*first)) ++entry;
      if (entry - first < 2 || first->n_bytes <= PREFIX_BYTES) continue;
      for (Entry* longer = first; longer < entry; ++longer) read_prefix(*longer, run.depth + PREFIX_BYTES);
      runs_.push_back({first, entry, run.depth + PREFIX_BYTES});
    }
  }

  void sort_by_comparing(const Run& run) {
    std::sort(run.first, run.last, [this](const Entry& a, const Entry& b) {
      if (++n_compared_ % LOOK_EVERY == 0) check_stop();
      if (a.count != b.count) return a.count > b.count;
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      if (a.n_bytes != b.n_bytes) return a.n_bytes < b.n_bytes;
      return a.word_id < b.word_id;
    });
  }

  // Sorts a long run by radix sort, from the lowest byte of the key to the highest. Comparing millions of words would
  // take three times as long.
  void sort_by_bytes(const Run& run) {
    const size_t n = size_t(run.last - run.first);
    if (other_.size() < n) other_.resize(n);
    Entry *from = run.first, *to = other_.data();
    const auto pass = [&](auto&& byte_of) {
      check_stop();
      size_t starts[257] = {};
      for (size_t i = 0; i < n; ++i) ++starts[byte_of(from[i]) + 1];
      if (starts[byte_of(from[0]) + 1] == n) return;  // all have the same byte
      for (int value = 1; value < 256; ++value) starts[value + 1] += starts[value];
      for (size_t i = 0; i < n; ++i) to[starts[byte_of(from[i])]++] = from[i];
      std::swap(from, to);
    };
    pass([](const Entry& entry) { return uint8_t(entry.n_bytes); });
    for (int shift = 0; shift < 64; shift += 8)
      pass([shift](const Entry& entry) { return uint8_t(entry.prefix >> shift); });
    for (int shift = 0; shift < 64; shift += 8)  // counts are not negative; the largest count is first
      pass([shift](const Entry& entry) { return uint8_t(~(uint64_t(entry.count) >> shift)); });
    if (from != run.first) std::copy_n(from, n, run.first);
  }

  const uint8_t* const bytes_;
  const int64_t* const offsets_;
  std::vector<Run> runs_;     // runs to sort; the words of a run are equal up to its depth
  std::vector<Entry> other_;  // output of a pass
  int64_t n_compared_ = 0;
};

// Finds a word that is equal to an earlier word.
class RepeatFinder {
 public:
  RepeatFinder(const uint8_t* bytes, const int64_t* offsets, int64_t n_words)
      : bytes_(bytes), offsets_(offsets), n_words_(n_words) {}

  // The number of such a word; n_words if all words differ.
  int64_t find() const {
    size_t n_places = 64;
    while (n_places < 2 * size_t(n_words_)) n_places *= 2;
    Pages<uint64_t> places(n_places);  // 0: free; else 32 bits of the hash and the word's number + 1
    size_t n_probes = 0;
    for (int64_t base = 0; base < n_words_; base += BATCH) {
      check_stop();
      const int64_t n = std::min(BATCH, n_words_ - base);
      uint64_t hashes[BATCH];
      for (int64_t k = 0; k < n; ++k) {
        hashes[k] = hash_of(base + k);
        __builtin_prefetch(&places[hashes[k] & (n_places - 1)], 1);
      }
      for (int64_t k = 0; k < n; ++k) {
        const uint64_t mark = hashes[k] >> 32 << 32;
        size_t at = hashes[k] & (n_places - 1);
        for (; places[at] != 0; at = (at + 1) & (n_places - 1)) {
          if (places[at] >> 32 << 32 == mark && is_equal(int64_t(uint32_t(places[at])) - 1, base + k)) return base + k;
          ++n_probes;
        }
        places[at] = mark | uint64_t(base + k + 1);
      }
      // Too many equal hashes, perhaps by an attacker's choice of words; sorting does not depend on hashes.
      if (n_probes > MOST_PROBES * size_t(base + n)) return find_by_sorting();
    }
    return n_words_;
  }

 private:
  static constexpr int64_t BATCH = 32;
  static constexpr size_t MOST_PROBES = 64;  // for a word; the table is at most half full, so 1.5 probes are usual

  uint64_t hash_of(int64_t number) const {
    const uint8_t* word = bytes_ + offsets_[number];
    const size_t length = size_t(offsets_[number + 1] - offsets_[number]);
    uint8_t padded[INLINE_BYTES + READ_SLACK] = {};
    if (length <= INLINE_BYTES && offsets_[n_words_] - offsets_[number] < int64_t(sizeof padded)) {
      if (length != 0) std::memcpy(padded, word, length);
      word = padded;
    }
    return make_key(word, length).hash;
  }

  bool is_equal(int64_t a, int64_t b) const {
    const int64_t length = offsets_[a + 1] - offsets_[a];
    return length == offsets_[b + 1] - offsets_[b] &&
           std::memcmp(bytes_ + offsets_[a], bytes_ + offsets_[b], size_t(length)) == 0;
  }

  int64_t find_by_sorting() const {
    const std::vector<int64_t> counts(size_t(n_words_), 0);
    std::vector<int64_t> ranked(static_cast<size_t>(n_words_));
    for (int64_t i = 0; i < n_words_; ++i) ranked[size_t(i)] = i;
    Ranking(bytes_, offsets_).rank(counts.data(), n_words_, ranked.data());
    for (size_t i = 1; i < ranked.size(); ++i)
      if (is_equal(ranked[i - 1], ranked[i])) return std::max(ranked[i - 1], ranked[i]);
    return n_words_;
  }

  const uint8_t* const bytes_;
  const int64_t* const offsets_;
  const int64_t n_words_;
};

}  // namespace
}  // namespace firth

// The number of a word that is equal to an earlier word, or n if all words differ; n is below 2^31.
FIRTH_API int64_t firth_text_find_repeated(const uint8_t* bytes, const int64_t* offsets, int64_t n) {
  return firth::guard([&]() -> int64_t { return firth::RepeatFinder(bytes, offsets, n).find(); });
}

// Sorts word ids, which are below 2^31, by falling count, ties by the bytes of the word.
FIRTH_API int64_t firth_text_rank(const uint8_t* bytes, const int64_t* offsets, const int64_t* counts, int64_t n,
                                  int64_t* word_ids) {
  return firth::guard([&]() -> int64_t {
    firth::Ranking(bytes, offsets).rank(counts, n, word_ids);
    return firth::OK;
  });
}

// Concatenates chosen words. Each word is followed by `separator`, unless that is negative. Word k begins at
// joined_offsets[k] (n + 1); the offsets include separators. Returns the number of bytes written.
FIRTH_API int64_t firth_text_join(const uint8_t* bytes, const int64_t* offsets, const int64_t* word_ids, int64_t n,
                                  int32_t separator, uint8_t* joined, int64_t* joined_offsets) {
  return firth::guard([&]() -> int64_t {
    constexpr int64_t AHEAD = 16, LOOK_EVERY = 1 << 16;
    uint8_t* to = joined;
    for (int64_t i = 0; i < n; ++i) {
      if (i % LOOK_EVERY == 0) firth::check_stop();
      if (i + 2 * AHEAD < n) __builtin_prefetch(offsets + word_ids[i + 2 * AHEAD]);
      if (i + AHEAD < n) __builtin_prefetch(bytes + offsets[word_ids[i + AHEAD]]);
      joined_offsets[i] = to - joined;
      const size_t length = size_t(offsets[word_ids[i] + 1] - offsets[word_ids[i]]);
      std::memcpy(to, bytes + offsets[word_ids[i]], length);
      to += length;
      if (separator >= 0) *to++ = uint8_t(separator);
    }
    joined_offsets[n] = to - joined;
    return joined_offsets[n];
  });
}
