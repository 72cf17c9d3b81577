// Room native: a barrier, at which threads wait for each other.
#pragma once

#include <atomic>
#include <thread>

namespace firth {

// Waiting threads spin, because rounds are short, and then yield, so that more threads than cores make progress. The
// last thread to arrive calls `once` while the others wait.
class Barrier {
 public:
  explicit Barrier(int n_threads) : n_threads_(n_threads) {}

  template <class Once>
  void wait(Once&& once) {
    const int generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads_) {
      struct Release {  // a destructor, so that the other threads are released also if `once` throws
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
