// Room native: training that gives the same bits whatever the number of threads.
//
// A round is SHARDS slices of `shard_tokens` tokens, and two phases:
//
//   train   Every shard copies the rows that other shards touch too; these rows do not change in this phase. It trains
//           its slice in order: shared rows on its copies, all other rows in place. Then it plans its slice of the next
//           round, and lists and marks the rows that the slice may touch.
//   merge   The differences of a row's copies are added to the row, in shard order. Every shard compares its marks with
//           the marks of the other shards.
//
// Before the first round, every shard plans and compares. The law of merging.hpp adds up the copies of a row: all
// copies at once, with no other merge in between. Rows are divided among the threads by id. No step depends on the
// number of threads. The cost of staleness in accuracy was measured: docs/training.md.
//
// If memory runs out, the run ends with an error, but only after the current round is merged: no row is half merged. A
// shard that fails keeps what it has trained; a failure to plan the next round changes nothing in the current one; and
// merging needs no memory, because each round reserves it for the next.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "train/merging.hpp"
#include "train/rounds/barrier.hpp"
#include "train/rounds/marks.hpp"
#include "train/rounds/merger.hpp"
#include "train/rounds/private_rows.hpp"
#include "train/train.hpp"

namespace firth {

constexpr int64_t MAX_SHARD_TOKENS = CHUNK_TOKENS;  // a shard's slice is one chunk of the plan

// Lists every output row that a chunk can touch, for an output side.
template <class Output>
void list_outputs(const Settings& s, const Chunk& chunk, PrivateRows<float>& rows, RowTables& tables) {
  if (Output::TOUCHES_ALL_ROWS) {
    if (!chunk.centers.empty()) rows.list_all(s.output.n_rows);
    return;
  }
  int64_t negatives = -1;
  for (const Center& center : chunk.centers) {
    Output::each_output_row(s, center.target, [&](const int32_t* ids, int64_t count) {
      rows.list(ids, size_t(count), tables, size_t(count));
    });
    if (!Output::DRAWS_NEGATIVES || center.negatives == negatives) continue;  // the same as the previous center's
    negatives = center.negatives;
    rows.list(chunk.negatives.begin() + negatives, size_t(center.n_negatives), tables,
              chunk.negatives.size() - size_t(negatives));
  }
}

// Deterministic training, for any objective.
class Rounds {
 public:
  typedef PrivateRows<float> Copies;
  typedef BagRowsAt<float, PlacedRows<float>> Bags;

  Rounds(const Settings& settings, int n_threads)
      : s_(settings),
        stop_flag_(settings.stop_flag),
        n_threads_(std::max(1, std::min(n_threads, SHARDS))),
        list_outputs_(with_output(
            settings, [](auto side) -> ListOutputs { return list_outputs<typename decltype(side)::type>; })),
        barrier_(n_threads_),
        failures_(n_threads_),
        input_marks_(settings.input.n_rows),
        output_marks_(settings.output.n_rows) {
    s_.stop_flag = nullptr;  // only whole rounds: the flag is read between them
    for (int shard = 0; shard < SHARDS; ++shard) {
      inputs_.push_back(std::make_unique<Copies>(s_.input, input_marks_, shard));
      outputs_.push_back(std::make_unique<Copies>(s_.output, output_marks_, shard));
      PlacedRows<float>&input_row = *inputs_.back(), &output_row = *outputs_.back();
      if (has_bags(s_)) {
        bags_.push_back(std::make_unique<Bags>(s_, input_row));
        Bags& bags = *bags_.back();
        trainers_.push_back(make_trainer(bags.settings(), bags.rows(), output_row, &bags, true));
      } else {
        trainers_.push_back(make_trainer(s_, input_row, output_row, nullptr, true));
      }
    }
    const auto merger = [](const RowMatrix& of) {
      return std::make_unique<Merger<float>>(static_cast<float*>(of.rows), of.n_rows, of.stride, of.touches);
    };
    for (int t = 0; t < n_threads_; ++t) {
      input_tables_.push_back(std::make_unique<RowTables>(s_.input.n_rows));
      output_tables_.push_back(std::make_unique<RowTables>(s_.output.n_rows));
      input_mergers_.push_back(merger(s_.input));
      output_mergers_.push_back(merger(s_.output));
    }
  }

  Result run(int64_t start, int64_t stop, uint32_t epoch) {
    start_ = start;
    stop_ = stop;
    epoch_ = epoch;
    result_ = {};
    if (int64_t(rounds_done_) + (stop - start) / round_tokens() + 3 > int64_t(MAX_ROUND)) clear_tables();
    given_up_ = stopped_ = is_last_ = false;
    failed_.store(false);
    ends_after_round_.store(false);
    release_shards();
    for (std::exception_ptr& failure : failures_) failure = nullptr;
    // The threads start together or not at all. If a thread could not be created, the others would wait for it forever.
    std::atomic<int> start_signal{0};
    std::vector<std::thread> threads;
    try {
      for (int t = 1; t < n_threads_; ++t)
        threads.emplace_back([this, t, &start_signal] {
          int signal;
          while ((signal = start_signal.load(std::memory_order_acquire)) == 0) std::this_thread::yield();
          if (signal > 0) work(t);
        });
      start_signal.store(1, std::memory_order_release);
    } catch (...) {
      start_signal.store(-1, std::memory_order_release);
      for (std::thread& thread : threads) thread.join();
      throw;
    }
    work(0);
    for (std::thread& thread : threads) thread.join();
    if (given_up_) clear_tables();  // they belong to a round that was not completed
    for (std::exception_ptr& failure : failures_)
      if (failure) std::rethrow_exception(failure);
    if (stopped_) throw Failure(ERROR_STOPPED, "stopped");
    return result_;
  }

 private:
  typedef void (*ListOutputs)(const Settings&, const Chunk&, Copies&, RowTables&);

  void work(int thread) {
    Round round = rounds_done_;
    const auto compare = [&] {
      for (int shard = thread; shard < SHARDS; shard += n_threads_) {
        inputs_[shard]->compare_listed();
        outputs_[shard]->compare_listed();
      }
    };
    if (!together(
            thread, [&] { take_shards(thread, [&](int shard) { plan_shard(thread, shard, start_, round + 1); }); },
            [&] {
              release_shards();
              reserve_merges();
            }))
      return;
    if (!together(thread, compare, [] {})) return;
    for (int64_t first = start_; first < stop_; first += round_tokens()) {
      ++round;
      const int64_t next = first + round_tokens();
      const auto train = [&](int shard) {
        or_end_after_round(thread, [&] { train_shard(thread, shard); });
        or_end_after_round(thread, [&] { plan_shard(thread, shard, next, round + 1); });
      };
      const auto prepare = [&] {
        release_shards();
        or_end_after_round(thread, [&] { reserve_merges(); });
      };
      if (!together(thread, [&] { take_shards(thread, train); }, prepare)) return;
      const auto merge = [&] {
        const double rate = merge_rate(s_, epoch_, first, std::min(stop_, next));
        input_mergers_[thread]->merge(inputs_, round, thread, n_threads_, rate, s_.shard_tokens);
        output_mergers_[thread]->merge(outputs_, round, thread, n_threads_, rate, s_.shard_tokens);
        compare();
      };
      if (!together(thread, merge, [&] { finish_round(); })) return;
      if (is_last_) return;
    }
  }

  // Calls body(shard) for the shards of this thread, whose plans and copies are probably in its core's cache, and then
  // for shards that no other thread has taken yet.
  template <class Body>
  void take_shards(int thread, Body&& body) {
    for (int other = 0; other < n_threads_; ++other)
      for (int shard = (thread + other) % n_threads_; shard < SHARDS; shard += n_threads_)
        if (!taken_[shard].load(std::memory_order_relaxed) && !taken_[shard].exchange(true)) body(shard);
  }

  void release_shards() {
    for (std::atomic<bool>& taken : taken_) taken.store(false);
  }

  // Runs a phase on every thread, then a step on one thread while the others wait. If any thread failed, returns false
  // on all threads.
  template <class Phase, class Once>
  bool together(int thread, Phase&& phase, Once&& once) {
    try {
      phase();
    } catch (...) {  // run throws it in the calling thread
      failures_[thread] = std::current_exception();
      failed_.store(true);
    }
    barrier_.wait([&] {
      given_up_ = failed_.load();
      if (given_up_) return;
      try {
        once();
      } catch (...) {
        failures_[thread] = std::current_exception();
        given_up_ = true;
      }
    });
    return !given_up_;
  }

  // Calls body. If it fails, run throws the exception after the current round is merged.
  template <class Body>
  void or_end_after_round(int thread, Body&& body) {
    try {
      body();
    } catch (...) {
      failures_[thread] = std::current_exception();
      ends_after_round_.store(true);
    }
  }

  // Makes the memory for merging the round that is planned.
  void reserve_merges() {
    size_t n_inputs = 0, n_outputs = 0;
    for (int shard = 0; shard < SHARDS; ++shard) {
      n_inputs += inputs_[shard]->n_listed();
      n_outputs += outputs_[shard]->n_listed();
    }
    for (int t = 0; t < n_threads_; ++t) {
      input_mergers_[t]->reserve(n_inputs);
      output_mergers_[t]->reserve(n_outputs);
    }
  }

  int64_t round_tokens() const { return SHARDS * int64_t(s_.shard_tokens); }

  void clear_tables() {
    rounds_done_ = 0;
    input_marks_.clear();
    output_marks_.clear();
    for (int t = 0; t < n_threads_; ++t) {
      input_tables_[t]->clear();
      output_tables_[t]->clear();
      input_mergers_[t]->clear();
      output_mergers_[t]->clear();
    }
  }

  // Plans the slice of a shard in the round that begins at token `first`, if the shard has a slice.
  void plan_shard(int thread, int shard, int64_t first, Round round) {
    inputs_[shard]->start_list(round);
    outputs_[shard]->start_list(round);
    const int64_t begin = std::min(stop_, first + shard * int64_t(s_.shard_tokens));
    planned_[shard] = trainers_[shard]->plan(begin, std::min(stop_, begin + s_.shard_tokens), epoch_);
    if (!planned_[shard]) return;
    const Chunk& chunk = trainers_[shard]->planned();
    list_inputs(chunk, *inputs_[shard], *input_tables_[thread]);
    inputs_[shard]->mark_listed();
    list_outputs_(s_, chunk, *outputs_[shard], *output_tables_[thread]);
    outputs_[shard]->mark_listed();
  }

  // Every input row that the chunk can touch.
  void list_inputs(const Chunk& chunk, Copies& rows, RowTables& tables) {
    if (!has_bags(s_)) return rows.list(chunk.inputs.data(), chunk.inputs.size(), tables, chunk.inputs.size());
    for (const int32_t word : chunk.inputs) {
      const int64_t first = s_.bag_offsets[word], n = s_.bag_offsets[word + 1] - first;
      rows.list(s_.bag_rows + first, size_t(n), tables, size_t(n));
    }
  }

  // A shard without a slice in the round has listed no rows, so it copies none, and there is nothing to merge.
  void train_shard(int thread, int shard) {
    results_[shard] = {};
    inputs_[shard]->arrange(*input_tables_[thread]);
    outputs_[shard]->arrange(*output_tables_[thread]);
    if (planned_[shard]) results_[shard] = trainers_[shard]->train_planned();
  }

  void finish_round() {
    for (const Result& part : results_) result_.add(part);  // in shard order, so that sums have the same bits
    ++rounds_done_;
    stopped_ = stop_requested(stop_flag_);
    is_last_ = stopped_ || ends_after_round_.load();
    if (is_last_) ++rounds_done_;  // the next round is planned, so its number is in the tables already
  }

  Settings s_;
  const int32_t* const stop_flag_;
  const int n_threads_;
  const ListOutputs list_outputs_;
  Barrier barrier_;
  std::vector<std::exception_ptr> failures_;
  std::atomic<bool> failed_{false}, ends_after_round_{false};
  std::atomic<bool> taken_[SHARDS] = {};  // whether a thread has taken the shard in the current phase
  bool planned_[SHARDS] = {};
  Marks input_marks_, output_marks_;
  // Written by one thread while the others wait.
  bool given_up_ = false, stopped_ = false, is_last_ = false;
  int64_t start_ = 0, stop_ = 0;
  uint32_t epoch_ = 0;
  Round rounds_done_ = 0;  // the largest round number in the tables; read before any thread writes it
  Result results_[SHARDS] = {};
  Result result_ = {};
  std::vector<std::unique_ptr<Copies>> inputs_, outputs_;
  std::vector<std::unique_ptr<Bags>> bags_;
  std::vector<std::unique_ptr<SliceTrainer>> trainers_;
  std::vector<std::unique_ptr<RowTables>> input_tables_, output_tables_;  // by thread
  std::vector<std::unique_ptr<Merger<float>>> input_mergers_, output_mergers_;
};

}  // namespace firth
