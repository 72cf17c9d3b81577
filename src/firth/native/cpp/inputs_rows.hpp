// Room native, input side "rows" (skip-gram): every context word's row is an input of its own, held against the same
// output rows. With shared negatives the whole window is one unit; by pair, the context is one word.
#pragma once

#include "objective.hpp"

namespace firth {

struct RowInputs {
  template <class Real>
  static Inputs<Real> gather(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    if (settings.frozen) copy_frozen(settings, prepared, work);
    return {prepared.context_rows, prepared.unit.n_context};
  }

  template <class Real, class Coming>
  static void update(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work,
                     const Inputs<Real>& inputs, const Coming& coming) {
    const int n_padded = int(settings.stride), m = inputs.count, n = prepared.n_outputs;
    Rows<Real> x = inputs.rows, u = prepared.output_rows;
    if (prepared.unit.context_may_repeat) fold_repeated_inputs(prepared.unit.context, m, n, work.coefficients);
    if (n <= BLOCK_ROWS) {
      with_width(n, [&](auto width) {
        block_update_in_place<Real, decltype(width)::value>(x, m, u, n_padded, work.coefficients, coming);
      });
      return;
    }
    coming.ask_all(n_padded);
    Real* const changes = work.changes.get(size_t(m) * n_padded);
    update_outputs_and_gather<Real>(x, m, u, n, n_padded, work.coefficients, changes);
    for (int i = 0; i < m; ++i) add_scaled(x[i], changes + size_t(i) * n_padded, Real(1), n_padded);
  }

 private:
  // A frozen word is updated in a copy that nobody reads again.
  template <class Real>
  static void copy_frozen(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    Real* copies = work.frozen.get(size_t(prepared.unit.n_context) * settings.stride);
    for (int i = 0; i < prepared.unit.n_context; ++i) {
      if (!settings.frozen[prepared.unit.context[i]]) continue;
      Real*& row = prepared.context_rows[i];
      row = std::copy_n(row, settings.stride, copies + size_t(i) * settings.stride) - settings.stride;
    }
  }
};

}  // namespace firth
