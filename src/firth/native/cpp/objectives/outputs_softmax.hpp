// Room native, output side AllRows: full softmax over every output row, for small vocabularies.
//
//   loss = log sum_j exp(z_j) - z_target;   coefficient_j = learning_rate * ([j = target] - softmax(z)_j)
#pragma once

#include "objectives/objective.hpp"

namespace firth {

struct AllRows {
  static constexpr const char* NAME = "softmax";
  static constexpr bool DRAWS_NEGATIVES = false, MAY_REPEAT = false, TOUCHES_ALL_ROWS = true, TAKES_ALL_TARGETS = false;
  static constexpr double WORTH_A_COPY = 16;
  template <class Real>
  static void begin_chunk(const Settings&, Workspace<Real>&) {}
  template <class Real>
  static void end_chunk(const Settings&, Workspace<Real>&) {}

  static int32_t part_words(const Settings&, int32_t) { return PART_WORDS; }
  template <class Take>
  static void each_output_row(const Settings&, const int32_t&, Take&&) {}
  template <class Add>
  static void each_coming_row(const Settings&, int32_t, Add&&) {}
  template <class Near, class Far>
  static void look_ahead(const Settings&, Near&&, Far&&) {}

  template <class Real>
  static void weigh(const Unit&, int, int, Real*) {}

  static int count(const Settings& settings, const Unit&) { return int(settings.output.n_rows); }
  static int largest_count(const Settings& settings) { return int(settings.output.n_rows); }

  static void collect(const Settings&, const Unit&, int n, int32_t* ids, uint32_t*) {
    for (int j = 0; j < n; ++j) ids[j] = j;
  }

  template <class Real, bool UPDATE>
  static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    const int n = prepared.n_outputs, target = *prepared.unit.targets;
    const Real* const logits = work.logits;
    Real* const out = work.coefficients;
    const auto at = [&](int i, int j) { return coefficient_at(m, n, i, j); };
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
        const Real scale = -prepared.learning_rate / Real(total);
        for (int j = 0; j < n; ++j) out[at(i, j)] *= scale;
        out[at(i, target)] += prepared.learning_rate;
      }
    }
  }
};

}  // namespace firth
