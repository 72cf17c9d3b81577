// Room native, input side "pool" (CBOW): the context's rows make one input, their mean or their sum.
//
// With h = f * sum_i x_i, the gradient for x_i is f * dloss/dh, where f is 1 for the sum and 1/m for the mean.
// word2vec.c, gensim and fastText update by dloss/dh undivided where h is the mean; gensim's cbow_mean=0 divides it by
// m where h is the sum: pool_word2vec chooses these.
#pragma once

#include "objective.hpp"

namespace firth {

struct PooledInput {
  template <class Real, class InputRows>
  static int gather(const Settings& settings, const Unit& unit, InputRows& input_row, Workspace<Real>& work) {
    typedef typename Simd<Real>::V V;
    const int n_padded = int(settings.stride), m = unit.n_context;
    work.input_rows.resize(size_t(m) + 1);
    for (int i = 0; i < m; ++i) work.input_rows[i + 1] = input_row(unit.context[i]);
    Real* pooled = work.pooled.get(n_padded);
    const V factor = broadcast(settings.pool_sum ? Real(1) : Real(1) / Real(m));
    for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
      V sum = load(work.input_rows[1] + d);
      for (int i = 2; i <= m; ++i) sum += load(work.input_rows[i] + d);
      store(pooled + d, sum * factor);
    }
    work.input_rows[0] = pooled;
    return 1;
  }

  template <class Real, class InputRows>
  static void update(const Settings& settings, const Unit& unit, InputRows&, int m, int n, bool repeated_outputs,
                     const Real* coefficients, Workspace<Real>& work) {
    const int n_padded = int(settings.stride);
    const bool divide = bool(settings.pool_sum) == bool(settings.pool_word2vec);
    const Real factor = divide ? Real(1) / Real(unit.n_context) : Real(1);
    if (n <= BLOCK_ROWS && !repeated_outputs && !settings.frozen) {
      with_width(n, [&](auto width) {
        block_update_pooled<Real, decltype(width)::value>(work.input_rows[0], work.input_rows.data() + 1,
                                                          unit.n_context, work.output_rows.data(), n_padded,
                                                          coefficients, factor);
      });
      return;
    }
    const Real* change = update_outputs_and_gather<Real>(work.input_rows.data(), m, work.output_rows.data(), n,
                                                         repeated_outputs, n_padded, coefficients, work.update);
    for (int i = 0; i < unit.n_context; ++i)
      if (!settings.frozen || !settings.frozen[unit.context[i]])
        add_scaled(work.input_rows[i + 1], change, factor, n_padded);
  }
};

}  // namespace firth
