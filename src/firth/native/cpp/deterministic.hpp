// Room native: training that gives the same bits whatever the number of threads.
//
// A round is SHARDS slices of `shard_tokens` tokens. First every shard plans its slice, and lists and marks the rows
// that it may touch. Then each copies those that others marked as well (the shared rows do not change meanwhile), and
// trains its slice in order: rows of its own in place, the others on its copies. Last, every row that was copied gets
// the shards' differences, in shard order:
//
//   row += f sum_s (copy_s - row),   f = min(m^-MERGE_DAMPING, 1 / (m r))
//
// where m is the number of shards that copied it and r the share of the way to its equilibrium that one copy goes in a
// shard (settling.hpp). All copies start from the same row and go the same way, so its error e becomes (1 - f m r) e:
// it would grow without limit from f m r = 2 on, and to and fro beyond 1. Rows are divided among the threads by id. No
// step depends on how many threads there are. What staleness costs was measured: docs/training.md.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "settling.hpp"
#include "train.hpp"

namespace firth {

constexpr int SHARDS = 8;
constexpr int64_t MAX_SHARD_TOKENS = CHUNK_TOKENS;  // a shard's slice is one chunk of the plan
constexpr double MERGE_DAMPING = 0.25;

// Rounds are numbered from 1, so that tables of rows need no clearing between rounds. Numbers are small, since the
// tables are looked up at random; before they run out the tables are cleared.
typedef uint32_t Round;
constexpr Round MAX_ROUND = 400000000;

// What a shard writes into tables of rows in a round.
constexpr Round STATES = SHARDS + 1;  // a shard's number, or shared
inline Round mark_of(Round round, int shard) { return round * STATES + Round(shard); }
static_assert(uint64_t(MAX_ROUND) * STATES < (uint64_t(1) << 32) - STATES, "marks must fit");

// Which rows of a matrix one shard alone touches in a round.
class Owners {
 public:
  explicit Owners(int64_t n_rows) : states_(n_rows) {}

  // Threads mark at the same time; what is left does not depend on their order.
  void mark(int32_t id, Round round, int shard) {
    std::atomic<Round>& state = states_[id];
    const Round own = mark_of(round, shard), shared = mark_of(round, SHARDS);
    Round seen = state.load(std::memory_order_relaxed);
    while (seen != own && seen != shared)
      if (state.compare_exchange_weak(seen, seen / STATES == round ? shared : own, std::memory_order_relaxed)) return;
  }

  bool owns(int32_t id, Round round, int shard) const {
    return states_[id].load(std::memory_order_relaxed) == mark_of(round, shard);
  }

  void prefetch(int32_t id) const { __builtin_prefetch(&states_[id], 1); }

  void clear() {
    for (std::atomic<Round>& state : states_) state.store(0);
  }

 private:
  std::vector<std::atomic<Round>> states_;
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

  PrivateRows(Real* matrix, int64_t stride, Owners& owners, int shard)
      : matrix_(matrix), stride_(stride), owners_(owners), shard_(shard) {}

  // The plan's phase: list what the shard will touch (again and again is once), then mark it.
  void start_round(Round round) {
    round_ = round;
    ids_.clear();
    n_copies_ = 0;
  }

  // `known`: ids from `ids` on that are there to be read, more than `count` where others are listed next.
  void list(const int32_t* ids, size_t count, RowTables& tables, size_t known) {
    const Round own = mark_of(round_, shard_);
    size_t size = ids_.size();  // written first and counted if new
    ids_.resize(size + count);
    for (size_t k = 0; k < count; ++k) {
      if (k + AHEAD < known) __builtin_prefetch(&tables.listed[ids[k + AHEAD]], 1);
      Round& listed = tables.listed[ids[k]];
      ids_[size] = ids[k];
      size += listed != own;
      listed = own;
    }
    ids_.resize(size);
  }

  void mark_listed() {
    for (size_t k = 0; k < ids_.size(); ++k) {
      if (k + AHEAD < ids_.size()) owners_.prefetch(ids_[k + AHEAD]);
      owners_.mark(ids_[k], round_, shard_);
    }
  }

  void list_all(int64_t n_rows) {
    ids_.resize(size_t(n_rows));
    for (int64_t id = 0; id < n_rows; ++id) ids_[size_t(id)] = int32_t(id);
  }

  // The training's phase, when all shards have marked: says where each listed row is, and copies those that others
  // touch as well.
  void arrange(RowTables& tables) {
    places_ = tables.places.data();
    for (size_t k = 0; k < ids_.size(); ++k) {
      if (k + AHEAD < ids_.size()) {
        owners_.prefetch(ids_[k + AHEAD]);
        __builtin_prefetch(&places_[ids_[k + AHEAD]], 1);
      }
      const int32_t id = ids_[k];
      const bool owned = owners_.owns(id, round_, shard_);
      const int32_t in_place = -int32_t(owned);
      tables.places[id] = (id & in_place) | (~n_copies_ & ~in_place);
      ids_[size_t(n_copies_)] = id;  // those that are copied move to the front
      n_copies_ += !owned;
    }
    copies_ = memory_.get(size_t(n_copies_) * stride_);
    for (int32_t k = 0; k < n_copies_; ++k) {
      if (k + ROWS_AHEAD < n_copies_)
        for (int64_t d = 0; d < stride_; d += ROW_ALIGNMENT / int64_t(sizeof(Real)))
          __builtin_prefetch(matrix_ + int64_t(ids_[k + ROWS_AHEAD]) * stride_ + d);
      copy_row<Real>(matrix_ + int64_t(ids_[k]) * stride_, copies_ + k * stride_, stride_);
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
  size_t n_copies() const { return size_t(n_copies_); }
  int32_t copied_id(size_t index) const { return ids_[index]; }
  const Real* copy_at(size_t index) const { return copies_ + index * stride_; }

 private:
  static constexpr size_t AHEAD = 12;
  static constexpr int32_t ROWS_AHEAD = 6;

  Real* const matrix_;
  const int64_t stride_;
  Owners& owners_;
  const int shard_;
  Round round_ = 0;
  Buffer<int32_t> ids_;  // what is listed; later: what is copied, n_copies_ of them
  int32_t n_copies_ = 0;
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
    for (int m = 1; m <= SHARDS; ++m) damping_[m] = std::pow(double(m), -MERGE_DAMPING);
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
        if (k + AHEAD < own_.size()) __builtin_prefetch(&rows_[shard->copied_id(own_[k + AHEAD])], 1);
        append(shard->copied_id(own_[k]), round, shard->copy_at(own_[k]));
      }
    }
    for (size_t k = 0; k < touched_.size(); ++k) {
      if (k + AHEAD < touched_.size()) prefetch_row(matrix_ + int64_t(touched_[k + AHEAD]) * stride_, stride_);
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
    own_.resize(shard.n_copies());
    for (size_t k = 0; k < shard.n_copies(); ++k) {
      own_[size] = int32_t(k);
      size += thread_of(shard.copied_id(k), n_threads) == thread;
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
    if (m == 1) return copy_row(copies[0], row, stride_);
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
      once();
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
      : s_(settings),
        stop_flag_(settings.stop_flag),
        n_threads_(n_threads),
        barrier_(n_threads),
        failures_(n_threads),
        input_owners_(settings.n_words),
        output_owners_(settings.n_output_rows) {
    s_.stop_flag = nullptr;  // only whole rounds: the flag is read between them
    Real *input = static_cast<Real*>(s_.input_matrix), *output = static_cast<Real*>(s_.output_matrix);
    for (int shard = 0; shard < SHARDS; ++shard) {
      inputs_.push_back(std::make_unique<Copies>(input, s_.stride, input_owners_, shard));
      outputs_.push_back(std::make_unique<Copies>(output, s_.stride, output_owners_, shard));
      trainers_.push_back(std::make_unique<ShardTrainer>(s_, *inputs_[shard], *outputs_[shard]));
    }
    for (int t = 0; t < n_threads; ++t) {
      input_tables_.push_back(std::make_unique<RowTables>(s_.n_words));
      output_tables_.push_back(std::make_unique<RowTables>(s_.n_output_rows));
      input_mergers_.push_back(std::make_unique<Merger<Real>>(input, s_.n_words, s_.stride, s_.input_rates));
      output_mergers_.push_back(std::make_unique<Merger<Real>>(output, s_.n_output_rows, s_.stride, s_.output_rates));
    }
  }

  Result run(int64_t start, int64_t stop, uint32_t epoch) override {
    start_ = start;
    stop_ = stop;
    epoch_ = epoch;
    result_ = {};
    if (int64_t(rounds_done_) + (stop - start) / round_tokens() + 2 > int64_t(MAX_ROUND)) clear_tables();
    given_up_ = stopped_ = false;
    failed_.store(false);
    next_plan_.store(0);
    next_shard_.store(0);
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
    for (int64_t first = start_; first < stop_; first += round_tokens()) {
      ++round;
      if (!together(thread, [&] { plan_shards(thread, first, round); }, [] {})) return;
      if (!together(thread, [&] { train_shards(thread); }, [] {})) return;
      const auto merge = [&] {
        const int64_t last = std::min(stop_, first + round_tokens());
        const double rate = learning_rate_at(s_, epoch_, first) * largest_weight(s_, first, last);
        input_mergers_[thread]->merge(inputs_, round, thread, n_threads_, rate, s_.shard_tokens);
        output_mergers_[thread]->merge(outputs_, round, thread, n_threads_, rate, s_.shard_tokens);
      };
      if (!together(thread, merge, [&] { finish_round(); })) return;
      if (stopped_) return;
    }
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
      if (!given_up_) once();
    });
    return !given_up_;
  }

  int64_t round_tokens() const { return SHARDS * int64_t(s_.shard_tokens); }

  void clear_tables() {
    rounds_done_ = 0;
    input_owners_.clear();
    output_owners_.clear();
    for (int t = 0; t < n_threads_; ++t) {
      input_tables_[t]->clear();
      output_tables_[t]->clear();
      input_mergers_[t]->clear();
      output_mergers_[t]->clear();
    }
  }

  void plan_shards(int thread, int64_t first, Round round) {
    for (int shard; (shard = next_plan_.fetch_add(1)) < SHARDS;) {
      inputs_[shard]->start_round(round);
      outputs_[shard]->start_round(round);
      const int64_t begin = std::min(stop_, first + shard * int64_t(s_.shard_tokens));
      planned_[shard] = trainers_[shard]->plan(begin, std::min(stop_, begin + s_.shard_tokens), epoch_);
      if (!planned_[shard]) continue;
      const Planner& plan = trainers_[shard]->planned();
      inputs_[shard]->list(plan.kept_ids.data(), plan.kept_ids.size(), *input_tables_[thread], plan.kept_ids.size());
      inputs_[shard]->mark_listed();
      list_outputs(plan, *outputs_[shard], *output_tables_[thread]);
    }
  }

  // Every output row that the plan can touch; where these are all, none is marked and all are copied.
  void list_outputs(const Planner& plan, Copies& rows, RowTables& tables) {
    if (std::is_same<Output, AllRows>::value) {
      if (!plan.centers.empty()) rows.list_all(s_.n_output_rows);
      return;
    }
    for (const Planner::Center& center : plan.centers) {
      const int32_t target = plan.kept_ids[center.kept];
      if (std::is_same<Output, SampledNegatives>::value) {
        rows.list(&target, 1, tables, 1);
        rows.list(&plan.negatives[center.draws], size_t(center.n_draws), tables,
                  plan.negatives.size() - size_t(center.draws));
      } else {
        const int64_t first = s_.path_offsets[target], steps = s_.path_offsets[target + 1] - first;
        rows.list(s_.path_nodes + first, size_t(steps), tables, size_t(steps));
      }
    }
    rows.mark_listed();
  }

  void train_shards(int thread) {
    for (int shard; (shard = next_shard_.fetch_add(1)) < SHARDS;) {
      results_[shard] = {};
      if (!planned_[shard]) continue;
      inputs_[shard]->arrange(*input_tables_[thread]);
      outputs_[shard]->arrange(*output_tables_[thread]);
      results_[shard] = trainers_[shard]->train_planned();
    }
  }

  void finish_round() {
    for (const Result& part : results_) result_.add(part);  // in shard order, so that the sums too have the same bits
    next_plan_.store(0);
    next_shard_.store(0);
    ++rounds_done_;
    stopped_ = stop_requested(stop_flag_);
  }

  Settings s_;
  const int32_t* const stop_flag_;
  const int n_threads_;
  Barrier barrier_;
  std::vector<std::exception_ptr> failures_;
  std::atomic<bool> failed_{false};
  std::atomic<int> next_plan_{0}, next_shard_{0};
  bool planned_[SHARDS] = {};
  Owners input_owners_, output_owners_;
  bool given_up_ = false, stopped_ = false;  // written by one thread while the others wait
  int64_t start_ = 0, stop_ = 0;
  uint32_t epoch_ = 0;
  Round rounds_done_ = 0;  // numbers rounds, so that slot tables need no clearing; read before any thread writes it
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
