// Room native: sums losses at a small cost: in the lanes of a vector for up to 32 vectors, then in float64.
#pragma once

#include "base/simd.hpp"

namespace firth {

template <class Real>
class LossSum {
 public:
  typedef typename Simd<Real>::V V;

  // Adds the sum of n_vectors vectors.
  FIRTH_INLINE void add(V nats, int n_vectors) {
    lanes_ += nats;
    pending_ += n_vectors;
    if (pending_ >= MAX_PENDING) flush();
  }

  void add(double nats) { total_ += nats; }

  // Returns the sum in nats and resets it to zero.
  double take() {
    flush();
    const double sum = total_;
    total_ = 0;
    return sum;
  }

 private:
  static constexpr int MAX_PENDING = 32;  // the sum of 32 float32 terms has about the relative error of a term

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
