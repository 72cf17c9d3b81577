// Room native: copies of the rows that are touched most, a set for each thread.
//
// Threads that write to the same row take its cache lines from each other at every update; on cores that share no
// cache, lock-free training is slower with two threads than with one. So a thread works on its own copies of the rows
// that it expects to touch several times in an interval of tokens, adds what it learned to the shared rows at the
// interval's end by the law of merging.hpp, and goes on from there. One copy is added at a time; while a thread is at
// work, each of the others adds its own. With one thread there are no copies. What the constants cost in accuracy was
// measured: docs/training.md.
#pragma once

#include "plan/units.hpp"
#include "train/merging.hpp"

namespace firth {

// Whether threads have copies at all. Undecided: they gained 16 to 36 % of speed with two threads on one machine, and
// nothing on another. No machine with many cores was at hand.
constexpr bool COPIES_OF_BUSY_ROWS = true;
constexpr int64_t UNSEEN_TOKENS = 1 << 16;  // at most: what all threads train before one of them adds its own
constexpr int64_t UNSEEN_PARTS = 1024;      // of a run, at least
constexpr int64_t MAX_BYTES = 4 << 20;      // of the copies of one matrix, and as much again for their bases

// The more threads there are, the shorter an interval: what they do not see of each other stays the same. Units of
// windows are not divided.
inline int64_t interval_tokens(const Settings& s) {
  const int64_t unseen = std::min(UNSEEN_TOKENS, s.n_tokens * std::max(s.epochs, 1) / UNSEEN_PARTS);
  return std::max<int64_t>(1, unseen / std::max(s.threads, 1) / UNIT_BORDER) * UNIT_BORDER;
}

// Whether windows are wide on average. Then threads learn in place, without copies: within an interval a copy goes all
// the way to what fits the thread's own sequence, and the sum of what several threads learned overshoots (with two
// threads hierarchical softmax diverged at 1,000 words a side). The law of merging.hpp cannot tell: r is near 1 for
// busy rows with narrow windows as well, but there an interval has thousands of different windows.
inline bool has_wide_windows(const Settings& s) {
  if (s.window_mode == WINDOW_SEQUENCE) return s.n_tokens > PART_WORDS * s.n_sequences;
  return s.window > MAX_STRETCH_WINDOW;
}

inline bool has_copies(const Settings& s) {
  return COPIES_OF_BUSY_ROWS && s.threads > 1 && s.input.touches.per_token && !has_wide_windows(s);
}

// One matrix's copies. Rows are ordered by how often they are touched: from the first on for words, from the last on
// for the inner nodes of a Huffman tree, whose root is made last.
template <class Real>
class Replicas {
 public:
  // Copies the rows that an interval touches `touches` times or more; `rows` leads to them from now on.
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

  // Adds what the copies learned in `tokens` tokens to the shared rows, and takes these as they are then.
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
