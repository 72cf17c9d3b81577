// Room native: one unit of training: the input vectors of a context, the output rows, and the update of both.
//
// An input side (inputs_*.hpp) makes the input vectors from the context. An output side (outputs_*.hpp) chooses the
// output rows, and computes loss and coefficients from the logits. train_unit joins any pair of sides. A side is a
// struct with the members listed here, in the list of objectives.hpp; the compiler reports a missing member.
//
// Both sides:
//   NAME             the value of the parameter `architecture` or `loss`
//   begin_chunk      (settings, work): called before the first unit of a chunk
//   end_chunk        (settings, work): called after the last unit of a chunk, unless the run is stopped
//
// An input side:
//   STRETCH_TOKENS   tokens of a stretch before subsampling; a power of two
//   NOISE_SETS       noise sets of a stretch
//   JOINED_WINDOWS   neighbouring windows that have one noise set and are one unit; 1: each window is a unit
//   TAKES_PARTS      a wide window is divided into parts; each part is a unit
//   examples         (n): number of positive examples of a window with n context words
//   inputs           (n): maximum number of input vectors of a unit with n context words
//   gather           (settings, prepared, work): makes the input vectors
//   update           (settings, prepared, work, inputs, coming): updates all rows
//
// An output side:
//   DRAWS_NEGATIVES  a unit has noise words, and may have several targets
//   TAKES_ALL_TARGETS all targets of an example count at once (plan/examples.hpp); otherwise one of them is drawn
//   MAY_REPEAT       a unit may have the same output row several times
//   TOUCHES_ALL_ROWS every unit touches every output row
//   WORTH_A_COPY     minimum touches of a row in an interval for which a thread has a copy of the row (replicas.hpp)
//   part_words       (settings, n): maximum context words of a part of a window with n context words
//   each_output_row  (settings, target, take): calls take(ids, count) for arrays of the output rows that a target
//                    touches, without negatives; calls nothing if TOUCHES_ALL_ROWS
//   each_coming_row  (settings, target, add): calls add(id) for the rows to prefetch
//   look_ahead       (settings, near, far): prefetches what each_output_row will read for later targets; near(), and
//                    for a later unit far(), return a pointer to a target, or null
//   count            (settings, unit): number of output rows of a unit
//   largest_count    (settings): maximum number of output rows of a unit
//   collect          (settings, unit, n, ids, positive): writes the ids of the output rows, and their labels as
//                    bits, one word for each block
//   weigh            (unit, n, m, weights): how often each pair counts in a unit of several windows
//   coefficients     (prepared, m, work): computes the coefficients from the logits, and the loss
#pragma once

#include "model/settings.hpp"
#include "objectives/block.hpp"
#include "objectives/loss_sum.hpp"

namespace firth {

// Prefetches the cache lines of a row.
template <bool WRITE, class Real>
inline void prefetch_row(const Real* row, int64_t stride) {
  const char* bytes = reinterpret_cast<const char*>(row);
#pragma GCC unroll 4
  for (int64_t offset = 0; offset < stride * int64_t(sizeof(Real)); offset += 64)
    __builtin_prefetch(bytes + offset, WRITE);
}

// Rows that the next units need. Their cache lines are prefetched a few at a time during the arithmetic of the current
// unit, because a core can have only a limited number of outstanding loads.
template <class Real, bool WRITE>
class ComingRows {
 public:
  void clear() { count_ = 0; }
  void add(const Real* row) {
    if (count_ == MAX) return;
    rows_[count_++] = row;
  }
  // Prefetches the line that begins with element d of each row; does nothing if element d is inside a line.
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

// Number of elements of a row in arithmetic: dims, rounded up to whole SIMD vectors.
template <class Real>
inline int padded_dims(const Settings& settings) {
  constexpr int LANES = Simd<Real>::LANES;
  return (settings.dims + LANES - 1) / LANES * LANES;
}

// The homes of the rows of a matrix in lock-free training: in place, or in the thread's copies (replicas.hpp). In
// deterministic training see PrivateRows.
template <class Real>
struct SharedRows {
  explicit SharedRows(const RowMatrix& of) : matrix(static_cast<Real*>(of.rows)), stride(of.stride) {}
  static constexpr bool IN_PLACE = true;
  Real* matrix;
  int64_t stride;
  Real* copies = nullptr;  // copies of the rows [first, first + count)
  int64_t first = 0, count = 0;
  // Computed without a branch: the branch cannot be predicted, and mispredictions took 11 % of the time. Computed with
  // integers, because a pointer outside its array is undefined behaviour, and a row without a copy would have one.
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
  // From now on, finds the rows of another matrix.
  void move_to(Real* to, size_t) { matrix = to; }
};

// The ids of a unit: a window, or several windows that share their negatives.
struct Unit {
  const int32_t* context;  // word ids (n_context), repeats allowed
  int n_context;
  const int32_t* targets;    // word ids (n_targets), repeats allowed: one for each window
  int n_targets;             // 1 .. UNIT_WINDOWS
  const uint8_t* windows;    // (n_context): bit t is set if the context word is in window t; null: there is one window
  const int32_t* negatives;  // word ids (n_negatives), repeats allowed
  int n_negatives;
  bool context_may_repeat;  // false only if the context words are known to be all different
  bool outputs_may_repeat;  // the same for the targets and negatives
};

template <class Real>
struct Workspace;

// The hooks of a side that does nothing before and after a chunk.
struct PlainSide {
  template <class Real>
  static void begin_chunk(const Settings&, Workspace<Real>&) {}
  template <class Real>
  static void end_chunk(const Settings&, Workspace<Real>&) {}
};

// The hooks of an output side whose units touch every output row.
struct WholeMatrix : PlainSide {
  static constexpr bool DRAWS_NEGATIVES = false, MAY_REPEAT = false, TOUCHES_ALL_ROWS = true;
  static constexpr double WORTH_A_COPY = 16;
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
};

// The input vectors of a unit.
template <class Real>
struct Inputs {
  Rows<Real> rows;
  int count;
};

// A unit with the addresses of its rows. The values of the rows are not read yet.
template <class Real>
struct Prepared {
  Unit unit;
  Real learning_rate;
  int n_outputs;
  bool repeated_outputs;
  // Pointers into memory that `reserve` allocates.
  int32_t *context, *output_ids;
  Real **context_rows, **output_rows;
  uint32_t* positive;  // labels of the output rows: a word of bits for each block
  uint8_t* windows;    // memory for Unit::windows

  void reserve(int n_context, int n_outputs) {
    context = ids_.get(size_t(n_context) + n_outputs + 1);
    output_ids = context + n_context + 1;  // one more, because copy_context writes one more
    context_rows = rows_.get(size_t(n_context) + n_outputs);
    output_rows = context_rows + n_context;
    positive = labels_.get(size_t(n_outputs));       // there are at most as many blocks as rows
    windows = windows_.get(size_t(n_context) + 16);  // 16 are written at a time
  }

 private:
  Scratch<int32_t> ids_;
  Scratch<Real*> rows_;
  Scratch<uint32_t> labels_;
  Scratch<uint8_t> windows_;
};

template <class Real>
struct Workspace {
  Real *logits, *coefficients, *weights;  // pointers into memory that `reserve` allocates
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

// Finds the rows of prepared.unit, which the caller has written there: a copy of a unit that was just written would
// wait for its smaller stores.
template <class Real, class Output, class FindRow>
FIRTH_INLINE void prepare_unit(const Settings& settings, Real learning_rate, const FindRow& input_row,
                               const FindRow& output_row, Prepared<Real>& prepared) {
  const Unit& unit = prepared.unit;
  prepared.learning_rate = learning_rate;
  for (int i = 0; i < unit.n_context; ++i) prepared.context_rows[i] = input_row(unit.context[i]);
  const int n = prepared.n_outputs = Output::count(settings, unit);
  Output::collect(settings, unit, n, prepared.output_ids, prepared.positive);
  for (int j = 0; j < n; ++j) prepared.output_rows[j] = output_row(prepared.output_ids[j]);
  prepared.repeated_outputs = Output::MAY_REPEAT && unit.outputs_may_repeat && has_repeats(prepared.output_ids, n);
}

// Updates a unit, or only computes its loss. The loss in nats is added to workspace.loss. Gradients are computed at the
// rows before the update; a word that occurs several times, or in several windows, gets the sum. The rows of `coming`
// are prefetched during the update.
template <class Real, class Input, class Output, class Coming>
FIRTH_INLINE void train_unit(const Settings& settings, const Prepared<Real>& prepared, bool updates,
                             Workspace<Real>& work, const Coming& coming) {
  const int n = prepared.n_outputs, n_padded = padded_dims<Real>(settings);
  if (n == 0) return coming.ask_all(n_padded);  // the Huffman tree of one word has no inner node
  const Inputs<Real> inputs = Input::gather(settings, prepared, work);
  Output::weigh(prepared.unit, n, inputs.count,
                work.weights);  // early, because a vector load stalls if it spans recent smaller stores
  compute_logits<Real>(inputs.rows, inputs.count, prepared.output_rows, n, n_padded, work.logits);
  Output::coefficients(prepared, inputs.count, work);
  if (!updates) return coming.ask_all(n_padded);
  if (prepared.repeated_outputs) fold_repeated_outputs(prepared.output_ids, inputs.count, n, work.coefficients);
  Input::update(settings, prepared, work, inputs, coming);
}

// Prepares and trains a unit. It is not inlined: for units that are rare, so that the compiler translates their code
// once.
template <class Real, class Input, class Output, class FindRow, class Coming>
__attribute__((noinline)) void train_rare_unit(const Settings& settings, const Unit& unit, Real learning_rate,
                                               bool updates, const FindRow& input_row, const FindRow& output_row,
                                               Prepared<Real>& prepared, Workspace<Real>& work, const Coming& coming) {
  prepared.unit = unit;
  prepare_unit<Real, Output>(settings, learning_rate, input_row, output_row, prepared);
  train_unit<Real, Input, Output>(settings, prepared, updates, work, coming);
}

}  // namespace firth
