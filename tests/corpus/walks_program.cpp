// tests/corpus: the native half of walks without Python, for the sanitizers: a graph whose arrays end where they must,
// with nodes that no edge leaves; walks of first and second order, whole on one thread and in parts on three threads.
// Exit status 0: all is well.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

extern "C" {
int64_t firth_walks_sums(int64_t, const int64_t*, const double*, double*);
int64_t firth_walks_draw(int64_t, const int64_t*, const int32_t*, const double*, double, double, uint64_t, int64_t,
                         int64_t, int64_t, const int32_t*, int32_t*, int64_t*);
}

#define REQUIRE(condition)                                         \
  do {                                                             \
    if (!(condition)) {                                            \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      std::exit(1);                                                \
    }                                                              \
  } while (false)

constexpr int64_t N_NODES = 60, N_WALKS = 600, LENGTH = 40;
constexpr int32_t NOT_WRITTEN = -7;

// Exactly as many elements as there are: one read too far is seen.
template <class T>
std::unique_ptr<T[]> exactly(const std::vector<T>& values) {
  std::unique_ptr<T[]> memory(new T[values.size()]);
  std::copy(values.begin(), values.end(), memory.get());
  return memory;
}

struct Walked {
  std::vector<int32_t> nodes = std::vector<int32_t>(size_t(N_WALKS * LENGTH), NOT_WRITTEN);
  std::vector<int64_t> lengths = std::vector<int64_t>(size_t(N_WALKS));
};

int main() {
  std::vector<int64_t> starts = {0};
  std::vector<int32_t> neighbors;
  std::vector<double> weights;
  for (int64_t node = 0; node < N_NODES; ++node) {
    const int64_t step = node % 7;  // 0: no edge leaves the node
    if (step)
      for (int64_t other = node % 3; other < N_NODES; other += step * 2) {
        neighbors.push_back(int32_t(other));
        weights.push_back(0.25 + double((node * other) % 5));
      }
    starts.push_back(int64_t(neighbors.size()));
  }
  const auto exact_starts = exactly(starts);
  const auto exact_neighbors = exactly(neighbors);
  const auto exact_weights = exactly(weights);
  const std::unique_ptr<double[]> sums(new double[weights.size()]);
  REQUIRE(firth_walks_sums(N_NODES, exact_starts.get(), exact_weights.get(), sums.get()) == 0);
  std::vector<int32_t> start_nodes;
  for (int64_t walk = 0; walk < N_WALKS; ++walk) start_nodes.push_back(int32_t(walk % N_NODES));
  const auto exact_start_nodes = exactly(start_nodes);

  for (const double* running_sums : {static_cast<const double*>(nullptr), static_cast<const double*>(sums.get())})
    for (const double p : {1.0, 0.001, 1000.0})
      for (const double q : {1.0, 0.001, 1000.0}) {
        const auto draw = [&](Walked& walked, int64_t first, int64_t n_walks) {
          return firth_walks_draw(N_NODES, exact_starts.get(), exact_neighbors.get(), running_sums, p, q, 5, first,
                                  n_walks, LENGTH, exact_start_nodes.get() + first,
                                  walked.nodes.data() + first * LENGTH, walked.lengths.data() + first);
        };
        Walked whole, parts;
        const int64_t n_drawn = draw(whole, 0, N_WALKS);
        int64_t n_nodes = 0;
        for (int64_t walk = 0; walk < N_WALKS; ++walk) {
          const int64_t length = whole.lengths[size_t(walk)];
          n_nodes += length;
          REQUIRE(length >= 1 && length <= LENGTH);
          const int32_t* const nodes = whole.nodes.data() + walk * LENGTH;
          for (int64_t step = 1; step < length; ++step) {
            const int64_t from = nodes[step - 1];
            REQUIRE(std::binary_search(neighbors.begin() + starts[size_t(from)],
                                       neighbors.begin() + starts[size_t(from) + 1], nodes[step]));
          }
          for (int64_t step = length; step < LENGTH; ++step) REQUIRE(nodes[step] == NOT_WRITTEN);
          const size_t last = size_t(nodes[length - 1]);
          REQUIRE(length == LENGTH || starts[last] == starts[last + 1]);
        }
        REQUIRE(n_drawn == n_nodes);
        std::vector<std::thread> threads;
        for (int64_t t = 0; t < 3; ++t)
          threads.emplace_back([&, t] { REQUIRE(draw(parts, t * N_WALKS / 3, N_WALKS / 3) > 0); });
        for (std::thread& thread : threads) thread.join();
        REQUIRE(whole.nodes == parts.nodes && whole.lengths == parts.lengths);
      }
  return 0;
}
