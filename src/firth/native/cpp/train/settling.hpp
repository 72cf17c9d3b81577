// Room native: how far a row goes towards its equilibrium where it learns on a copy, which decides how copies may be
// added up: replicas.hpp and deterministic.hpp.
#pragma once

#include <algorithm>
#include <cmath>

#include "objectives/objective.hpp"

namespace firth {

constexpr double RELAXATION = 4;  // a touch's, at learning rate 1, along the direction that settles first

// 1 - exp(-RELAXATION * step), for a step of learning rate times touches.
inline double settled_share(double step) { return -std::expm1(-RELAXATION * step); }

// The largest weight of a sequence that has one of the tokens [first, last).
inline double largest_weight(const Settings& s, int64_t first, int64_t last) {
  if (!s.sequence_weights) return 1;
  const int64_t* const begin = s.offsets;
  const int64_t sequence = std::upper_bound(begin, begin + s.n_sequences + 1, first) - begin - 1;
  const int64_t beyond = std::lower_bound(begin + sequence, begin + s.n_sequences, last) - begin;
  return double(*std::max_element(s.sequence_weights + sequence, s.sequence_weights + std::max(beyond, sequence + 1)));
}

}  // namespace firth
