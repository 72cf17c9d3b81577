// Room native: merges the tables of several counters into one list of words with their bytes and counts.
//
// The same part of every table is one task. Several threads take tasks until none is left. A thread frees the parts
// that it has merged, so that the words are in memory once, plus 1/64. The words of a part are inserted into a table
// that has room for all of them from the start: the words arrive in the order of their hashes, and would form ever
// longer clusters in a smaller table.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "text/table.hpp"

namespace firth {

class WordMerge {
 public:
  // Writes to maps[t] the number in the list of each word of table t. `offsets` has one more element than there are
  // words. All arrays must have room for the words of all tables, counted as if they were all different.
  WordMerge(std::vector<WordTable*> tables, int32_t* const* maps, uint8_t* bytes, int64_t* offsets, int64_t* counts)
      : tables_(std::move(tables)),
        maps_(maps, maps + tables_.size()),
        bytes_(bytes),
        offsets_(offsets),
        counts_(counts) {
    offsets_[0] = 0;
  }

  // Merges parts until none is left; several threads may call this at the same time.
  void work() {
    if (tables_.size() == 1) return copy_words();
    for (size_t part; (part = next_part_.fetch_add(1)) < PARTS;) {
      merge_part(part);
      for (WordTable* table : tables_) table->release_part(part);
    }
  }

  int64_t n_words() const { return n_words_; }
  int64_t n_bytes() const { return n_bytes_; }

 private:
  typedef WordTable::Slot Slot;

  // A word of the part: its first occurrence.
  struct Word {
    Slot* slot;
    const WordTable* table;
  };

  // The words of the only table, in the order of their first occurrence.
  void copy_words() {
    if (next_part_.fetch_add(1) != 0) return;  // another thread does it
    WordTable& table = *tables_[0];
    for (size_t part = 0; part < PARTS; ++part)
      each_slot(table.part(part), [&](const Slot& slot) {
        const int64_t number = int64_t(slot.word_id_plus_1) - 1;
        offsets_[number + 1] = slot.length;
        counts_[number] = slot.count;
        maps_[0][number] = int32_t(number);
      });
    for (size_t number = 0; number < table.n_words(); ++number) offsets_[number + 1] += offsets_[number];
    for (size_t part = 0; part < PARTS; ++part) {
      each_slot(table.part(part), [&](const Slot& slot) {
        std::memcpy(bytes_ + offsets_[slot.word_id_plus_1 - 1], table.bytes_of(slot), slot.length);
      });
      table.release_part(part);
    }
    n_words_ = int64_t(table.n_words());
    n_bytes_ = table.n_bytes();
  }

  void merge_part(size_t part) {
    std::vector<Word> words;
    const int64_t n_bytes = find_words(part, words);
    int64_t number, end;  // number of the part's first word, and offset of its bytes
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      number = n_words_;
      end = n_bytes_;
      n_words_ += int64_t(words.size());
      n_bytes_ += n_bytes;
      if (n_words_ >= int64_t(1) << 31) throw Failure(ERROR_ARGUMENT, "more than 2^31 - 1 distinct words");
    }
    for (size_t k = 0; k < words.size(); ++k) {
      const Slot& slot = *words[k].slot;
      std::memcpy(bytes_ + end, words[k].table->bytes_of(slot), slot.length);
      end += slot.length;
      offsets_[number + int64_t(k) + 1] = end;
      counts_[number + int64_t(k)] = slot.count;
    }
    size_t next = 0;
    for (size_t t = 0; t < tables_.size(); ++t)
      each_slot(tables_[t]->part(part), [&](Slot& slot) {
        const bool is_first = next < words.size() && words[next].slot == &slot;
        maps_[t][slot.word_id_plus_1 - 1] = int32_t(number + (is_first ? int64_t(next) : slot.count));
        next += is_first;
      });
  }

  // Collects the distinct words of a part. The slot of a word's first occurrence gets the whole count; the count in any
  // other slot of the word is replaced by the word's index in `words`. Returns the sum of the lengths.
  int64_t find_words(size_t part, std::vector<Word>& words) {
    size_t most = 0, n_places = 64;
    for (WordTable* table : tables_) most += table->part(part).n_words;
    while (n_places < 2 * most) n_places *= 2;
    const size_t mask = n_places - 1;
    std::vector<uint32_t> places(n_places);  // 0: free; else the word's index in `words` + 1
    words.reserve(most);
    int64_t n_bytes = 0;
    for (WordTable* table : tables_)
      each_slot(table->part(part), [&](Slot& slot) {
        size_t at = slot.hash() & mask;
        for (; places[at] != 0; at = (at + 1) & mask) {
          const Word& word = words[places[at] - 1];
          if (!is_same(word, slot, *table)) continue;
          word.slot->count += slot.count;
          slot.count = int64_t(places[at]) - 1;
          return;
        }
        places[at] = uint32_t(words.size() + 1);
        words.push_back({&slot, table});
        n_bytes += slot.length;
      });
    return n_bytes;
  }

  static bool is_same(const Word& word, const Slot& slot, const WordTable& table) {
    const Slot& known = *word.slot;
    if (known.low != slot.low || known.length != slot.length) return false;
    if (slot.is_inline()) return known.high == slot.high;
    return std::memcmp(word.table->bytes_of(known), table.bytes_of(slot), slot.length) == 0;
  }

  template <class Visit>
  static void each_slot(WordTable::Part& part, Visit&& visit) {
    constexpr size_t LOOK_EVERY = size_t(1) << 16;
    for (size_t position = 0; position < part.slots.size(); ++position) {
      if (position % LOOK_EVERY == 0) check_stop();
      if (part.slots[position].word_id_plus_1 != 0) visit(part.slots[position]);
    }
  }

  const std::vector<WordTable*> tables_;
  const std::vector<int32_t*> maps_;
  uint8_t* const bytes_;
  int64_t* const offsets_;
  int64_t* const counts_;
  std::atomic<size_t> next_part_{0};
  std::mutex mutex_;
  int64_t n_words_ = 0, n_bytes_ = 0;
};

}  // namespace firth
