// Room native: the word vectors of a fastText model: the mean of a word's own row and the rows of its character
// n-grams.
#include "text/ngrams.hpp"

namespace firth {
namespace {

void add_row(float* sum, const char* input, int64_t row, int64_t n_dims) {
  const char* p = input + row * n_dims * static_cast<int64_t>(sizeof(float));  // not aligned inside the file
  for (int64_t dim = 0; dim < n_dims; ++dim) {
    float value;
    std::memcpy(&value, p + dim * static_cast<int64_t>(sizeof(float)), sizeof value);
    sum[dim] += value;
  }
}

}  // namespace
}  // namespace firth

// Writes the vectors of the words [first, last) to `out` (last - first, n_dims). Word i is the bytes
// [offsets[i], offsets[i + 1]) of `words`. `input` has n_input_rows rows: n_vocabulary words, then the buckets of the
// n-grams.
FIRTH_API int64_t firth_vectors_fasttext(const char* words, const int64_t* offsets, int64_t first, int64_t last,
                                         const char* input, int64_t n_input_rows, int64_t n_dims, int64_t n_vocabulary,
                                         int64_t n_buckets, int64_t min_chars, int64_t max_chars,
                                         int64_t end_has_ngrams, float* out) {
  return firth::guard([&]() -> int64_t {
    if (first < 0 || last > n_vocabulary || n_vocabulary + n_buckets > n_input_rows) {
      throw firth::Failure(firth::ERROR_ARGUMENT, "words and buckets must lie within the input matrix");
    }
    std::vector<char> wrapped;
    for (int64_t word_id = first; word_id < last; ++word_id) {
      firth::check_stop();
      float* sum = out + (word_id - first) * n_dims;
      std::memset(sum, 0, static_cast<size_t>(n_dims) * sizeof(float));
      firth::add_row(sum, input, word_id, n_dims);
      int64_t n_rows = 1;
      const char* word = words + offsets[word_id];
      const int64_t n_bytes = offsets[word_id + 1] - offsets[word_id];
      if (n_buckets > 0 && (end_has_ngrams || !firth::is_end_of_sentence(word, n_bytes))) {
        firth::each_ngram(word, n_bytes, min_chars, max_chars, wrapped, [&](uint32_t hash) {
          firth::add_row(sum, input, n_vocabulary + static_cast<int64_t>(hash % static_cast<uint32_t>(n_buckets)),
                         n_dims);
          ++n_rows;
        });
      }
      const float share = static_cast<float>(1.0 / static_cast<double>(n_rows));
      for (int64_t dim = 0; dim < n_dims; ++dim) sum[dim] *= share;
    }
    return firth::OK;
  });
}
