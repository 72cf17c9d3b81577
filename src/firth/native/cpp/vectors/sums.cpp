// Room native: sums of rows of a matrix, for vectors of texts.
//
//   sums[t] = sum of weight_k * row(token_k) over the tokens of text t, in their order, in float64
//
// Each element is summed separately and in the order of the tokens, so the result depends neither on the other texts of
// a call nor on the instruction set.
#include <algorithm>
#include <cmath>

#include "base/abi.hpp"

namespace firth {
namespace {

constexpr int64_t TOKENS_A_CHECK = 1 << 16;  // tokens between two checks of the stop flag
constexpr int64_t TOKENS_AHEAD = 8;          // prefetch distance in tokens; each row is a cache miss
constexpr int64_t LINE_ELEMENTS = 16;        // float32 elements of a cache line
constexpr double SMALLEST_NORM = 1e-30;      // as in vectors/neighbors.py: a shorter row counts as zero

struct RowSums {
  const float* matrix;
  int64_t stride, n_rows, n_dims;  // stride: elements from a row to the next
  const int64_t* token_ids;
  const double* weights;  // weight of each token; null: every weight is 1
  bool normalize;         // whether rows are divided by their lengths first

  const float* row(int64_t token) const {
    const int64_t id = token_ids[token];
    if (id < 0 || id >= n_rows) throw Failure(ERROR_ARGUMENT, "token_ids must be rows of the matrix");
    return matrix + id * stride;
  }

  double factor(int64_t token, const float* row) const {
    const double weight = weights ? weights[token] : 1.0;
    if (!normalize) return weight;
    double squares = 0;
    for (int64_t d = 0; d < n_dims; ++d) squares += double(row[d]) * double(row[d]);
    const double length = std::sqrt(squares);
    return length <= SMALLEST_NORM ? 0.0 : weight / length;  // NaN stays NaN
  }

  void add(int64_t token, double* sum) const {
    const float* const x = row(token);
    const double by = factor(token, x);
    for (int64_t d = 0; d < n_dims; ++d) sum[d] += by * double(x[d]);
  }

  void prefetch(int64_t token) const {
    const float* const x = row(token);
    for (int64_t d = 0; d < n_dims; d += LINE_ELEMENTS) __builtin_prefetch(x + d);
  }

  bool is_finite(int64_t token) const {
    const float* const x = row(token);
    return std::all_of(x, x + n_dims, [](float value) { return std::isfinite(value); });
  }
};

}  // namespace
}  // namespace firth

// Writes sums (n_texts, n_dims). Text t has the tokens borders[t] .. borders[t + 1] - 1. Returns the number of tokens,
// or the index of the first token whose row has a NaN or an infinity. In this case, the sums of its text and of later
// texts are incomplete.
FIRTH_API int64_t firth_vectors_sum_rows(const float* matrix, int64_t stride, int64_t n_rows, int64_t n_dims,
                                         const int64_t* token_ids, const int64_t* borders, int64_t n_texts,
                                         const double* weights, int64_t normalize, double* sums) {
  return firth::guard([&]() -> int64_t {
    const firth::RowSums rows = {matrix, stride, n_rows, n_dims, token_ids, weights, normalize != 0};
    const int64_t n_tokens = borders[n_texts];
    firth::check_stop();
    int64_t checked_at = 0;
    for (int64_t text = 0; text < n_texts; ++text) {
      double* const sum = sums + text * n_dims;
      std::fill_n(sum, n_dims, 0.0);
      for (int64_t token = borders[text]; token < borders[text + 1]; ++token) {
        if (token - checked_at >= firth::TOKENS_A_CHECK) {
          firth::check_stop();
          checked_at = token;
        }
        if (token + firth::TOKENS_AHEAD < n_tokens) rows.prefetch(token + firth::TOKENS_AHEAD);
        rows.add(token, sum);
      }
      // A row that is not finite gives a NaN or an infinity in the sum, with any weight. Large weights may too.
      if (std::all_of(sum, sum + n_dims, [](double value) { return std::isfinite(value); })) continue;
      for (int64_t token = borders[text]; token < borders[text + 1]; ++token)
        if (!rows.is_finite(token)) return token;
    }
    return n_tokens;
  });
}
