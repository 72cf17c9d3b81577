// Room native: the binary logistic loss on logits that negative sampling and hierarchical softmax share.
//
//   loss = -log sigmoid(y z),  y = +1 or -1;   coefficient = -learning_rate * dloss/dz = learning_rate * y * sigmoid(-y
//   z)
#pragma once

#include <type_traits>

#include "block.hpp"
#include "loss_sum.hpp"

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

// One block of `width` output rows: bit j of `positive` says that row j's label is 1. At most LANES - 1 elements beyond
// the block's m * width coefficients are overwritten.
template <class Real, bool UPDATE>
FIRTH_INLINE void logistic_block(const Real* logits, uint32_t positive, int m, int width, Real learning_rate,
                                 Real* coefficients, LossSum<Real>& loss) {
  typedef typename Simd<Real>::V V;
  typedef typename LanePatterns<Real>::V IntV;
  constexpr int LANES = Simd<Real>::LANES;
  const LanePatterns<Real>& patterns = LANE_PATTERNS<Real>;
  const V one = broadcast(Real(1)), rate = broadcast(learning_rate), zero = V{}, nothing = broadcast(Real(-1e30));
  const IntV labels = IntV{} + typename LanePatterns<Real>::Int(positive);
  const int count = m * width;
  int phase = 0;
  for (int k = 0; k < count; k += LANES) {
    const V z = load_unaligned(logits + k);
    const IntV is_positive = (labels & *reinterpret_cast<const IntV*>(patterns.column_bit[width] + phase)) != 0;
    phase = phase + LANES == width * LANES ? 0 : phase + LANES;
    V s = is_positive ? -z : z;  // -y z
    if (count - k < LANES) s = load(patterns.lane) < broadcast(Real(count - k)) ? s : nothing;
    const V magnitude = s < zero ? -s : s;
    const V e = exp_of_negative(magnitude), denominator = one + e;
    loss.add(denominator, s < zero ? zero : s);  // NaN stays NaN
    if (UPDATE) {
      const V probability = (s < zero ? e : one) / denominator;  // sigmoid(s) from the side that keeps its digits
      const V step = rate * probability;
      store_unaligned(coefficients + k, is_positive ? step : -step);
    }
  }
}

}  // namespace firth
