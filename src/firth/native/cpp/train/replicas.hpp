// Room native: copies of the rows that are touched most, a set for each thread.
//
// Threads that write to the same row take its cache lines from each other at every update; on cores that share no
// cache, lock-free training is slower with two threads than with one. So a thread works on its own copies of the rows
// that it expects to touch several times in a stretch of tokens, adds what it learned to the shared rows at the
// stretch's end, and goes on from there:
//
//   row += f (copy - base),   f = min(1, MARGIN * limit(T) / r),   limit(T) = 2 sin(pi / (2 (2 T - 1)))
//
// where `base` is the row as the thread found it, T the number of threads and r = 1 - exp(-RELAXATION * learning_rate *
// touches) the share of the way to its equilibrium that a copy goes in a stretch; the learning rate is the one of the
// heaviest sequence in it. While a thread is at work, the T - 1 others add theirs, so the error e of a row follows
// e[n + 1] = e[n] - f r e[n - T + 1], which dies out if and only if f r < limit(T) (Levin and May, A note on
// difference-delay equations, Theor. Popul. Biol. 9, 1976). With one thread there are no copies. What MARGIN and the
// other constants cost in accuracy was measured: docs/training.md.
#pragma once

#include "plan/units.hpp"
#include "train/settling.hpp"

namespace firth {

constexpr double MARGIN = 0.85;
constexpr int64_t UNSEEN_TOKENS = 1 << 16;  // at most: what all threads train before one of them adds its own
constexpr int64_t UNSEEN_PARTS = 1024;      // of a run, at least
constexpr int64_t MAX_BYTES = 4 << 20;      // of the copies of one matrix, and as much again for their bases

// The more threads there are, the shorter a stretch: what they do not see of each other stays the same. Units of
// windows are not divided.
inline int64_t stretch_tokens(const Settings& s) {
  const int64_t unseen = std::min(UNSEEN_TOKENS, s.n_tokens * std::max(s.epochs, 1) / UNSEEN_PARTS);
  return std::max<int64_t>(1, unseen / std::max(s.threads, 1) / UNIT_BORDER) * UNIT_BORDER;
}

// Whether windows are wide on average. Then threads learn in place, without copies: within a stretch a copy goes all
// the way to what fits the thread's own sequence, and the sum of what several threads learned overshoots (with two
// threads hierarchical softmax diverged at 1,000 words a side).
inline bool has_wide_windows(const Settings& s) {
  if (s.window_mode == WINDOW_SEQUENCE) return s.n_tokens > PART_WORDS * s.n_sequences;
  return s.window > MAX_STRETCH_WINDOW;
}

// One matrix's copies. Rows are ordered by how often they are touched: from the first on for words, from the last on
// for the inner nodes of a Huffman tree, whose root is made last.
template <class Real>
class Replicas {
 public:
  // Copies the rows that a stretch touches `touches` times or more; `rows` leads to them from now on.
  void make(const Settings& s, SharedRows<Real>& rows, const TouchRates& rates, int64_t n_rows, double touches) {
    const int64_t most = std::min(n_rows, MAX_BYTES / (rows.stride * int64_t(sizeof(Real))));
    const float least = float(touches / double(stretch_tokens(s)));
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
    for (int64_t row = 0; row < count_; ++row) {
      const double touches = double(rates_.per_token[rates_.from_last ? count_ - 1 - row : row]) * double(tokens);
      const auto factor = broadcast(Real(merge_factor(learning_rate * touches, n_threads)));
      for (int64_t d = row * stride_; d < (row + 1) * stride_; d += Simd<Real>::LANES) {
        const auto sum = fma(factor, load(copies_ + d) - load(bases_ + d), load(shared_ + d));
        store(shared_ + d, sum);
        renew(d, sum);
      }
    }
  }

  // `step`: learning rate times touches.
  static double merge_factor(double step, int n_threads) {
    const double r = settled_share(step);
    const double most = MARGIN * 2 * std::sin(M_PI / (2 * (2 * n_threads - 1)));
    return r > most ? most / r : 1;
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
