// Room native: the table that counts words, with open addressing. Each distinct word has a slot of half a cache line. A
// word of at most 16 bytes (98 of 100 tokens of English) is stored in the slot, a longer word in an arena. Ids are
// given in the order of first occurrence; the ids for training are given later, by count.
//
// The table has PARTS parts with separate slots. The first bits of a word's hash choose its part, the last bits its
// slot. Parts grow separately, so that memory never has the whole table twice. The same part of several tables has the
// same words, so that several threads can merge tables part by part (merge.hpp).
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/abi.hpp"
#include "text/pages.hpp"

namespace firth {

constexpr size_t INLINE_BYTES = 16;
constexpr int PART_BITS = 6;
constexpr size_t PARTS = size_t(1) << PART_BITS;
constexpr size_t ARENA_BLOCK = size_t(1) << 22;  // larger than any word (count.cpp)
constexpr size_t READ_SLACK = 16;                // bytes after a word that may be read and are ignored

// The key of a word. For a word of at most 16 bytes, low and high are its bytes, padded with zeros; for a longer word,
// low is a hash and high is 0. The length distinguishes "a" and "a\0".
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

inline uint64_t hash_key(uint64_t low, uint64_t high, size_t length) {
  return mix(low ^ HASH_A, high ^ HASH_B ^ (uint64_t(length) << 56));
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
    first = mix(first ^ read_word(word + length - 16), HASH_B);  // the last 16 bytes; some may be read twice
    second = mix(second ^ read_word(word + length - 8), HASH_C);
    key.low = mix(first ^ HASH_A, second ^ HASH_B);
    key.high = 0;
  }
  key.hash = hash_key(key.low, key.high, length);
  return key;
}

// The bytes of words that are too long for their slot. The bytes never move.
class WordArena {
 public:
  uint64_t add(const uint8_t* word, size_t length) {
    if (length > ARENA_BLOCK - used_ || blocks_.empty()) {
      blocks_.emplace_back(ARENA_BLOCK);
      used_ = 0;
    }
    const uint64_t place = (blocks_.size() - 1) * ARENA_BLOCK + used_;
    std::memcpy(blocks_.back().data() + used_, word, length);
    used_ += length;
    return place;
  }
  const uint8_t* at(uint64_t place) const { return blocks_[place / ARENA_BLOCK].data() + place % ARENA_BLOCK; }

 private:
  std::vector<Pages<uint8_t>> blocks_;
  size_t used_ = 0;  // used bytes of the last block
};

class WordTable {
 public:
  struct Slot {
    uint64_t low, high;       // as in the key; for a longer word, high is its offset in the arena
    uint32_t word_id_plus_1;  // 0: empty
    uint32_t length;
    int64_t count;

    bool is_inline() const { return length <= INLINE_BYTES; }
    uint64_t hash() const { return hash_key(low, is_inline() ? high : 0, length); }
  };
  static_assert(sizeof(Slot) == 32, "two slots a cache line");

  struct Part {
    Pages<Slot> slots;
    size_t mask = 0, n_words = 0;
  };

  explicit WordTable(size_t n_slots = size_t(1) << 14) {
    for (Part& part : parts_) {
      part.slots = Pages<Slot>(n_slots / PARTS);
      part.mask = part.slots.size() - 1;
    }
  }

  void prefetch(const WordKey& key) const {
    const Part& part = parts_[part_of(key.hash)];
    __builtin_prefetch(&part.slots[key.hash & part.mask], 1);
  }

  // The slot of a word, or the empty slot for it.
  Slot& find(const uint8_t* word, size_t length, const WordKey& key) {
    Part& part = parts_[part_of(key.hash)];
    const bool is_inline = __builtin_expect(length <= INLINE_BYTES, 1);
    for (size_t position = key.hash & part.mask;; position = (position + 1) & part.mask) {
      Slot& slot = part.slots[position];
      if (slot.word_id_plus_1 == 0) return slot;
      if (slot.low != key.low || slot.length != length) continue;
      if (is_inline ? slot.high == key.high : std::memcmp(arena_.at(slot.high), word, length) == 0) return slot;
    }
  }

  // Gives the word of an empty slot the next id, with a count of 0. The reference to the slot becomes invalid.
  uint32_t insert(Slot& slot, const uint8_t* word, size_t length, const WordKey& key) {
    if (n_words_ >= MAX_WORDS) throw Failure(ERROR_ARGUMENT, "more than 2^31 - 2 distinct words");
    const uint32_t word_id = uint32_t(n_words_);
    const uint64_t high = length <= INLINE_BYTES ? key.high : arena_.add(word, length);
    slot = {key.low, high, word_id + 1, uint32_t(length), 0};
    ++n_words_;
    n_bytes_ += int64_t(length);
    Part& part = parts_[part_of(key.hash)];
    if (++part.n_words * 10 > part.slots.size() * 7) grow(part);
    return word_id;
  }

  size_t n_words() const { return n_words_; }
  int64_t n_bytes() const { return n_bytes_; }

  Part& part(size_t number) { return parts_[number]; }
  void release_part(size_t number) { parts_[number] = Part(); }

  // The bytes of the word of a slot.
  const uint8_t* bytes_of(const Slot& slot) const {
    return slot.is_inline() ? reinterpret_cast<const uint8_t*>(&slot) : arena_.at(slot.high);
  }

 private:
  static constexpr size_t MAX_WORDS = (size_t(1) << 31) - 2;

  static size_t part_of(uint64_t hash) { return size_t(hash >> (64 - PART_BITS)); }

  static void grow(Part& part) {
    Pages<Slot> larger(part.slots.size() * 2);
    const size_t mask = larger.size() - 1;
    for (size_t position = 0; position < part.slots.size(); ++position) {
      const Slot& slot = part.slots[position];
      if (slot.word_id_plus_1 == 0) continue;
      size_t to = slot.hash() & mask;
      while (larger[to].word_id_plus_1 != 0) to = (to + 1) & mask;
      larger[to] = slot;
    }
    part.slots.swap(larger);
    part.mask = mask;
  }

  Part parts_[PARTS];
  size_t n_words_ = 0;
  int64_t n_bytes_ = 0;
  WordArena arena_;
};

}  // namespace firth
