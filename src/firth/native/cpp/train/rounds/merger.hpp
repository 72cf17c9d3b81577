// Room native: merges the copies of the shards of a deterministic round, by the law of merging.hpp.
#pragma once

#include <memory>

#include "train/merging.hpp"
#include "train/rounds/private_rows.hpp"

namespace firth {

// Merges the copies of the rows that belong to one thread.
template <class Real>
class Merger {
 public:
  Merger(Real* matrix, int64_t n_rows, int64_t stride, const TouchRates& rates)
      : matrix_(matrix), stride_(stride), rates_(rates), rows_(n_rows) {}

  void clear() { std::fill(rows_.begin(), rows_.end(), Row{}); }

  // Makes the memory to merge up to `most` copies. Call it while no round is being merged.
  void reserve(size_t most) {
    copies_.resize(most);
    touched_.resize(most);
    own_.resize(most);
  }

  // Needs no more memory than was reserved.
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
      merge_row(touched_[k]);
    }
  }

 private:
  static constexpr size_t AHEAD = 6;

  // The copies of one row: a linked list in shard order.
  struct Row {
    Round round = 0;
    int32_t first = 0, last = 0;
  };
  struct Copy {
    const Real* values;
    int32_t next;
  };

  // Lists the copies of a shard whose rows this thread merges.
  void list_own(const PrivateRows<Real>& shard, int thread, int n_threads) {
    size_t size = 0;
    own_.resize(shard.copied().size());
    for (size_t k = 0; k < shard.copied().size(); ++k) {
      own_[size] = int32_t(k);
      size += thread_of(shard.copied()[k], n_threads) == thread;
    }
    own_.resize(size);
  }

  // The thread that merges a row: evenly distributed, computed without a division.
  static int thread_of(int32_t id, int n_threads) {
    return int((uint64_t(uint32_t(id) * 0x9E3779B1u) * uint64_t(n_threads)) >> 32);
  }

  void append(int32_t id, Round round, const Real* values) {
    Row& row = rows_[id];
    const int32_t index = int32_t(copies_.size());
    copies_.push_back({values, -1});
    const bool is_first = row.round != round;
    copies_[is_first ? index : row.last].next = is_first ? -1 : index;
    row = {round, is_first ? index : row.first, index};
    const size_t n_touched = touched_.size();  // append always, and keep the new size only if the row is new
    touched_.push_back(id);
    touched_.resize(n_touched + is_first);
  }

  void merge_row(int32_t id) {
    const Real* copies[SHARDS];
    int m = 0;
    for (int32_t index = rows_[id].first; index >= 0; index = copies_[index].next) copies[m++] = copies_[index].values;
    Real* row = matrix_ + int64_t(id) * stride_;
    add_differences(row, row, copies, m, law_.factor(learning_rate_ * touches(id), m), stride_);
  }

  // Expected touches of a row by a shard that has a copy of it; 0 if not known.
  double touches(int32_t id) const {
    if (!rates_.per_token) return 0;
    const int64_t order = rates_.from_last ? int64_t(rows_.size()) - 1 - id : id;
    return std::max(double(rates_.per_token[order]) * shard_tokens_, 1.0);
  }

  Real* matrix_;
  int64_t stride_;
  const TouchRates rates_;
  const MergeLaw law_{SHARDS, 0};  // no other merge occurs between the copying in a round and its merge
  double learning_rate_ = 0, shard_tokens_ = 0;
  std::vector<Row> rows_;
  Buffer<Copy> copies_;
  Buffer<int32_t> touched_;  // the rows to merge, each once
  Buffer<int32_t> own_;
};

}  // namespace firth
