// Room native, output side EachRow: one-vs-all, a logistic loss on every output row: whether the row is a target.
//
//   loss = - sum over targets log s(z_j) - sum over the other rows log s(-z_j),   s the sigmoid
//
// It is meant for labels of texts, which may have several labels. If the settings have target_offsets, the target of a
// center is the number of an example: targets[target_offsets[i] .. target_offsets[i + 1]) are example i's targets.
// Without target_offsets, the target of a center is its only target.
#pragma once

#include "objectives/outputs_logistic.hpp"

namespace firth {

struct EachRow : WholeMatrix {
  static constexpr const char* NAME = "one-vs-all";
  static constexpr bool TAKES_ALL_TARGETS = true;

  static int32_t part_words(const Settings&, int32_t context) { return narrowing_part_words(context); }

  static void collect(const Settings& settings, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    for (int j = 0; j < n; ++j) ids[j] = j;
    const int width = block_width(n);
    std::fill_n(positive, (n + width - 1) / width, 0u);
    const int32_t target = *unit.targets;
    const auto mark = [&](int32_t row) { positive[row / width] |= uint32_t(1) << row % width; };
    if (!settings.target_offsets) return mark(target);
    for (int64_t k = settings.target_offsets[target]; k < settings.target_offsets[target + 1]; ++k)
      mark(settings.targets[k]);
  }

  template <class Real>
  static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    logistic_coefficients<Real, false>(prepared, m, work);
  }
};

}  // namespace firth
