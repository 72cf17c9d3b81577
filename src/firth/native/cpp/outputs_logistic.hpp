// Room native, output sides with a logistic loss on each of a few rows:
//   SampledNegatives: the target (label 1) and the drawn negatives (label 0), word ids;
//   HuffmanPath: the inner nodes from the root to the target, label 1 - code.
#pragma once

#include "logistic.hpp"
#include "objective.hpp"

namespace firth {

template <class Real, bool UPDATE>
FIRTH_INLINE void logistic_coefficients(const Prepared<Real>& prepared, const Real* logits, int m, int n,
                                        Real* coefficients, LossSum<Real>& loss) {
  for (int j = 0; j < n; j += BLOCK_ROWS)
    logistic_block<Real, UPDATE>(logits + size_t(m) * j, prepared.positive[j / BLOCK_ROWS], m,
                                 std::min(BLOCK_ROWS, n - j), prepared.learning_rate, coefficients + size_t(m) * j,
                                 loss);
}

struct SampledNegatives {
  static constexpr bool MAY_REPEAT = true;

  static int count(const Settings&, const Unit& unit) { return 1 + unit.n_negatives; }
  static int largest_count(const Settings& settings) { return 1 + settings.negatives; }

  static void collect(const Settings&, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    ids[0] = unit.target;
    for (int k = 0; k < unit.n_negatives; ++k) ids[1 + k] = unit.negatives[k];
    positive[0] = 1;
    for (int block = 1; block * BLOCK_ROWS < n; ++block) positive[block] = 0;
  }

  template <class Real, bool UPDATE>
  FIRTH_INLINE static void coefficients(const Prepared<Real>& prepared, const Real* logits, int m, int n, Real* out,
                                        LossSum<Real>& loss) {
    logistic_coefficients<Real, UPDATE>(prepared, logits, m, n, out, loss);
  }
};

struct HuffmanPath {
  static constexpr bool MAY_REPEAT = false;

  static int count(const Settings& settings, const Unit& unit) {
    return int(settings.path_offsets[unit.target + 1] - settings.path_offsets[unit.target]);
  }

  static int largest_count(const Settings& settings) {
    int64_t longest = 0;
    for (int64_t word = 0; word < settings.n_words; ++word)
      longest = std::max(longest, settings.path_offsets[word + 1] - settings.path_offsets[word]);
    return int(longest);
  }

  static void collect(const Settings& settings, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    const int64_t first = settings.path_offsets[unit.target];
    std::copy_n(settings.path_nodes + first, n, ids);
    for (int block = 0; block * BLOCK_ROWS < n; ++block) positive[block] = 0;
    for (int j = 0; j < n; ++j)
      positive[j / BLOCK_ROWS] |= uint32_t(settings.path_codes[first + j] == 0) << (j % BLOCK_ROWS);
  }

  template <class Real, bool UPDATE>
  FIRTH_INLINE static void coefficients(const Prepared<Real>& prepared, const Real* logits, int m, int n, Real* out,
                                        LossSum<Real>& loss) {
    logistic_coefficients<Real, UPDATE>(prepared, logits, m, n, out, loss);
  }
};

}  // namespace firth
