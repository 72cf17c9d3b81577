// Room native: one unit of training: a context of input words and the output rows that they are held against.
//
// An input side (inputs_*.hpp) says what vectors the context makes; an output side (outputs_*.hpp) says which output
// rows they meet and what loss and coefficients follow from the logits. train_unit puts any pair together. Python's
// registry (kernels/registry.py) lists the pairs that are allowed.
#pragma once

#include "block.hpp"
#include "loss_sum.hpp"
#include "settings.hpp"

namespace firth {

// Asks for a row's cache lines before they are needed; it will be written.
template <class Real>
inline void prefetch_row(const Real* row, int64_t stride) {
  const char* bytes = reinterpret_cast<const char*>(row);
#pragma GCC unroll 4
  for (int64_t offset = 0; offset < stride * int64_t(sizeof(Real)); offset += 64) __builtin_prefetch(bytes + offset, 1);
}

// Where the rows of a matrix are: here in place; elsewhere (deterministic.hpp) in a shard's private copies.
template <class Real>
struct SharedRows {
  static constexpr bool IN_PLACE = true;
  Real* matrix;
  int64_t stride;
  Real* operator()(int32_t id) const { return matrix + int64_t(id) * stride; }
  void prefetch(int32_t id) const { prefetch_row((*this)(id), stride); }
  void foresee(int32_t) const {}
};

template <class Real>
struct Workspace {
  std::vector<Real*> input_rows, output_rows;
  std::vector<int32_t> input_ids, output_ids;
  std::vector<uint32_t> positive;  // labels of the output rows, BLOCK_ROWS bits a block
  Scratch<Real> logits, coefficients, pooled, frozen;
  UpdateScratch<Real> update;
  LossSum<Real> loss;
};

// The unit as the plan names it.
struct Unit {
  const int32_t* context;  // word ids (n_context), repeats allowed
  int n_context;
  int32_t target;
  const int32_t* negatives;  // word ids (n_negatives), repeats allowed
  int n_negatives;
  bool context_may_repeat;  // false only if the context's words are known to differ
};

// A unit's update (UPDATE) or its loss alone. Loss goes to workspace.loss, in nats. Gradients are taken at the rows as
// they stand at the beginning; a word that stands several times gets the sum. `meanwhile` is called where the
// arithmetic waits for its own results: the next windows' rows are asked for there.
template <bool UPDATE, class Real, class Input, class Output, class InputRows, class OutputRows, class Meanwhile>
inline void train_unit(const Settings& settings, const Unit& unit, Real learning_rate, InputRows& input_row,
                       OutputRows& output_row, Workspace<Real>& work, Meanwhile&& meanwhile) {
  const int n_padded = int(settings.stride);
  const int n = Output::template collect<Real>(settings, unit, work);
  work.output_rows.resize(n);
  for (int j = 0; j < n; ++j) work.output_rows[j] = output_row(work.output_ids[j]);
  const int m = Input::template gather<Real>(settings, unit, input_row, work);

  const size_t size = size_t(m) * ((n + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS) + ROW_ALIGNMENT;
  Real *logits = work.logits.get(size), *coefficients = work.coefficients.get(size);
  compute_logits<Real>(work.input_rows.data(), m, work.output_rows.data(), n, n_padded, logits);
  meanwhile();
  Output::template coefficients<Real, UPDATE>(unit, work, logits, m, n, learning_rate, coefficients);
  if (UPDATE) {
    const bool repeated_outputs = Output::MAY_REPEAT && has_repeats(work.output_ids.data(), n);
    Input::template update<Real>(settings, unit, input_row, m, n, repeated_outputs, coefficients, work);
  }
}

}  // namespace firth
