// Room native, input side "pool" (CBOW): one input vector for each window, the mean or the sum of the context's rows.
//
// For h = f * sum_i x_i, the gradient for x_i is f * dloss/dh; f is 1 for the sum and 1/m for the mean. word2vec.c,
// gensim and fastText do not divide dloss/dh if h is the mean; gensim with cbow_mean=0 divides it by m if h is the sum.
// cbow_update="word2vec" chooses these updates.
//
// Let the word w occur c_w times in the context, and h = b sum_w c_w x_w with b = 1/m or 1. Each occurrence moves its
// row by a (1/m or 1) times the step s = -learning_rate dloss/dh. Then h moves by q s, with q = a b sum_w c_w^2. In a
// wide window q can be thousands, and the run diverges. Therefore, in windows of more than PART_WORDS words, the step
// of the inputs is multiplied by min(1, PART_WORDS / q). The gradient of the mean has q <= 1 and is never damped.
#pragma once

#include <algorithm>

#include "objectives/objective.hpp"

namespace firth {

struct PooledInput : PlainSide {
  static constexpr const char* NAME = "cbow";
  static constexpr int64_t STRETCH_TOKENS = 128;
  static constexpr int32_t NOISE_SETS = 4, JOINED_WINDOWS = 1;
  static constexpr bool TAKES_PARTS = false;
  static int64_t examples(int32_t) { return 1; }
  static int inputs(int) { return 1; }

  // The factor a, after damping: a context word's row moves by this times the step of h.
  static double input_step(const Settings& settings, const Unit& unit, Scratch<int32_t>& sorted) {
    const int m = unit.n_context;
    const double a = (settings.cbow_input == CBOW_SUM) == (settings.cbow_update == CBOW_WORD2VEC) ? 1.0 / m : 1.0;
    const double b = settings.cbow_input == CBOW_SUM ? 1.0 : 1.0 / m;
    if (m <= PART_WORDS || a * b * m * m <= PART_WORDS) return a;  // q is at most a b m^2
    int32_t* const ids = sorted.get(size_t(m));
    std::copy_n(unit.context, m, ids);
    std::sort(ids, ids + m);
    double squares = 0;
    for (int first = 0, last; first < m; first = last) {
      for (last = first + 1; last < m && ids[last] == ids[first];) ++last;
      squares += double(last - first) * double(last - first);
    }
    return a * std::min(1.0, PART_WORDS / (a * b * squares));
  }

  template <class Real>
  static Inputs<Real> gather(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    const int n_padded = padded_dims<Real>(settings), n_context = prepared.unit.n_context;
    work.pooled = work.pooled_memory.get(n_padded);
    const Real factor = settings.cbow_input == CBOW_SUM ? Real(1) : Real(1) / Real(n_context);
    sum_rows<Real>(prepared.context_rows, n_context, factor, n_padded, work.pooled);
    return {&work.pooled, 1};
  }

  template <class Real, class Coming>
  static void update(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work,
                     const Inputs<Real>& inputs, const Coming& coming) {
    const Unit& unit = prepared.unit;
    const int n_padded = padded_dims<Real>(settings), n_context = unit.n_context;
    const double factor = input_step(settings, unit, work.sorted);
    const auto gather = [&](auto learns) {
      return update_outputs_and_gather<Real, decltype(learns)::value>(
          inputs.rows[0], prepared.output_rows, prepared.n_outputs, n_padded, work.coefficients, work.changes, coming);
    };
    const Real* const change = settings.output.frozen ? gather(std::false_type()) : gather(std::true_type());
    Real** const x = prepared.context_rows;
    int n_learning = n_context;
    if (settings.input.frozen) {
      n_learning = 0;
      for (int i = 0; i < n_context; ++i)
        if (!settings.input.frozen[unit.context[i]]) x[n_learning++] = x[i];
    }
    add_to_rows<Real>(x, n_learning, change, Real(factor), n_padded);
  }
};

}  // namespace firth
