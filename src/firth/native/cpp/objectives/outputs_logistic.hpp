// Room native, output sides with a logistic loss on each row of a small number of rows:
//   SampledNegatives: the targets of the unit's windows (label 1) and the drawn negatives (label 0), word ids;
//   HuffmanPath: the inner nodes from the root to the target, label 1 - code.
#pragma once

#include "objectives/logistic.hpp"
#include "objectives/objective.hpp"

namespace firth {

constexpr int HOT_NODES = 256;
constexpr int64_t PART_WORDS_TO_THE_7TH =
    int64_t(PART_WORDS) * PART_WORDS * PART_WORDS * PART_WORDS * PART_WORDS * PART_WORDS * PART_WORDS;

// It is not inlined: it needs many registers, and is compiled once for all input sides.
template <class Real, bool WEIGHTED>
__attribute__((noinline)) void logistic_coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
  int block = 0;
  for_each_block(prepared.n_outputs, [&](int first, int width) {
    const size_t at = size_t(m) * first;
    logistic_block<Real, WEIGHTED>(work.logits + at, work.weights + at, prepared.positive[block++], m, width,
                                   prepared.learning_rate, work.coefficients + at, work.loss);
  });
}

// Sets the bits of the first n_positive output rows.
inline void label_first(int n_positive, int n, uint32_t* positive) {
  for_each_block(n, [&](int first, int width) {
    *positive++ = first < n_positive ? (uint32_t(1) << std::min(n_positive - first, width)) - 1 : 0;
  });
}

// Weights of the pairs of a context word and an output row, in a unit of several windows. A target and a word have
// weight 1 if the word is in the target's window, else 0. A negative and a word have the number of windows that have
// the word.
template <class Real>
struct WindowWeights {
  static constexpr int VECTORS = (BLOCK_ROWS + Simd<Real>::LANES - 1) / Simd<Real>::LANES;  // vectors of one block row
  static constexpr int LENGTH = UNIT_WINDOWS + VECTORS * Simd<Real>::LANES;
  // Indices: number of targets, bit mask of the windows that have the word, output row. Rows from UNIT_WINDOWS on are
  // negatives.
  Real of[UNIT_WINDOWS + 1][1 << UNIT_WINDOWS][LENGTH] = {};
  constexpr WindowWeights() {
    for (int n_targets = 1; n_targets <= UNIT_WINDOWS; ++n_targets)
      for (int windows = 0; windows < 1 << n_targets; ++windows)
        for (int row = 0; row < LENGTH; ++row)
          for (int t = 0; t < n_targets; ++t)
            of[n_targets][windows][row] += row == t || row >= n_targets ? Real(windows >> t & 1) : Real(0);
  }
};

template <class Real>
inline constexpr WindowWeights<Real> WINDOW_WEIGHTS;

// The largest part with words^4 context^3 <= PART_WORDS^7. A wider window has smaller parts, so that the training loss
// stays near the loss of training by single pairs (measured: docs/training.md).
inline int32_t narrowing_part_words(int32_t context) {
  const int64_t capped = std::min(context, 2000);  // prevents overflow; from 1,086 words on, a part is one word
  int64_t words = PART_WORDS;
  while (words > 1 && words * words * words * words * capped * capped * capped > PART_WORDS_TO_THE_7TH) --words;
  return int32_t(words);
}

struct SampledNegatives : PlainSide {
  static constexpr const char* NAME = "negative-sampling";
  static constexpr bool DRAWS_NEGATIVES = true, MAY_REPEAT = true, TOUCHES_ALL_ROWS = false, TAKES_ALL_TARGETS = false;
  static constexpr double WORTH_A_COPY = 16;

  static int32_t part_words(const Settings& settings, int32_t context) {
    return settings.negative_sharing == SHARE_PAIR ? 1 : narrowing_part_words(context);
  }

  template <class Take>
  FIRTH_INLINE static void each_output_row(const Settings&, const int32_t& target, Take&& take) {
    take(&target, 1);
  }
  template <class Add>
  FIRTH_INLINE static void each_coming_row(const Settings&, int32_t target, Add&& add) {
    add(target);
  }
  template <class Near, class Far>
  FIRTH_INLINE static void look_ahead(const Settings&, Near&&, Far&&) {}

  static int count(const Settings&, const Unit& unit) { return unit.n_targets + unit.n_negatives; }
  static int largest_count(const Settings& settings) { return UNIT_WINDOWS + settings.negatives; }

  static void collect(const Settings&, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    for (int t = 0; t < unit.n_targets; ++t) ids[t] = unit.targets[t];
    for (int k = 0; k < unit.n_negatives; ++k) ids[unit.n_targets + k] = unit.negatives[k];
    label_first(unit.n_targets, n, positive);
  }

  // Writes how often each pair of a context word and an output row counts in a unit of several windows, in the layout
  // of the coefficients. Up to VECTORS * LANES - 1 elements after the m x n weights are overwritten.
  template <class Real>
  FIRTH_INLINE static void weigh(const Unit& unit, int n, int m, Real* weights) {
    constexpr int LANES = Simd<Real>::LANES;
    if (!unit.windows) return;
    const auto& of_windows = WINDOW_WEIGHTS<Real>.of[unit.n_targets];
    for_each_block(n, [&](int first, int width) {
      for (int i = 0; i < m; ++i, weights += width) {
        const Real* const from = of_windows[unit.windows[i]] + std::min(first, UNIT_WINDOWS);
        for (int v = 0; v < WindowWeights<Real>::VECTORS; ++v)
          store_unaligned(weights + v * LANES, load_unaligned(from + v * LANES));
      }
    });
  }

  template <class Real>
  FIRTH_INLINE static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    if (prepared.unit.windows)
      logistic_coefficients<Real, true>(prepared, m, work);
    else
      logistic_coefficients<Real, false>(prepared, m, work);
  }
};

struct HuffmanPath : PlainSide {
  static constexpr const char* NAME = "hierarchical-softmax";
  static constexpr bool DRAWS_NEGATIVES = false, MAY_REPEAT = false, TOUCHES_ALL_ROWS = false,
                        TAKES_ALL_TARGETS = false;
  static constexpr double WORTH_A_COPY = 32;  // a smaller number gave worse vectors

  static int32_t part_words(const Settings&, int32_t context) { return narrowing_part_words(context); }

  template <class Take>
  FIRTH_INLINE static void each_output_row(const Settings& settings, const int32_t& target, Take&& take) {
    const int64_t first = settings.path_offsets[target];
    take(settings.path_nodes + first, settings.path_offsets[target + 1] - first);
  }
  // Leaves out the last nodes, which are near the root: they are in most paths, and therefore in the cache.
  template <class Add>
  FIRTH_INLINE static void each_coming_row(const Settings& settings, int32_t target, Add&& add) {
    for (int64_t step = settings.path_offsets[target]; step < settings.path_offsets[target + 1]; ++step)
      if (settings.path_nodes[step] < settings.output.n_rows - HOT_NODES) add(settings.path_nodes[step]);
  }
  // Prefetches the path of the near target, and the path offset of the far target.
  template <class Near, class Far>
  FIRTH_INLINE static void look_ahead(const Settings& settings, Near&& near, Far&& far) {
    if (const int32_t* target = near()) {
      __builtin_prefetch(settings.path_nodes + settings.path_offsets[*target]);
      __builtin_prefetch(settings.path_codes + settings.path_offsets[*target]);
    }
    if (const int32_t* target = far()) __builtin_prefetch(settings.path_offsets + *target);
  }

  template <class Real>
  static void weigh(const Unit&, int, int, Real*) {}

  static int count(const Settings& settings, const Unit& unit) {
    return int(settings.path_offsets[*unit.targets + 1] - settings.path_offsets[*unit.targets]);
  }

  static int largest_count(const Settings& settings) {
    int64_t longest = 0;
    for (int64_t target = 0; target < settings.n_targets; ++target)
      longest = std::max(longest, settings.path_offsets[target + 1] - settings.path_offsets[target]);
    return int(longest);
  }

  static void collect(const Settings& settings, const Unit& unit, int n, int32_t* ids, uint32_t* positive) {
    const int64_t path = settings.path_offsets[*unit.targets];
    std::copy_n(settings.path_nodes + path, n, ids);
    for_each_block(n, [&](int first, int width) {
      uint32_t labels = 0;
      for (int j = 0; j < width; ++j) labels |= uint32_t(settings.path_codes[path + first + j] == 0) << j;
      *positive++ = labels;
    });
  }

  template <class Real>
  FIRTH_INLINE static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    logistic_coefficients<Real, false>(prepared, m, work);
  }
};

}  // namespace firth
