// Room native: random walks of first and second order on a graph in compressed sparse rows (node2vec; Grover, Leskovec
// 2016, arXiv:1607.00653). Each attempt of each step has its own Philox counter, so a walk is a function of the seed
// and its number. Reference of the probabilities: numerics/walks.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/abi.hpp"
#include "base/philox_batch.hpp"

namespace firth {

// The edges that leave node i go to neighbors[starts[i]] ... neighbors[starts[i + 1] - 1], in ascending order and
// without repeats. `sums` has the running sums of each node's weights, or is null if every weight is 1.
struct Graph {
  int64_t n_nodes;
  const int64_t* starts;
  const int32_t* neighbors;
  const double* sums;

  int64_t degree(int32_t node) const { return starts[node + 1] - starts[node]; }

  double total(int32_t node) const { return sums ? sums[starts[node + 1] - 1] : double(degree(node)); }

  double weight(int32_t node, int64_t edge) const {
    if (!sums) return 1.0;
    return edge == starts[node] ? sums[edge] : sums[edge] - sums[edge - 1];
  }

  // The number of the edge between two nodes; -1 if there is none. The search has no branch on what it compares,
  // because such a branch cannot be predicted.
  int64_t find(int32_t from, int32_t to) const {
    const int32_t* first = neighbors + starts[from];
    int64_t size = degree(from);
    if (size == 0) return -1;
    while (size > 1) {
      const int64_t half = size / 2;
      first += half & -int64_t(first[half] <= to);
      size -= half;
    }
    return *first == to ? first - neighbors : -1;
  }

  // The neighbor at `offset` in [0, total(node)) of the running sums. Rounding of the offset can reach the total, which
  // belongs to the last neighbor.
  int32_t neighbor_at(int32_t node, double offset) const {
    const int64_t first = starts[node], last = starts[node + 1] - 1;
    if (!sums) return neighbors[std::min(first + int64_t(offset), last)];
    return neighbors[std::min<int64_t>(std::upper_bound(sums + first, sums + last + 1, offset) - sums, last)];
  }
};

// After so many rejected attempts a step computes its probabilities. That bounds the time of a step at any p and q.
constexpr uint32_t MAX_ATTEMPTS = 24;
constexpr int64_t STEPS_BETWEEN_STOP_CHECKS = 128;
// Walks that are drawn side by side, step by step. Two attempts of each make a batch of random blocks, and the memory
// of one walk's step is read while another walk's step is computed.
constexpr int WALKS_TOGETHER = PHILOX_BATCH / 2;
constexpr uint32_t BATCHED_ATTEMPTS = 2;

// A step from `here` after `previous` goes to x with a probability proportional to weight(here, x) * bias(x): the bias
// is 1/p if x is `previous`, 1 if an edge goes from `previous` to x, and 1/q otherwise.
class Walker {
 public:
  Walker(const Graph& graph, double p, double q, uint64_t seed)
      : graph_(graph), key_(seed), back_(1.0 / p), away_(1.0 / q), is_first_order_(p == 1.0 && q == 1.0) {
    largest_ = std::max(1.0, away_);
    smallest_ = std::min(1.0, away_);
  }

  // Write the walks [first, first + n_walks), at most WALKS_TOGETHER, and their numbers of nodes. Walk w has the
  // indices [w * length, w * length + lengths[w]) of `nodes`. A walk ends early at a node that no edge leaves.
  void walk(uint64_t first, int n_walks, const int32_t* start_nodes, int64_t length, int32_t* nodes, int64_t* lengths) {
    uint64_t numbers[PHILOX_BATCH];
    uint32_t attempts[PHILOX_BATCH];
    alignas(64) uint32_t words[4][PHILOX_BATCH];
    for (int j = 0; j < PHILOX_BATCH; ++j) {
      numbers[j] = first + uint64_t(j % WALKS_TOGETHER);
      attempts[j] = uint32_t(j / WALKS_TOGETHER);
    }
    bool has_ended[WALKS_TOGETHER] = {};
    for (int w = 0; w < n_walks; ++w) {
      nodes[w * length] = start_nodes[w];
      lengths[w] = length;
    }
    for (int64_t step = 1; step < length; ++step) {
      if (step % STEPS_BETWEEN_STOP_CHECKS == 0) check_stop();
      draw_blocks(key_, PURPOSE_WALK, uint32_t(step), 0, numbers, attempts, words);
      for (int w = 0; w < n_walks; ++w) {
        if (has_ended[w]) continue;
        int32_t* const next = nodes + w * length + step;
        const int32_t here = next[-1];
        if (graph_.degree(here) == 0) {
          has_ended[w] = true;
          lengths[w] = step;
          continue;
        }
        Draw drawn[BATCHED_ATTEMPTS];
        for (uint32_t attempt = 0; attempt < BATCHED_ATTEMPTS; ++attempt) {
          const size_t j = size_t(w) + attempt * WALKS_TOGETHER;
          drawn[attempt] = {to_unit(words[0][j], words[1][j]), to_unit(words[2][j], words[3][j])};
        }
        if (is_first_order_ || step == 1)
          *next = graph_.neighbor_at(here, drawn[0].place * graph_.total(here));
        else
          *next = second_order(first + uint64_t(w), step, next[-2], here, drawn);
      }
    }
  }

 private:
  struct Draw {
    double place, coin;  // in [0, 1)
  };

  static double to_unit(uint32_t high, uint32_t low) { return double((uint64_t(high) << 32 | low) >> 11) * 0x1p-53; }

  Draw draw_attempt(uint64_t number, int64_t step, uint32_t attempt) const {
    const PhiloxBlock block = draw_block(key_, PURPOSE_WALK, uint32_t(step), number, attempt, 0);
    return {to_unit(block.word[0], block.word[1]), to_unit(block.word[2], block.word[3])};
  }

  // Rejection sampling. A neighbor is proposed by its weight and accepted with the probability bias / largest, where
  // `largest` is the largest bias but the one of the step back. If 1/p is larger, its excess over `largest` is a
  // proposal of its own, which is always accepted: a small p then costs no rejections.
  // `drawn` has the draws of the first attempts.
  int32_t second_order(uint64_t number, int64_t step, int32_t previous, int32_t here, const Draw* drawn) {
    const double total = graph_.total(here);
    double excess = 0;
    if (back_ > largest_) {
      const int64_t edge = graph_.find(here, previous);
      if (edge >= 0) excess = graph_.weight(here, edge) * (back_ / largest_ - 1.0);
    }
    for (uint32_t attempt = 0; attempt < MAX_ATTEMPTS; ++attempt) {
      const Draw draw = attempt < BATCHED_ATTEMPTS ? drawn[attempt] : draw_attempt(number, step, attempt);
      const double offset = draw.place * (total + excess);
      if (offset >= total && excess > 0) return previous;
      const int32_t proposed = graph_.neighbor_at(here, offset);
      const double threshold = draw.coin * largest_;
      if (proposed == previous) {
        if (threshold < back_) return proposed;
      } else if (threshold < smallest_ || threshold < bias(previous, proposed)) {
        return proposed;
      }
    }
    return scan(draw_attempt(number, step, MAX_ATTEMPTS).place, previous, here);
  }

  double bias(int32_t previous, int32_t proposed) const {
    if (proposed == previous) return back_;
    return graph_.find(previous, proposed) >= 0 ? 1.0 : away_;
  }

  // Draw from the probabilities themselves.
  int32_t scan(double place, int32_t previous, int32_t here) {
    const int64_t first = graph_.starts[here], last = graph_.starts[here + 1];
    scanned_.clear();
    double sum = 0;
    for (int64_t edge = first; edge < last; ++edge) {
      sum += graph_.weight(here, edge) * bias(previous, graph_.neighbors[edge]);
      scanned_.push_back(sum);
    }
    const int64_t index = std::upper_bound(scanned_.begin(), scanned_.end(), place * sum) - scanned_.begin();
    return graph_.neighbors[std::min(first + index, last - 1)];
  }

  const Graph graph_;
  const PhiloxKey key_;
  const double back_, away_;
  const bool is_first_order_;
  double largest_, smallest_;
  std::vector<double> scanned_;
};

}  // namespace firth
