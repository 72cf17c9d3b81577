// Room native: copies of the rows that are touched most, a set for each thread.
//
// Threads that write to the same row take its cache lines from each other at every update; on cores that share no
// cache, lock-free training is slower with two threads than with one. So a thread works on its own copies of the rows
// that it expects to touch hundreds of times in a stretch of tokens, and then adds what it learned to the shared rows:
//
//   row += f (copy - base),   f = min(1, MARGIN * limit(T) / r),   limit(T) = 2 sin(pi / (2 (2 T - 1)))
//
// where `base` is the row as the thread found it, T the number of threads and r = 1 - exp(-RELAXATION * learning_rate *
// touches) the share of the way to its equilibrium that a copy goes in a stretch. While a thread is at work, the T - 1
// others add theirs, so the error e of a row follows e[n + 1] = e[n] - f r e[n - T + 1], which dies out if and only if
// f r < limit(T) (Levin and May, A note on difference-delay equations, Theor. Popul. Biol. 9, 1976). With one thread
// there are no copies. What MARGIN and the other constants cost in accuracy was measured: docs/training.md.
#pragma once

#include <algorithm>
#include <cmath>

#include "block.hpp"
#include "settings.hpp"

namespace firth {

constexpr double MARGIN = 0.6;
constexpr double RELAXATION = 4;          // a touch's, at learning rate 1, along the direction that settles first
constexpr double WORTH_A_COPY = 256;      // touches in a stretch; rows with fewer learn more slowly if they are damped
constexpr int64_t MAX_STRETCH = 1 << 17;  // tokens
constexpr int64_t STRETCHES = 32;         // at least, of every thread in a run
constexpr int64_t MAX_BYTES = 4 << 20;    // of the copies of one matrix, and as much again for their bases

inline int64_t stretch_tokens(const Settings& s) {
  const int64_t of_all = s.n_tokens * std::max(s.epochs, 1) / (STRETCHES * std::max(s.n_threads, 1));
  return std::max<int64_t>(1, std::min(MAX_STRETCH, of_all));
}

// One matrix's copies. Rows are ordered by how often they are touched: from the first on for words, from the last on
// for the inner nodes of a Huffman tree, whose root is made last.
template <class Real>
class Replicas {
 public:
  // Copies the rows that `tokens` tokens touch often.
  void make(Real* matrix, const TouchRates& rates, int64_t n_rows, int64_t stride, int64_t tokens) {
    matrix_ = matrix;
    stride_ = stride;
    rates_ = rates;
    n_rows_ = n_rows;
    tokens_ = tokens;
    const int64_t most = std::min(n_rows, MAX_BYTES / (stride * int64_t(sizeof(Real))));
    const float least = float(WORTH_A_COPY / double(tokens));
    for (count_ = 0; count_ < most && rates.per_token[count_] >= least;) ++count_;
    first_ = rates.from_last ? n_rows - count_ : 0;
    const size_t elements = size_t(count_) * stride;
    copies_ = memory_.get(2 * elements);
    bases_ = copies_ + elements;
    const Real* const from = matrix + first_ * stride;
    for (size_t d = 0; d < elements; d += Simd<Real>::LANES) {
      const auto row = load(from + d);
      store(copies_ + d, row);
      store(bases_ + d, row);
    }
  }

  // Adds what the copies learned to the shared rows.
  void merge(double learning_rate, int n_threads) {
    for (int64_t k = 0; k < count_; ++k) {
      const int64_t row = rates_.from_last ? count_ - 1 - k : k;
      const double touches = double(rates_.per_token[k]) * double(tokens_);
      add_difference(row, Real(merge_factor(learning_rate * touches, n_threads)));
    }
    count_ = 0;
  }

  int64_t first() const { return first_; }
  int64_t count() const { return count_; }
  Real* copies() const { return copies_; }

  // `step`: learning rate times touches.
  static double merge_factor(double step, int n_threads) {
    const double r = -std::expm1(-RELAXATION * step);
    const double most = MARGIN * 2 * std::sin(M_PI / (2 * (2 * n_threads - 1)));
    return r > most ? most / r : 1;
  }

 private:
  void add_difference(int64_t row, Real factor) {
    const auto factors = broadcast(factor);
    Real* const to = matrix_ + (first_ + row) * stride_;
    const Real *const copy = copies_ + row * stride_, *const base = bases_ + row * stride_;
    for (int64_t d = 0; d < stride_; d += Simd<Real>::LANES)
      store(to + d, fma(factors, load(copy + d) - load(base + d), load(to + d)));
  }

  Real* matrix_ = nullptr;
  int64_t stride_ = 0, n_rows_ = 0, tokens_ = 0, first_ = 0, count_ = 0;
  TouchRates rates_ = {};
  Scratch<Real> memory_;
  Real *copies_ = nullptr, *bases_ = nullptr;
};

}  // namespace firth
