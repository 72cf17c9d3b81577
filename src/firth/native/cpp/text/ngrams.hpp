// Room native: the character n-grams of a word, as fastText cuts and hashes them. Twin: base/ngrams.py.
//
// The word is put between < and >. A character is a byte and the continuation bytes of UTF-8 (10xxxxxx) that follow it.
// So bytes that are not UTF-8 are divided too. The n-grams of length 1 that are < or > are left out. The order is by
// first character, then by length. The hash is 32-bit FNV-1a with sign-extended bytes, which differs from FNV-1a for
// bytes over 127.
//
// Source: Bojanowski et al. 2017, arXiv:1607.04606, section 3.2; github.com/facebookresearch/fastText,
// Dictionary::hash, computeSubwords and initNgrams.
#pragma once

#include <cstring>
#include <vector>

#include "base/abi.hpp"

namespace firth {

constexpr uint32_t FNV_OFFSET = 2166136261u;
constexpr uint32_t FNV_PRIME = 16777619u;

inline uint32_t extend_hash(uint32_t hash, char byte) {
  return (hash ^ static_cast<uint32_t>(static_cast<int32_t>(static_cast<signed char>(byte)))) * FNV_PRIME;
}

inline bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// fastText's end-of-line token, which has no n-grams.
inline bool is_end_of_sentence(const char* word, int64_t n_bytes) {
  return n_bytes == 4 && std::memcmp(word, "</s>", 4) == 0;
}

// Calls visit(hash) for each n-gram of a word. `wrapped` is memory for the word with < and >.
template <class Visit>
void each_ngram(const char* word, int64_t n_bytes, int64_t min_chars, int64_t max_chars, std::vector<char>& wrapped,
                Visit&& visit) {
  wrapped.assign(1, '<');
  wrapped.insert(wrapped.end(), word, word + n_bytes);
  wrapped.push_back('>');
  const int64_t n_wrapped = n_bytes + 2;
  for (int64_t start = 0; start < n_wrapped; ++start) {
    check_stop();
    if (continues_character(wrapped[start])) continue;
    uint32_t hash = FNV_OFFSET;  // hash of [start, end); extended from the hash of the n-gram before
    int64_t end = start;
    for (int64_t n_chars = 1; end < n_wrapped && n_chars <= max_chars; ++n_chars) {
      do {
        hash = extend_hash(hash, wrapped[end++]);
      } while (end < n_wrapped && continues_character(wrapped[end]));
      const bool lone_bracket = n_chars == 1 && (start == 0 || end == n_wrapped);
      if (n_chars >= min_chars && !lone_bracket) visit(hash);
    }
  }
}

}  // namespace firth
