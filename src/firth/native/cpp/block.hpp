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

#include "buffer.hpp"
#include "simd.hpp"

namespace firth {

// Output rows a block: an update holds each twice, and three vectors beside; logits hold one accumulator a pair.
constexpr int BLOCK_ROWS = VECTOR_REGISTERS >= 32 ? 12 : 6;
constexpr int MAX_ACCUMULATORS = VECTOR_REGISTERS >= 32 ? 24 : 12;

template <class Real>
using Rows = Real* const*;

// Room for m x n coefficients in blocks, and for what is overwritten beyond them.
inline size_t coefficient_count(int m, int n) {
  return size_t(m) * ((n + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS) + ROW_ALIGNMENT;
}

// Where element (i, j) of m x n stands.
inline size_t coefficient_at(int m, int n, int i, int j) {
  const int first = j / BLOCK_ROWS * BLOCK_ROWS;
  return size_t(m) * first + size_t(i) * std::min(BLOCK_ROWS, n - first) + (j - first);
}

// Logits of MI input rows against NJ output rows, one row's after the other's: take(group, logits) gets the LANES
// elements from group * LANES on; what the last one holds beyond MI * NJ is not to be read.
template <class Real, int MI, int NJ, class Take>
FIRTH_INLINE void tile_logits(Rows<Real> x, Rows<Real> u, int n_padded, Take&& take) {
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
  V logits[groups_of<Real>(MI * NJ)];
  reduce<MI * NJ>(sums, logits);
#pragma GCC unroll 12
  for (int group = 0; group < groups_of<Real>(MI * NJ); ++group) take(group, logits[group]);
}

// Logits of one block, tile by tile: tile(i, rows) gives what takes the logits of the input rows [i, i + rows).
template <class Real, int NJ, class Tile>
FIRTH_INLINE void block_logits(Rows<Real> x, int m, Rows<Real> u, int n_padded, Tile&& tile) {
  int i = 0;
  if constexpr (4 * NJ <= MAX_ACCUMULATORS)
    for (; i + 4 <= m; i += 4) tile_logits<Real, 4, NJ>(x + i, u, n_padded, tile(i, std::integral_constant<int, 4>()));
  for (; i + 2 <= m; i += 2) tile_logits<Real, 2, NJ>(x + i, u, n_padded, tile(i, std::integral_constant<int, 2>()));
  if (i < m) tile_logits<Real, 1, NJ>(x + i, u, n_padded, tile(i, std::integral_constant<int, 1>()));
}

// A row that stands several times has one coefficient that counts, the sum, and zeros. Among the inputs the first one
// counts: those that come later see the row already moved, and do nothing with it. Among the outputs it is the last
// one, since it is stored last.
template <class Real>
inline void fold_repeated_inputs(const int32_t* ids, int m, int n, Real* coefficients) {
  for (int i = 1; i < m; ++i)
    for (int earlier = 0; earlier < i; ++earlier) {
      if (ids[earlier] != ids[i]) continue;
      for (int j = 0; j < n; ++j) {
        Real& repeated = coefficients[coefficient_at(m, n, i, j)];
        coefficients[coefficient_at(m, n, earlier, j)] += repeated;
        repeated = 0;
      }
      break;
    }
}

template <class Real>
inline void fold_repeated_outputs(const int32_t* ids, int m, int n, Real* coefficients) {
  for (int j = n - 2; j >= 0; --j)
    for (int later = n - 1; later > j; --later) {
      if (ids[later] != ids[j]) continue;
      for (int i = 0; i < m; ++i) {
        Real& repeated = coefficients[coefficient_at(m, n, i, j)];
        coefficients[coefficient_at(m, n, i, later)] += repeated;
        repeated = 0;
      }
      break;
    }
}

// The update of a single block, repeats folded: each input row is loaded once, gives to the outputs and takes from
// them, and is stored.
template <class Real, int NJ, class Coming>
inline void block_update_in_place(Rows<Real> x, int m, Rows<Real> u, int n_padded, const Real* coefficients,
                                  const Coming& coming) {
  typedef typename Simd<Real>::V V;
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    V rows[NJ], updated[NJ];
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) updated[j] = rows[j] = load(u[j] + d);
    coming.ask(d);
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

// One block of several, repeats folded: the outputs are updated; what each input row is to be moved by (m rows) is
// gathered in `changes`, to be added when all blocks are done.
template <class Real, int NJ>
inline void block_update_gathered(Rows<Real> x, int m, Rows<Real> u, int n_padded, const Real* coefficients,
                                  Real* changes, bool first) {
  typedef typename Simd<Real>::V V;
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    V rows[NJ], updated[NJ];
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) updated[j] = rows[j] = load(u[j] + d);
    const Real* c = coefficients;
    Real* gathered = changes + d;
    for (int i = 0; i < m; ++i, c += NJ, gathered += n_padded) {
      const V input = load(x[i] + d);
      V moved = first ? V{} : load(gathered);
#pragma GCC unroll 12
      for (int j = 0; j < NJ; ++j) {
        const V coefficient = broadcast(c[j]);
        updated[j] = fma(coefficient, input, updated[j]);
        moved = fma(coefficient, rows[j], moved);
      }
      store(gathered, moved);
    }
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) store(u[j] + d, updated[j]);
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

// All logits, in the layout said above; LANES - 1 elements beyond the last one are overwritten.
template <class Real>
inline void compute_logits(Rows<Real> x, int m, Rows<Real> u, int n, int n_padded, Real* logits) {
  for (int j = 0; j < n; j += BLOCK_ROWS, logits += m * BLOCK_ROWS)
    with_width(std::min(BLOCK_ROWS, n - j), [&](auto width) {
      constexpr int NJ = decltype(width)::value;
      block_logits<Real, NJ>(x, m, u + j, n_padded, [&](int i, auto) {
        return [to = logits + i * NJ](int group, typename Simd<Real>::V z) {
          store_unaligned(to + group * Simd<Real>::LANES, z);
        };
      });
    });
}

// Aligned scratch that only grows; its elements are not set.
template <class Real>
class Scratch {
 public:
  Real* get(size_t elements) {
    memory_.resize(elements + ROW_ALIGNMENT / sizeof(Real));
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.data());
    return reinterpret_cast<Real*>((address + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT);
  }

 private:
  Buffer<Real> memory_;
};

// Updates the outputs; the inputs' changes (m rows of n_padded) are gathered, not added.
template <class Real>
inline void update_outputs_and_gather(Rows<Real> x, int m, Rows<Real> u, int n, int n_padded, const Real* coefficients,
                                      Real* changes) {
  for (int j = 0; j < n; j += BLOCK_ROWS, coefficients += m * BLOCK_ROWS)
    with_width(std::min(BLOCK_ROWS, n - j), [&](auto width) {
      block_update_gathered<Real, decltype(width)::value>(x, m, u + j, n_padded, coefficients, changes, j == 0);
    });
}

// One input that stands for several rows (`pool`, moved by `factor` times what the input is moved by), a single block,
// repeated outputs folded: everything in one pass.
template <class Real, int NJ, class Coming>
inline void block_update_pooled(const Real* input, Rows<Real> pool, int n_pool, Rows<Real> u, int n_padded,
                                const Real* coefficients, Real factor, const Coming& coming) {
  typedef typename Simd<Real>::V V;
  const V factors = broadcast(factor);
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    const V x = load(input + d);
    V change = V{};
    coming.ask(d);
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
