// Room native: the rows of a shard in a deterministic round: private copies of shared rows, all other rows in place.
#pragma once

#include "base/buffer.hpp"
#include "objectives/objective.hpp"
#include "train/rounds/marks.hpp"

namespace firth {

template <class Real>
inline void copy_row(const Real* from, Real* to, int64_t stride) {
  for (int64_t d = 0; d < stride; d += Simd<Real>::LANES) store(to + d, load(from + d));
}

// The tables of a thread for the rows of one matrix, used for its current shard.
struct RowTables {
  explicit RowTables(int64_t n_rows) : listed(n_rows), homes(n_rows) {}
  void clear() { std::fill(listed.begin(), listed.end(), 0); }

  std::vector<Round> listed;   // mark_of the shard that last listed the row
  std::vector<int32_t> homes;  // of each row: its id if it is in place, or ~k for copy k
};

// The homes of the rows of a matrix, by a table: in place, or in copies. A home is computed without a branch, because a
// branch could not be predicted. In lock-free training see SharedRows.
template <class Real>
class PlacedRows {
 public:
  static constexpr bool IN_PLACE = false;
  static constexpr bool PREFETCH_WRITE = true;

  explicit PlacedRows(const RowMatrix& of) : matrix_(static_cast<Real*>(of.rows)), stride_(of.stride) {}

  Real* operator()(int32_t id) const {
    const int32_t home = homes_[id], copied = home >> 31;
    const intptr_t to_copies = reinterpret_cast<intptr_t>(copies_) - reinterpret_cast<intptr_t>(matrix_);
    Real* const row = matrix_ + int64_t(home ^ copied) * stride_;
    return reinterpret_cast<Real*>(reinterpret_cast<intptr_t>(row) + (to_copies & intptr_t(copied)));
  }
  const Real* home(int32_t id) const { return (*this)(id); }
  void foresee(int32_t id) const { __builtin_prefetch(&homes_[id]); }

  // From now on, finds the rows [0, count) of another matrix, which are all in place.
  void move_to(Real* to, size_t count) {
    while (in_place_.size() < count) in_place_.push_back(int32_t(in_place_.size()));
    homes_ = in_place_.data();
    matrix_ = to;
  }

 protected:
  Real* matrix_;
  const int64_t stride_;
  const int32_t* homes_ = nullptr;
  Real* copies_ = nullptr;

 private:
  Buffer<int32_t> in_place_;  // element k is k
};

// The rows of one matrix for a shard. The rows that the shard may touch are listed when its slice is planned.
template <class Real>
class PrivateRows : public PlacedRows<Real> {
  using PlacedRows<Real>::matrix_;
  using PlacedRows<Real>::stride_;
  using PlacedRows<Real>::homes_;
  using PlacedRows<Real>::copies_;

 public:
  PrivateRows(const RowMatrix& of, Marks& marks, int shard) : PlacedRows<Real>(of), marks_(marks), shard_(shard) {}

  // For the next round: start a list, list the rows that the shard may touch (repeated ids are listed once), then mark
  // them. The copies of the current round are not affected.
  void start_list(Round round) {
    round_ = round;
    listed_.clear();
  }

  // `known` is the number of readable ids from `ids` on. It is above `count` if the next ids are listed next.
  void list(const int32_t* ids, size_t count, RowTables& tables, size_t known) {
    const Round own = mark_of(round_, shard_);
    size_t size = listed_.size();  // write always, and increase the size only if the row is new
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

  // Call it after all shards have marked.
  void compare_listed() {
    for (size_t k = 0; k < listed_.size(); ++k) {
      if (k + AHEAD < listed_.size()) marks_.prefetch_compare(listed_[k + AHEAD]);
      marks_.compare(listed_[k], round_, shard_);
    }
  }

  // Call it after all shards have compared: sets the home of each listed row, and copies the shared rows.
  void arrange(RowTables& tables) {
    homes_ = tables.homes.data();
    copied_.clear();  // without memory for copies there are none
    copied_.resize(listed_.size());
    int32_t n_copies = 0;
    for (size_t k = 0; k < listed_.size(); ++k) {
      if (k + AHEAD < listed_.size()) {
        marks_.prefetch_shared(listed_[k + AHEAD]);
        __builtin_prefetch(&homes_[listed_[k + AHEAD]], 1);
      }
      const int32_t id = listed_[k];
      const bool shared = marks_.is_shared(id, round_);
      const int32_t copied = -int32_t(shared);
      tables.homes[id] = (id & ~copied) | (~n_copies & copied);
      copied_[size_t(n_copies)] = id;  // write always, and count only if the row is shared
      n_copies += shared;
    }
    copied_.clear();
    copies_ = memory_.get(size_t(n_copies) * stride_);
    copied_.resize(size_t(n_copies));
    for (int32_t k = 0; k < n_copies; ++k) {
      if (k + ROWS_AHEAD < n_copies) prefetch_row<false>(matrix_ + int64_t(copied_[k + ROWS_AHEAD]) * stride_, stride_);
      copy_row<Real>(matrix_ + int64_t(copied_[k]) * stride_, copies_ + k * stride_, stride_);
    }
  }

  size_t n_listed() const { return listed_.size(); }

  // The ids of the copied rows.
  const Buffer<int32_t>& copied() const { return copied_; }
  const Real* copy_at(size_t index) const { return copies_ + index * stride_; }

 private:
  static constexpr size_t AHEAD = 12;
  static constexpr int32_t ROWS_AHEAD = 6;

  Marks& marks_;
  const int shard_;
  Round round_ = 0;
  Buffer<int32_t> listed_;  // ids of the rows that the shard may touch in round_
  Buffer<int32_t> copied_;  // ids of the rows copied for the current round
  Scratch<Real> memory_;
};

}  // namespace firth
