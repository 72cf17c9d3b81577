// Room native: the arithmetic of every objective, for m input rows and n output rows.
//
//   logits        z_ij = x_i . u_j
//   update        x_i += sum_j c_ij u_j,   u_j += sum_i c_ij x_i      (x and u as they were before the update)
//
// The output side computes the coefficients c = -learning_rate * dloss/dz. Output rows are divided into blocks of at
// most BLOCK_ROWS rows, which fit in registers; all blocks except the last have the same width (block_width). Logits
// and coefficients of a block are contiguous, in the order of the input rows: element (i, j) of the block that begins
// with output row f has the index m * f + i * width + j - f.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/buffer.hpp"
#include "base/simd.hpp"

namespace firth {

// Maximum number of output rows of a block: logits need one accumulator for each pair, for at least two input rows.
constexpr int BLOCK_ROWS = VECTOR_REGISTERS >= 32 ? 12 : 6;
constexpr int MAX_ACCUMULATORS = VECTOR_REGISTERS >= 32 ? 24 : 12;
// Maximum number of output rows updated in one pass, at most two blocks; if there are more output rows, each block is a
// pass. Registers hold the new values of the output rows, for two input rows at a time. If registers run out, the old
// values are read again from memory.
constexpr int UPDATE_ROWS = VECTOR_REGISTERS >= 32 ? 12 : 10;

template <class Real>
using Rows = Real* const*;

// Number of output rows of each block except the last, which may have fewer. Blocks of nearly equal width use the
// arithmetic units best. 0 if there are no rows.
constexpr int block_width(int n) {
  if (n <= BLOCK_ROWS) return n;  // most units are one block: saves a division in each step of the unit
  const int n_blocks = (n + BLOCK_ROWS - 1) / BLOCK_ROWS;
  return (n + n_blocks - 1) / n_blocks;
}

// The smallest width of a block that is not the last, for more than UPDATE_ROWS output rows.
constexpr int least_full_block() {
  int least = BLOCK_ROWS;
  for (int n = UPDATE_ROWS + 1; n <= BLOCK_ROWS * BLOCK_ROWS; ++n) least = std::min(least, block_width(n));
  return least;
}

// Calls body(first output row, number of output rows) for each block.
template <class Body>
FIRTH_INLINE void for_each_block(int n, Body&& body) {
  const int width = block_width(n);
  for (int first = 0; first < n; first += width) body(first, std::min(width, n - first));
}

// Size of an array of m x n coefficients, with the elements after them that may be overwritten.
inline size_t coefficient_count(int m, int n) { return size_t(m) * n + ROW_ALIGNMENT; }

// Index of element (i, j) of m x n coefficients.
inline size_t coefficient_at(int m, int n, int i, int j) {
  const int width = block_width(n), first = j / width * width;
  return size_t(m) * first + size_t(i) * std::min(width, n - first) + (j - first);
}

// Logits of a tile of MI input rows and NJ output rows, in the order of the input rows: take(group, logits) gets the
// LANES elements from group * LANES on. Elements of the last group beyond MI * NJ are undefined.
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
  for (int group = 0; group < groups_of<Real>(MI * NJ); ++group) take(group, logits[group]);
}

// Logits of one block, tile by tile. tile(i, rows) returns the function `take` for the input rows [i, i + rows).
template <class Real, int NJ, class Tile>
FIRTH_INLINE void block_logits(Rows<Real> x, int m, Rows<Real> u, int n_padded, Tile&& tile) {
  constexpr int MOST = 4 * NJ <= MAX_ACCUMULATORS ? 4 : 3 * NJ <= MAX_ACCUMULATORS ? 3 : 2;
  int i = 0;
  const auto tiles_of = [&](auto rows, int stop) {
    constexpr int MI = decltype(rows)::value;
    for (; i + MI <= stop; i += MI) tile_logits<Real, MI, NJ>(x + i, u, n_padded, tile(i, rows));
  };
  // Avoid a last tile of one row: it has too few independent sums to hide latency.
  tiles_of(std::integral_constant<int, MOST>(), MOST > 2 && m % MOST == 1 ? m - MOST : m);
  if constexpr (MOST > 3) tiles_of(std::integral_constant<int, 3>(), m);
  tiles_of(std::integral_constant<int, 2>(), m);
  tiles_of(std::integral_constant<int, 1>(), m);
}

constexpr int FEW_IDS = 64;  // up to 64 ids are compared pair by pair; more ids are sorted

// fold_repeats for many ids, in time n log n.
template <class Fold>
__attribute__((noinline)) void fold_many_repeats(const int32_t* ids, int count, Fold&& fold) {
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return ids[a] < ids[b]; });
  for (int first = 0, last; first < count; first = last + 1) {
    for (last = first; last + 1 < count && ids[order[last + 1]] == ids[order[first]];) ++last;
    for (int k = first; k < last; ++k) fold(order[k], order[last]);
  }
}

// If an id occurs several times, its coefficients are added into the last occurrence and the others become zero. Rows
// are stored in the order of their occurrences, so the last store, which has the whole sum, wins. fold(k, later) adds
// the coefficients of occurrence k to a later occurrence and sets them to zero.
template <class Fold>
FIRTH_INLINE void fold_repeats(const int32_t* ids, int count, Fold&& fold) {
  if (count > FEW_IDS) return fold_many_repeats(ids, count, fold);
  for (int k = count - 2; k >= 0; --k)
    for (int later = count - 1; later > k; --later) {
      if (ids[later] != ids[k]) continue;
      fold(k, later);
      break;
    }
}

template <class Real>
FIRTH_INLINE void move_coefficient(Real* coefficients, size_t from, size_t to) {
  coefficients[to] += coefficients[from];
  coefficients[from] = 0;
}

template <class Real>
inline void fold_repeated_inputs(const int32_t* ids, int m, int n, Real* coefficients) {
  fold_repeats(ids, m, [&](int i, int later) {
    for (int j = 0; j < n; ++j)
      move_coefficient(coefficients, coefficient_at(m, n, i, j), coefficient_at(m, n, later, j));
  });
}

template <class Real>
inline void fold_repeated_outputs(const int32_t* ids, int m, int n, Real* coefficients) {
  fold_repeats(ids, n, [&](int j, int later) {
    for (int i = 0; i < m; ++i)
      move_coefficient(coefficients, coefficient_at(m, n, i, j), coefficient_at(m, n, i, later));
  });
}

// The coefficients of NJ output rows, which are one or two blocks, from the current input row on. `first` points to the
// coefficients of the first block, `second` to those of the second block.
template <class Real, int NJ>
struct BlockCoefficients {
  static constexpr int WIDTH = block_width(NJ), REST = NJ - WIDTH;
  const Real *first, *second;
  BlockCoefficients(const Real* coefficients, int m) : first(coefficients), second(coefficients + size_t(m) * WIDTH) {}
  // The coefficient of output row j and the current input row; the next input row's is `stride(j)` elements later.
  FIRTH_INLINE const Real* of(int j) const { return j < WIDTH ? first + j : second + j - WIDTH; }
  static constexpr int stride(int j) { return j < WIDTH ? WIDTH : REST; }
  FIRTH_INLINE void advance(int n_rows) {
    first += n_rows * WIDTH;
    second += n_rows * REST;
  }
};

// Updates NJ output rows; repeats must be folded. Each input row is loaded once. It is used in the steps of the output
// rows, and its own step is summed from the output rows. The sum starts at the input row (ONTO_INPUT) or at zero, and
// is passed to end(i, d, sum). Input rows are processed in pairs, because the multiply-adds of one row depend on each
// other.
template <class Real, int NJ, bool ONTO_INPUT, class End, class Coming>
FIRTH_INLINE void update_block(Rows<Real> x, int m, Rows<Real> u, int n_padded, const Real* coefficients, End&& end,
                               const Coming& coming) {
  typedef typename Simd<Real>::V V;
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    V rows[NJ], updated[NJ];
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) updated[j] = rows[j] = load(u[j] + d);
    const auto row = [&](int j) -> const V& {
      return EXCHANGE_READS_MEMORY ? *reinterpret_cast<const V*>(u[j] + d) : rows[j];
    };
    coming.ask(d);
    BlockCoefficients<Real, NJ> c(coefficients, m);
    int i = 0;
    const auto take = [&](auto n_rows) {
      constexpr int MI = decltype(n_rows)::value;
      V input[MI], moved[MI];
#pragma GCC unroll 2
      for (int k = 0; k < MI; ++k) {
        input[k] = load(x[i + k] + d);
        if constexpr (!ONTO_INPUT) moved[k] = V{};
      }
#pragma GCC unroll 12
      for (int j = 0; j < NJ; ++j) {
#pragma GCC unroll 2
        for (int k = 0; k < MI; ++k) {
          const Real* const coefficient = c.of(j) + k * c.stride(j);
          if (ONTO_INPUT && j == 0)
            exchange<true>(coefficient, row(j), input[k], moved[k], updated[j]);
          else
            exchange<false>(coefficient, row(j), input[k], moved[k], updated[j]);
        }
      }
#pragma GCC unroll 2
      for (int k = 0; k < MI; ++k) end(i + k, d, moved[k]);
      c.advance(MI);
    };
    for (; i + 2 <= m; i += 2) take(std::integral_constant<int, 2>());
    if (i < m) take(std::integral_constant<int, 1>());
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) store(u[j] + d, updated[j]);
  }
}

// Calls body with `width`, LEAST .. MOST, as a compile-time constant.
template <int MOST, int LEAST = 1, class Body>
inline void with_width(int width, Body&& body) {
  if constexpr (MOST > LEAST) {
    if (width < MOST) return with_width<MOST - 1, LEAST>(width, body);
  }
  body(std::integral_constant<int, MOST>());
}

// All logits, in the layout of this file; LANES - 1 elements after the last logit are overwritten.
template <class Real>
inline void compute_logits(Rows<Real> x, int m, Rows<Real> u, int n, int n_padded, Real* logits) {
  for_each_block(n, [&](int first, int n_rows) {
    with_width<BLOCK_ROWS>(n_rows, [&](auto width) {
      constexpr int NJ = decltype(width)::value;
      block_logits<Real, NJ>(x, m, u + first, n_padded, [&](int i, auto) {
        return [to = logits + size_t(m) * first + i * NJ](int group, typename Simd<Real>::V z) {
          store_unaligned(to + group * Simd<Real>::LANES, z);
        };
      });
    });
  });
}

// Used instead of ComingRows if no rows are to be prefetched during an update.
struct NothingComes {
  FIRTH_INLINE void ask(int64_t) const {}
};

// Aligned memory that only grows; its elements are not initialised.
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

// The step of an input is a sum with one term for each output; with full softmax it has V terms, and most are tiny. If
// they were added to the input one by one, every term below half a unit in the input's last place would be lost.
// Therefore the step is summed separately and added to the input once. It is summed by blocks of at most BLOCK_ROWS
// outputs, and the sums of blocks by groups of GROUP_BLOCKS. With unit roundoff e, the error of the step is at most
//
//   (BLOCK_ROWS + GROUP_BLOCKS + blocks / GROUP_BLOCKS + 2) e sum_j |c_j u_j|
constexpr int GROUP_BLOCKS = 64;

// Two arrays of `size` sums: over the current group of blocks, and over the previous groups.
template <class Real>
class BlockSums {
 public:
  BlockSums(Scratch<Real>& memory, size_t size) : size_(size), group_(memory.get(2 * size)), total_(group_ + size) {}

  Real* group() const { return group_; }

  // Begins a block; returns whether it begins a group. The first block of a group sets the sums, the others add to
  // them.
  bool begin_block() {
    if (blocks_ > 0 && blocks_ % GROUP_BLOCKS == 0) add_to(total_, blocks_ > GROUP_BLOCKS);
    return blocks_++ % GROUP_BLOCKS == 0;
  }

  // Replaces the group's sums by the sums over all blocks.
  void end() const {
    if (blocks_ <= GROUP_BLOCKS) return;
    for (size_t k = 0; k < size_; k += Simd<Real>::LANES) store(group_ + k, load(group_ + k) + load(total_ + k));
  }

 private:
  void add_to(Real* total, bool is_set) const {
    for (size_t k = 0; k < size_; k += Simd<Real>::LANES)
      store(total + k, is_set ? load(total + k) + load(group_ + k) : load(group_ + k));
  }

  size_t size_;
  Real *group_, *total_;
  int blocks_ = 0;
};

// The use of the inputs' steps in a pass. WHOLE: the whole step, added to the inputs. FIRST: the first part, stored.
// NEXT: added to the previous parts. LAST: added to the inputs, together with the previous parts.
enum class Pass { WHOLE, FIRST, NEXT, LAST };

// One pass of an update over all inputs, with NJ outputs. `steps` has the sums of the previous parts. It is not
// inlined, because registers run out if one function has several passes.
template <class Real, int NJ, Pass PASS, class Coming>
__attribute__((noinline)) void update_pass(Rows<Real> x, int m, Rows<Real> u, int n_padded, const Real* coefficients,
                                           Real* steps, const Coming& coming) {
  typedef typename Simd<Real>::V V;
  update_block<Real, NJ, PASS == Pass::WHOLE>(
      x, m, u, n_padded, coefficients,
      [&](int i, int d, V moved) {
        Real* const step = steps + size_t(i) * n_padded + d;
        if constexpr (PASS == Pass::WHOLE) store(x[i] + d, moved);
        if constexpr (PASS == Pass::FIRST) store(step, moved);
        if constexpr (PASS == Pass::NEXT) store(step, load(step) + moved);
        if constexpr (PASS == Pass::LAST) store(x[i] + d, load(x[i] + d) + (load(step) + moved));
      },
      coming);
}

// Updates inputs and outputs. If there are too many outputs for one pass, each block needs the inputs before the
// update, so their steps are summed in `gathered` until the last block.
template <class Real, class Coming>
inline void update_rows(Rows<Real> x, int m, Rows<Real> u, int n, int n_padded, const Real* coefficients,
                        Scratch<Real>& gathered, const Coming& coming) {
  if (n <= UPDATE_ROWS) {
    with_width<UPDATE_ROWS>(n, [&](auto width) {
      update_pass<Real, decltype(width)::value, Pass::WHOLE>(x, m, u, n_padded, coefficients, nullptr, coming);
    });
    return;
  }
  BlockSums<Real> sums(gathered, size_t(m) * n_padded);
  with_width<BLOCK_ROWS, least_full_block()>(block_width(n), [&](auto width) {
    constexpr int NJ = decltype(width)::value;
    sums.begin_block();
    update_pass<Real, NJ, Pass::FIRST>(x, m, u, n_padded, coefficients, sums.group(), coming);
    int first = NJ;
    for (; first + NJ < n; first += NJ) {
      const Real* const c = coefficients + size_t(m) * first;
      if (sums.begin_block())
        update_pass<Real, NJ, Pass::FIRST>(x, m, u + first, n_padded, c, sums.group(), NothingComes());
      else
        update_pass<Real, NJ, Pass::NEXT>(x, m, u + first, n_padded, c, sums.group(), NothingComes());
    }
    sums.end();
    with_width<NJ>(n - first, [&](auto rest) {
      update_pass<Real, decltype(rest)::value, Pass::LAST>(x, m, u + first, n_padded, coefficients + size_t(m) * first,
                                                           sums.group(), NothingComes());
    });
  });
}

// Updates the block of NJ outputs from output `first` on, for a single input. The block's part of the input's step is
// stored in `change` if the block begins a group of sums, else added. ONLY: the unit has no other block. LEARNS: the
// outputs are updated; otherwise they stay.
template <class Real, int NJ, bool ONLY, bool LEARNS, class Coming>
FIRTH_INLINE void update_outputs(const Real* input, Rows<Real> outputs, int first, int n_padded,
                                 const Real* coefficients, Real* change, bool begins_group, const Coming& coming) {
  typedef typename Simd<Real>::V V;
  Rows<Real> u = outputs + first;
  V c[NJ];
#pragma GCC unroll 12
  for (int j = 0; j < NJ; ++j) c[j] = broadcast(coefficients[first + j]);
  for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
    const V x = load(input + d);
    V moved = V{};
    if (ONLY || first == 0) coming.ask(d);
#pragma GCC unroll 12
    for (int j = 0; j < NJ; ++j) {
      const V row = load(u[j] + d);
      moved = fma(c[j], row, moved);
      if constexpr (LEARNS) store(u[j] + d, fma(c[j], x, row));
    }
    store(change + d, ONLY || begins_group ? moved : load(change + d) + moved);
  }
}

// update_outputs_and_gather for several blocks. It is not inlined, so that the step of one block stays small.
template <class Real, bool LEARNS, class Coming>
__attribute__((noinline)) const Real* update_blocks_and_gather(const Real* input, Rows<Real> outputs, int n,
                                                               int n_padded, const Real* coefficients,
                                                               Scratch<Real>& gathered, const Coming& coming) {
  BlockSums<Real> sums(gathered, size_t(n_padded));
  for_each_block(n, [&](int first, int n_rows) {
    const bool begins_group = sums.begin_block();
    with_width<BLOCK_ROWS>(n_rows, [&](auto width) {
      constexpr int NJ = decltype(width)::value;
      update_outputs<Real, NJ, false, LEARNS>(input, outputs, first, n_padded, coefficients, sums.group(), begins_group,
                                              coming);
    });
  });
  sums.end();
  return sums.group();
}

// Updates the outputs of a single input if they learn; repeats must be folded. Returns the step of the input
// (n_padded), in the memory of `gathered`.
template <class Real, bool LEARNS = true, class Coming>
inline const Real* update_outputs_and_gather(const Real* input, Rows<Real> outputs, int n, int n_padded,
                                             const Real* coefficients, Scratch<Real>& gathered, const Coming& coming) {
  if (n > BLOCK_ROWS)
    return update_blocks_and_gather<Real, LEARNS>(input, outputs, n, n_padded, coefficients, gathered, coming);
  Real* const change = gathered.get(size_t(n_padded));
  with_width<BLOCK_ROWS>(n, [&](auto width) {
    constexpr int NJ = decltype(width)::value;
    update_outputs<Real, NJ, true, LEARNS>(input, outputs, 0, n_padded, coefficients, change, true, coming);
  });
  return change;
}

// sum = factor * (rows[0] + rows[1] + ...), several rows at a time with a constant number of rows. A loop over a
// variable number of rows, inside the loop over elements, would cost a mispredicted branch each time.
template <class Real>
inline void sum_rows(Rows<Real> rows, int m, Real factor, int n_padded, Real* sum) {
  typedef typename Simd<Real>::V V;
  constexpr int MOST = 6;
  for (int i = 0, n_rows; i < m; i += n_rows) {
    n_rows = std::min(MOST, m - i);
    const V factors = broadcast(i + n_rows == m ? factor : Real(1));
    with_width<MOST>(n_rows, [&](auto width) {
      constexpr int MI = decltype(width)::value;
      for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
        V so_far = i == 0 ? V{} : load(sum + d);
#pragma GCC unroll 6
        for (int k = 0; k < MI; ++k) so_far += load(rows[i + k] + d);
        store(sum + d, so_far * factors);
      }
    });
  }
}

// rows[i] += factor * change, repeats allowed
template <class Real>
inline void add_to_rows(Rows<Real> rows, int m, const Real* change, Real factor, int n_padded) {
  typedef typename Simd<Real>::V V;
  const V factors = broadcast(factor);
  int i = 0;
  const auto add = [&](auto n_rows) {
    constexpr int MI = decltype(n_rows)::value;
    Rows<Real> x = rows + i;
    for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
      const V moved = factors * load(change + d);
#pragma GCC unroll 4
      for (int k = 0; k < MI; ++k) store(x[k] + d, load(x[k] + d) + moved);
    }
    i += MI;
  };
  while (i + 4 <= m) add(std::integral_constant<int, 4>());
  if (i + 2 <= m) add(std::integral_constant<int, 2>());
  if (i < m) add(std::integral_constant<int, 1>());
}

// Whether an id occurs more than once.
inline bool has_repeats(const int32_t* ids, int count) {
  if (count <= 4) {
    for (int k = 1; k < count; ++k)
      for (int earlier = 0; earlier < k; ++earlier)
        if (ids[k] == ids[earlier]) return true;
    return false;
  }
  if (count <= FEW_IDS) {
    // One bit for each id's hash. If there are as many bits as ids, all ids differ; otherwise they are compared.
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
