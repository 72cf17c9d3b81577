// Room native, output side AllRows: full softmax over every output row, for small vocabularies.
//
//   loss = log sum_j exp(z_j) - z_target;   coefficient_j = learning_rate * ([j = target] - softmax(z)_j)
#pragma once

#include "objective.hpp"

namespace firth {

struct AllRows {
  static constexpr bool MAY_REPEAT = false;

  template <class Real>
  static int collect(const Settings& settings, const Unit&, Workspace<Real>& work) {
    const int n = int(settings.n_output_rows);
    if (int(work.output_ids.size()) != n) {
      work.output_ids.resize(n);
      for (int j = 0; j < n; ++j) work.output_ids[j] = j;
    }
    return n;
  }

  template <class Real, bool UPDATE>
  static void coefficients(const Unit& unit, Workspace<Real>& work, const Real* logits, int m, int n,
                           Real learning_rate, Real* out) {
    const int target = unit.target;
    auto at = [&](int i, int j) {  // the layout of block.hpp
      const int block = j / BLOCK_ROWS, width = std::min(BLOCK_ROWS, n - block * BLOCK_ROWS);
      return size_t(m) * BLOCK_ROWS * block + size_t(i) * width + j % BLOCK_ROWS;
    };
    for (int i = 0; i < m; ++i) {
      Real largest = logits[at(i, 0)];
      for (int j = 1; j < n; ++j) largest = std::max(largest, logits[at(i, j)]);
      double total = 0;
      for (int j = 0; j < n; ++j) {
        const Real e = std::exp(logits[at(i, j)] - largest);
        out[at(i, j)] = e;
        total += double(e);
      }
      work.loss.add(std::log(total) - double(logits[at(i, target)] - largest));
      if (UPDATE) {
        const Real scale = -learning_rate / Real(total);
        for (int j = 0; j < n; ++j) out[at(i, j)] *= scale;
        out[at(i, target)] += learning_rate;
      }
    }
  }
};

}  // namespace firth
