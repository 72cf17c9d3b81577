// Room native: the chains of a corpus: what is between the two words of a candidate for a phrase. A chain is the ids of
// one or more connector words; the empty chain has the number 0. Each distinct chain gets a number from 1 on. The
// numbers of chains that several threads found depend on the threads: results are ordered by the ids of the chains.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/abi.hpp"
#include "text/table.hpp"

namespace firth {

constexpr int64_t STOP_TOKENS = int64_t(1) << 16;  // tokens between two checks of the stop flag

// An encoded corpus: sequence i is ids[offsets[i]] to ids[offsets[i + 1] - 1]; connectors[id] is not 0 for a connector
// word. Without connector words `connectors` is null.
struct Text {
  const int32_t* ids;
  const int64_t* offsets;
  int64_t n_sequences;
  const uint8_t* connectors;

  bool is_connector(int64_t at) const { return connectors != nullptr && connectors[ids[at]] != 0; }

  // The number of the sequence that has the token.
  int64_t sequence_of(int64_t at) const {
    int64_t low = 0, high = n_sequences;  // the last offset that is not above `at`
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (offsets[middle] <= at ? low : high) = middle;
    }
    return low;
  }

  // The last token before `at` that is no connector word, or -1 if the sequence, which starts at `first`, has none.
  int64_t word_before(int64_t at, int64_t first) const {
    for (int64_t before = at - 1; before >= first; --before) {
      if (before % STOP_TOKENS == 0) check_stop();
      if (!is_connector(before)) return before;
    }
    return -1;
  }
};

inline uint64_t hash_chain(const int32_t* ids, int64_t n) {
  uint64_t hash = HASH_A ^ uint64_t(n);
  for (int64_t k = 0; k < n; ++k) hash = mix(hash ^ uint32_t(ids[k]), HASH_C);
  return hash;
}

class ChainTable {
 public:
  ChainTable() : slots_(64, 0), ends_(2, 0), hashes_(2, 0) {}

  // The number of a chain; -1 if it has none.
  int64_t find(const int32_t* ids, int64_t n) const {
    if (n == 0) return 0;
    const uint64_t hash = hash_chain(ids, n);
    const uint32_t number = slots_[slot_of(ids, n, hash)];
    return number == 0 ? -1 : int64_t(number);
  }

  // The number of a chain, which gets the next one if it has none.
  int64_t add(const int32_t* ids, int64_t n) {
    if (n == 0) return 0;
    const uint64_t hash = hash_chain(ids, n);
    const size_t slot = slot_of(ids, n, hash);
    if (slots_[slot] != 0) return int64_t(slots_[slot]);
    if (size() >= (int64_t(1) << 31)) throw Failure(ERROR_ARGUMENT, "more than 2^31 chains of connector words");
    ids_.insert(ids_.end(), ids, ids + n);
    slots_[slot] = uint32_t(size() + 1);
    ends_.push_back(int64_t(ids_.size()));
    hashes_.push_back(hash);
    if (size_t(size()) * 2 > slots_.size()) grow();
    return size();
  }

  // Adds every chain between two words of a sequence, for candidates that end at a token in [begin, end).
  void add_all(const Text& text, int64_t begin, int64_t end) {
    ChainTable known;  // of this thread: the lock is taken once for each of its chains
    int64_t sequence = text.sequence_of(begin);
    for (int64_t at = begin; at < end; ++at) {
      if (at % STOP_TOKENS == 0) check_stop();
      while (at >= text.offsets[sequence + 1]) ++sequence;
      const int64_t first = text.offsets[sequence];
      if (text.is_connector(at) || at == first || !text.is_connector(at - 1)) continue;
      const int64_t before = text.word_before(at, first);
      if (before < 0) continue;
      const int32_t* chain = text.ids + before + 1;
      const int64_t n = at - before - 1;
      if (known.find(chain, n) >= 0) continue;
      known.add(chain, n);
      const std::lock_guard<std::mutex> lock(mutex_);
      add(chain, n);
    }
  }

  int64_t size() const { return int64_t(ends_.size()) - 2; }
  int64_t n_ids() const { return int64_t(ids_.size()); }

  // The ids of all chains one after the other: chain k is ids[offsets[k - 1]] to ids[offsets[k] - 1].
  void copy(int32_t* ids, int64_t* offsets) const {
    std::copy(ids_.begin(), ids_.end(), ids);
    std::copy(ends_.begin() + 1, ends_.end(), offsets);
  }

 private:
  // The slot that has the chain, or the empty slot for it.
  size_t slot_of(const int32_t* ids, int64_t n, uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
      const uint32_t number = slots_[slot];
      if (number == 0) return slot;
      const int64_t start = ends_[number], length = ends_[number + 1] - start;
      if (hashes_[number + 1] == hash && length == n && std::equal(ids, ids + n, ids_.begin() + start)) return slot;
    }
  }

  void grow() {
    std::vector<uint32_t> larger(slots_.size() * 2, 0);
    for (const uint32_t number : slots_) {
      if (number == 0) continue;
      size_t slot = hashes_[number + 1] & (larger.size() - 1);
      while (larger[slot] != 0) slot = (slot + 1) & (larger.size() - 1);
      larger[slot] = number;
    }
    slots_.swap(larger);
  }

  std::vector<uint32_t> slots_;   // the chain's number, 0: empty
  std::vector<int64_t> ends_;     // ends_[number + 1]: where the chain ends in ids_
  std::vector<uint64_t> hashes_;  // hashes_[number + 1]
  std::vector<int32_t> ids_;
  std::mutex mutex_;
};

}  // namespace firth
