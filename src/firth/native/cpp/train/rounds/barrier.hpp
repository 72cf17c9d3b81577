// Room native: a place where threads wait for each other.
#pragma once

#include <atomic>
#include <thread>

namespace firth {

// Threads meet here; spins, since rounds are short, and yields so that more threads than cores make progress. The last
// one to arrive does what is to be done once, while all others wait.
class Barrier {
 public:
  explicit Barrier(int n_threads) : n_threads_(n_threads) {}

  template <class Once>
  void wait(Once&& once) {
    const int generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads_) {
      struct Release {  // also when `once` throws: nobody else would end the others' wait
        Barrier& barrier;
        ~Release() {
          barrier.arrived_.store(0, std::memory_order_relaxed);
          barrier.generation_.fetch_add(1, std::memory_order_acq_rel);
        }
      } release{*this};
      once();
      return;
    }
    for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; ++spins)
      if (spins > 1000) std::this_thread::yield();
  }

 private:
  const int n_threads_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> generation_{0};
};

}  // namespace firth
