// Room native: words that are bags of rows (subwords). The hidden vector of a word is the mean of its bag: the word's
// own row and the rows of its n-grams.
//
// A *bag stretch* is the units whose first centers are in the same BAG_TOKENS tokens. When it begins, every distinct
// word that is a context in it gets a *slot*, and one row of the thread's own, which holds the word's hidden vector.
// The stretch's units train these rows as if they were rows of the input matrix: a chunk's inputs are slots then. When
// it ends, the change d of each slot is added to every row of its bag, undivided:
//
//   row += f d,   once for each time that the row occurs in the bag
//
// So a hidden vector is computed, and its step goes to the rows, once a stretch and not once a pair; and a word that
// occurs several times sees its own steps at once, its repeats are summed as ever. The steps of other words that share
// rows with it are seen in the next stretch. Words then move further than their own steps, by the largest eigenvalue of
// G_ww' = |bag of w, bag of w'| / n_w (numerics/bags.py), which is 1.6 for n-grams of 3 to 6 characters of English and
// 64 tokens; f = Settings::bag_step is below 1 where its estimate is above a limit (kernels/subwords.py).
//
// A frozen row stays as it is. Python freezes all rows of a frozen word's bag.
#pragma once

#include "objectives/objective.hpp"
#include "train/contexts.hpp"

namespace firth {

constexpr int64_t BAG_TOKENS = 64;

inline bool has_bags(const Settings& s) { return s.bag_offsets != nullptr; }

// The hidden vectors of the words of one bag stretch.
template <class Real>
class BagRows {
 public:
  virtual ~BagRows() = default;
  BagRows(const BagRows&) = delete;

  // The run's settings, with the stretch's hidden vectors in place of the input matrix.
  const Settings& settings() const { return settings_; }

  // Begins a stretch: replaces word ids by slots, and computes the hidden vectors.
  void begin(int32_t* ids, size_t count) {
    n_filled_ = 0;
    words_.clear();
    for (size_t k = 0; k < count; ++k) {
      const int32_t word = ids[k];
      const int32_t slot = slot_of_[size_t(word)];
      const bool is_known = size_t(slot) < words_.size() && words_[size_t(slot)] == word;
      ids[k] = is_known ? slot : int32_t(words_.size());
      if (is_known) continue;
      slot_of_[size_t(word)] = int32_t(words_.size());
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
      frozen_slots_.resize(words_.size());
      for (size_t slot = 0; slot < words_.size(); ++slot) frozen_slots_[slot] = frozen_rows_[words_[slot]];
      settings_.input.frozen = frozen_slots_.data();
    }
    for (size_t slot = 0; slot < words_.size(); ++slot) {
      const int n = find_bag(words_[slot], false);
      Real* const hidden = hidden_ + int64_t(slot) * stride;
      sum_rows<Real>(bag_.data(), n, Real(1) / Real(n), n_padded, hidden);
      std::copy_n(hidden, n_padded, before_ + int64_t(slot) * stride);
    }
    n_filled_ = words_.size();
  }

  // Ends a stretch: adds what each slot has learned to the rows of its bag.
  void spread() noexcept {
    typedef typename Simd<Real>::V V;
    const int64_t stride = settings_.input.stride;
    const int n_padded = padded_dims<Real>(settings_);
    for (size_t slot = 0; slot < n_filled_; ++slot) {
      const Real* const hidden = hidden_ + int64_t(slot) * stride;
      Real* const change = before_ + int64_t(slot) * stride;
      for (int d = 0; d < n_padded; d += Simd<Real>::LANES) {
        const V moved = load(hidden + d) - load(change + d);
        store(change + d, moved);
      }
      const int n = find_bag(words_[slot], true);
      add_to_rows<Real>(bag_.data(), n, change, Real(settings_.bag_step), n_padded);
    }
    n_filled_ = 0;
  }

  // Asks for the rows of a word that a coming stretch has.
  virtual void prefetch(int32_t word) const = 0;
  // Asks for where these rows are.
  void prefetch_bag(int32_t word) const {
    const int32_t* const rows = settings_.bag_rows + settings_.bag_offsets[word];
    __builtin_prefetch(rows);
    __builtin_prefetch(rows + ROW_ALIGNMENT / sizeof(int32_t));
  }

 protected:
  explicit BagRows(const Settings& settings) : frozen_rows_(settings.input.frozen), settings_(settings) {
    settings_.input.touches = {};
    slot_of_.resize(has_bags(settings) ? size_t(settings.n_targets) : 0);
  }

  // The rows of a word's bag into bag_, the frozen ones left out if they are to learn; their number.
  virtual int find_bag(int32_t word, bool to_learn) = 0;
  // The rows of the slots [0, count) are the rows of `hidden` from now on.
  virtual void move_rows(Real* hidden, size_t count) = 0;

  const uint8_t* const frozen_rows_;
  Buffer<Real*> bag_;

 private:
  Settings settings_;
  Real* hidden_ = nullptr;        // the hidden vectors by slot
  Real* before_ = nullptr;        // as they were when the stretch began
  std::vector<int32_t> slot_of_;  // of each word of the vocabulary: its slot if that names the word, else anything
  size_t n_filled_ = 0;           // slots that have vectors: none if memory ran out on the way
  Buffer<int32_t> words_;         // by slot
  Buffer<uint8_t> frozen_slots_;
  Scratch<Real> hidden_memory_, before_memory_;
};

// The same, for a type of objects that find rows. `home` finds the rows of the input matrix.
template <class Real, class FindRow>
class BagRowsAt final : public BagRows<Real> {
 public:
  BagRowsAt(const Settings& settings, FindRow& home) : BagRows<Real>(settings), home_(home), rows_(settings.input) {}

  // Finds the hidden vectors.
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

  // Before each unit. If the run updates rows, what the stretch before has learned goes to its rows.
  void enter(size_t unit, bool updates) {
    if (unit == end_) {
      if (updates) bags_.spread();
      next(unit);
    }
    // The rows of the coming stretch, a few with each unit. A stretch has about as many tokens as the one before.
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

  // The stretch that begins with a unit.
  void next(size_t unit) {
    std::copy_n(words_.data() + first_, size_t(last_ - first_), chunk_.inputs.data() + first_);  // words again
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
  Buffer<int32_t> words_;         // the chunk's inputs as they were planned
  size_t end_ = 0, asked_ = 0;    // the unit that ends the stretch; the inputs whose rows were asked for
  int32_t first_ = 0, last_ = 0;  // the inputs of the stretch
};

}  // namespace firth
