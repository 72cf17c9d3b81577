// Room native: counts pairs of words exactly in bounded memory. A candidate for a phrase is a word, a chain of
// connector words, which may be empty, and the next word of the sequence. Its key is the three numbers in one integer.
//
// Each thread collects keys, sorts them when its buffer is full, and writes each distinct key with its count to its
// spool file: a run. Runs are merged at the end, each thread a range of keys. When a thread has FAN_IN runs of a level,
// it merges them to one run of the next level. So memory depends on the buffers alone, and not on the corpus.
// Twin: count_candidates in numerics/phrases.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/abi.hpp"
#include "text/chains.hpp"
#include "text/file.hpp"

namespace firth {

typedef unsigned __int128 WideKey;

inline int bits_for(int64_t n) {  // bits of the numbers 0 to n - 1, at least 1
  int bits = 1;
  while (n > (int64_t(1) << bits)) ++bits;
  return bits;
}

// Where the three numbers are in a key: the first word in the highest bits, so that keys are sorted by it.
struct KeyLayout {
  int word_bits, chain_bits;
  KeyLayout(int64_t n_words, int64_t n_chains) : word_bits(bits_for(n_words)), chain_bits(0) {
    if (n_chains > 0) chain_bits = bits_for(n_chains + 1);
  }
  int bits() const { return 2 * word_bits + chain_bits; }
  template <class Key>
  Key pack(int64_t first, int64_t chain, int64_t last) const {
    return (Key(uint64_t(first)) << (chain_bits + word_bits)) | (Key(uint64_t(chain)) << word_bits) |
           Key(uint64_t(last));
  }
  template <class Key>
  void unpack(Key key, int32_t* first, int32_t* chain, int32_t* last) const {
    const Key word_mask = (Key(1) << word_bits) - 1, chain_mask = (Key(1) << chain_bits) - 1;
    *last = int32_t(key & word_mask);
    *chain = int32_t((key >> word_bits) & chain_mask);
    *first = int32_t(key >> (word_bits + chain_bits));
  }
};

// Sorts keys of so many bits by their digits, the lowest digit first. Returns the array that has the sorted keys.
template <class Key>
Key* sort_keys(Key* keys, Key* other, size_t n, int bits) {
  constexpr int MAX_DIGIT_BITS = 11;  // 2,048 places that are written at once: their cache lines fit in L2
  const int n_digits = (bits + MAX_DIGIT_BITS - 1) / MAX_DIGIT_BITS, digit_bits = (bits + n_digits - 1) / n_digits;
  std::vector<size_t> places(size_t(1) << digit_bits);
  for (int digit = 0; digit < n_digits; ++digit) {
    check_stop();
    const int shift = digit * digit_bits;
    const uint64_t mask = (uint64_t(1) << digit_bits) - 1;
    std::fill(places.begin(), places.end(), 0);
    for (size_t k = 0; k < n; ++k) ++places[uint64_t(keys[k] >> shift) & mask];
    size_t start = 0;
    for (size_t& place : places) {
      const size_t count = place;
      place = start;
      start += count;
    }
    for (size_t k = 0; k < n; ++k) other[places[uint64_t(keys[k] >> shift) & mask]++] = keys[k];
    std::swap(keys, other);
  }
  return keys;
}

// Distinct keys in rising order with their counts. In the file: all keys, then all counts.
struct Run {
  int file;
  int64_t offset, n_keys;
};

// Reads a part of a run block by block.
template <class Key>
class RunReader {
 public:
  RunReader(const Run& run, int64_t begin, int64_t end, size_t n_buffered)
      : run_(run), next_(begin), end_(end), keys_(n_buffered), counts_(n_buffered) {
    fill();
  }
  bool is_done() const { return at_ == size_; }
  Key key() const { return keys_[at_]; }
  int64_t count() const { return counts_[at_]; }
  void advance() {
    if (++at_ == size_) fill();
  }

  // The number of keys of a run that are below `bound`.
  static int64_t n_below(const Run& run, Key bound) {
    int64_t low = 0, high = run.n_keys;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      Key key;
      read_exactly_at(run.file, &key, sizeof key, run.offset + middle * int64_t(sizeof key));
      if (key < bound)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

 private:
  void fill() {
    at_ = 0;
    size_ = size_t(std::min(end_ - next_, int64_t(keys_.size())));
    if (size_ == 0) return;
    read_exactly_at(run_.file, keys_.data(), size_ * sizeof(Key), run_.offset + next_ * int64_t(sizeof(Key)));
    read_exactly_at(run_.file, counts_.data(), size_ * 8, run_.offset + run_.n_keys * int64_t(sizeof(Key)) + next_ * 8);
    next_ += int64_t(size_);
  }

  Run run_;
  int64_t next_, end_;
  std::vector<Key> keys_;
  std::vector<int64_t> counts_;
  size_t at_ = 0, size_ = 0;
};

// Restores the heap after the key of its first reader has grown.
template <class Readers>
void sift_down(Readers& readers) {
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= readers.size()) return;
    if (child + 1 < readers.size() && readers[child + 1]->key() < readers[child]->key()) ++child;
    if (!(readers[child]->key() < readers[at]->key())) return;
    std::swap(readers[at], readers[child]);
    at = child;
  }
}

// Calls visit(key, count) for each distinct key of the runs that is in [low, high), in rising order.
template <class Key, class Visit>
void merge_runs(const std::vector<Run>& runs, Key low, Key high, bool has_high, size_t n_buffered, Visit&& visit) {
  std::vector<std::unique_ptr<RunReader<Key>>> readers;
  for (const Run& run : runs) {
    const int64_t begin = low == 0 ? 0 : RunReader<Key>::n_below(run, low);
    const int64_t end = has_high ? RunReader<Key>::n_below(run, high) : run.n_keys;
    if (begin < end) readers.emplace_back(new RunReader<Key>(run, begin, end, n_buffered));
  }
  const auto is_after = [](const std::unique_ptr<RunReader<Key>>& a, const std::unique_ptr<RunReader<Key>>& b) {
    return a->key() > b->key();
  };
  std::make_heap(readers.begin(), readers.end(), is_after);
  int64_t n_visited = 0;
  while (!readers.empty()) {
    const Key key = readers.front()->key();
    int64_t count = 0;
    while (!readers.empty() && readers.front()->key() == key) {
      RunReader<Key>& reader = *readers.front();
      count += reader.count();
      reader.advance();
      if (reader.is_done()) {
        std::pop_heap(readers.begin(), readers.end(), is_after);
        readers.pop_back();
      } else {
        sift_down(readers);
      }
    }
    visit(key, count);
    if (++n_visited % STOP_TOKENS == 0) check_stop();
  }
}

struct PairCounts {
  std::vector<int32_t> first, chain, last;
  std::vector<int64_t> counts;
  int64_t n_distinct = 0, highest = 0;
};

class PairCounter {
 public:
  virtual ~PairCounter() = default;
  virtual void count(const Text& text, const ChainTable& chains, int64_t begin, int64_t end) = 0;
  virtual int64_t finish(int64_t max_runs) = 0;
  // Merges the runs of all counters, for first words in [first, stop): candidates with a count of at least min_count.
  virtual void merge(const std::vector<PairCounter*>& counters, int64_t first, int64_t stop, int64_t min_count,
                     size_t n_buffered, PairCounts& found) const = 0;
};

template <class Key>
class KeyCounter : public PairCounter {
 public:
  KeyCounter(int spool, KeyLayout layout, int64_t n_words, size_t n_buffered, size_t fan_in)
      : spool_(spool),
        layout_(layout),
        n_words_(n_words),
        fan_in_(fan_in),
        keys_(new Key[n_buffered]),
        other_(new Key[n_buffered]),
        capacity_(n_buffered) {}

  void count(const Text& text, const ChainTable& chains, int64_t begin, int64_t end) override {
    if (begin >= end) return;
    int64_t sequence = text.sequence_of(begin);
    int64_t before = -1;  // the last word of the sequence that is no connector word
    if (begin > text.offsets[sequence]) before = text.word_before(begin, text.offsets[sequence]);
    for (int64_t at = begin; at < end;) {
      while (at >= text.offsets[sequence + 1]) {
        ++sequence;
        before = -1;
      }
      check_stop();
      const int64_t stop = std::min({end, text.offsets[sequence + 1], at + STOP_TOKENS});
      for (; at < stop; ++at) {
        if (text.is_connector(at)) continue;
        if (before >= 0) add(text, chains, before, at);
        before = at;
      }
    }
  }

  int64_t finish(int64_t max_runs) override {
    write_run();
    std::vector<Run> all = runs();
    if (int64_t(all.size()) > max_runs) {
      levels_.assign(1, std::vector<Run>(1, merge_to_run(all)));
    }
    keys_.reset();
    other_.reset();
    return int64_t(runs().size());
  }

  void merge(const std::vector<PairCounter*>& counters, int64_t first, int64_t stop, int64_t min_count,
             size_t n_buffered, PairCounts& found) const override {
    std::vector<Run> all;
    for (const PairCounter* counter : counters)
      for (const Run& run : static_cast<const KeyCounter*>(counter)->runs()) all.push_back(run);
    const Key low = layout_.pack<Key>(first, 0, 0), high = layout_.pack<Key>(stop, 0, 0);
    merge_runs<Key>(all, low, high, stop < n_words_, n_buffered, [&](Key key, int64_t count) {
      ++found.n_distinct;
      found.highest = std::max(found.highest, count);
      if (count < min_count) return;
      int32_t first_word, chain, last_word;
      layout_.unpack(key, &first_word, &chain, &last_word);
      found.first.push_back(first_word);
      found.chain.push_back(chain);
      found.last.push_back(last_word);
      found.counts.push_back(count);
    });
  }

 private:
  static constexpr size_t N_WRITTEN = size_t(1) << 14;  // keys or counts written at once

  void add(const Text& text, const ChainTable& chains, int64_t before, int64_t at) {
    const int64_t chain = at == before + 1 ? 0 : chains.find(text.ids + before + 1, at - before - 1);
    if (chain < 0) throw Failure(ERROR_INTERNAL, "a chain of connector words was not found before");
    if (n_keys_ == capacity_) write_run();
    keys_[n_keys_++] = layout_.pack<Key>(text.ids[before], chain, text.ids[at]);
  }

  // Sorts the keys of the buffer, and writes each distinct key with its count.
  void write_run() {
    if (n_keys_ == 0) return;
    Key* sorted = sort_keys(keys_.get(), other_.get(), n_keys_, layout_.bits());
    Key* counts = sorted == keys_.get() ? other_.get() : keys_.get();
    size_t n_distinct = 0;
    for (size_t k = 0; k < n_keys_;) {
      const Key key = sorted[k];
      size_t end = k + 1;
      while (end < n_keys_ && sorted[end] == key) ++end;
      sorted[n_distinct] = key;
      counts[n_distinct++] = Key(end - k);
      k = end;
    }
    const Run run = {spool_, spool_size_, int64_t(n_distinct)};
    append(sorted, n_distinct * sizeof(Key));
    std::vector<int64_t> block(std::min(n_distinct, N_WRITTEN));
    for (size_t done = 0; done < n_distinct; done += block.size()) {
      block.resize(std::min(n_distinct - done, N_WRITTEN));
      for (size_t k = 0; k < block.size(); ++k) block[k] = int64_t(counts[done + k]);
      append(block.data(), block.size() * 8);
    }
    n_keys_ = 0;
    add_run(run, 0);
  }

  void add_run(const Run& run, size_t level) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    levels_[level].push_back(run);
    if (levels_[level].size() < fan_in_) return;
    const Run merged = merge_to_run(levels_[level]);
    levels_[level].clear();
    add_run(merged, level + 1);
  }

  // The merged keys are written first, behind them the counts, which are kept in a second place of the file until then.
  Run merge_to_run(const std::vector<Run>& runs) {
    int64_t most = 0;
    for (const Run& run : runs) most += run.n_keys;
    Run merged = {spool_, spool_size_, 0};
    const int64_t counts_at = spool_size_ + most * int64_t(sizeof(Key));
    std::vector<Key> keys;
    std::vector<int64_t> counts;
    const auto write = [&] {
      write_at(spool_, keys.data(), keys.size() * sizeof(Key), merged.offset + merged.n_keys * int64_t(sizeof(Key)));
      write_at(spool_, counts.data(), counts.size() * 8, counts_at + merged.n_keys * 8);
      merged.n_keys += int64_t(keys.size());
      keys.clear();
      counts.clear();
    };
    merge_runs<Key>(runs, 0, 0, false, N_WRITTEN / 4, [&](Key key, int64_t count) {
      keys.push_back(key);
      counts.push_back(count);
      if (keys.size() == N_WRITTEN) write();
    });
    write();
    // The counts move down to the end of the keys, block by block from the first one: the places may overlap.
    const int64_t target = merged.offset + merged.n_keys * int64_t(sizeof(Key));
    for (int64_t done = 0; target != counts_at && done < merged.n_keys; done += int64_t(N_WRITTEN)) {
      counts.resize(size_t(std::min(merged.n_keys - done, int64_t(N_WRITTEN))));
      read_exactly_at(spool_, counts.data(), counts.size() * 8, counts_at + done * 8);
      write_at(spool_, counts.data(), counts.size() * 8, target + done * 8);
    }
    spool_size_ = target + merged.n_keys * 8;
    return merged;
  }

  void append(const void* from, size_t size) {
    write_at(spool_, from, size, spool_size_);
    spool_size_ += int64_t(size);
  }

  std::vector<Run> runs() const {
    std::vector<Run> all;
    for (const std::vector<Run>& level : levels_) all.insert(all.end(), level.begin(), level.end());
    return all;
  }

  const int spool_;
  const KeyLayout layout_;
  const int64_t n_words_;
  const size_t fan_in_;
  std::unique_ptr<Key[]> keys_, other_;
  const size_t capacity_;
  size_t n_keys_ = 0;
  int64_t spool_size_ = 0;
  std::vector<std::vector<Run>> levels_;
};

}  // namespace firth
