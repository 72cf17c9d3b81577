// Room native: the arithmetic that every objective shares: m input rows against n output rows.
//
//   logits        z_ij = x_i . u_j
//   update        x_i += sum_j c_ij u_j,   u_j += sum_i c_ij x_i      (x and u as they were before the update)
//
// The coefficients c = -learning_rate * dloss/dz come from the output side. Output rows go in blocks of at most
// BLOCK_ROWS, which stay in registers; logits and coefficients of one block lie together, input row by input row:
// element (i, j) of block b is at m * BLOCK_ROWS * b + i * width(b) + j.
#pragma once

#include <algorithm>
#include <vector>

#include "simd.hpp"

namespace firth {

// Output rows a block: an update holds each twice, and three vectors beside; logits hold one accumulator a pair.
constexpr int BLOCK_ROWS = VECTOR_REGISTERS >= 32 ? 12 : 6;
constexpr int MAX_ACCUMULATORS = VECTOR_REGISTERS >= 32 ? 24 : 12;

template <class Real>
using Rows = Real* const*;

// Logits of MI input rows against NJ output rows, written one after the other.
template <class Real, int MI, int NJ>
inline void tile_logits(Rows<Real> x, Rows<Real> u, int n_padded, Real* logits) {
  typedef typename Simd<Real>::V V;
  constexpr int LANES = Simd<Real>::LANES;
  V sums[MI * NJ];
#pragma GCC unroll 24
  for (int k = 0; k < MI * NJ; ++k) sums[k] = V{};
  for (int d = 0; d < n_padded; d += LANES) {
    V xs[MI];
#pragma GCC unroll 4
    for (int i = 0; i < MI; ++i) xs[i] = load(x[i] + d);
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) {
      V row = load(u[j] + d);
      keep_in_register(row);  // one load for MI multiplications, not a memory operand for each
#pragma GCC unroll 4
      for (int i = 0; i < MI; ++i) sums[i * NJ + j] = fma(xs[i], row, sums[i * NJ + j]);
    }
  }
  reduce<MI * NJ>(sums, logits);
}

template <class Real, int NJ>
inline void block_logits(Rows<Real> x, int m, Rows<Real> u, int n_padded, Real* logits) {
  int i = 0;
  if constexpr (4 * NJ <= MAX_ACCUMULATORS)
    for (; i + 4 <= m; i += 4) tile_logits<Real, 4, NJ>(x + i, u, n_padded, logits + i * NJ);
  for (; i + 2 <= m; i += 2) tile_logits<Real, 2, NJ>(x + i, u, n_padded, logits + i * NJ);
  if (i < m) tile_logits<Real, 1, NJ>(x + i, u, n_padded, logits + i * NJ);
}

// The update of one block where no row stands twice and there is no other block: each input row is loaded once, gives
// to the outputs and takes from them, and is stored.
template <class Real, int NJ>
inline void block_update_in_place(Rows<Real> x, int m, Rows<Real> u, int n_padded, const Real* coefficients) {
  typedef typename Simd<Real>::V V;
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    V rows[NJ], updated[NJ];
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) updated[j] = rows[j] = load(u[j] + d);
    const Real* c = coefficients;
    for (int i = 0; i < m; ++i, c += NJ) {
      const V input = load(x[i] + d);
      V moved = input;
#pragma GCC unroll 12
      for (int j = 0; j < NJ; ++j) {
        const V coefficient = broadcast(c[j]);
        updated[j] = fma(coefficient, input, updated[j]);
        moved = fma(coefficient, rows[j], moved);
      }
      store(x[i] + d, moved);
    }
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) store(u[j] + d, updated[j]);
  }
}

// The general update of one block: the input rows' changes are gathered in `changes` (m rows), to be added when all
// blocks are done; the output rows' changes are added to `u_target`, one after the other, so that a row that stands
// twice gets the sum. `u` are the rows as they were.
template <class Real, int NJ>
inline void block_update_gathered(Rows<Real> x, int m, Rows<Real> u, Rows<Real> u_target, int n_padded,
                                  const Real* coefficients, Real* changes, bool first) {
  typedef typename Simd<Real>::V V;
  constexpr int LANES = Simd<Real>::LANES;
  for (int d = 0; d < n_padded; d += LANES) {
    V rows[NJ], change[NJ];
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) {
      rows[j] = load(u[j] + d);
      change[j] = V{};
    }
    const Real* c = coefficients;
    Real* gathered = changes + d;
    for (int i = 0; i < m; ++i, c += NJ, gathered += n_padded) {
      const V input = load(x[i] + d);
      V moved = first ? V{} : load(gathered);
#pragma GCC unroll 12
      for (int j = 0; j < NJ; ++j) {
        const V coefficient = broadcast(c[j]);
        change[j] = fma(coefficient, input, change[j]);
        moved = fma(coefficient, rows[j], moved);
      }
      store(gathered, moved);
    }
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) store(u_target[j] + d, load(u_target[j] + d) + change[j]);
  }
}

// Calls body with the width of a block, 1 .. BLOCK_ROWS, as a compile-time constant.
template <int WIDTH = BLOCK_ROWS, class Body>
inline void with_width(int width, Body&& body) {
  if constexpr (WIDTH > 1) {
    if (width < WIDTH) return with_width<WIDTH - 1>(width, body);
  }
  body(std::integral_constant<int, WIDTH>());
}

template <class Real>
inline void compute_logits(Rows<Real> x, int m, Rows<Real> u, int n, int n_padded, Real* logits) {
  for (int j = 0; j < n; j += BLOCK_ROWS, logits += m * BLOCK_ROWS)
    with_width(std::min(BLOCK_ROWS, n - j),
               [&](auto width) { block_logits<Real, decltype(width)::value>(x, m, u + j, n_padded, logits); });
}

// Aligned scratch that only grows.
template <class Real>
class Scratch {
 public:
  Real* get(size_t elements) {
    const size_t spare = ROW_ALIGNMENT / sizeof(Real);
    if (memory_.size() < elements + spare) memory_.resize((elements + spare) * 2);
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.data());
    return reinterpret_cast<Real*>((address + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT);
  }

 private:
  std::vector<Real> memory_;
};

template <class Real>
struct UpdateScratch {
  Scratch<Real> changes, snapshot;
  std::vector<Real*> snapshot_rows;
};

// Gathers what each input row is to be moved by (m rows of n_padded in the returned memory) and updates the outputs.
template <class Real>
inline Real* update_outputs_and_gather(Rows<Real> x, int m, Rows<Real> u, int n, bool repeated_outputs, int n_padded,
                                       const Real* coefficients, UpdateScratch<Real>& scratch) {
  Rows<Real> source = u;
  if (repeated_outputs) {  // a later block must not see what an earlier one did to the same row
    Real* copy = scratch.snapshot.get(size_t(n) * n_padded);
    scratch.snapshot_rows.resize(n);
    for (int j = 0; j < n; ++j) {
      scratch.snapshot_rows[j] = copy + size_t(j) * n_padded;
      std::copy(u[j], u[j] + n_padded, scratch.snapshot_rows[j]);
    }
    source = scratch.snapshot_rows.data();
  }
  Real* changes = scratch.changes.get(size_t(m) * n_padded);
  for (int j = 0; j < n; j += BLOCK_ROWS, coefficients += m * BLOCK_ROWS)
    with_width(std::min(BLOCK_ROWS, n - j), [&](auto width) {
      block_update_gathered<Real, decltype(width)::value>(x, m, source + j, u + j, n_padded, coefficients, changes,
                                                          j == 0);
    });
  return changes;
}

// One input that stands for several rows (`pool`, moved by `factor` times what the input is moved by), one block, no
// output row twice: everything in one pass.
template <class Real, int NJ>
inline void block_update_pooled(const Real* input, Rows<Real> pool, int n_pool, Rows<Real> u, int n_padded,
                                const Real* coefficients, Real factor) {
  typedef typename Simd<Real>::V V;
  const V factors = broadcast(factor);
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    const V x = load(input + d);
    V change = V{};
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) {
      const V row = load(u[j] + d), coefficient = broadcast(coefficients[j]);
      change = fma(coefficient, row, change);
      store(u[j] + d, fma(coefficient, x, row));
    }
    for (int i = 0; i < n_pool; ++i) store(pool[i] + d, fma(factors, change, load(pool[i] + d)));
  }
}

// row += factor * change
template <class Real>
inline void add_scaled(Real* row, const Real* change, Real factor, int n_padded) {
  typedef typename Simd<Real>::V V;
  const V factors = broadcast(factor);
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) store(row + d, fma(factors, load(change + d), load(row + d)));
}

// Whether an id stands twice.
inline bool has_repeats(const int32_t* ids, int count) {
  if (count <= 8) {
    for (int k = 1; k < count; ++k)
      for (int earlier = 0; earlier < k; ++earlier)
        if (ids[k] == ids[earlier]) return true;
    return false;
  }
  if (count <= 64) {
    // A bit for each id's hash: as many bits as ids means that all differ; fewer is settled one by one.
    uint64_t bits = 0;
    for (int k = 0; k < count; ++k) bits |= uint64_t(1) << ((uint32_t(ids[k]) * 0x9E3779B1u) >> 26);
    if (__builtin_popcountll(bits) == count) return false;
    for (int k = 1; k < count; ++k)
      for (int earlier = 0; earlier < k; ++earlier)
        if (ids[k] == ids[earlier]) return true;
    return false;
  }
  std::vector<int32_t> sorted(ids, ids + count);
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

}  // namespace firth
