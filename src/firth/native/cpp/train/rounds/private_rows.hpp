// Room native: a shard's rows in a deterministic round: its own in place, shared ones as private copies.
#pragma once

#include "base/buffer.hpp"
#include "objectives/objective.hpp"
#include "train/rounds/marks.hpp"

namespace firth {

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

}  // namespace firth
