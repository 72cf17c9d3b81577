// Room native: the binary logistic loss on logits, for negative sampling and hierarchical softmax.
//
//   loss = w log(1 + exp(-y z)),  y = +1 or -1;   coefficient = -learning_rate dloss/dz = learning_rate w y sigmoid(-y
//   z)
#pragma once

#include <limits>
#include <type_traits>

#include "objectives/block.hpp"
#include "objectives/loss_sum.hpp"

namespace firth {

template <class Real>
struct LanePatterns {
  typedef std::conditional_t<sizeof(Real) == 4, int32_t, int64_t> Int;
  typedef Int V __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int LANES = Simd<Real>::LANES;
  alignas(64) Int column_bit[BLOCK_ROWS + 1][BLOCK_ROWS * LANES] = {};  // 1 << column of the k-th element, by width
  alignas(64) Real lane[LANES] = {};
  constexpr LanePatterns() {
    for (int width = 1; width <= BLOCK_ROWS; ++width)
      for (int k = 0; k < width * LANES; ++k) column_bit[width][k] = Int(1) << (k % width);
    for (int k = 0; k < LANES; ++k) lane[k] = Real(k);
  }
};

template <class Real>
inline constexpr LanePatterns<Real> LANE_PATTERNS;

// Coefficients and loss of one block of `width` output rows. Bit j of `positive` is set if the label of row j is 1.
// `weights` has w in the layout of the logits; it is read only if WEIGHTED. Up to LANES - 1 elements after the m *
// width coefficients of the block are overwritten.
//
// The operations from a logit to its coefficient and loss depend on each other. Short loops over several vectors give
// the core enough independent operations.
template <class Real, bool WEIGHTED>
FIRTH_INLINE void logistic_block(const Real* logits, const Real* weights, uint32_t positive, int m, int width,
                                 Real learning_rate, Real* coefficients, LossSum<Real>& loss) {
  typedef typename Simd<Real>::V V;
  typedef typename LanePatterns<Real>::V IntV;
  constexpr int LANES = Simd<Real>::LANES, MOST = 8;
  const LanePatterns<Real>& patterns = LANE_PATTERNS<Real>;
  typedef typename LanePatterns<Real>::Int Int;
  const V one = broadcast(Real(1)), rate = broadcast(-learning_rate), zero = V{};
  const IntV labels = IntV{} + Int(positive);
  constexpr Int SIGN = std::numeric_limits<Int>::min();
  const int count = m * width;
  int phase = 0;
  for (int k = 0; k < count; k += MOST * LANES) {
    const int n_vectors = std::min(MOST, (count - k + LANES - 1) / LANES);
    V s[MOST], e[MOST];
    IntV flip[MOST];  // the sign bit where y = 1
    for (int v = 0; v < n_vectors; ++v) {
      const V z = load_unaligned(logits + k + v * LANES);
      const IntV column = *reinterpret_cast<const IntV*>(patterns.column_bit[width] + phase);
      flip[v] = ((labels & column) == column) & SIGN;
      phase = phase + LANES == width * LANES ? 0 : phase + LANES;
      s[v] = (V)((IntV)z ^ flip[v]);  // -y z
    }
    const int rest = count - k - (n_vectors - 1) * LANES, last = n_vectors - 1;
    const auto inside = load(patterns.lane) < broadcast(Real(rest));  // lanes of the last vector that have logits
    s[last] = inside ? s[last] : zero;
    for (int v = 0; v < n_vectors; ++v) e[v] = exp_of_negative((V)((IntV)s[v] & ~SIGN));
    for (int v = 0; v < n_vectors; ++v) {
      const V probability = ((IntV)s[v] < 0 ? e[v] : one) / (one + e[v]);  // sigmoid(s), without cancellation
      const V step = WEIGHTED ? rate * load_unaligned(weights + k + v * LANES) * probability : rate * probability;
      store_unaligned(coefficients + k + v * LANES, (V)((IntV)step ^ flip[v]));
    }
    V sum = V{};
    if constexpr (!WEIGHTED && std::is_same<Real, float>::value) {
      V product = one;  // of 1 + exp(-|z|): one logarithm for many
      for (int v = 0; v < n_vectors; ++v) {
        const V factor = one + e[v];
        product *= v < last ? factor : (inside ? factor : one);
        sum += s[v] < zero ? zero : s[v];
      }
      loss.add(sum, product, n_vectors);
      continue;
    }
    for (int v = 0; v < n_vectors; ++v) {
      V nats = log_one_plus(e[v]) + (s[v] < zero ? zero : s[v]);  // NaN stays NaN
      if (WEIGHTED) nats *= load_unaligned(weights + k + v * LANES);
      sum += v < last ? nats : (inside ? nats : zero);
    }
    loss.add(sum, n_vectors);
  }
}

}  // namespace firth
