// Room native: the buckets of a word's character n-grams, computed for many first characters at once. text/ngrams.hpp
// defines the n-grams and their order; its each_ngram is the scalar twin.
#pragma once

#include <algorithm>
#include <vector>

#include "base/simd.hpp"
#include "text/ngrams.hpp"

namespace firth {

typedef uint32_t U32 __attribute__((vector_size(VECTOR_BYTES)));

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

// The characters of one word, and the buckets of the n-grams that begin at LANES of them.
class NgramLanes {
 public:
  static constexpr int LANES = VECTOR_BYTES / int(sizeof(uint32_t));

  // Divides <word> into characters, for n-grams of at most `longest` characters. Returns false if a character has more
  // than four bytes, which valid UTF-8 never has.
  bool set_word(const char* word, int64_t n_bytes, int64_t longest) {
    const size_t room = size_t(n_bytes + 2 + longest + LANES);
    if (characters_.size() < room) characters_.resize(2 * room), sizes_.resize(2 * room);
    n_characters_ = 0;
    most_bytes_ = 1;
    push('<', false);
    for (int64_t k = 0; k < n_bytes; ++k) push(word[k], continues_character(word[k]));
    push('>', false);
    return most_bytes_ <= 4;
  }

  int64_t n_characters() const { return n_characters_; }

  // Calls visit(length, buckets) for each length. Lane i has the bucket of the n-gram that begins at character
  // first + i. Buckets of n-grams that would end behind the word mean nothing.
  template <class Visit>
  FIRTH_INLINE void each_length(int64_t first, int64_t shortest, int64_t longest, const LaneDivisor& divisor,
                                Visit&& visit) const {
    U32 hashes = U32{} + FNV_OFFSET;
    for (int64_t length = 1; length <= longest; ++length) {
      U32 character, size;
      std::memcpy(&character, characters_.data() + first + length - 1, sizeof character);
      hashes = (hashes ^ byte_of(character, 0)) * FNV_PRIME;
      if (most_bytes_ > 1) {
        std::memcpy(&size, sizes_.data() + first + length - 1, sizeof size);
        for (uint32_t byte = 1; byte < most_bytes_; ++byte)
          hashes = size > byte ? (hashes ^ byte_of(character, int(byte))) * FNV_PRIME : hashes;
      }
      if (length >= shortest) visit(length, divisor.remainders(hashes));
    }
  }

 private:
  // A byte of each character, extended by its sign.
  static FIRTH_INLINE U32 byte_of(U32 characters, int byte) {
    return (U32)((I32)(characters << (24 - 8 * byte)) >> 24);
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
  uint32_t character_ = 0, size_ = 0, most_bytes_ = 1;
  int64_t n_characters_ = 0;
};

}  // namespace firth
