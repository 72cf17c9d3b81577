// Room native: the exported functions of random walks.
#include "graph/walks.hpp"

// Write the running sums of the weights of each node's edges.
FIRTH_API int64_t firth_walks_sums(int64_t n_nodes, const int64_t* starts, const double* weights, double* sums) {
  return firth::guard([&]() -> int64_t {
    for (int64_t node = 0; node < n_nodes; ++node) {
      double sum = 0;
      for (int64_t edge = starts[node]; edge < starts[node + 1]; ++edge) sums[edge] = sum += weights[edge];
    }
    return firth::OK;
  });
}

// Draw the walks [first, first + n_walks), which begin at `start_nodes`. Walk i has the indices
// [i * length, i * length + lengths[i]) of `nodes`. `sums` is null if every weight is 1. Returns the number of nodes.
FIRTH_API int64_t firth_walks_draw(int64_t n_nodes, const int64_t* starts, const int32_t* neighbors, const double* sums,
                                   double p, double q, uint64_t seed, int64_t first, int64_t n_walks, int64_t length,
                                   const int32_t* start_nodes, int32_t* nodes, int64_t* lengths) {
  return firth::guard([&]() -> int64_t {
    firth::Walker walker({n_nodes, starts, neighbors, sums}, p, q, seed);
    int64_t n_drawn = 0;
    for (int64_t walk = 0; walk < n_walks; walk += firth::WALKS_TOGETHER) {
      firth::check_stop();
      const int together = int(std::min<int64_t>(firth::WALKS_TOGETHER, n_walks - walk));
      walker.walk(uint64_t(first + walk), together, start_nodes + walk, length, nodes + walk * length, lengths + walk);
      for (int w = 0; w < together; ++w) n_drawn += lengths[walk + w];
    }
    return n_drawn;
  });
}
