// Room native: training that gives the same bits whatever the number of threads.
//
// A round is SHARDS slices of SHARD_TOKENS tokens. Each shard trains its slice in order on private copies of the rows
// that it touches (copied on first touch; the shared matrices do not change meanwhile). Then every touched row gets the
// shards' differences, in shard order:
//
//   row += m^-MERGE_DAMPING * sum_s (copy_s - row),   m the number of shards that touched it
//
// Rows are divided among the threads by id. Neither step depends on how many threads there are. What staleness costs
// was measured: docs/training.md.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "train.hpp"

namespace firth {

constexpr int SHARDS = 8;
constexpr int64_t SHARD_TOKENS = 1000;
constexpr double MERGE_DAMPING = 0.25;
constexpr int64_t ROUND_TOKENS = SHARDS * SHARD_TOKENS;

// Rows in blocks that never move: units hold pointers to them.
template <class Real>
class RowStore {
 public:
  explicit RowStore(int64_t stride) : stride_(stride) {}

  Real* row(int32_t index) {
    const size_t block = size_t(index) >> BLOCK_LOG;
    if (block == blocks_.size()) {
      blocks_.push_back(std::make_unique<Scratch<Real>>());
      starts_.push_back(blocks_.back()->get(size_t(stride_) << BLOCK_LOG));
    }
    return starts_[block] + (size_t(index) & ((size_t(1) << BLOCK_LOG) - 1)) * stride_;
  }

 private:
  static constexpr int BLOCK_LOG = 8;
  int64_t stride_;
  std::vector<std::unique_ptr<Scratch<Real>>> blocks_;
  std::vector<Real*> starts_;
};

// A shard's private copies of the rows of one matrix.
template <class Real>
class PrivateRows {
 public:
  PrivateRows(Real* matrix, int64_t n_rows, int64_t stride)
      : matrix_(matrix), stride_(stride), slots_(n_rows), copies_(stride) {}

  Real* operator()(int32_t id) {
    Slot& slot = slots_[id];
    if (slot.round == round_) return copies_.row(slot.index);
    slot = {round_, int32_t(ids_.size())};
    ids_.push_back(id);
    Real* copy = copies_.row(slot.index);
    const Real* from = matrix_ + int64_t(id) * stride_;
    std::copy(from, from + stride_, copy);
    return copy;
  }

  void prefetch(int32_t id) const {
    __builtin_prefetch(&slots_[id]);
    const char* bytes = reinterpret_cast<const char*>(matrix_ + int64_t(id) * stride_);
    for (int64_t offset = 0; offset < stride_ * int64_t(sizeof(Real)); offset += 64) __builtin_prefetch(bytes + offset);
  }

  void start_round(int64_t round) {
    round_ = round;
    ids_.clear();
  }

  const std::vector<int32_t>& touched() const { return ids_; }
  const Real* copy_at(size_t index) { return copies_.row(int32_t(index)); }

 private:
  struct Slot {
    int64_t round = 0;
    int32_t index = 0;
  };

  Real* matrix_;
  int64_t stride_;
  int64_t round_ = 0;
  std::vector<Slot> slots_;
  std::vector<int32_t> ids_;
  RowStore<Real> copies_;
};

// Adds what the shards learned, for the rows of one thread.
template <class Real>
class Merger {
 public:
  Merger(Real* matrix, int64_t n_rows, int64_t stride)
      : matrix_(matrix), stride_(stride), rows_(n_rows), bases_(stride) {}

  void merge(std::vector<std::unique_ptr<PrivateRows<Real>>>& shards, int64_t round, int thread, int n_threads) {
    for (auto& shard : shards)
      for (int32_t id : shard->touched())
        if (id % n_threads == thread) count(id, round);
    int32_t kept = 0;
    for (auto& shard : shards) {
      const std::vector<int32_t>& ids = shard->touched();
      for (size_t k = 0; k < ids.size(); ++k) {
        if (ids[k] % n_threads != thread) continue;
        Real* row = matrix_ + int64_t(ids[k]) * stride_;
        const Real* copy = shard->copy_at(k);
        Row& state = rows_[ids[k]];
        if (state.count == 1) {
          std::copy(copy, copy + stride_, row);
          continue;
        }
        if (state.base < 0) {
          state.base = kept++;
          std::copy(row, row + stride_, bases_.row(state.base));
        }
        add_difference(row, copy, bases_.row(state.base), state.count);
      }
    }
  }

 private:
  struct Row {
    int64_t round = 0;
    int32_t count = 0, base = -1;
  };

  void count(int32_t id, int64_t round) {
    Row& row = rows_[id];
    if (row.round != round) row = {round, 0, -1};
    ++row.count;
  }

  void add_difference(Real* row, const Real* copy, const Real* base, int count) {
    typedef typename Simd<Real>::V V;
    const V factor = broadcast(damping_[count]);
    for (int64_t d = 0; d < stride_; d += Simd<Real>::LANES)
      store(row + d, fma(factor, load(copy + d) - load(base + d), load(row + d)));
  }

  struct Damping {
    Real factor[SHARDS + 1];
    Damping() {
      for (int m = 0; m <= SHARDS; ++m) factor[m] = m ? Real(std::pow(double(m), -MERGE_DAMPING)) : Real(0);
    }
    Real operator[](int m) const { return factor[m]; }
  };

  Real* matrix_;
  int64_t stride_;
  std::vector<Row> rows_;
  RowStore<Real> bases_;
  Damping damping_;
};

// Threads meet here; spins, since rounds are short, and yields so that more threads than cores make progress.
class Barrier {
 public:
  explicit Barrier(int n_threads) : n_threads_(n_threads) {}
  void wait() {
    const int generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_acq_rel);
      return;
    }
    for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; ++spins)
      if (spins > 1000) std::this_thread::yield();
  }

 private:
  const int n_threads_;
  std::atomic<int> arrived_{0}, generation_{0};
};

// Deterministic training of some objective.
class Rounds {
 public:
  virtual ~Rounds() = default;
  virtual Result run(int64_t start, int64_t stop, uint32_t epoch) = 0;
};

template <class Real, class Input, class Output>
class RoundTrainer final : public Rounds {
 public:
  typedef PrivateRows<Real> Copies;
  typedef Trainer<true, Real, Input, Output, Copies, Copies> ShardTrainer;

  RoundTrainer(const Settings& settings, int n_threads)
      : s_(settings), stop_flag_(settings.stop_flag), n_threads_(n_threads), barrier_(n_threads), failures_(n_threads) {
    s_.stop_flag = nullptr;  // only whole rounds: the flag is read between them
    Real *input = static_cast<Real*>(s_.input_matrix), *output = static_cast<Real*>(s_.output_matrix);
    for (int shard = 0; shard < SHARDS; ++shard) {
      inputs_.push_back(std::make_unique<Copies>(input, s_.n_words, s_.stride));
      outputs_.push_back(std::make_unique<Copies>(output, s_.n_output_rows, s_.stride));
      trainers_.push_back(std::make_unique<ShardTrainer>(s_, *inputs_[shard], *outputs_[shard]));
    }
    for (int t = 0; t < n_threads; ++t) {
      input_mergers_.push_back(std::make_unique<Merger<Real>>(input, s_.n_words, s_.stride));
      output_mergers_.push_back(std::make_unique<Merger<Real>>(output, s_.n_output_rows, s_.stride));
    }
  }

  Result run(int64_t start, int64_t stop, uint32_t epoch) override {
    start_ = start;
    stop_ = stop;
    epoch_ = epoch;
    result_ = {};
    stopped_ = false;
    failed_.store(false);
    next_shard_.store(0);
    for (std::exception_ptr& failure : failures_) failure = nullptr;
    std::vector<std::thread> threads;
    for (int t = 1; t < n_threads_; ++t) threads.emplace_back([this, t] { work(t); });
    work(0);
    for (std::thread& thread : threads) thread.join();
    for (std::exception_ptr& failure : failures_)
      if (failure) std::rethrow_exception(failure);
    if (stopped_) throw Failure(ERROR_STOPPED, "stopped");
    return result_;
  }

 private:
  void work(int thread) {
    int64_t round = rounds_done_;
    for (int64_t first = start_; first < stop_; first += ROUND_TOKENS) {
      ++round;
      guarded(thread, [&] { train_shards(first, round); });
      barrier_.wait();
      if (failed_.load()) return;
      guarded(thread, [&] {
        input_mergers_[thread]->merge(inputs_, round, thread, n_threads_);
        output_mergers_[thread]->merge(outputs_, round, thread, n_threads_);
      });
      if (thread == 0) finish_round();
      barrier_.wait();
      if (failed_.load() || stopped_) return;
    }
  }

  void train_shards(int64_t first, int64_t round) {
    for (int shard; (shard = next_shard_.fetch_add(1)) < SHARDS;) {
      inputs_[shard]->start_round(round);
      outputs_[shard]->start_round(round);
      const int64_t begin = std::min(stop_, first + shard * SHARD_TOKENS);
      results_[shard] = trainers_[shard]->run(begin, std::min(stop_, begin + SHARD_TOKENS), epoch_);
    }
  }

  void finish_round() {
    for (const Result& part : results_) {  // in shard order, so that the sums too have the same bits
      result_.loss += part.loss;
      result_.weight += part.weight;
      result_.examples += part.examples;
      result_.centers += part.centers;
    }
    next_shard_.store(0);
    ++rounds_done_;
    stopped_ = stop_flag_ && *const_cast<const volatile int32_t*>(stop_flag_);
  }

  template <class Body>
  void guarded(int thread, Body&& body) {
    try {
      body();
    } catch (...) {  // handed to the calling thread by run
      failures_[thread] = std::current_exception();
      failed_.store(true);
    }
  }

  Settings s_;
  const int32_t* const stop_flag_;
  const int n_threads_;
  Barrier barrier_;
  std::vector<std::exception_ptr> failures_;
  std::atomic<bool> failed_{false};
  std::atomic<int> next_shard_{0};
  bool stopped_ = false;  // written by thread 0 before a barrier, read after it
  int64_t start_ = 0, stop_ = 0;
  uint32_t epoch_ = 0;
  int64_t rounds_done_ = 0;  // numbers rounds, so that slot tables need no clearing; read before any thread writes it
  Result results_[SHARDS] = {};
  Result result_ = {};
  std::vector<std::unique_ptr<Copies>> inputs_, outputs_;
  std::vector<std::unique_ptr<ShardTrainer>> trainers_;
  std::vector<std::unique_ptr<Merger<Real>>> input_mergers_, output_mergers_;
};

inline std::unique_ptr<Rounds> make_rounds(const Settings& settings, int n_threads) {
  const int threads = std::max(1, std::min(n_threads, SHARDS));
  return with_objective(settings, [&](auto input, auto output) -> std::unique_ptr<Rounds> {
    return std::make_unique<RoundTrainer<float, typename decltype(input)::type, typename decltype(output)::type>>(
        settings, threads);
  });
}

}  // namespace firth
