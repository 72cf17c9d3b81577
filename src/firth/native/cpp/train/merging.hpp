// Room native: THE law that merges copies of rows that were trained separately. It serves threads' copies of busy rows
// (replicas.hpp), the shards of deterministic rounds (rounds/merger.hpp), and later machines. Derivation, and the use
// for machines: docs/merging.md. Twin: merge_factor in kernels/staleness.py.
//
//   row += f sum_k (copy_k - base),   f = min(m^-DAMPING, gain(d) / (m r))
//
// m copies of a row are added at once. Each copy started from `base`, and no copy has the updates of another copy. d is
// the number of merges of other workers between the copying of `base` and this merge. r = 1 - exp(-RELAXATION step) is
// the share of the distance to the row's equilibrium that one copy moves; step = learning rate * touches of the copy.
// The row's error e, its distance from the equilibrium, follows
//
//   e[n + 1] = e[n] - f m r e[n - d]
//
// and converges to 0 if and only if f m r < limit(d) = 2 sin(pi / (2 (2 d + 1))) (Levin and May, A note on
// difference-delay equations, Theor. Popul. Biol. 9, 1976). gain(d) = min(1, MARGIN limit(d)): below the limit by a
// margin, and never beyond the equilibrium that the copies went for. m^-DAMPING is for copies that go their own ways
// each: measured, docs/training.md.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "train/train.hpp"

namespace firth {

constexpr double RELAXATION = 4;  // rate of a touch at learning rate 1, along the direction that converges fastest
constexpr double MARGIN = 0.85;
constexpr double DAMPING = 0.25;

class MergeLaw {
 public:
  // For 1 to most_copies copies at once, and `delay` merges of other workers in between.
  MergeLaw(int most_copies, int delay)
      : gain_(std::min(1.0, MARGIN * 2 * std::sin(M_PI / (2 * (2 * delay + 1))))), damping_(size_t(most_copies) + 1) {
    for (int m = 1; m <= most_copies; ++m) damping_[size_t(m)] = std::pow(double(m), -DAMPING);
  }

  // f. `step` is the learning rate times the touches of a copy.
  double factor(double step, int copies) const {
    const double settled_share = -std::expm1(-RELAXATION * step);
    return std::min(damping_[size_t(copies)], gain_ / (copies * settled_share));
  }

 private:
  double gain_;
  std::vector<double> damping_;  // by the number of copies
};

// Adds `factor` times the differences of m copies to a row. The copies started from `base`, which may be the row.
template <class Real>
inline void add_differences(Real* row, const Real* base, const Real* const* copies, int m, double factor,
                            int64_t stride) {
  typedef typename Simd<Real>::V V;
  const V factors = broadcast(Real(factor));
  for (int64_t d = 0; d < stride; d += Simd<Real>::LANES) {
    const V before = load(base + d);
    V change = load(copies[0] + d) - before;
    for (int k = 1; k < m; ++k) change += load(copies[k] + d) - before;
    store(row + d, fma(factors, change, load(row + d)));
  }
}

// The largest weight of the sequences that have tokens in [first, last). Without offsets, a position is a sequence.
inline double largest_weight(const Settings& s, int64_t first, int64_t last) {
  if (!s.sequence_weights) return 1;
  if (!s.offsets) {
    const int64_t end = std::min(last, s.n_sequences);
    return first < end ? double(*std::max_element(s.sequence_weights + first, s.sequence_weights + end)) : 1;
  }
  const int64_t* const begin = s.offsets;
  const int64_t sequence = std::upper_bound(begin, begin + s.n_sequences + 1, first) - begin - 1;
  const int64_t beyond = std::lower_bound(begin + sequence, begin + s.n_sequences, last) - begin;
  return double(*std::max_element(s.sequence_weights + sequence, s.sequence_weights + std::max(beyond, sequence + 1)));
}

// The learning rate of a merge: the learning rate of the first token, times the largest weight of a sequence.
inline double merge_rate(const Settings& s, uint32_t epoch, int64_t first, int64_t last) {
  return learning_rate_at(s, epoch, first) * largest_weight(s, first, last);
}

}  // namespace firth
