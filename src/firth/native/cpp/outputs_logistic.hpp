// Room native, output sides with a logistic loss on each of a few rows:
//   SampledNegatives: the targets of the unit's windows (label 1) and the drawn negatives (label 0), word ids;
//   HuffmanPath: the inner nodes from the root to the target, label 1 - code.
#pragma once

#include "logistic.hpp"
#include "objective.hpp"

namespace firth {

template <class Real, bool UPDATE, bool WEIGHTED>
FIRTH_INLINE void logistic_coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
  int block = 0;
  for_each_block(prepared.n_outputs, [&](int first, int width) {
    const size_t at = size_t(m) * first;
    logistic_block<Real, UPDATE, WEIGHTED>(work.logits + at, work.weights + at, prepared.positive[block++], m, width,
                                           prepared.learning_rate, work.coefficients + at, work.takes_loss, work.loss);
  });
}

// Sets the bits of the first n_positive output rows.
inline void label_first(int n_positive, int n, uint32_t* positive) {
  for_each_block(n, [&](int first, int width) {
    *positive++ = first < n_positive ? (uint32_t(1) << std::min(n_positive - first, width)) - 1 : 0;
  });
}

struct SampledNegatives {
  static constexpr bool MAY_REPEAT = true;

  static int count(const Settings&, const Unit& unit) { return unit.n_targets + unit.n_negatives; }
  static int largest_count(const Settings& settings) { return MAX_UNIT_WINDOWS + settings.negatives; }

  static void collect(const Settings&, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    for (int t = 0; t < unit.n_targets; ++t) ids[t] = unit.targets[t];
    for (int k = 0; k < unit.n_negatives; ++k) ids[unit.n_targets + k] = unit.negatives[k];
    label_first(unit.n_targets, n, positive);
  }

  // How often each pair of a context word and an output row counts in a unit of several windows, in the coefficients'
  // layout: a target meets the words of its own window, once; a negative meets a word in each window that has it. At
  // most LANES - 1 elements beyond the m x n weights are overwritten.
  template <class Real>
  FIRTH_INLINE static void weigh(const Unit& unit, int n, int m, Real* weights) {
    typedef typename Simd<Real>::V V;
    typedef typename LanePatterns<Real>::V IntV;
    typedef typename LanePatterns<Real>::Int Int;
    constexpr int LANES = Simd<Real>::LANES;
    if (!unit.windows) return;
    const V one = broadcast(Real(1)), zero = V{};
    for_each_block(n, [&](int first, int width) {
      const int n_targets = std::min(std::max(unit.n_targets - first, 0), width);
      const IntV targets = IntV{} + Int((1 << n_targets) - 1);
      const Int* const columns = LANE_PATTERNS<Real>.column_bit[width];
      for (int i = 0; i < m; ++i, weights += width) {
        const int windows = unit.windows[i];
        const V count = broadcast(Real(__builtin_popcount(unsigned(windows))));
        const IntV own = IntV{} + Int(windows >> std::min(first, MAX_UNIT_WINDOWS));
        for (int k = 0; k < width; k += LANES) {
          const IntV column = *reinterpret_cast<const IntV*>(columns + k);
          const V weight = (column & own) != 0 ? one : zero;
          store_unaligned(weights + k, (column & targets) != 0 ? weight : count);
        }
      }
    });
  }

  template <class Real, bool UPDATE>
  FIRTH_INLINE static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    if (prepared.unit.windows)
      logistic_coefficients<Real, UPDATE, true>(prepared, m, work);
    else
      logistic_coefficients<Real, UPDATE, false>(prepared, m, work);
  }
};

struct HuffmanPath {
  static constexpr bool MAY_REPEAT = false;
  template <class Real>
  static void weigh(const Unit&, int, int, Real*) {}

  static int count(const Settings& settings, const Unit& unit) {
    return int(settings.path_offsets[*unit.targets + 1] - settings.path_offsets[*unit.targets]);
  }

  static int largest_count(const Settings& settings) {
    int64_t longest = 0;
    for (int64_t word = 0; word < settings.n_words; ++word)
      longest = std::max(longest, settings.path_offsets[word + 1] - settings.path_offsets[word]);
    return int(longest);
  }

  static void collect(const Settings& settings, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    const int64_t path = settings.path_offsets[*unit.targets];
    std::copy_n(settings.path_nodes + path, n, ids);
    for_each_block(n, [&](int first, int width) {
      uint32_t labels = 0;
      for (int j = 0; j < width; ++j) labels |= uint32_t(settings.path_codes[path + first + j] == 0) << j;
      *positive++ = labels;
    });
  }

  template <class Real, bool UPDATE>
  FIRTH_INLINE static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    logistic_coefficients<Real, UPDATE, false>(prepared, m, work);
  }
};

}  // namespace firth
