// Room native: decides by hashes whether two words of a vector file may be equal. "No" is certain; after "maybe",
// Python compares the words, so equal hashes, or words chosen to fill the table, do no harm.
#include <cstring>

#include "base/abi.hpp"
#include "text/pages.hpp"
#include "text/table.hpp"

namespace firth {
namespace {

constexpr int64_t HASHES_A_CHECK = 1 << 16;  // hashes between two checks of the stop flag
constexpr int64_t AHEAD = 16;                // prefetch distance in slots; each slot is a cache miss
constexpr size_t MAX_PROBES = 1024;  // with half of the slots free, words not chosen to collide need a few dozen

}  // namespace
}  // namespace firth

// Computes the hashes of words. Each word is followed by a newline.
FIRTH_API int64_t firth_vectors_hash_words(const char* words, int64_t n_bytes, int64_t n_words, uint64_t* hashes) {
  return firth::guard([&]() -> int64_t {
    const char* word = words;
    const char* const words_end = words + n_bytes;
    for (int64_t row = 0; row < n_words; ++row) {
      firth::check_stop();
      const char* word_end = static_cast<const char*>(std::memchr(word, '\n', static_cast<size_t>(words_end - word)));
      if (!word_end) throw firth::Failure(firth::ERROR_ARGUMENT, "words must have one newline for each row");
      const size_t length = static_cast<size_t>(word_end - word);
      uint8_t padded[firth::INLINE_BYTES + firth::READ_SLACK];
      const uint8_t* from = reinterpret_cast<const uint8_t*>(word);
      if (length <= firth::INLINE_BYTES && words_end - word < static_cast<int64_t>(sizeof padded)) {
        std::memset(padded, 0, sizeof padded);
        std::memcpy(padded, word, length);
        from = padded;
      }
      hashes[row] = firth::make_key(from, length).hash;
      word = word_end + 1;
    }
    return firth::OK;
  });
}

// 0 if all hashes differ; 1 if two are equal, or if a look-up needs too many probes.
FIRTH_API int64_t firth_vectors_may_repeat(const uint64_t* hashes, int64_t n_hashes) {
  return firth::guard([&]() -> int64_t {
    size_t n_slots = 64;
    while (n_slots < 2 * static_cast<size_t>(n_hashes)) n_slots *= 2;
    const size_t mask = n_slots - 1;
    firth::Pages<uint64_t> slots(n_slots);  // 0: free
    for (int64_t i = 0; i < n_hashes; ++i) {
      if (i % firth::HASHES_A_CHECK == 0) firth::check_stop();
      if (i + firth::AHEAD < n_hashes) __builtin_prefetch(&slots[hashes[i + firth::AHEAD] & mask], 1);
      const uint64_t hash = hashes[i] ? hashes[i] : 1;
      size_t slot = hash & mask;
      size_t n_probes = 0;
      while (slots[slot] != 0) {
        if (slots[slot] == hash || ++n_probes > firth::MAX_PROBES) return 1;
        slot = (slot + 1) & mask;
      }
      slots[slot] = hash;
    }
    return 0;
  });
}
