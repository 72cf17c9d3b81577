// Room native: sums of log(1 + exp(-|s|)) + max(s, 0) at next to no cost. The factors 1 + exp(-|s|), which the sigmoid
// needs anyway and which lie in [1, 2], are multiplied lane by lane; one logarithm is taken of the product of all lanes
// before it could leave double's range. Everything else is added in float64.
#pragma once

#include <cmath>

#include "simd.hpp"

namespace firth {

template <class Real>
class LossSum {
 public:
  typedef typename Simd<Real>::V V;

  FIRTH_INLINE void add(V one_plus_exp, V positive_part) {
    product_ *= one_plus_exp;
    linear_ += positive_part;
    if (++pending_ == MAX_PENDING) flush();
  }

  void add(double nats) { total_ += nats; }

  // The sum so far, in nats.
  double total() {
    flush();
    return total_;
  }

  // The sum so far, which starts anew at zero.
  double take() {
    const double sum = total();
    total_ = 0;
    return sum;
  }

 private:
  static constexpr int MAX_PENDING = 60;  // 2^60 a lane, 2^960 over 16 lanes: below double's 2^1024

  void flush() {
    if (!pending_) return;
    double product = 1;
    for (int lane = 0; lane < Simd<Real>::LANES; ++lane) {
      product *= double(product_[lane]);
      total_ += double(linear_[lane]);
    }
    total_ += std::log(product);
    product_ = broadcast(Real(1));
    linear_ = V{};
    pending_ = 0;
  }

  V product_ = broadcast(Real(1));
  V linear_ = V{};
  int pending_ = 0;
  double total_ = 0;
};

}  // namespace firth
