// Room native: the buckets of the character n-grams of several words, for many first characters side by side. What they
// are and their order say text/ngrams.hpp, whose each_ngram is the plain twin.
#pragma once

#include <algorithm>
#include <vector>

#include "classify/words.hpp"

namespace firth {

// Exact remainders of all lanes by a divisor that is known at run time. The quotient is the high half of a product,
// corrected by shifts. Granlund, Montgomery 1994, "Division by invariant integers using multiplication", figure 4.1.
class LaneDivisor {
 public:
  explicit LaneDivisor(uint32_t divisor) : divisor_(divisor) {
    int log = 0;
    while (log < 32 && (uint64_t(1) << log) < divisor) ++log;
    factor_ = uint32_t((((uint64_t(1) << log) - divisor) << 32) / divisor + 1);
    first_shift_ = std::min(log, 1);
    second_shift_ = std::max(log - 1, 0);
  }

  FIRTH_INLINE U32 remainders(U32 numbers) const {
    const U64 even = multiply_low_halves((U64)numbers, factor_) >> 32;
    const U64 odd = multiply_low_halves((U64)numbers >> 32, factor_) & 0xffffffff00000000u;
    const U32 high = (U32)(even | odd);
    const U32 quotients = (high + ((numbers - high) >> first_shift_)) >> second_shift_;
    return numbers - quotients * divisor_;
  }

 private:
  uint32_t divisor_, factor_;
  int first_shift_, second_shift_;
};

// The characters of words, one word's after the other's, and the buckets of the n-grams that begin at some of them.
class NgramLanes {
 public:
  static constexpr int64_t LANES = VECTOR_BYTES / int64_t(sizeof(uint32_t));
  static constexpr uint32_t BEGINS_WORD = uint32_t(1) << 31;

  void clear() {
    n_characters_ = 0;
    most_bytes_ = 1;
  }

  // Adds a word between < and >, of which n-grams have `longest` characters at most; `owner` is any number of the
  // word's. False where a character has more than four bytes, as in UTF-8 none
  // has: the word's n-grams then mean nothing.
  bool add_word(const char* word, int64_t n_bytes, const WordKey& key, int64_t longest, int32_t owner) {
    const size_t room = size_t(n_characters_ + n_bytes + longest + 4 * SHORT_BYTES);
    if (characters_.size() < room) {
      for (auto* array : {&characters_, &sizes_, &left_}) array->resize(2 * room);
      owners_.resize(2 * room);
    }
    const int64_t first = n_characters_;
    if (n_bytes > SHORT_BYTES || !add_short(key, n_bytes)) add_bytes(word, n_bytes);
    const int64_t n_added = n_characters_ - first;
    if (n_added <= 2 * SHORT_BYTES) {  // arrays of fixed length, which are vectors
      for (int64_t k = 0; k < 2 * SHORT_BYTES; ++k) left_[size_t(first + k)] = uint32_t(n_added - k);
      for (int64_t k = 0; k < 2 * SHORT_BYTES; ++k) owners_[size_t(first + k)] = owner;
    } else {
      for (int64_t k = 0; k < n_added; ++k) left_[size_t(first + k)] = uint32_t(n_added - k);
      std::fill_n(owners_.begin() + first, n_added, owner);
    }
    left_[size_t(first)] |= BEGINS_WORD;
    return most_bytes_ <= 4;
  }

  int64_t n_characters() const { return n_characters_; }
  int32_t owner(int64_t character) const { return owners_[size_t(character)]; }

  // Calls visit(buckets, exist) for each length, with first characters first .. first + LANES - 1: the buckets
  // of the n-grams of that length, and lanes whose highest bit is set where there is such an n-gram.
  template <class Visit>
  FIRTH_INLINE void each_length(int64_t first, int64_t shortest, int64_t longest, const LaneDivisor& divisor,
                                Visit&& visit) const {
    U32 hashes = U32{} + FNV_OFFSET, left, within;
    std::memcpy(&left, left_.data() + first, sizeof left);
    for (int64_t lane = 0; lane < LANES; ++lane) within[lane] = lane < n_characters_ - first ? ~uint32_t(0) : 0;
    const U32 begins = (U32)((I32)left >> 31);
    left &= ~BEGINS_WORD;
    for (int64_t length = 1; length <= longest; ++length) {
      U32 character, size;
      std::memcpy(&character, characters_.data() + first + length - 1, sizeof character);
      hashes = (hashes ^ byte_of(character, 0)) * FNV_PRIME;
      if (most_bytes_ > 1) {
        std::memcpy(&size, sizes_.data() + first + length - 1, sizeof size);
        for (uint32_t byte = 1; byte < most_bytes_; ++byte)
          hashes = size > byte ? (hashes ^ byte_of(character, int(byte))) * FNV_PRIME : hashes;
      }
      if (length < shortest) continue;
      U32 exist = (U32)(left >= uint32_t(length)) & within;
      if (length == 1) exist &= ~begins & (U32)(left != 1);  // < and > alone are no n-grams
      visit(divisor.remainders(hashes), exist);
    }
  }

 private:
  static constexpr int64_t SHORT_BYTES = WordKey::EXACT_BYTES;

  // A byte of each character, extended by its sign.
  static FIRTH_INLINE U32 byte_of(U32 characters, int byte) {
    return (U32)((I32)(characters << (24 - 8 * byte)) >> 24);
  }

  // Adds a short word of ASCII; false where it has another byte.
  FIRTH_INLINE bool add_short(const WordKey& key, int64_t n_bytes) {
    if ((key.low | key.high) & 0x8080808080808080u) return false;
    typedef uint8_t Bytes __attribute__((vector_size(SHORT_BYTES)));
    typedef uint32_t Numbers __attribute__((vector_size(SHORT_BYTES * sizeof(uint32_t))));
    Bytes bytes;
    std::memcpy(&bytes, &key, sizeof bytes);
    const Numbers numbers = __builtin_convertvector(bytes, Numbers);
    uint32_t *characters = characters_.data() + n_characters_, *sizes = sizes_.data() + n_characters_;
    characters[0] = '<';
    std::memcpy(characters + 1, &numbers, sizeof numbers);
    characters[n_bytes + 1] = '>';
    for (int64_t k = 0; k < 2 * SHORT_BYTES; ++k) sizes[k] = 1;
    n_characters_ += n_bytes + 2;
    return true;
  }

  void add_bytes(const char* word, int64_t n_bytes) {
    push('<', false);
    for (int64_t k = 0; k < n_bytes; ++k) push(word[k], continues_character(word[k]));
    push('>', false);
  }

  FIRTH_INLINE void push(char byte, bool continues) {
    const uint32_t bits = static_cast<unsigned char>(byte);
    const uint32_t size = continues ? size_ + 1 : 1;
    character_ = continues ? character_ | bits << (8 * size_ & 31) : bits;
    n_characters_ += !continues;
    size_ = size;
    characters_[size_t(n_characters_ - 1)] = character_;
    sizes_[size_t(n_characters_ - 1)] = size;
    most_bytes_ = std::max(most_bytes_, size);
  }

  std::vector<uint32_t> characters_, sizes_;  // the bytes of each character, the first byte lowest; and their number
  std::vector<uint32_t> left_;                // characters to the end of the word; BEGINS_WORD is set at its first one
  std::vector<int32_t> owners_;
  uint32_t character_ = 0, size_ = 0, most_bytes_ = 1;
  int64_t n_characters_ = 0;
};

}  // namespace firth
