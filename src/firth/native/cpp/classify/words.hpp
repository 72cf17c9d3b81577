// Room native: the words of a text, and the dictionary that finds them by their bytes.
//
// Words are found and looked up many at a time, with few branches: the lengths of words and whether a word is known
// cannot be predicted, and a branch that the processor predicts wrongly costs as much as a look-up.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "base/abi.hpp"
#include "base/simd.hpp"
#include "text/ngrams.hpp"

namespace firth {

constexpr int64_t SCAN_BYTES = 64;
// Texts are read so many bytes beyond their end; what is there does not matter.
constexpr int64_t READ_BEYOND = SCAN_BYTES;

// Bit k tells whether byte k of 64 is white space: a space, \t, \n, \v, \f, \r, or 0, as in fastText.
inline uint64_t white_bits(const char* bytes) {
  uint64_t bits = 0;
  for (int first = 0; first < SCAN_BYTES; first += VECTOR_BYTES) {
    U8 block;
    std::memcpy(&block, bytes + first, sizeof block);
    const U8 white = (U8)((block == 0) | (block == ' ') | (block - '\t' <= '\r' - '\t'));
    bits |= sign_bits(white) << first;
  }
  return bits;
}

struct KeyMasks {
  uint64_t low[17] = {}, high[17] = {};
  constexpr KeyMasks() {
    for (int n = 0; n <= 16; ++n) {
      low[n] = n < 8 ? (uint64_t(1) << 8 * n) - 1 : ~uint64_t(0);
      high[n] = n < 8 ? 0 : n < 16 ? (uint64_t(1) << 8 * (n - 8)) - 1 : ~uint64_t(0);
    }
  }
};
inline constexpr KeyMasks MASKS;

// What a word is looked up by. A word of at most 16 bytes is its own key; of a longer one, the key is a hash.
struct WordKey {
  static constexpr int64_t EXACT_BYTES = 16;
  uint64_t low, high;  // the bytes of a short word, then zeros
  uint64_t hash;

  // Reads 16 bytes, whatever the word's length is.
  FIRTH_INLINE void read(const char* word, int64_t n_bytes) {
    std::memcpy(&low, word, 8);
    std::memcpy(&high, word + 8, 8);
    if (n_bytes > EXACT_BYTES) {
      for (int64_t at = EXACT_BYTES; at < n_bytes; at += 8) {
        uint64_t bytes;
        std::memcpy(&bytes, word + std::min(at, n_bytes - 8), 8);
        low = (low ^ bytes) * FACTOR;
        high = (high + low) ^ low >> 32;
      }
    } else {
      low &= MASKS.low[n_bytes];
      high &= MASKS.high[n_bytes];
    }
    hash = (low ^ (high << 32 | high >> 32) * FACTOR) * FACTOR;
    hash ^= hash >> 32;
    hash *= FACTOR;
  }

  // Whether a word of so many bytes is </s>.
  bool is_end_of_sentence(int64_t n_bytes) const { return ((low ^ 0x3e732f3c) | high) == 0 && n_bytes == 4; }

  static constexpr uint64_t FACTOR = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio: Knuth, TAOCP 3, section 6.4
};

// The entries by their bytes: buckets of two, which are one cache line, on average half full. Where a bucket has no
// room, its next neighbour takes the entry.
class EntryTable {
 public:
  struct Listed {
    uint32_t first_row;  // the entry's rows are listed from here
    uint16_t n_rows;     // so many; 0 for labels
    bool needs_ngrams;   // only the entry's own row is listed, and its n-grams have rows
  };
  struct Entry {
    uint64_t low, high;
    uint32_t n_bytes;  // 0: the place is free
    int32_t id;
    Listed listed;
  };

  EntryTable(const char* entries, const int64_t* offsets) : entries_(entries), offsets_(offsets) {}

  // `list(id)` gives what is listed of an entry.
  template <class List>
  void fill(int64_t n_entries, List&& list) {
    int log = 3;
    while ((int64_t(1) << log) < n_entries) ++log;
    shift_ = 64 - log;
    buckets_.assign(size_t(1) << log, Bucket{});
    std::string padded;
    int32_t empty = -1;
    WordKey key;
    for (int32_t id = 0; id < n_entries; ++id) {
      if (id % 4096 == 0) check_stop();
      const int64_t n = offsets_[id + 1] - offsets_[id];
      padded.assign(entries_ + offsets_[id], size_t(n)).append(size_t(READ_BEYOND), '\0');
      key.read(padded.data(), n);
      const int32_t found = n > 0 ? find(key, padded.data(), n).id : empty;
      if (found >= 0)
        throw Failure(ERROR_FORMAT, "the dictionary must have each entry once, got entry " + std::to_string(found + 1) +
                                        " again as entry " + std::to_string(id + 1));
      if (n == 0)
        empty = id;
      else
        put(key, n, id, list(id));
    }
  }

  void prefetch(const WordKey& key) const { __builtin_prefetch(&buckets_[key.hash >> shift_]); }

  // The entry of a word; one with the id -1 where there is none. An entry without bytes is never found.
  FIRTH_INLINE const Entry& find(const WordKey& key, const char* word, int64_t n_bytes) const {
    uint64_t bucket = key.hash >> shift_;
    while (true) {
      const Entry* pair = buckets_[bucket].pair;
      const bool is_first = is(pair[0], key, n_bytes), is_second = is(pair[1], key, n_bytes);
      const uintptr_t chosen = reinterpret_cast<uintptr_t>(pair + is_second);  // by arithmetic: branches would cost
      const uintptr_t none = reinterpret_cast<uintptr_t>(&NONE), mask = uintptr_t(0) - (is_first | is_second);
      const Entry* found = reinterpret_cast<const Entry*>(none ^ ((none ^ chosen) & mask));
      if (n_bytes > WordKey::EXACT_BYTES) found = compare_long(pair, key, word, n_bytes);
      if (found != &NONE || pair[1].n_bytes == 0) return *found;
      bucket = (bucket + 1) & (buckets_.size() - 1);
    }
  }

 private:
  struct alignas(64) Bucket {
    Entry pair[2];
  };
  static inline const Entry NONE = {0, 0, 0, -1, {0, 0, true}};

  static bool is(const Entry& entry, const WordKey& key, int64_t n_bytes) {
    return ((entry.low ^ key.low) | (entry.high ^ key.high) | (entry.n_bytes ^ uint64_t(n_bytes))) == 0;
  }

  const Entry* compare_long(const Entry* pair, const WordKey& key, const char* word, int64_t n_bytes) const {
    for (const Entry* entry = pair; entry < pair + 2; ++entry)
      if (is(*entry, key, n_bytes) && std::memcmp(entries_ + offsets_[entry->id], word, size_t(n_bytes)) == 0)
        return entry;
    return &NONE;
  }

  void put(const WordKey& key, int64_t n_bytes, int32_t id, const Listed& listed) {
    const uint64_t mask = buckets_.size() - 1;
    uint64_t bucket = key.hash >> shift_;
    while (buckets_[bucket].pair[1].n_bytes) bucket = (bucket + 1) & mask;
    Entry* pair = buckets_[bucket].pair;
    pair[pair[0].n_bytes ? 1 : 0] = {key.low, key.high, uint32_t(n_bytes), id, listed};
  }

  const char* entries_;
  const int64_t* offsets_;
  std::vector<Bucket> buckets_;
  int shift_ = 0;
};

}  // namespace firth
