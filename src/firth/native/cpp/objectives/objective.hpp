// Room native: one unit of training: a context of input words and the output rows that they are held against.
//
// An input side (inputs_*.hpp) says what vectors the context makes; an output side (outputs_*.hpp) says which output
// rows they meet and what loss and coefficients follow from the logits. train_unit puts any pair together. A side is a
// struct with what is listed here, in objectives.hpp's list; whatever it lacks is an error of the compiler.
//
// Both sides:
//   NAME             the word of the parameter `architecture` or `loss`
//   begin_chunk      (settings, work): called before the first unit of at most CHUNK_TOKENS tokens
//   end_chunk        (settings, work): called after the last one, unless the run is stopped
//
// An input side:
//   STRETCH_TOKENS   tokens of a stretch, whose windows share noise words, before subsampling; a power of two
//   NOISE_SETS       noise sets that a stretch has
//   JOINED_WINDOWS   neighbouring windows that have one noise set and are one unit; 1: each window is a unit
//   TAKES_PARTS      a wide window is divided into parts, each of which is a unit
//   examples         (n): positive examples of a window with n context words
//   inputs           (n): vectors that a unit with n context words makes, at most
//   gather           (settings, prepared, work): these vectors
//   update           (settings, prepared, work, inputs, coming): moves all rows
//
// An output side:
//   DRAWS_NEGATIVES  a unit has noise words, and may have several targets
//   TAKES_ALL_TARGETS of an example with several targets, all count at once (plan/examples.hpp); else one is drawn
//   MAY_REPEAT       a unit's output rows may hold one row more than once
//   TOUCHES_ALL_ROWS every unit touches every output row
//   WORTH_A_COPY     touches in an interval that are worth a thread's own copy of a row (replicas.hpp)
//   part_words       (settings, n): context words of a part at most, of a window with n
//   each_output_row  (settings, target, take): take(ids, count) gets the output rows that a target touches beside the
//                    unit's negatives, in stretches; nothing where TOUCHES_ALL_ROWS
//   each_coming_row  (settings, target, add): add(id) gets the rows whose cache lines are to be asked for
//   look_ahead       (settings, near, far): asks for what each_output_row will read of coming targets; near(), and
//                    further ahead far(), point to a target, or are null
//   count            (settings, unit): output rows of a unit
//   largest_count    (settings): output rows of any unit, at most
//   collect          (settings, unit, n, ids, positive): their ids, and their labels as bits, a word for each block
//   weigh            (unit, n, m, weights): how often each pair counts in a unit of several windows
//   coefficients     <Real, UPDATE>(prepared, m, work): from the logits, and the loss
#pragma once

#include "model/settings.hpp"
#include "objectives/block.hpp"
#include "objectives/loss_sum.hpp"

namespace firth {

// Asks for a row's cache lines before they are needed.
template <bool WRITE, class Real>
inline void prefetch_row(const Real* row, int64_t stride) {
  const char* bytes = reinterpret_cast<const char*>(row);
#pragma GCC unroll 4
  for (int64_t offset = 0; offset < stride * int64_t(sizeof(Real)); offset += 64)
    __builtin_prefetch(bytes + offset, WRITE);
}

// Rows that coming windows will need. Their cache lines are asked for a few at a time while the arithmetic of the
// present window goes on: a core can wait for only so many lines at once.
template <class Real, bool WRITE>
class ComingRows {
 public:
  void clear() { count_ = 0; }
  void add(const Real* row) {
    if (count_ == MAX) return;
    rows_[count_++] = row;
  }
  // The lines that begin with element d; none where that is within a line.
  FIRTH_INLINE void ask(int64_t d) const {
    if (d % (ROW_ALIGNMENT / int64_t(sizeof(Real)))) return;
    for (int k = 0; k < count_; ++k) __builtin_prefetch(rows_[k] + d, WRITE);
  }
  void ask_all(int64_t length) const {
    for (int64_t d = 0; d < length; d += ROW_ALIGNMENT / int64_t(sizeof(Real))) ask(d);
  }

 private:
  static constexpr int MAX = 64;
  int count_ = 0;
  const Real* rows_[MAX];
};

// The elements of a row that arithmetic goes over: whole vectors.
template <class Real>
inline int padded_dims(const Settings& settings) {
  constexpr int LANES = Simd<Real>::LANES;
  return (settings.dims + LANES - 1) / LANES * LANES;
}

// Where the rows of a matrix are: here in place, but for those that the thread has a copy of (replicas.hpp); elsewhere
// (deterministic.hpp) in a shard's private copies.
template <class Real>
struct SharedRows {
  explicit SharedRows(const RowMatrix& of) : matrix(static_cast<Real*>(of.rows)), stride(of.stride) {}
  static constexpr bool IN_PLACE = true;
  Real* matrix;
  int64_t stride;
  Real* copies = nullptr;  // of the rows [first, first + count)
  int64_t first = 0, count = 0;
  // Without a branch: whether a row is copied cannot be foretold, and guessing wrong took 11 % of the time.
  // In numbers, since a pointer outside of its array, as that of a row without a copy would be, is undefined.
  Real* operator()(int32_t id) const {
    const uintptr_t row_bytes = uintptr_t(stride) * sizeof(Real);
    const uintptr_t shared = reinterpret_cast<uintptr_t>(matrix) + uintptr_t(id) * row_bytes;
    const uintptr_t copy = reinterpret_cast<uintptr_t>(copies) + uintptr_t(id - first) * row_bytes;
    const uintptr_t copied = -uintptr_t(uint64_t(id - first) < uint64_t(count));
    return reinterpret_cast<Real*>((shared & ~copied) | (copy & copied));
  }
  static constexpr bool PREFETCH_WRITE = true;
  const Real* home(int32_t id) const { return (*this)(id); }
  void foresee(int32_t) const {}
};

// The unit as the plan names it: a window, or several that share their negatives.
struct Unit {
  const int32_t* context;  // word ids (n_context), repeats allowed
  int n_context;
  const int32_t* targets;  // word ids (n_targets), 1 .. UNIT_WINDOWS, repeats allowed: one of each window
  int n_targets;
  const uint8_t* windows;    // (n_context): bit t says that the context word is in window t; null: one window has all
  const int32_t* negatives;  // word ids (n_negatives), repeats allowed
  int n_negatives;
  bool context_may_repeat;  // false only if the context's words are known to differ
  bool outputs_may_repeat;  // the same of the targets and negatives
};

// The vectors that a unit's context makes.
template <class Real>
struct Inputs {
  Rows<Real> rows;
  int count;
};

// A unit whose rows were looked up; no row's values were read yet.
template <class Real>
struct Prepared {
  Unit unit;
  Real learning_rate;
  int n_outputs;
  bool repeated_outputs;
  // In memory that `reserve` made.
  int32_t *context, *output_ids;
  Real **context_rows, **output_rows;
  uint32_t* positive;  // labels of the output rows, the bits of a block in a word each
  uint8_t* windows;    // of each context word, as Unit has it

  void reserve(int n_context, int n_outputs) {
    context = ids_.get(size_t(n_context) + n_outputs + 1);
    output_ids = context + n_context + 1;  // one more: a copied context passes over its center
    context_rows = rows_.get(size_t(n_context) + n_outputs);
    output_rows = context_rows + n_context;
    positive = labels_.get(size_t(n_outputs));       // blocks are no more than rows
    windows = windows_.get(size_t(n_context) + 16);  // 16 at a time
  }

 private:
  Scratch<int32_t> ids_;
  Scratch<Real*> rows_;
  Scratch<uint32_t> labels_;
  Scratch<uint8_t> windows_;
};

template <class Real>
struct Workspace {
  Real *logits, *coefficients, *weights;  // in memory that `reserve` made
  Real* pooled;
  Scratch<Real> changes, pooled_memory, frozen;
  Scratch<int32_t> sorted;
  LossSum<Real> loss;

  void reserve(int m, int n) {
    const size_t count = coefficient_count(m, n);
    logits = matrices_.get(3 * count);
    coefficients = logits + count;
    weights = coefficients + count;
  }

 private:
  Scratch<Real> matrices_;
};

template <class Real, class Output, class InputRows, class OutputRows>
FIRTH_INLINE void prepare_unit(const Settings& settings, const Unit& unit, Real learning_rate, InputRows& input_row,
                               OutputRows& output_row, Prepared<Real>& prepared) {
  prepared.unit = unit;
  prepared.learning_rate = learning_rate;
  for (int i = 0; i < unit.n_context; ++i) prepared.context_rows[i] = input_row(unit.context[i]);
  const int n = prepared.n_outputs = Output::count(settings, unit);
  Output::collect(settings, unit, n, prepared.output_ids, prepared.positive);
  for (int j = 0; j < n; ++j) prepared.output_rows[j] = output_row(prepared.output_ids[j]);
  prepared.repeated_outputs = Output::MAY_REPEAT && unit.outputs_may_repeat && has_repeats(prepared.output_ids, n);
}

// A unit's update (UPDATE) or its loss alone. Loss goes to workspace.loss, in nats. Gradients are taken at the rows as
// they stand at the beginning; a word that stands several times, or in several windows, gets the sum. The lines of
// `coming` are asked for during the update.
template <bool UPDATE, class Real, class Input, class Output, class Coming>
FIRTH_INLINE void train_unit(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work,
                             const Coming& coming) {
  const int n = prepared.n_outputs, n_padded = padded_dims<Real>(settings);
  if (n == 0) return coming.ask_all(n_padded);  // the Huffman tree of one word: nothing to tell apart
  const Inputs<Real> inputs = Input::gather(settings, prepared, work);
  Output::weigh(prepared.unit, n, inputs.count,
                work.weights);  // early: vectors cannot be loaded across stores under way
  compute_logits<Real>(inputs.rows, inputs.count, prepared.output_rows, n, n_padded, work.logits);
  Output::template coefficients<Real, UPDATE>(prepared, inputs.count, work);
  if (UPDATE) {
    if (prepared.repeated_outputs) fold_repeated_outputs(prepared.output_ids, inputs.count, n, work.coefficients);
    Input::update(settings, prepared, work, inputs, coming);
  } else {
    coming.ask_all(n_padded);
  }
}

}  // namespace firth
