// Room native: the word vectors of a fastText model: the mean of a word's own row and the rows of its character
// n-grams.
//
// Follows fastText's documented behaviour (Bojanowski et al. 2017, arXiv:1607.04606, section 3; github.com/
// facebookresearch/fastText, Dictionary::hash and computeSubwords): the word is wrapped in < and >, n-grams of minn to
// maxn characters are hashed by 32-bit FNV-1a whose bytes are sign-extended, which is not FNV-1a for bytes over 127.
#include <cstring>
#include <vector>

#include "base/abi.hpp"

namespace firth {
namespace {

constexpr uint32_t FNV_OFFSET = 2166136261u;
constexpr uint32_t FNV_PRIME = 16777619u;

uint32_t extend_hash(uint32_t hash, char byte) {
  return (hash ^ static_cast<uint32_t>(static_cast<int32_t>(static_cast<signed char>(byte)))) * FNV_PRIME;
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// Calls visit(hash) for each n-gram, in fastText's order.
template <class Visit>
void each_ngram(const std::vector<char>& wrapped, int64_t min_chars, int64_t max_chars, Visit&& visit) {
  const int64_t n_bytes = static_cast<int64_t>(wrapped.size());
  for (int64_t start = 0; start < n_bytes; ++start) {
    check_stop();
    if (continues_character(wrapped[start])) continue;
    uint32_t hash = FNV_OFFSET;  // of [start, end): an n-gram's hash goes on from that of the one before
    int64_t end = start;
    for (int64_t n_chars = 1; end < n_bytes && n_chars <= max_chars; ++n_chars) {
      do {
        hash = extend_hash(hash, wrapped[end++]);
      } while (end < n_bytes && continues_character(wrapped[end]));
      const bool lone_bracket = n_chars == 1 && (start == 0 || end == n_bytes);
      if (n_chars >= min_chars && !lone_bracket) visit(hash);
    }
  }
}

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

// Vectors of the words [first, last) into `out` (last - first, n_dims). `words` holds all bytes, word i in
// [offsets[i], offsets[i + 1]). `input` has n_input_rows rows: n_vocabulary words, then the buckets of the n-grams.
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
      const bool end_of_sentence = n_bytes == 4 && std::memcmp(word, "</s>", 4) == 0;
      if (n_buckets > 0 && max_chars > 0 && (end_has_ngrams || !end_of_sentence)) {
        wrapped.assign(1, '<');
        wrapped.insert(wrapped.end(), word, word + n_bytes);
        wrapped.push_back('>');
        firth::each_ngram(wrapped, min_chars, max_chars, [&](uint32_t hash) {
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
