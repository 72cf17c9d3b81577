// Room native: the table that counts words: open addressing, one slot of half a cache line for each distinct word, the
// word itself inside the slot when it has at most 16 bytes (98 of 100 tokens of English), else in an arena. Ids are
// given in the order of first sight; the ids that training uses are given later, by count.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "abi.hpp"
#include "text_pages.hpp"

namespace firth {

constexpr size_t INLINE_BYTES = 16;
constexpr size_t READ_SLACK = 16;  // bytes after a word that may be read, and are ignored

// A word made ready to be looked up. Of a word of at most 16 bytes the key is its bytes, padded with zeros; of a longer
// one its hash and a second hash. The length keeps "a" and "a\0" apart.
struct WordKey {
  uint64_t low, high, hash;
};

inline uint64_t mix(uint64_t a, uint64_t b) {  // the 128-bit product folded, as in wyhash
  const unsigned __int128 product = (unsigned __int128)a * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

constexpr uint64_t HASH_A = 0x9E3779B97F4A7C15u, HASH_B = 0xD6E8FEB86659FD93u, HASH_C = 0xA0761D6478BD642Fu;

struct InlineMasks {
  uint64_t low[INLINE_BYTES + 1], high[INLINE_BYTES + 1];
  constexpr InlineMasks() : low(), high() {
    for (size_t length = 0; length <= INLINE_BYTES; ++length) {
      low[length] = length >= 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * length)) - 1;
      high[length] = length >= 16 ? ~uint64_t(0) : length <= 8 ? 0 : (uint64_t(1) << (8 * (length - 8))) - 1;
    }
  }
};

inline constexpr InlineMasks INLINE_MASKS;

inline uint64_t read_word(const uint8_t* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline WordKey make_key(const uint8_t* word, size_t length) {
  WordKey key;
  if (__builtin_expect(length <= INLINE_BYTES, 1)) {
    key.low = read_word(word) & INLINE_MASKS.low[length];
    key.high = read_word(word + 8) & INLINE_MASKS.high[length];
  } else {
    uint64_t first = HASH_A, second = HASH_B;
    size_t at = 0;
    for (; at + 16 < length; at += 16) {
      first = mix(first ^ read_word(word + at), HASH_C);
      second = mix(second ^ read_word(word + at + 8), HASH_A);
    }
    key.low = mix(first ^ read_word(word + length - 16), HASH_B);  // the last 16 bytes, some of them again
    key.high = mix(second ^ read_word(word + length - 8), HASH_C);
  }
  key.hash = mix(key.low ^ HASH_A, key.high ^ HASH_B ^ (uint64_t(length) << 56));
  return key;
}

class WordTable {
 public:
  struct Slot {
    uint64_t low, high;
    uint32_t word_id_plus_1;  // 0: empty
    uint32_t length;
    int64_t count;
  };
  static_assert(sizeof(Slot) == 32, "two slots a cache line");

  explicit WordTable(size_t n_slots = size_t(1) << 14) : slots_(n_slots), mask_(n_slots - 1) {}

  void prefetch(const WordKey& key) const { __builtin_prefetch(&slots_[key.hash & mask_], 1); }

  // The slot of a word, or the empty slot where it belongs.
  Slot& find(const uint8_t* word, size_t length, const WordKey& key) {
    for (size_t position = key.hash & mask_;; position = (position + 1) & mask_) {
      Slot& slot = slots_[position];
      if (slot.low == key.low && slot.high == key.high && slot.length == length && slot.word_id_plus_1 != 0) {
        if (__builtin_expect(length <= INLINE_BYTES, 1)) return slot;
        if (std::memcmp(arena_.data() + arena_offsets_[slot.word_id_plus_1 - 1], word, length) == 0) return slot;
      }
      if (slot.word_id_plus_1 == 0) return slot;
    }
  }

  // Gives the word of an empty slot the next id, with a count of 0. The reference to the slot is dead afterwards.
  uint32_t insert(Slot& slot, const uint8_t* word, size_t length, const WordKey& key) {
    if (n_words_ >= MAX_WORDS) throw Failure(ERROR_ARGUMENT, "more than 2^31 - 2 distinct words");
    const uint32_t word_id = uint32_t(n_words_);
    if (length > INLINE_BYTES) {
      arena_offsets_.push_back(arena_.size());
      arena_.insert(arena_.end(), word, word + length);
    } else {
      arena_offsets_.push_back(0);
    }
    slot.low = key.low;
    slot.high = key.high;
    slot.length = uint32_t(length);
    slot.word_id_plus_1 = word_id + 1;
    slot.count = 0;
    ++n_words_;
    n_bytes_ += int64_t(length);
    if (n_words_ * 10 > slots_.size() * 7) grow();
    return word_id;
  }

  // The id of a word, which is put into the table when it is new; `count` is added to its count.
  uint32_t add(const uint8_t* word, size_t length, int64_t count) {
    const WordKey key = make_key(word, length);
    Slot* slot = &find(word, length, key);
    if (slot->word_id_plus_1 == 0) {
      insert(*slot, word, length, key);
      slot = &find(word, length, key);
    }
    slot->count += count;
    return slot->word_id_plus_1 - 1;
  }

  size_t n_words() const { return n_words_; }
  int64_t n_bytes() const { return n_bytes_; }
  size_t memory_bytes() const {
    return slots_.size() * sizeof(Slot) + arena_.capacity() + arena_offsets_.capacity() * 8;
  }

  // Calls visit(word_id, bytes, length, count) for each word, in no order. `bytes` has READ_SLACK readable bytes after
  // it.
  template <class Visit>
  void each(Visit&& visit) const {
    uint8_t inlined[INLINE_BYTES + READ_SLACK] = {};
    std::vector<uint8_t> longer;
    for (size_t position = 0; position < slots_.size(); ++position) {
      const Slot& slot = slots_[position];
      if (slot.word_id_plus_1 == 0) continue;
      const uint32_t word_id = slot.word_id_plus_1 - 1;
      if (slot.length <= INLINE_BYTES) {
        std::memcpy(inlined, &slot.low, 8);
        std::memcpy(inlined + 8, &slot.high, 8);
        visit(word_id, static_cast<const uint8_t*>(inlined), size_t(slot.length), slot.count);
      } else {
        longer.assign(slot.length + READ_SLACK, 0);
        std::memcpy(longer.data(), arena_.data() + arena_offsets_[word_id], slot.length);
        visit(word_id, static_cast<const uint8_t*>(longer.data()), size_t(slot.length), slot.count);
      }
    }
  }

 private:
  static constexpr size_t MAX_WORDS = (size_t(1) << 31) - 2;

  void grow() {
    Pages<Slot> larger(slots_.size() * 2);
    const size_t mask = larger.size() - 1;
    for (size_t position = 0; position < slots_.size(); ++position) {
      const Slot& slot = slots_[position];
      if (slot.word_id_plus_1 == 0) continue;
      size_t to = mix(slot.low ^ HASH_A, slot.high ^ HASH_B ^ (uint64_t(slot.length) << 56)) & mask;
      while (larger[to].word_id_plus_1 != 0) to = (to + 1) & mask;
      larger[to] = slot;
    }
    slots_.swap(larger);
    mask_ = mask;
  }

  Pages<Slot> slots_;
  size_t mask_;
  size_t n_words_ = 0;
  int64_t n_bytes_ = 0;
  std::vector<uint8_t> arena_;           // the bytes of words of more than 16 bytes
  std::vector<uint64_t> arena_offsets_;  // by word id; 0 for words inside their slot
};

}  // namespace firth
