// Room native, output side AllRows: full softmax over every output row, for small vocabularies.
//
//   loss = log sum_j exp(z_j) - z_target;   coefficient_j = learning_rate * ([j = target] - softmax(z)_j)
#pragma once

#include <cstring>

#include "objectives/objective.hpp"

namespace firth {

struct AllRows : WholeMatrix {
  static constexpr const char* NAME = "softmax";
  static constexpr bool TAKES_ALL_TARGETS = false;

  static int32_t part_words(const Settings&, int32_t) { return PART_WORDS; }

  static void collect(const Settings&, const Unit&, int n, int32_t* ids, uint32_t*) {
    for (int j = 0; j < n; ++j) ids[j] = j;
  }

  template <class Real>
  static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    typedef typename Simd<Real>::V V;
    constexpr int LANES = Simd<Real>::LANES;
    const int n = prepared.n_outputs, target = *prepared.unit.targets;
    const Real* const logits = work.logits;
    Real* const out = work.coefficients;
    for (int i = 0; i < m; ++i) {
      Real largest = logits[coefficient_at(m, n, i, 0)];
      each_run(m, n, i, [&](size_t first, int length) {
        for (int k = 0; k < length; ++k) largest = std::max(largest, logits[first + size_t(k)]);
      });
      const V most = broadcast(largest);
      double total = 0;
      each_run(m, n, i, [&](size_t first, int length) {
        V sum = V{};
        for (int k = 0; k < length; k += LANES) {
          const V e = exp_of_negative(most - load_unaligned(logits + first + k));
          if (k + LANES <= length) {
            store_unaligned(out + first + k, e);
            sum += e;
          } else {  // what is beyond the run is another input row's
            std::memcpy(out + first + k, &e, size_t(length - k) * sizeof(Real));
            for (int lane = 0; lane < length - k; ++lane) total += double(e[lane]);
          }
          if ((k / LANES + 1) % MOST_PENDING == 0) total += take_sum<Real>(sum);
        }
        total += take_sum<Real>(sum);
      });
      const size_t at_target = coefficient_at(m, n, i, target);
      work.loss.add(std::log(total) - double(logits[at_target] - largest));
      const Real scale = -prepared.learning_rate / Real(total);
      each_run(m, n, i, [&](size_t first, int length) {
        for (int k = 0; k < length; ++k) out[first + size_t(k)] *= scale;
      });
      out[at_target] += prepared.learning_rate;
    }
  }

 private:
  static constexpr int MOST_PENDING = 32;  // vectors whose float32 sums lose no digit that their own rounding has left

  // Calls run(first, length) for the coefficients of one input row that lie together: all of a single one, else those
  // of a block.
  template <class Run>
  FIRTH_INLINE static void each_run(int m, int n, int i, Run&& run) {
    if (m == 1) return run(size_t(0), n);
    for_each_block(n, [&](int first, int width) { run(size_t(m) * first + size_t(i) * width, width); });
  }

  // The sum of a vector's elements, which is set to zero.
  template <class Real>
  FIRTH_INLINE static double take_sum(typename Simd<Real>::V& sum) {
    double total = 0;
    for (int lane = 0; lane < Simd<Real>::LANES; ++lane) total += double(sum[lane]);
    sum = typename Simd<Real>::V{};
    return total;
  }
};

}  // namespace firth
