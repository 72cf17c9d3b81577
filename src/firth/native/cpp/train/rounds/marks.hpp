// Room native: finds the rows that several shards of a deterministic round touch.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace firth {

constexpr int SHARDS = 8;

// Rounds are numbered from 1, so that tables of rows need not be cleared between rounds. Numbers have 32 bits to keep
// the tables small, because they are read in random order. Before the numbers run out, the tables are cleared.
typedef uint32_t Round;
constexpr Round MAX_ROUND = 400000000;

// The mark that a shard writes into tables of rows in a round.
inline Round mark_of(Round round, int shard) { return round * SHARDS + Round(shard); }
static_assert(uint64_t(MAX_ROUND) * SHARDS < (uint64_t(1) << 32) - SHARDS, "marks must fit");

// Finds the rows of a matrix that several shards touch in a round. Each shard writes its mark for its rows, over the
// marks of other shards. After all shards have written, a shard that does not find its mark records the row as shared.
// Threads do this concurrently; the result does not depend on their order. Plain stores do not wait for a cache line,
// as atomic exchanges would.
class Marks {
 public:
  explicit Marks(int64_t n_rows) : last_(n_rows), shared_(n_rows) {}

  void mark(int32_t id, Round round, int shard) { last_[id].store(mark_of(round, shard), std::memory_order_relaxed); }

  // Call it after all shards have marked.
  void compare(int32_t id, Round round, int shard) {
    if (last_[id].load(std::memory_order_relaxed) != mark_of(round, shard) && !is_shared(id, round))
      shared_[id].store(round, std::memory_order_relaxed);
  }

  // Whether several shards touch the row. Valid after all shards have compared.
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

}  // namespace firth
