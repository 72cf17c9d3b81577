// Room native, input side "rows" (skip-gram): every context word's row is an input of its own, held against the same
// output rows. With shared negatives the whole window is one unit; by pair, the context is one word.
#pragma once

#include "objective.hpp"

namespace firth {

struct RowInputs {
  template <class Real, class InputRows>
  static int gather(const Settings& settings, const Unit& unit, InputRows& input_row, Workspace<Real>& work) {
    work.input_rows.resize(unit.n_context);
    for (int i = 0; i < unit.n_context; ++i) work.input_rows[i] = input_row(unit.context[i]);
    if (settings.frozen) freeze(settings, unit, work);
    return unit.n_context;
  }

  template <class Real, class InputRows>
  static void update(const Settings& settings, const Unit& unit, InputRows&, int m, int n, bool repeated_outputs,
                     const Real* coefficients, Workspace<Real>& work) {
    const int n_padded = int(settings.stride);
    Real* const* x = work.input_rows.data();
    Real* const* u = work.output_rows.data();
    if (n <= BLOCK_ROWS && !repeated_outputs &&
        !(unit.context_may_repeat && has_repeats(unit.context, unit.n_context))) {
      with_width(
          n, [&](auto width) { block_update_in_place<Real, decltype(width)::value>(x, m, u, n_padded, coefficients); });
      return;
    }
    const Real* changes =
        update_outputs_and_gather<Real>(x, m, u, n, repeated_outputs, n_padded, coefficients, work.update);
    for (int i = 0; i < m; ++i) add_scaled(x[i], changes + size_t(i) * n_padded, Real(1), n_padded);
  }

 private:
  // A frozen word is updated in a copy that nobody reads again.
  template <class Real>
  static void freeze(const Settings& settings, const Unit& unit, Workspace<Real>& work) {
    Real* copies = work.frozen.get(size_t(unit.n_context) * settings.stride);
    for (int i = 0; i < unit.n_context; ++i) {
      if (!settings.frozen[unit.context[i]]) continue;
      Real* copy = copies + size_t(i) * settings.stride;
      std::copy(work.input_rows[i], work.input_rows[i] + settings.stride, copy);
      work.input_rows[i] = copy;
    }
  }
};

}  // namespace firth
