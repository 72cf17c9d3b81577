// Room native: the bag of a text: the ids of the rows that its vector is the mean of.
//
// Follows fastText (github.com/facebookresearch/fastText: Dictionary::readWord, getLine, addSubwords, addWordNgrams).
#pragma once

#include "base/simd.hpp"
#include "classify/model.hpp"

namespace firth {

constexpr char LABEL_PREFIX[] = "__label__";

// The row ids of a text, in fastText's order.
class Bag {
 public:
  explicit Bag(const Classifier& model)
      : model_(model),
        has_ngrams_(model.stored.max_chars > 0 && model.ngrams.any()),
        end_of_sentence_(find("</s>", 4)) {}

  const int32_t* rows() const { return rows_.data(); }
  int64_t size() const { return n_rows_; }

  // The text's words, and the end of the sentence behind them. A word </s> in the text ends it, as in fastText. Bytes
  // up to `readable` may be read.
  void collect(const char* text, int64_t n_bytes, const char* readable) {
    n_rows_ = 0;
    hashes_.clear();
    if (readable - text < n_bytes + READ_BEYOND) {
      padded_.assign(text, text + n_bytes);
      padded_.resize(size_t(n_bytes + READ_BEYOND));
      text = padded_.data();
    }
    if (!add_words(text, n_bytes)) {
      const EntryTable::Entry& end = end_of_sentence_;
      if (model_.stored.word_ngrams > 1 && end.id < model_.stored.n_words) hashes_.push_back(hash_bytes("</s>", 4));
      make_room(1);
      if (end.id >= 0 && end.id < model_.stored.n_words) rows_[size_t(n_rows_++)] = end.id;
    }
    if (model_.stored.word_ngrams > 1) add_word_ngrams();
  }

 private:
  static constexpr int64_t BATCH_WORDS = 256, MAX_WORDS = BATCH_WORDS + SCAN_BYTES / 2;

  struct Token {
    const char* word;
    int64_t n_bytes;
    WordKey key;
    const int32_t* listed;
    int64_t n_listed, n_ngrams;
  };

  const EntryTable::Entry& find(const char* word, int64_t n_bytes) const {
    std::string padded(word, size_t(n_bytes));
    padded.append(size_t(READ_BEYOND), '\0');
    WordKey key;
    key.read(padded.data(), n_bytes);
    return model_.table.find(key, padded.data(), n_bytes);
  }

  // True where the text has the word </s>.
  bool add_words(const char* text, int64_t n_bytes) {
    int64_t edges[2 * MAX_WORDS];  // where a word begins, and where it ends
    uint32_t n_edges = 0;
    uint64_t was_white = 1;
    for (int64_t first = 0; first < n_bytes; first += SCAN_BYTES) {
      uint64_t white = white_bits(text + first);
      if (n_bytes - first < SCAN_BYTES) white |= ~uint64_t(0) << (n_bytes - first);
      for (uint64_t bits = white ^ (white << 1 | was_white); bits; bits &= bits - 1)
        edges[n_edges++] = first + __builtin_ctzll(bits);
      was_white = white >> 63;
      if (n_edges < 2 * BATCH_WORDS) continue;
      if (add_batch(text, edges, n_edges / 2)) return true;
      if (n_edges % 2) edges[0] = edges[n_edges - 1];
      n_edges %= 2;
    }
    if (n_edges % 2) edges[n_edges++] = n_bytes;
    return n_edges > 0 && add_batch(text, edges, n_edges / 2);
  }

  // Adds words; true where one is </s>, and those behind it are not added.
  bool add_batch(const char* text, const int64_t* edges, int64_t n_words) {
    check_stop();
    const EntryTable& table = model_.table;
    const StoredClassifier& stored = model_.stored;
    bool has_ended = false;
    for (int64_t k = 0; k < n_words; ++k) {
      Token& token = tokens_[k];
      token.word = text + edges[2 * k];
      token.n_bytes = edges[2 * k + 1] - edges[2 * k];
      token.key.read(token.word, token.n_bytes);
      token.n_ngrams = 0;
      table.prefetch(token.key);
      if (token.key.is_end_of_sentence(token.n_bytes)) {
        has_ended = true;
        n_words = k + 1;
      }
    }
    int64_t n_rows = 0, n_unlisted = 0;
    int32_t unlisted[MAX_WORDS];
    for (int64_t k = 0; k < n_words; ++k) {
      Token& token = tokens_[k];
      const EntryTable::Entry& entry = table.find(token.key, token.word, token.n_bytes);
      token.listed = model_.listed.data() + entry.listed.first_row;
      token.n_listed = entry.listed.n_rows;
      n_rows += token.n_listed;
      unlisted[n_unlisted] = int32_t(k);
      n_unlisted += entry.listed.needs_ngrams;
      if (stored.word_ngrams > 1 && entry.id < stored.n_words && (entry.id >= 0 || !is_label(token)))
        hashes_.push_back(hash_bytes(token.word, token.n_bytes));
    }
    if (has_ended && n_unlisted > 0 && unlisted[n_unlisted - 1] == n_words - 1) --n_unlisted;
    const int64_t n_ngrams = has_ngrams_ && n_unlisted > 0 ? add_ngrams(unlisted, n_unlisted) : 0;
    make_room(n_rows + n_ngrams);
    const int32_t* ngrams = ngrams_.data();
    int32_t* out = rows_.data() + n_rows_;
    for (int64_t k = 0; k < n_words; ++k) {
      const Token& token = tokens_[k];
      copy_rows(token.listed, token.n_listed, out);
      out += token.n_listed;
      if (n_ngrams == 0) continue;
      copy_rows(ngrams, token.n_ngrams, out);
      out += token.n_ngrams;
      ngrams += token.n_ngrams;
    }
    n_rows_ += n_rows + n_ngrams;
    return has_ended;
  }

  static bool is_label(const Token& token) {
    constexpr int64_t PREFIX_BYTES = sizeof(LABEL_PREFIX) - 1;
    return token.n_bytes >= PREFIX_BYTES && std::memcmp(token.word, LABEL_PREFIX, PREFIX_BYTES) == 0;
  }

  // Writes the rows of the n-grams of some words to ngrams_ and their numbers to the tokens; returns the sum.
  int64_t add_ngrams(const int32_t* words, int64_t n_words) {
    bool are_lanes = true;
    lanes_.clear();
    for (int64_t k = 0; k < n_words; ++k) {
      const Token& token = tokens_[words[k]];
      if (!is_label(token))
        are_lanes &= lanes_.add_word(token.word, token.n_bytes, token.key, model_.stored.max_chars, words[k]);
    }
    if (!are_lanes) return add_each_ngram(words, n_words);
    return model_.ngrams.is_pruned() ? add_lanes<true>() : add_lanes<false>();
  }

  // All buckets of a group of characters are looked up before the first branch that depends on one.
  template <bool PRUNED>
  int64_t add_lanes() {
    constexpr int64_t LANES = NgramLanes::LANES, GROUP = 16 * LANES;
    const NgramRows& ngrams = model_.ngrams;
    const int64_t shortest = std::max<int64_t>(1, model_.stored.min_chars), longest = model_.stored.max_chars;
    const int64_t n_characters = lanes_.n_characters(), n_lengths = longest - shortest + 1;
    if (n_lengths <= 0) return 0;
    buckets_.resize(size_t(n_lengths * GROUP));
    found_.resize(size_t(n_lengths * GROUP / LANES));
    int64_t n_ngrams = 0;
    for (int64_t begin = 0; begin < n_characters; begin += GROUP) {
      check_stop();
      const int64_t end = std::min(n_characters, begin + GROUP);
      uint32_t *buckets = buckets_.data(), *found = found_.data();
      for (int64_t first = begin; first < end; first += LANES)
        lanes_.each_length(first, shortest, longest, ngrams.divisor, [&](U32 of_length, U32 exist) {
          if (PRUNED) exist &= (U32)(ngrams.find(of_length) != 0);
          std::memcpy(buckets, &of_length, sizeof of_length);
          buckets += LANES;
          *found++ = sign_bits((I32)exist);
        });
      make_ngram_room(n_ngrams + (end - begin) * n_lengths);
      int32_t* out = ngrams_.data() + n_ngrams;
      buckets = buckets_.data(), found = found_.data();
      for (int64_t first = begin; first < end; first += LANES) {
        uint32_t found_any = 0;
        for (int64_t length = 0; length < n_lengths; ++length) found_any |= found[length];
        for (; found_any; found_any &= found_any - 1) {
          const int lane = __builtin_ctz(found_any);
          const int32_t* before = out;
          for (int64_t length = 0; length < n_lengths; ++length) {
            *out = int32_t(buckets[length * LANES + lane]);
            out += found[length] >> lane & 1;
          }
          tokens_[lanes_.owner(first + lane)].n_ngrams += out - before;
        }
        buckets += n_lengths * LANES;
        found += n_lengths;
      }
      n_ngrams = out - ngrams_.data();
    }
    for (int64_t k = 0; k < n_ngrams; ++k) ngrams_[size_t(k)] = ngrams.row_of(uint32_t(ngrams_[size_t(k)]));
    return n_ngrams;
  }

  // The same one by one, for bytes that are far from UTF-8.
  int64_t add_each_ngram(const int32_t* words, int64_t n_words) {
    int64_t n_ngrams = 0;
    for (int64_t k = 0; k < n_words; ++k) {
      Token& token = tokens_[words[k]];
      if (is_label(token)) continue;
      each_ngram(token.word, token.n_bytes, model_.stored.min_chars, model_.stored.max_chars, wrapped_,
                 [&](uint32_t hash) {
                   const uint32_t bucket = model_.ngrams.bucket_of(hash);
                   if (!model_.ngrams.has(bucket)) return;
                   make_ngram_room(n_ngrams + 1);
                   ngrams_[size_t(n_ngrams++)] = model_.ngrams.row_of(bucket);
                   ++token.n_ngrams;
                 });
    }
    return n_ngrams;
  }

  // fastText's hashes of words are signed there, and extended to 64 bits by their sign.
  void add_word_ngrams() {
    if (!model_.ngrams.any()) return;
    const size_t n_words = hashes_.size(), longest = size_t(model_.stored.word_ngrams);
    for (size_t first = 0; first < n_words; ++first) {
      if (first % 1024 == 1023) check_stop();
      make_room(int64_t(longest));
      uint64_t hash = uint64_t(int64_t(hashes_[first]));
      for (size_t next = first + 1; next < n_words && next < first + longest; ++next) {
        hash = hash * WORD_NGRAM_FACTOR + uint64_t(int64_t(hashes_[next]));
        const uint32_t bucket = model_.ngrams.bucket_of(hash);
        if (model_.ngrams.has(bucket)) rows_[size_t(n_rows_++)] = model_.ngrams.row_of(bucket);
      }
    }
  }

  static constexpr uint64_t WORD_NGRAM_FACTOR = 116049371;  // Dictionary::addWordNgrams

  static int32_t hash_bytes(const char* bytes, int64_t n) {
    uint32_t hash = FNV_OFFSET;
    for (int64_t k = 0; k < n; ++k) hash = extend_hash(hash, bytes[k]);
    return int32_t(hash);
  }

  // Whole groups: what is behind the rows of either side is overwritten or not read. One group is copied even of no
  // rows: a branch would not be predicted.
  static FIRTH_INLINE void copy_rows(const int32_t* from, int64_t n, int32_t* to) {
    std::memcpy(to, from, COPIED_ROWS * sizeof(int32_t));
    for (int64_t k = COPIED_ROWS; k < n; k += COPIED_ROWS) std::memcpy(to + k, from + k, COPIED_ROWS * sizeof(int32_t));
  }

  void make_room(int64_t n) {
    if (int64_t(rows_.size()) < n_rows_ + n + COPIED_ROWS) rows_.resize(size_t(2 * (n_rows_ + n + COPIED_ROWS)));
  }

  void make_ngram_room(int64_t n) {
    if (int64_t(ngrams_.size()) < n + COPIED_ROWS) ngrams_.resize(size_t(2 * (n + COPIED_ROWS)));
  }

  const Classifier& model_;
  const bool has_ngrams_;
  const EntryTable::Entry& end_of_sentence_;
  NgramLanes lanes_;
  Token tokens_[MAX_WORDS];
  std::vector<uint32_t> buckets_, found_;
  std::vector<int32_t> rows_, ngrams_, hashes_;
  std::vector<char> wrapped_, padded_;
  int64_t n_rows_ = 0;
};

}  // namespace firth
