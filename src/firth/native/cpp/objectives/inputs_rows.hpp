// Room native, input side "rows" (skip-gram): the row of each context word is one input vector. All input vectors of a
// unit have the same output rows. With shared negatives, a unit is a window or several neighbouring windows; with
// negatives by pair, a unit has one context word.
#pragma once

#include "objectives/objective.hpp"

namespace firth {

struct RowInputs : PlainSide {
  static constexpr const char* NAME = "skipgram";
  // Longer stretches gave worse vectors (docs/training.md).
  static constexpr int64_t STRETCH_TOKENS = 64;
  static constexpr int32_t NOISE_SETS = 8, JOINED_WINDOWS = 3;
  static constexpr bool TAKES_PARTS = true;
  static int64_t examples(int32_t n_context) { return n_context; }
  static int inputs(int n_context) { return n_context; }

  template <class Real>
  static Inputs<Real> gather(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    if (settings.input.frozen) copy_frozen(settings, prepared, work);
    return {prepared.context_rows, prepared.unit.n_context};
  }

  template <class Real, class Coming>
  static void update(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work,
                     const Inputs<Real>& inputs, const Coming& coming) {
    const int m = inputs.count, n = prepared.n_outputs;
    if (settings.output.frozen) return update_only_input(settings, prepared, work, inputs, coming);
    if (prepared.unit.context_may_repeat) fold_repeated_inputs(prepared.unit.context, m, n, work.coefficients);
    update_rows<Real>(inputs.rows, m, prepared.output_rows, n, padded_dims<Real>(settings), work.coefficients,
                      work.changes, coming);
  }

 private:
  // Updates the only input vector; the output rows stay.
  template <class Real, class Coming>
  __attribute__((noinline)) static void update_only_input(const Settings& settings, const Prepared<Real>& prepared,
                                                          Workspace<Real>& work, const Inputs<Real>& inputs,
                                                          const Coming& coming) {
    if (inputs.count != 1) throw Failure(ERROR_ARGUMENT, "units must have one input row if the output rows are frozen");
    const int n_padded = padded_dims<Real>(settings);
    const Real* const change = update_outputs_and_gather<Real, false>(
        inputs.rows[0], prepared.output_rows, prepared.n_outputs, n_padded, work.coefficients, work.changes, coming);
    add_to_rows<Real>(inputs.rows, 1, change, Real(1), n_padded);
  }

  // Replaces the row of a frozen word by a copy, so that the update does not change the word's row.
  template <class Real>
  static void copy_frozen(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    Real* copies = work.frozen.get(size_t(prepared.unit.n_context) * settings.input.stride);
    for (int i = 0; i < prepared.unit.n_context; ++i) {
      if (!settings.input.frozen[prepared.unit.context[i]]) continue;
      Real*& row = prepared.context_rows[i];
      row = std::copy_n(row, settings.input.stride, copies + size_t(i) * settings.input.stride) - settings.input.stride;
    }
  }
};

}  // namespace firth
