// Room native: training that gives the same bits whatever the number of threads.
//
// A round is SHARDS slices of `shard_tokens` tokens, and two phases:
//
//   train   every shard copies the rows that others touch as well (these do not change meanwhile), and trains its slice
//           in order: rows of its own in place, the others on its copies. Then it plans its slice of the next round,
//           and lists and marks the rows that it may touch.
//   merge   every row that was copied gets the shards' differences, in shard order; and every shard compares the rows
//           that it marked with what others have marked.
//
// Before the first round there is a plan, and a comparison. A row that was copied becomes
//
//   row += f sum_s (copy_s - row),   f = min(m^-MERGE_DAMPING, 1 / (m r))
//
// with m the number of shards that copied it and r the share of the way to its equilibrium that one copy goes in a
// shard (settling.hpp). All copies start from the same row and go the same way, so its error e becomes (1 - f m r) e:
// it would grow without limit from f m r = 2 on, and to and fro beyond 1. Rows are divided among the threads by id. No
// step depends on how many threads there are. What staleness costs was measured: docs/training.md.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "train/settling.hpp"
#include "train/train.hpp"

namespace firth {

constexpr int SHARDS = 8;
constexpr int64_t MAX_SHARD_TOKENS = CHUNK_TOKENS;  // a shard's slice is one chunk of the plan
constexpr double MERGE_DAMPING = 0.25;

// Rounds are numbered from 1, so that tables of rows need no clearing between rounds. Numbers are small, since the
// tables are looked up at random; before they run out the tables are cleared.
typedef uint32_t Round;
constexpr Round MAX_ROUND = 400000000;

// What a shard writes into tables of rows in a round.
inline Round mark_of(Round round, int shard) { return round * SHARDS + Round(shard); }
static_assert(uint64_t(MAX_ROUND) * SHARDS < (uint64_t(1) << 32) - SHARDS, "marks must fit");

// Which rows of a matrix several shards touch in a round. Each writes its mark over those of the others; when all have,
// those that do not find their own say that the row is shared. Threads do so at the same time, and what is left does
// not depend on their order; nobody waits for a cache line, as an exchange would.
class Marks {
 public:
  explicit Marks(int64_t n_rows) : last_(n_rows), shared_(n_rows) {}

  void mark(int32_t id, Round round, int shard) { last_[id].store(mark_of(round, shard), std::memory_order_relaxed); }

  // When all have marked.
  void compare(int32_t id, Round round, int shard) {
    if (last_[id].load(std::memory_order_relaxed) != mark_of(round, shard) && !is_shared(id, round))
      shared_[id].store(round, std::memory_order_relaxed);
  }

  // Whether that was said, by all when all have compared.
  bool is_shared(int32_t id, Round round) const { return shared_[id].load(std::memory_order_relaxed) == round; }

  void prefetch_mark(int32_t id) const { __builtin_prefetch(&last_[id], 1); }
  void prefetch_compare(int32_t id) const {
    __builtin_prefetch(&last_[id]);
    prefetch_shared(id);
  }
  void prefetch_shared(int32_t id) const { __builtin_prefetch(&shared_[id]); }

  void clear() {
    for (std::atomic<Round>& mark : last_) mark.store(0);
    for (std::atomic<Round>& round : shared_) round.store(0);
  }

 private:
  std::vector<std::atomic<Round>> last_, shared_;
};

template <class Real>
inline void copy_row(const Real* from, Real* to, int64_t stride) {
  for (int64_t d = 0; d < stride; d += Simd<Real>::LANES) store(to + d, load(from + d));
}

// A thread's tables of one matrix's rows, used for the shard that it is at work on.
struct RowTables {
  explicit RowTables(int64_t n_rows) : listed(n_rows), places(n_rows) {}
  void clear() { std::fill(listed.begin(), listed.end(), 0); }

  std::vector<Round> listed;    // mark_of the shard that last listed the row
  std::vector<int32_t> places;  // where the shard finds the row: in place (its id), or the copy ~place
};

// A shard's view of one matrix: its own rows in place, the others as private copies. What it will touch is listed when
// it is planned; where each row is, is looked up without a branch, since none could be predicted.
template <class Real>
class PrivateRows {
 public:
  static constexpr bool IN_PLACE = false;  // a table says where a row is

  PrivateRows(Real* matrix, int64_t stride, Marks& marks, int shard)
      : matrix_(matrix), stride_(stride), marks_(marks), shard_(shard) {}

  // For the next round: list what the shard will touch (again and again is once), then mark it. The copies of the
  // present one stay.
  void start_list(Round round) {
    round_ = round;
    listed_.clear();
  }

  // `known`: ids from `ids` on that are there to be read, more than `count` where others are listed next.
  void list(const int32_t* ids, size_t count, RowTables& tables, size_t known) {
    const Round own = mark_of(round_, shard_);
    size_t size = listed_.size();  // written first and counted if new
    listed_.resize(size + count);
    for (size_t k = 0; k < count; ++k) {
      if (k + AHEAD < known) __builtin_prefetch(&tables.listed[ids[k + AHEAD]], 1);
      Round& listed = tables.listed[ids[k]];
      listed_[size] = ids[k];
      size += listed != own;
      listed = own;
    }
    listed_.resize(size);
  }

  void list_all(int64_t n_rows) {
    listed_.resize(size_t(n_rows));
    for (int64_t id = 0; id < n_rows; ++id) listed_[size_t(id)] = int32_t(id);
  }

  void mark_listed() {
    for (size_t k = 0; k < listed_.size(); ++k) {
      if (k + AHEAD < listed_.size()) marks_.prefetch_mark(listed_[k + AHEAD]);
      marks_.mark(listed_[k], round_, shard_);
    }
  }

  // When all shards have marked.
  void compare_listed() {
    for (size_t k = 0; k < listed_.size(); ++k) {
      if (k + AHEAD < listed_.size()) marks_.prefetch_compare(listed_[k + AHEAD]);
      marks_.compare(listed_[k], round_, shard_);
    }
  }

  // When all have compared: says where each listed row is, and copies those that others touch as well.
  void arrange(RowTables& tables) {
    places_ = tables.places.data();
    copied_.resize(listed_.size());
    int32_t n_copies = 0;
    for (size_t k = 0; k < listed_.size(); ++k) {
      if (k + AHEAD < listed_.size()) {
        marks_.prefetch_shared(listed_[k + AHEAD]);
        __builtin_prefetch(&places_[listed_[k + AHEAD]], 1);
      }
      const int32_t id = listed_[k];
      const bool shared = marks_.is_shared(id, round_);
      const int32_t copied = -int32_t(shared);
      tables.places[id] = (id & ~copied) | (~n_copies & copied);
      copied_[size_t(n_copies)] = id;  // written first and counted if shared
      n_copies += shared;
    }
    copied_.resize(size_t(n_copies));
    copies_ = memory_.get(size_t(n_copies) * stride_);
    for (int32_t k = 0; k < n_copies; ++k) {
      if (k + ROWS_AHEAD < n_copies) prefetch_row<false>(matrix_ + int64_t(copied_[k + ROWS_AHEAD]) * stride_, stride_);
      copy_row<Real>(matrix_ + int64_t(copied_[k]) * stride_, copies_ + k * stride_, stride_);
    }
  }

  Real* operator()(int32_t id) const {
    const int32_t place = places_[id], copied = place >> 31;
    const intptr_t to_copies = reinterpret_cast<intptr_t>(copies_) - reinterpret_cast<intptr_t>(matrix_);
    Real* const row = matrix_ + int64_t(place ^ copied) * stride_;
    return reinterpret_cast<Real*>(reinterpret_cast<intptr_t>(row) + (to_copies & intptr_t(copied)));
  }

  static constexpr bool PREFETCH_WRITE = true;
  const Real* home(int32_t id) const { return (*this)(id); }
  void foresee(int32_t id) const { __builtin_prefetch(&places_[id]); }

  // The rows that were copied.
  const Buffer<int32_t>& copied() const { return copied_; }
  const Real* copy_at(size_t index) const { return copies_ + index * stride_; }

 private:
  static constexpr size_t AHEAD = 12;
  static constexpr int32_t ROWS_AHEAD = 6;

  Real* const matrix_;
  const int64_t stride_;
  Marks& marks_;
  const int shard_;
  Round round_ = 0;
  Buffer<int32_t> listed_;  // what the shard will touch in round_
  Buffer<int32_t> copied_;  // in the round that is trained
  const int32_t* places_ = nullptr;
  Scratch<Real> memory_;
  Real* copies_ = nullptr;
};

// Adds what the shards learned, for the rows of one thread.
template <class Real>
class Merger {
 public:
  Merger(Real* matrix, int64_t n_rows, int64_t stride, const TouchRates& rates)
      : matrix_(matrix), stride_(stride), rates_(rates), rows_(n_rows) {
    for (int m = 2; m <= SHARDS; ++m) damping_[m] = std::pow(double(m), -MERGE_DAMPING);
  }

  void clear() { std::fill(rows_.begin(), rows_.end(), Row{}); }

  void merge(std::vector<std::unique_ptr<PrivateRows<Real>>>& shards, Round round, int thread, int n_threads,
             double learning_rate, int64_t shard_tokens) {
    learning_rate_ = learning_rate;
    shard_tokens_ = double(shard_tokens);
    copies_.clear();
    touched_.clear();
    for (std::unique_ptr<PrivateRows<Real>>& shard : shards) {
      list_own(*shard, thread, n_threads);
      for (size_t k = 0; k < own_.size(); ++k) {
        if (k + AHEAD < own_.size()) __builtin_prefetch(&rows_[shard->copied()[own_[k + AHEAD]]], 1);
        append(shard->copied()[own_[k]], round, shard->copy_at(own_[k]));
      }
    }
    for (size_t k = 0; k < touched_.size(); ++k) {
      if (k + AHEAD < touched_.size()) prefetch_row<true>(matrix_ + int64_t(touched_[k + AHEAD]) * stride_, stride_);
      add_differences(touched_[k]);
    }
  }

 private:
  static constexpr size_t AHEAD = 6;

  // The copies of one row, as a list in shard order.
  struct Row {
    Round round = 0;
    int32_t first = 0, last = 0;
  };
  struct Copy {
    const Real* values;
    int32_t next;
  };

  // Which of a shard's copies are of rows that this thread merges.
  void list_own(const PrivateRows<Real>& shard, int thread, int n_threads) {
    size_t size = 0;
    own_.resize(shard.copied().size());
    for (size_t k = 0; k < shard.copied().size(); ++k) {
      own_[size] = int32_t(k);
      size += thread_of(shard.copied()[k], n_threads) == thread;
    }
    own_.resize(size);
  }

  // A thread for each row, evenly and without a division.
  static int thread_of(int32_t id, int n_threads) {
    return int((uint64_t(uint32_t(id) * 0x9E3779B1u) * uint64_t(n_threads)) >> 32);
  }

  void append(int32_t id, Round round, const Real* values) {
    Row& row = rows_[id];
    const int32_t place = int32_t(copies_.size());
    copies_.push_back({values, -1});
    const bool is_first = row.round != round;
    copies_[is_first ? place : row.last].next = is_first ? -1 : place;
    row = {round, is_first ? place : row.first, place};
    const size_t n_touched = touched_.size();  // written first and counted if new
    touched_.push_back(id);
    touched_.resize(n_touched + is_first);
  }

  void add_differences(int32_t id) {
    typedef typename Simd<Real>::V V;
    const Real* copies[SHARDS];
    int m = 0;
    for (int32_t place = rows_[id].first; place >= 0; place = copies_[place].next) copies[m++] = copies_[place].values;
    Real* row = matrix_ + int64_t(id) * stride_;
    const V factor = broadcast(Real(merge_factor(id, m)));
    for (int64_t d = 0; d < stride_; d += Simd<Real>::LANES) {
      const V before = load(row + d);
      V change = load(copies[0] + d) - before;
      for (int k = 1; k < m; ++k) change += load(copies[k] + d) - before;
      store(row + d, fma(factor, change, before));
    }
  }

  double merge_factor(int32_t id, int m) const {
    if (!rates_.per_token) return damping_[m];
    const int64_t place = rates_.from_last ? int64_t(rows_.size()) - 1 - id : id;
    const double touches = std::max(double(rates_.per_token[place]) * shard_tokens_, 1.0);
    return std::min(damping_[m], 1 / (m * settled_share(learning_rate_ * touches)));
  }

  Real* matrix_;
  int64_t stride_;
  const TouchRates rates_;
  double learning_rate_ = 0, shard_tokens_ = 0;
  std::vector<Row> rows_;
  Buffer<Copy> copies_;
  Buffer<int32_t> touched_;  // the rows, each once
  Buffer<int32_t> own_;
  double damping_[SHARDS + 1] = {};
};

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
      : s_(settings),
        stop_flag_(settings.stop_flag),
        n_threads_(n_threads),
        barrier_(n_threads),
        failures_(n_threads),
        input_marks_(settings.input.n_rows),
        output_marks_(settings.output.n_rows) {
    s_.stop_flag = nullptr;  // only whole rounds: the flag is read between them
    Real *input = static_cast<Real*>(s_.input.rows), *output = static_cast<Real*>(s_.output.rows);
    for (int shard = 0; shard < SHARDS; ++shard) {
      inputs_.push_back(std::make_unique<Copies>(input, s_.input.stride, input_marks_, shard));
      outputs_.push_back(std::make_unique<Copies>(output, s_.output.stride, output_marks_, shard));
      trainers_.push_back(std::make_unique<ShardTrainer>(s_, *inputs_[shard], *outputs_[shard]));
    }
    for (int t = 0; t < n_threads; ++t) {
      input_tables_.push_back(std::make_unique<RowTables>(s_.input.n_rows));
      output_tables_.push_back(std::make_unique<RowTables>(s_.output.n_rows));
      input_mergers_.push_back(
          std::make_unique<Merger<Real>>(input, s_.input.n_rows, s_.input.stride, s_.input.touches));
      output_mergers_.push_back(
          std::make_unique<Merger<Real>>(output, s_.output.n_rows, s_.output.stride, s_.output.touches));
    }
  }

  Result run(int64_t start, int64_t stop, uint32_t epoch) override {
    start_ = start;
    stop_ = stop;
    epoch_ = epoch;
    result_ = {};
    if (int64_t(rounds_done_) + (stop - start) / round_tokens() + 3 > int64_t(MAX_ROUND)) clear_tables();
    given_up_ = stopped_ = false;
    failed_.store(false);
    release_shards();
    for (std::exception_ptr& failure : failures_) failure = nullptr;
    // The threads start together or not at all: one that could not be made would be waited for at every barrier.
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
    if (given_up_) clear_tables();  // they tell of a round that was left half done
    for (std::exception_ptr& failure : failures_)
      if (failure) std::rethrow_exception(failure);
    if (stopped_) throw Failure(ERROR_STOPPED, "stopped");
    return result_;
  }

 private:
  void work(int thread) {
    Round round = rounds_done_;
    const auto release = [&] { release_shards(); };
    const auto plan = [&](int shard, int64_t first) { plan_shard(thread, shard, first, round + 1); };
    const auto compare = [&] {
      for (int shard = thread; shard < SHARDS; shard += n_threads_) {
        inputs_[shard]->compare_listed();
        outputs_[shard]->compare_listed();
      }
    };
    if (!together(thread, [&] { take_shards(thread, [&](int shard) { plan(shard, start_); }); }, release)) return;
    if (!together(thread, compare, [] {})) return;
    for (int64_t first = start_; first < stop_; first += round_tokens()) {
      ++round;
      const int64_t next = first + round_tokens();
      const auto train = [&](int shard) {
        train_shard(thread, shard);
        plan(shard, next);
      };
      if (!together(thread, [&] { take_shards(thread, train); }, release)) return;
      const auto merge = [&] {
        const double rate = learning_rate_at(s_, epoch_, first) * largest_weight(s_, first, std::min(stop_, next));
        input_mergers_[thread]->merge(inputs_, round, thread, n_threads_, rate, s_.shard_tokens);
        output_mergers_[thread]->merge(outputs_, round, thread, n_threads_, rate, s_.shard_tokens);
        compare();
      };
      if (!together(thread, merge, [&] { finish_round(); })) return;
      if (stopped_) return;
    }
  }

  // Calls body(shard) for the thread's own shards, whose plans and copies are in its core's cache if no other thread
  // was faster, and then for those that another thread has not come to.
  template <class Body>
  void take_shards(int thread, Body&& body) {
    for (int other = 0; other < n_threads_; ++other)
      for (int shard = (thread + other) % n_threads_; shard < SHARDS; shard += n_threads_)
        if (!taken_[shard].load(std::memory_order_relaxed) && !taken_[shard].exchange(true)) body(shard);
  }

  void release_shards() {
    for (std::atomic<bool>& taken : taken_) taken.store(false);
  }

  // A phase on every thread, then a step done once while all wait. False, for all threads alike, if one failed.
  template <class Phase, class Once>
  bool together(int thread, Phase&& phase, Once&& once) {
    try {
      phase();
    } catch (...) {  // handed to the calling thread by run
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

  // Plans a shard's slice of the round that begins at token `first`, if there is one.
  void plan_shard(int thread, int shard, int64_t first, Round round) {
    inputs_[shard]->start_list(round);
    outputs_[shard]->start_list(round);
    const int64_t begin = std::min(stop_, first + shard * int64_t(s_.shard_tokens));
    planned_[shard] = trainers_[shard]->plan(begin, std::min(stop_, begin + s_.shard_tokens), epoch_);
    if (!planned_[shard]) return;
    const Chunk& chunk = trainers_[shard]->planned();
    inputs_[shard]->list(chunk.inputs.data(), chunk.inputs.size(), *input_tables_[thread], chunk.inputs.size());
    inputs_[shard]->mark_listed();
    list_outputs(chunk, *outputs_[shard], *output_tables_[thread]);
    outputs_[shard]->mark_listed();
  }

  // Every output row that the chunk can touch.
  void list_outputs(const Chunk& chunk, Copies& rows, RowTables& tables) {
    if (Output::TOUCHES_ALL_ROWS) {
      if (!chunk.centers.empty()) rows.list_all(s_.output.n_rows);
      return;
    }
    int64_t negatives = -1;
    for (const Center& center : chunk.centers) {
      Output::each_output_row(s_, center.target, [&](const int32_t* ids, int64_t count) {
        rows.list(ids, size_t(count), tables, size_t(count));
      });
      if (!Output::DRAWS_NEGATIVES || center.negatives == negatives) continue;  // those of the center before
      negatives = center.negatives;
      rows.list(chunk.negatives.begin() + negatives, size_t(center.n_negatives), tables,
                chunk.negatives.size() - size_t(negatives));
    }
  }

  // A shard that has no slice in a round has listed nothing, and so copies nothing and leaves nothing to be merged.
  void train_shard(int thread, int shard) {
    inputs_[shard]->arrange(*input_tables_[thread]);
    outputs_[shard]->arrange(*output_tables_[thread]);
    results_[shard] = planned_[shard] ? trainers_[shard]->train_planned() : Result{};
  }

  void finish_round() {
    for (const Result& part : results_) result_.add(part);  // in shard order, so that the sums too have the same bits
    ++rounds_done_;
    stopped_ = stop_requested(stop_flag_);
    if (stopped_) ++rounds_done_;  // the next round is planned, and its number is in the tables
  }

  Settings s_;
  const int32_t* const stop_flag_;
  const int n_threads_;
  Barrier barrier_;
  std::vector<std::exception_ptr> failures_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> taken_[SHARDS] = {};  // by a thread, in the present phase
  bool planned_[SHARDS] = {};
  Marks input_marks_, output_marks_;
  bool given_up_ = false, stopped_ = false;  // written by one thread while the others wait
  int64_t start_ = 0, stop_ = 0;
  uint32_t epoch_ = 0;
  Round rounds_done_ = 0;  // the last number in the tables; read before any thread writes it
  Result results_[SHARDS] = {};
  Result result_ = {};
  std::vector<std::unique_ptr<Copies>> inputs_, outputs_;
  std::vector<std::unique_ptr<ShardTrainer>> trainers_;
  std::vector<std::unique_ptr<RowTables>> input_tables_, output_tables_;  // of each thread
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
