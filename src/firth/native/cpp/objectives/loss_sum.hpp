// Room native: sums losses at a small cost: in the lanes of a vector for up to 32 vectors, then in float64. Logarithms
// of factors in [1, 2] are computed from the product of the factors.
#pragma once

#include <type_traits>

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

  // The same, and the logarithms of n_vectors vectors of factors in [1, 2], whose product is given.
  FIRTH_INLINE void add(V nats, V product, int n_vectors) {
    product_ *= product;
    add(nats, n_vectors);
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
  // The sum of 32 float32 terms has about the relative error of a term, and 32 factors of at most 2 do not overflow.
  static constexpr int MAX_PENDING = 32;

  void flush() {
    if constexpr (std::is_same<Real, float>::value) {
      lanes_ += log_of_normal(product_);
      product_ = broadcast(Real(1));
    }
    for (int lane = 0; lane < Simd<Real>::LANES; ++lane) total_ += double(lanes_[lane]);
    lanes_ = V{};
    pending_ = 0;
  }

  V lanes_ = V{}, product_ = broadcast(Real(1));
  int pending_ = 0;
  double total_ = 0;
};

}  // namespace firth
