// Room native: the exported function of n-grams: hashes of the n-grams of many words.
#include "text/ngrams.hpp"

// Hashes of the n-grams of the words [first, last). `words` holds all bytes, word i in [offsets[i], offsets[i + 1]).
// Word i gets the indices [starts[i - first], starts[i - first + 1]) of `hashes`, with starts[0] = 0. Returns the
// number of n-grams. If `hashes` is null, only `starts` is written.
FIRTH_API int64_t firth_ngrams_hash(const char* words, const int64_t* offsets, int64_t first, int64_t last,
                                    int64_t min_chars, int64_t max_chars, int64_t end_has_ngrams, int64_t* starts,
                                    uint32_t* hashes) {
  return firth::guard([&]() -> int64_t {
    std::vector<char> wrapped;
    int64_t n_ngrams = starts[0] = 0;
    for (int64_t word_id = first; word_id < last; ++word_id) {
      firth::check_stop();
      const char* word = words + offsets[word_id];
      const int64_t n_bytes = offsets[word_id + 1] - offsets[word_id];
      if (end_has_ngrams || !firth::is_end_of_sentence(word, n_bytes))
        firth::each_ngram(word, n_bytes, min_chars, max_chars, wrapped, [&](uint32_t hash) {
          if (hashes) hashes[n_ngrams] = hash;
          ++n_ngrams;
        });
      starts[word_id - first + 1] = n_ngrams;
    }
    return n_ngrams;
  });
}
