// Room native: sums of losses at next to no cost: lane by lane for a few dozen vectors, then in float64.
#pragma once

#include "base/simd.hpp"

namespace firth {

template <class Real>
class LossSum {
 public:
  typedef typename Simd<Real>::V V;

  // The sum of n_vectors vectors.
  FIRTH_INLINE void add(V nats, int n_vectors) {
    lanes_ += nats;
    pending_ += n_vectors;
    if (pending_ >= MAX_PENDING) flush();
  }

  void add(double nats) { total_ += nats; }

  // The sum so far, in nats, which starts anew at zero.
  double take() {
    flush();
    const double sum = total_;
    total_ = 0;
    return sum;
  }

 private:
  static constexpr int MAX_PENDING = 32;  // so few float32 terms lose no digit that their own rounding has left

  void flush() {
    for (int lane = 0; lane < Simd<Real>::LANES; ++lane) total_ += double(lanes_[lane]);
    lanes_ = V{};
    pending_ = 0;
  }

  V lanes_ = V{};
  int pending_ = 0;
  double total_ = 0;
};

}  // namespace firth
