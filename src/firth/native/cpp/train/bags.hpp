// Room native: trains words that are bags of rows (subwords). The hidden vector of a word is the mean of its bag: the
// word's own row and the rows of its n-grams.
//
// A *bag stretch* is the units whose first centers are in the same BAG_TOKENS tokens. At its beginning, each distinct
// context word of the stretch gets a *hidden row*: a row that belongs to the thread and has the word's hidden vector.
// The stretch's units train the hidden rows as if they were rows of the input matrix; the chunk's inputs are numbers of
// hidden rows then. At the end of the stretch, the change d of each hidden row is added to every row of its bag,
// undivided:
//
//   row += f d,   once for each time that the row occurs in the bag
//
// A hidden vector is thus computed once a stretch, not once a pair, and its change is added to the rows once a stretch.
// A word that occurs several times in a stretch sees its own updates at once. It sees the updates of other words that
// share rows with it in the next stretch. Words then move further than by their own updates, at most by the largest
// eigenvalue of G_ww' = |bag of w, bag of w'| / n_w (numerics/bags.py): 1.6 for n-grams of 3 to 6 characters of English
// and 64 tokens. f = Settings::bag_step is below 1 if the estimate of this eigenvalue is above a limit
// (kernels/subwords.py).
//
// A frozen row does not change. Python freezes all rows of a frozen word's bag.
#pragma once

#include "objectives/objective.hpp"
#include "train/contexts.hpp"

namespace firth {

constexpr int64_t BAG_TOKENS = 64;

inline bool has_bags(const Settings& s) { return s.bag_offsets != nullptr; }

// The hidden rows of one bag stretch. BagRowsAt finds the rows of the input matrix.
template <class Real>
class BagRows {
 public:
  virtual ~BagRows() = default;
  BagRows(const BagRows&) = delete;

  // The run's settings, with the hidden rows in place of the input matrix.
  const Settings& settings() const { return settings_; }

  // Begins a stretch: replaces word ids by numbers of hidden rows, and computes the hidden vectors.
  void begin(int32_t* ids, size_t count) {
    n_filled_ = 0;
    words_.clear();
    for (size_t k = 0; k < count; ++k) {
      const int32_t word = ids[k];
      const int32_t number = hidden_row_[size_t(word)];
      const bool is_known = size_t(number) < words_.size() && words_[size_t(number)] == word;
      ids[k] = is_known ? number : int32_t(words_.size());
      if (is_known) continue;
      hidden_row_[size_t(word)] = int32_t(words_.size());
      words_.push_back(word);
    }
    const int64_t stride = settings_.input.stride;
    const int n_padded = padded_dims<Real>(settings_);
    hidden_ = hidden_memory_.get(words_.size() * size_t(stride));
    before_ = before_memory_.get(words_.size() * size_t(stride));
    move_rows(hidden_, words_.size());
    settings_.input.rows = hidden_;
    settings_.input.n_rows = int64_t(words_.size());
    if (frozen_rows_) {
      frozen_hidden_.resize(words_.size());
      for (size_t number = 0; number < words_.size(); ++number) frozen_hidden_[number] = frozen_rows_[words_[number]];
      settings_.input.frozen = frozen_hidden_.data();
    }
    for (size_t number = 0; number < words_.size(); ++number) {
      const int n = find_bag(words_[number], false);
      Real* const hidden = hidden_ + int64_t(number) * stride;
      sum_rows<Real>(bag_.data(), n, Real(1) / Real(n), n_padded, hidden);
      std::copy_n(hidden, n_padded, before_ + int64_t(number) * stride);
    }
    n_filled_ = words_.size();
  }

  // Ends a stretch: adds the change of each hidden row to the rows of its bag.
  void spread() noexcept {
    typedef typename Simd<Real>::V V;
    const int64_t stride = settings_.input.stride;
    const int n_padded = padded_dims<Real>(settings_);
    for (size_t number = 0; number < n_filled_; ++number) {
      const Real* const hidden = hidden_ + int64_t(number) * stride;
      Real* const change = before_ + int64_t(number) * stride;
      for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
        const V moved = load(hidden + d) - load(change + d);
        store(change + d, moved);
      }
      const int n = find_bag(words_[number], true);
      add_to_rows<Real>(bag_.data(), n, change, Real(settings_.bag_step), n_padded);
    }
    n_filled_ = 0;
  }

  // Prefetches the rows of the bag of a word of the next stretch.
  virtual void prefetch(int32_t word) const = 0;
  // Prefetches the row numbers of the bag.
  void prefetch_bag(int32_t word) const {
    const int32_t* const rows = settings_.bag_rows + settings_.bag_offsets[word];
    __builtin_prefetch(rows);
    __builtin_prefetch(rows + ROW_ALIGNMENT / sizeof(int32_t));
  }

 protected:
  explicit BagRows(const Settings& settings) : frozen_rows_(settings.input.frozen), settings_(settings) {
    settings_.input.touches = {};
    hidden_row_.resize(has_bags(settings) ? size_t(settings.n_targets) : 0);
  }

  // Writes the homes of the rows of a word's bag to bag_ and returns their number. If `to_learn`, without frozen rows.
  virtual int find_bag(int32_t word, bool to_learn) = 0;
  // From now on, the hidden rows [0, count) are the rows of `hidden`.
  virtual void move_rows(Real* hidden, size_t count) = 0;

  const uint8_t* const frozen_rows_;
  Buffer<Real*> bag_;

 private:
  Settings settings_;
  Real* hidden_ = nullptr;  // the hidden rows
  Real* before_ = nullptr;  // the hidden rows at the beginning of the stretch
  // The hidden row of each word of the vocabulary. It is valid only if words_ has the word there.
  std::vector<int32_t> hidden_row_;
  size_t n_filled_ = 0;    // number of hidden rows that have vectors: 0 if memory ran out in begin()
  Buffer<int32_t> words_;  // the word of each hidden row
  Buffer<uint8_t> frozen_hidden_;
  Scratch<Real> hidden_memory_, before_memory_;
};

// The same, for a type of objects that find rows. `home` finds the rows of the input matrix.
template <class Real, class FindRow>
class BagRowsAt final : public BagRows<Real> {
 public:
  BagRowsAt(const Settings& settings, FindRow& home) : BagRows<Real>(settings), home_(home), rows_(settings.input) {}

  // Finds the hidden rows.
  FindRow& rows() { return rows_; }

  void prefetch(int32_t word) const override {
    const Settings& s = this->settings();
    const int n_padded = padded_dims<Real>(s);
    for (int64_t k = s.bag_offsets[word]; k < s.bag_offsets[word + 1]; ++k)
      prefetch_row<true>(home_.home(s.bag_rows[k]), n_padded);
  }

 private:
  int find_bag(int32_t word, bool to_learn) override {
    const Settings& s = this->settings();
    const int64_t first = s.bag_offsets[word], last = s.bag_offsets[word + 1];
    if (this->bag_.size() < size_t(last - first)) this->bag_.resize(size_t(last - first));
    int n = 0;
    for (int64_t k = first; k < last; ++k) {
      const int32_t row = s.bag_rows[k];
      if (to_learn && this->frozen_rows_ && this->frozen_rows_[row]) continue;
      this->bag_[size_t(n++)] = home_(row);
    }
    return n;
  }

  void move_rows(Real* hidden, size_t count) override { rows_.move_to(hidden, count); }

  FindRow& home_;
  FindRow rows_;
};

// The bag stretches of a chunk, one after the other.
template <class Real>
class BagStretches {
 public:
  BagStretches(BagRows<Real>& bags, Chunk& chunk) : bags_(bags), chunk_(chunk) {}

  void begin_chunk() {
    words_.resize(chunk_.inputs.size());
    std::copy_n(chunk_.inputs.data(), words_.size(), words_.data());
    end_ = first_ = last_ = asked_ = 0;
  }

  // Call it before each unit. If the run updates rows, the end of a stretch changes the rows of the input matrix.
  void enter(size_t unit, bool updates) {
    if (unit == end_) {
      if (updates) bags_.spread();
      next(unit);
    }
    // Prefetches the rows of the next stretch, a few with each unit, as if it had BAG_TOKENS inputs.
    const size_t units_left = std::max<size_t>(1, end_ - unit);
    const size_t coming = std::min(words_.size(), size_t(last_) + size_t(BAG_TOKENS));
    asked_ = std::max(asked_, size_t(last_));
    const size_t stop = asked_ + (coming - std::min(coming, asked_)) / units_left;
    for (; asked_ < stop; ++asked_) {
      bags_.prefetch(words_[asked_]);
      if (asked_ + LOOK < words_.size()) bags_.prefetch_bag(words_[asked_ + LOOK]);
    }
  }

 private:
  static constexpr size_t LOOK = 8;

  // Begins the stretch whose first unit is `unit`.
  void next(size_t unit) {
    std::copy_n(words_.data() + first_, size_t(last_ - first_),
                chunk_.inputs.data() + first_);  // restores the word ids
    const int64_t stretch = chunk_.units[unit].position / BAG_TOKENS;
    InputRange range = range_of(chunk_, chunk_.units[unit]);
    for (end_ = unit; end_ < chunk_.units.size() && chunk_.units[end_].position / BAG_TOKENS == stretch; ++end_) {
      const InputRange own = range_of(chunk_, chunk_.units[end_]);
      range = {std::min(range.first, own.first), std::max(range.last, own.last)};
    }
    first_ = range.first;
    last_ = range.last;
    bags_.begin(chunk_.inputs.data() + first_, size_t(last_ - first_));
  }

  BagRows<Real>& bags_;
  Chunk& chunk_;
  Buffer<int32_t> words_;         // the chunk's planned inputs: word ids
  size_t end_ = 0, asked_ = 0;    // the unit behind the stretch; the number of inputs whose rows were prefetched
  int32_t first_ = 0, last_ = 0;  // the inputs of the stretch
};

}  // namespace firth
