// Room native, output sides with a logistic loss on each of a few rows:
//   SampledNegatives: the target (label 1) and the drawn negatives (label 0), word ids;
//   HuffmanPath: the inner nodes from the root to the target, label 1 - code.
#pragma once

#include "logistic.hpp"
#include "objective.hpp"

namespace firth {

template <class Real, bool UPDATE>
inline void logistic_coefficients(Workspace<Real>& work, const Real* logits, int m, int n, Real learning_rate,
                                  Real* coefficients) {
  for (int block = 0; block * BLOCK_ROWS < n; ++block)
    logistic_block<Real, UPDATE>(logits + size_t(m) * BLOCK_ROWS * block, work.positive[block], m,
                                 std::min(BLOCK_ROWS, n - block * BLOCK_ROWS), learning_rate,
                                 coefficients + size_t(m) * BLOCK_ROWS * block, work.loss);
}

struct SampledNegatives {
  static constexpr bool MAY_REPEAT = true;

  template <class Real>
  static int collect(const Settings&, const Unit& unit, Workspace<Real>& work) {
    const int n = 1 + unit.n_negatives;
    work.output_ids.resize(n);
    work.output_ids[0] = unit.target;
    for (int k = 0; k < unit.n_negatives; ++k) work.output_ids[1 + k] = unit.negatives[k];
    work.positive.resize((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
    for (uint32_t& bits : work.positive) bits = 0;
    work.positive[0] = 1;
    return n;
  }

  template <class Real, bool UPDATE>
  static void coefficients(const Unit&, Workspace<Real>& work, const Real* logits, int m, int n, Real learning_rate,
                           Real* out) {
    logistic_coefficients<Real, UPDATE>(work, logits, m, n, learning_rate, out);
  }
};

struct HuffmanPath {
  static constexpr bool MAY_REPEAT = false;

  template <class Real>
  static int collect(const Settings& settings, const Unit& unit, Workspace<Real>& work) {
    const int64_t first = settings.path_offsets[unit.target];
    const int n = int(settings.path_offsets[unit.target + 1] - first);
    work.output_ids.assign(settings.path_nodes + first, settings.path_nodes + first + n);
    work.positive.assign((n + BLOCK_ROWS - 1) / BLOCK_ROWS, 0);
    for (int j = 0; j < n; ++j)
      work.positive[j / BLOCK_ROWS] |= uint32_t(settings.path_codes[first + j] == 0) << (j % BLOCK_ROWS);
    return n;
  }

  template <class Real, bool UPDATE>
  static void coefficients(const Unit&, Workspace<Real>& work, const Real* logits, int m, int n, Real learning_rate,
                           Real* out) {
    logistic_coefficients<Real, UPDATE>(work, logits, m, n, learning_rate, out);
  }
};

}  // namespace firth
