// Room native, input side "pool" (CBOW): the context's rows make one input, their mean or their sum.
//
// With h = f * sum_i x_i, the gradient for x_i is f * dloss/dh, where f is 1 for the sum and 1/m for the mean.
// word2vec.c, gensim and fastText update by dloss/dh undivided where h is the mean; gensim's cbow_mean=0 divides it by
// m where h is the sum: pool_word2vec chooses these.
#pragma once

#include "objective.hpp"

namespace firth {

struct PooledInput {
  template <class Real>
  static Inputs<Real> gather(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    const int n_padded = padded_dims<Real>(settings), n_context = prepared.unit.n_context;
    work.pooled = work.pooled_memory.get(n_padded);
    const Real factor = settings.pool_sum ? Real(1) : Real(1) / Real(n_context);
    sum_rows<Real>(prepared.context_rows, n_context, factor, n_padded, work.pooled);
    return {&work.pooled, 1};
  }

  template <class Real, class Coming>
  static void update(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work,
                     const Inputs<Real>& inputs, const Coming& coming) {
    const Unit& unit = prepared.unit;
    const int n_padded = padded_dims<Real>(settings), n_context = unit.n_context;
    const bool divide = bool(settings.pool_sum) == bool(settings.pool_word2vec);
    const Real factor = divide ? Real(1) / Real(n_context) : Real(1);
    Real* const change = work.changes.get(n_padded);
    update_outputs_and_gather<Real>(inputs.rows[0], prepared.output_rows, prepared.n_outputs, n_padded,
                                    work.coefficients, change, coming);
    Real** const x = prepared.context_rows;
    int n_learning = n_context;
    if (settings.frozen) {
      n_learning = 0;
      for (int i = 0; i < n_context; ++i)
        if (!settings.frozen[unit.context[i]]) x[n_learning++] = x[i];
    }
    add_to_rows<Real>(x, n_learning, change, factor, n_padded);
  }
};

}  // namespace firth
