// Room native: copies of the rows that are touched most, one set for each thread.
//
// If two threads write to one row, each update moves the row's cache lines from one core to the other. On cores that
// share no cache, lock-free training is then slower with two threads than with one. Therefore a thread trains copies of
// the rows that it is expected to touch several times in an interval. At the end of the interval it merges the copies
// into the shared rows by the law of merging.hpp, and copies the rows again. One copy of a row is merged at a time, and
// during an interval each other thread merges once. With one thread there are no copies. The cost of the constants in
// accuracy was measured: docs/training.md.
#pragma once

#include "plan/units.hpp"
#include "train/merging.hpp"

namespace firth {

// Whether threads have copies. Undecided: with two threads, copies increased the speed by 16 to 36 % on one machine,
// and by nothing on another. No machine with many cores was available.
constexpr bool COPIES_OF_BUSY_ROWS = true;
constexpr int64_t UNSEEN_TOKENS = 1 << 16;  // maximum number of tokens that all threads train in one interval
constexpr int64_t UNSEEN_PARTS = 1024;      // minimum number of intervals of all threads in a run
constexpr int64_t MAX_BYTES = 4 << 20;      // maximum size of the copies of one matrix; their bases have the same size

// Tokens of an interval. With more threads an interval is shorter, so that the number of tokens whose updates a thread
// does not see stays the same. An interval divides no unit.
inline int64_t interval_tokens(const Settings& s) {
  const int64_t unseen = std::min(UNSEEN_TOKENS, s.n_tokens * std::max(s.epochs, 1) / UNSEEN_PARTS);
  return std::max<int64_t>(1, unseen / std::max(s.threads, 1) / UNIT_BORDER) * UNIT_BORDER;
}

// Whether windows are wide on average. Then threads train in place, without copies. In an interval with wide windows, a
// copy converges to the optimum of the thread's current sequence, and the sum of several threads' differences
// overshoots (with two threads, hierarchical softmax diverged at 1,000 words on a side). The law of merging.hpp does
// not detect this: r is near 1 for busy rows with narrow windows too, but there an interval has thousands of different
// windows.
inline bool has_wide_windows(const Settings& s) {
  if (s.window_mode == WINDOW_SEQUENCE) return s.n_tokens > PART_WORDS * s.n_sequences;
  return s.window > MAX_STRETCH_WINDOW;
}

inline bool has_copies(const Settings& s) {
  return COPIES_OF_BUSY_ROWS && s.threads > 1 && s.input.touches.per_token && !has_wide_windows(s);
}

// The copies of one matrix. Rows are ordered by how often they are touched: words from the first row, inner nodes of a
// Huffman tree from the last row, which is the root.
template <class Real>
class Replicas {
 public:
  // Copies the rows that an interval touches at least `touches` times. `rows` then returns the copies.
  void make(const Settings& s, SharedRows<Real>& rows, const TouchRates& rates, int64_t n_rows, double touches) {
    const int64_t most = std::min(n_rows, MAX_BYTES / (rows.stride * int64_t(sizeof(Real))));
    const float least = float(touches / double(interval_tokens(s)));
    for (count_ = 0; count_ < most && rates.per_token[count_] >= least;) ++count_;
    rates_ = rates;
    stride_ = rows.stride;
    const int64_t first = rates.from_last ? n_rows - count_ : 0;
    shared_ = rows.matrix + first * stride_;
    copies_ = memory_.get(size_t(2 * count_ * stride_));
    bases_ = copies_ + count_ * stride_;
    for (int64_t d = 0; d < count_ * stride_; d += Simd<Real>::LANES) renew(d, load(shared_ + d));
    rows.copies = copies_;
    rows.first = first;
    rows.count = count_;
  }

  // Adds the differences of the copies, after `tokens` tokens, to the shared rows, and copies the rows again.
  void merge(double learning_rate, int64_t tokens, int n_threads) {
    const MergeLaw law(1, n_threads - 1);
    for (int64_t row = 0; row < count_; ++row) {
      const double touches = double(rates_.per_token[rates_.from_last ? count_ - 1 - row : row]) * double(tokens);
      const int64_t first = row * stride_;
      const Real* const copy = copies_ + first;
      add_differences(shared_ + first, bases_ + first, &copy, 1, law.factor(learning_rate * touches, 1), stride_);
      for (int64_t d = first; d < first + stride_; d += Simd<Real>::LANES) renew(d, load(shared_ + d));
    }
  }

 private:
  void renew(int64_t d, typename Simd<Real>::V values) {
    store(copies_ + d, values);
    store(bases_ + d, values);
  }

  int64_t stride_ = 0, count_ = 0;
  TouchRates rates_ = {};
  Scratch<Real> memory_;
  Real *shared_ = nullptr, *copies_ = nullptr, *bases_ = nullptr;
};

}  // namespace firth
