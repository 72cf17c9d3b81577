// Room native: predicts the labels of one text: finds the rows of the text, computes their mean and the probabilities
// of the labels, and takes the best.
//
// Sums over rows and dot products are float32 in fastText's order, so that their bits equal fastText's. Follows
// fastText (github.com/facebookresearch/fastText: Dictionary::readWord, getLine, addSubwords, addWordNgrams;
// Model::predict; Loss::findKBest, HierarchicalSoftmaxLoss::dfs, SoftmaxLoss and BinaryLogisticLoss::computeOutput).
// There are two differences. Hierarchical softmax multiplies probabilities; fastText adds their logarithms. A search
// for the best labels alone allows for rounding in the tree: it never leaves out a label that may be among the best.
#pragma once

#include <limits>

#include "base/simd.hpp"
#include "classify/model.hpp"

namespace firth {

constexpr float LOG_FLOOR = 1e-5f;  // fastText's std_log adds it to each probability before the logarithm
constexpr int64_t SIGMOID_STEPS = 512, MAX_SIGMOID = 8;  // fastText's table of the sigmoid
constexpr int64_t NO_LABEL = -1;
constexpr int64_t MAX_LENGTH = 64;  // characters of a character n-gram; the reader refuses more
constexpr char LABEL_PREFIX[] = "__label__";

struct WhiteSpace {
  bool is[256] = {};
  constexpr WhiteSpace() {
    for (char c : {' ', '\n', '\r', '\t', '\v', '\f', '\0'}) is[static_cast<unsigned char>(c)] = true;
  }
};
inline constexpr WhiteSpace WHITE_SPACE;

inline bool is_white(char byte) { return WHITE_SPACE.is[static_cast<unsigned char>(byte)]; }

struct SigmoidTable {
  float values[SIGMOID_STEPS + 1];
  SigmoidTable() {
    for (int64_t k = 0; k <= SIGMOID_STEPS; ++k) {
      const float x = float(k * 2 * MAX_SIGMOID) / SIGMOID_STEPS - MAX_SIGMOID;
      values[k] = float(1.0 / (1.0 + std::exp(-x)));
    }
  }
  float operator()(float x) const {
    if (!(x >= -MAX_SIGMOID)) return 0.0f;
    if (x > MAX_SIGMOID) return 1.0f;
    return values[int64_t((x + MAX_SIGMOID) * SIGMOID_STEPS / MAX_SIGMOID / 2)];
  }
};

// The input rows of a text, in fastText's order.
class Bag {
 public:
  explicit Bag(const Classifier& model) : model_(model) {}

  const int32_t* rows() const { return rows_.data(); }
  int64_t size() const { return n_rows_; }

  // Collects the rows of the text's words and of the end of the sentence, </s>. As in fastText, a word </s> in the text
  // ends the text.
  void collect(const char* text, int64_t n_bytes) {
    n_rows_ = 0;
    hashes_.clear();
    bool has_ended = false;
    const char *at = text, *const end = text + n_bytes;
    while (!has_ended) {
      while (at < end && is_white(*at)) ++at;
      if (at == end) break;
      const char* word = at;
      uint32_t hash = FNV_OFFSET;
      while (at < end && !is_white(*at)) hash = extend_hash(hash, *at++);
      has_ended = add_word(word, at - word, hash);
    }
    if (!has_ended) add_word("</s>", 4, END_HASH);
    if (model_.stored.word_ngrams > 1) add_word_ngrams();
    if (model_.ngrams.is_pruned())
      for (int64_t k = 0; k < n_rows_; ++k) rows_[size_t(k)] = model_.ngrams.resolve(rows_[size_t(k)]);
  }

 private:
  static inline const uint32_t END_HASH = hash_bytes("</s>", 4);

  // Adds the rows of a word. Returns whether the word is the end of the sentence.
  bool add_word(const char* word, int64_t n_bytes, uint32_t hash) {
    const StoredClassifier& stored = model_.stored;
    const int32_t id = model_.table.find(hash, word, n_bytes);
    const bool is_end = hash == END_HASH && is_end_of_sentence(word, n_bytes);
    constexpr int64_t PREFIX_BYTES = sizeof(LABEL_PREFIX) - 1;
    if (id >= stored.n_words) return is_end;  // a label
    if (id < 0 && n_bytes >= PREFIX_BYTES && std::memcmp(word, LABEL_PREFIX, PREFIX_BYTES) == 0) return is_end;
    if (stored.word_ngrams > 1) hashes_.push_back(int32_t(hash));
    if (id >= 0 && stored.max_chars == 0) {
      push(id);
    } else if (id >= 0 && id < int64_t(model_.listed_starts.size()) - 1) {
      const int64_t first = model_.listed_starts[size_t(id)], n = model_.listed_starts[size_t(id) + 1] - first;
      make_room(n);
      std::memcpy(rows_.data() + n_rows_, model_.listed.data() + first, size_t(n) * sizeof(int32_t));
      n_rows_ += n;
    } else {
      if (id >= 0) push(id);
      if (stored.max_chars > 0 && !is_end && model_.ngrams.any()) add_ngrams(word, n_bytes);
    }
    return is_end;
  }

  void add_ngrams(const char* word, int64_t n_bytes) {
    const int64_t longest = model_.stored.max_chars;
    make_room((n_bytes + 2) * longest);
    if (!lanes_.set_word(word, n_bytes, longest)) {
      each_ngram(word, n_bytes, model_.stored.min_chars, longest, wrapped_,
                 [&](uint32_t hash) { n_rows_ += model_.ngrams.put_hash(hash, rows_.data() + n_rows_); });
    } else if (model_.ngrams.is_pruned()) {
      put_lanes<true>();
    } else {
      put_lanes<false>();
    }
  }

  template <bool PRUNED>
  void put_lanes() {
    constexpr int64_t LANES = NgramLanes::LANES;
    const NgramRows& ngrams = model_.ngrams;
    const int64_t shortest = std::max<int64_t>(1, model_.stored.min_chars), longest = model_.stored.max_chars;
    const int64_t n_characters = lanes_.n_characters();
    alignas(VECTOR_BYTES) uint32_t buckets[MAX_LENGTH + 1][LANES];
    int32_t* out = rows_.data() + n_rows_;
    for (int64_t first = 0; first < n_characters; first += LANES) {
      if (first % 4096 == 0) check_stop();
      lanes_.each_length(first, shortest, longest, ngrams.divisor,
                         [&](int64_t length, U32 found) { std::memcpy(buckets[length], &found, sizeof found); });
      const int64_t n_lanes = std::min(LANES, n_characters - first);
      for (int64_t lane = 0; lane < n_lanes; ++lane) {
        const int64_t left = n_characters - first - lane;
        for (int64_t length = shortest; length <= longest; ++length) {
          const bool lone_bracket = length == 1 && (left == 1 || left == n_characters);
          out += ngrams.put<PRUNED>(buckets[length][lane], out) & int(length <= left) & int(!lone_bracket);
        }
      }
    }
    n_rows_ = out - rows_.data();
  }

  // As in fastText, the hashes of words are signed here and extended to 64 bits by their sign.
  void add_word_ngrams() {
    if (!model_.ngrams.any()) return;
    const size_t n_words = hashes_.size(), longest = size_t(model_.stored.word_ngrams);
    for (size_t first = 0; first < n_words; ++first) {
      if (first % 1024 == 1023) check_stop();
      make_room(int64_t(longest));
      uint64_t hash = uint64_t(int64_t(hashes_[first]));
      for (size_t next = first + 1; next < n_words && next < first + longest; ++next) {
        hash = hash * WORD_NGRAM_FACTOR + uint64_t(int64_t(hashes_[next]));
        n_rows_ += model_.ngrams.put_hash(hash, rows_.data() + n_rows_);
      }
    }
  }

  static constexpr uint64_t WORD_NGRAM_FACTOR = 116049371;  // Dictionary::addWordNgrams

  void push(int32_t row) {
    make_room(1);
    rows_[size_t(n_rows_++)] = row;
  }

  // Room for n rows and one more: NgramRows::put writes a value even if an n-gram has no row.
  void make_room(int64_t n) {
    if (int64_t(rows_.size()) < n_rows_ + n + 1) rows_.resize(size_t(2 * (n_rows_ + n + 1)));
  }

  const Classifier& model_;
  NgramLanes lanes_;
  std::vector<int32_t> rows_, hashes_;
  std::vector<char> wrapped_;
  int64_t n_rows_ = 0;
};

// Predicts texts one after the other; each thread has its own.
class Predictor {
 public:
  explicit Predictor(const Classifier& model)
      : bag(model),
        model_(model),
        hidden_(size_t(model.stored.n_dims)),
        scores_(size_t(std::max(model.n_blocks * LABEL_BLOCK, model.stored.n_labels) + LABEL_BLOCK)) {
    if (model.stored.loss == HIERARCHICAL_SOFTMAX && model.is_flat) {
      reached_.resize(2 * size_t(model.stored.n_labels));
      here_.resize(size_t(model.stored.n_labels + LABEL_BLOCK));
    }
  }

  Bag bag;

  // Writes the ids and probabilities of the k best labels whose probability reaches the threshold, the best first.
  // NO_LABEL and 0 fill what is left of the k. A text without rows has no label.
  void predict(const char* text, int64_t n_bytes, int64_t k, float threshold, int32_t* ids, float* probabilities) {
    bag.collect(text, n_bytes);
    best_.clear();
    if (bag.size() > 0) {
      average();
      if (model_.stored.loss == HIERARCHICAL_SOFTMAX)
        rank_leaves(k, threshold);
      else
        rank_scores(k, threshold);
    }
    for (int64_t rank = 0; rank < k; ++rank) {
      const bool has_label = rank < int64_t(best_.size());
      ids[rank] = has_label ? best_[size_t(rank)].id : int32_t(NO_LABEL);
      probabilities[rank] = has_label ? best_[size_t(rank)].score : 0.0f;
    }
  }

  // The mean of the rows in `bag`; zeros if the bag is empty.
  const std::vector<float>& average() {
    const int64_t n_dims = model_.stored.n_dims;
    std::fill(hidden_.begin(), hidden_.end(), 0.0f);
    const StoredMatrix& input = model_.stored.input;
    const char* rows = input.rows ? input.rows : reinterpret_cast<const char*>(model_.decoded.data());
    if (!input.rows && model_.decoded.empty()) {
      add_codes();
    } else {
      int64_t dim = 0;
      for (; dim + 64 <= n_dims; dim += 64) add_columns<64>(rows, dim);
      for (; dim + 16 <= n_dims; dim += 16) add_columns<16>(rows, dim);
      for (; dim + 4 <= n_dims; dim += 4) add_columns<4>(rows, dim);
      for (; dim < n_dims; ++dim) add_columns<1>(rows, dim);
    }
    if (bag.size() == 0) return hidden_;
    const float share = float(1.0 / double(bag.size()));
    float check = 0.0f;
    for (float& value : hidden_) {
      value *= share;
      check += value * 0.0f;  // NaN where a value is NaN or infinite
    }
    if (check != 0.0f)
      throw Failure(ERROR_FORMAT,
                    "the input matrix has a NaN or an infinity in a row that a text needs; train the"
                    " model anew");
    return hidden_;
  }

 private:
  struct Scored {
    float score;
    int32_t id;
    bool operator<(const Scored& other) const { return score > other.score; }  // the higher score sorts first
  };

  template <int WIDTH>
  void add_columns(const char* rows, int64_t first) {
    float sum[WIDTH] = {};
    const int64_t row_bytes = model_.stored.n_dims * int64_t(sizeof(float)), n = bag.size();
    const char* column = rows + first * int64_t(sizeof(float));
    const int32_t* ids = bag.rows();
    for (int64_t k = 0; k < n; ++k) {
      __builtin_prefetch(column + ids[std::min(k + PREFETCH_ROWS, n - 1)] * row_bytes);
      float row[WIDTH];
      std::memcpy(row, column + ids[k] * row_bytes, sizeof row);
      for (int lane = 0; lane < WIDTH; ++lane) sum[lane] += row[lane];
    }
    std::memcpy(hidden_.data() + first, sum, sizeof sum);
  }

  void add_codes() {
    const StoredMatrix& input = model_.stored.input;
    const int64_t n_dims = model_.stored.n_dims, n_parts = count_parts(n_dims, input.part_dims);
    for (int64_t k = 0; k < bag.size(); ++k) {
      const int64_t row = bag.rows()[k];
      const float norm = norm_of(input, row);
      for (int64_t part = 0; part < n_parts; ++part) {
        const int64_t first = part * input.part_dims, width = std::min(input.part_dims, n_dims - first);
        const float* from = centroid(input, n_dims, part, input.codes[row * n_parts + part]);
        for (int64_t dim = 0; dim < width; ++dim) hidden_[size_t(first + dim)] += norm * from[dim];
      }
    }
  }

  // Computes the logits of all output rows, LABEL_BLOCK of them at once. Each sum runs in the order of the columns.
  void compute_logits() {
    constexpr int LANES = Simd<float>::LANES, VECTORS = int(LABEL_BLOCK) / LANES;
    const int64_t n_dims = model_.stored.n_dims;
    for (int64_t block = 0; block < model_.n_blocks; ++block) {
      const float* rows = model_.blocks + block * n_dims * LABEL_BLOCK;
      F32 sums[VECTORS] = {};
      for (int64_t dim = 0; dim < n_dims; ++dim) {
        const F32 value = broadcast(hidden_[size_t(dim)]);
        for (int vector = 0; vector < VECTORS; ++vector)  // a product, then a sum, as fastText rounds them
          sums[vector] += value * load_unaligned(rows + dim * LABEL_BLOCK + vector * LANES);
      }
      std::memcpy(scores_.data() + block * LABEL_BLOCK, sums, sizeof sums);
    }
    for (size_t label = 0; label < model_.scales.size(); ++label) scores_[label] *= model_.scales[label];
  }

  float compute_logit(int64_t row) const {
    const StoredMatrix& output = model_.stored.output;
    const int64_t n_dims = model_.stored.n_dims;
    float sum = 0.0f;
    if (output.rows) {
      const char* from = output.rows + row * n_dims * int64_t(sizeof(float));
      for (int64_t dim = 0; dim < n_dims; ++dim) {
        float value;
        std::memcpy(&value, from + dim * int64_t(sizeof(float)), sizeof value);
        sum += value * hidden_[size_t(dim)];
      }
      return sum;
    }
    const int64_t n_parts = count_parts(n_dims, output.part_dims);
    for (int64_t part = 0; part < n_parts; ++part) {
      const int64_t first = part * output.part_dims, width = std::min(output.part_dims, n_dims - first);
      const float* from = centroid(output, n_dims, part, output.codes[row * n_parts + part]);
      for (int64_t dim = 0; dim < width; ++dim) sum += hidden_[size_t(first + dim)] * from[dim];
    }
    return sum * norm_of(output, row);
  }

  // Softmax, or fastText's sigmoid of each label. The threshold applies to the probability before the floor is added.
  void rank_scores(int64_t k, float threshold) {
    compute_logits();
    const int64_t n_labels = model_.stored.n_labels;
    float* scores = scores_.data();
    if (model_.stored.loss == SOFTMAX) {
      float largest = scores[0], total = 0.0f;
      for (int64_t label = 1; label < n_labels; ++label) largest = std::max(largest, scores[label]);
      constexpr int LANES = Simd<float>::LANES;
      for (int64_t label = 0; label < n_labels; label += LANES)
        store_unaligned(scores + label, exp_of_negative(broadcast(largest) - load_unaligned(scores + label)));
      for (int64_t label = 0; label < n_labels; ++label) total += scores[label];
      if (!(total < std::numeric_limits<float>::infinity()))
        throw Failure(ERROR_FORMAT,
                      "the logits of a text must be finite, got an overflow: the model's numbers are"
                      " too large; train the model anew");
      for (int64_t label = 0; label < n_labels; ++label) scores[label] /= total;
    } else {
      static const SigmoidTable sigmoid;
      for (int64_t label = 0; label < n_labels; ++label) scores[label] = sigmoid(scores[label]);
    }
    take_best(scores, n_labels, k, threshold);
    for (Scored& label : best_) label.score += LOG_FLOOR;
  }

  void rank_leaves(int64_t k, float threshold) {
    const float least = threshold + LOG_FLOOR;
    const int64_t n_labels = model_.stored.n_labels;
    if (n_labels == 1) {
      best_.push_back({1.0f, 0});
      if (least > 1.0f) best_.clear();
    } else if (model_.is_flat) {
      compute_logits();
      const int64_t n_nodes = n_labels - 1;
      constexpr int LANES = Simd<float>::LANES;
      const F32 one = broadcast(1.0f);
      for (int64_t node = 0; node < n_nodes; node += LANES) {  // the probabilities of the right children
        const F32 z = load_unaligned(scores_.data() + node);
        const F32 e = exp_of_negative(z < F32{} ? -z : z);
        store_unaligned(scores_.data() + node, (z < F32{} ? e : one) / (one + e));
      }
      const TreeLevels& levels = model_.levels;
      float *reached = reached_.data(), *here = here_.data();
      const float* right = scores_.data();
      reached[0] = 1.0f;
      for (int64_t node = 0; node < n_nodes; ++node) {  // parents come before their children
        const float at_node = reached[levels.indices[size_t(node)]];
        reached[1 + 2 * node] = at_node * ((1.0f - right[node]) + LOG_FLOOR);
        reached[2 + 2 * node] = at_node * (right[node] + LOG_FLOOR);
      }
      for (int64_t label = 0; label < n_labels; ++label) here[label] = reached[levels.leaf_indices[size_t(label)]];
      take_best(here, n_labels, k, least);
    } else {
      descend(2 * n_labels - 2, 1.0f, k, least);
      std::sort_heap(best_.begin(), best_.end());
    }
  }

  // Searches the tree depth first, the more probable child first. Leaves out a subtree if none of its labels can reach
  // the threshold or the k best so far. SLACK allows for the floor, which raises a probability at each level.
  void descend(int64_t node, float reached, int64_t k, float least) {
    if (reached * SLACK < least) return;
    const int64_t n_labels = model_.stored.n_labels;
    const bool is_full = int64_t(best_.size()) == k;
    if (node < n_labels) {
      if (reached < least || (is_full && reached < best_.front().score)) return;
      keep({reached, int32_t(node)}, k);
      return;
    }
    if (is_full && reached * SLACK < best_.front().score) return;
    const float z = compute_logit(node - n_labels), right = float(1.0 / (1.0 + std::exp(-double(z))));
    const float to_left = reached * ((1.0f - right) + LOG_FLOOR), to_right = reached * (right + LOG_FLOOR);
    const int64_t left_child = model_.tree.left[size_t(node - n_labels)];
    const int64_t right_child = model_.tree.right[size_t(node - n_labels)];
    if (to_left >= to_right) {
      descend(left_child, to_left, k, least);
      descend(right_child, to_right, k, least);
    } else {
      descend(right_child, to_right, k, least);
      descend(left_child, to_left, k, least);
    }
  }

  // Keeps the k best labels with a heap, in fastText's order of labels. The order decides which of several labels with
  // equal probabilities are kept; ties are common, because fastText's sigmoid has few values.
  void take_best(const float* scores, int64_t n, int64_t k, float least) {
    if (k == 1) return take_one(scores, n, least);
    constexpr int64_t GROUP = 32;  // labels that are skipped together if no score reaches the bar
    float bar = least;
    for (int64_t first = 0; first < n; first += GROUP) {
      const int64_t last = std::min(n, first + GROUP);
      if (last - first == GROUP) {
        int n_good = 0;
        for (int64_t label = first; label < first + GROUP; ++label) n_good += scores[label] >= bar;
        if (n_good == 0) continue;
      }
      for (int64_t label = first; label < last; ++label) {
        if (!(scores[label] >= bar)) continue;
        keep({scores[label], int32_t(label)}, k);
        if (int64_t(best_.size()) == k) bar = std::max(least, best_.front().score);
      }
    }
    std::sort_heap(best_.begin(), best_.end());
  }

  // Keeps the last label of those with the largest score, as fastText's heap of one entry does.
  void take_one(const float* scores, int64_t n, float least) {
    float largest[LABEL_BLOCK];
    std::fill_n(largest, LABEL_BLOCK, -1.0f);
    int64_t label = 0;
    for (; label + LABEL_BLOCK <= n; label += LABEL_BLOCK)
      for (int64_t lane = 0; lane < LABEL_BLOCK; ++lane)
        largest[lane] = scores[label + lane] > largest[lane] ? scores[label + lane] : largest[lane];
    float top = *std::max_element(largest, largest + LABEL_BLOCK);
    for (; label < n; ++label) top = scores[label] > top ? scores[label] : top;
    if (!(top >= least)) return;
    label = n - 1;
    while (label > 0 && scores[label] != top) --label;
    best_.push_back({top, int32_t(label)});
  }

  void keep(Scored label, int64_t k) {
    best_.push_back(label);
    std::push_heap(best_.begin(), best_.end());
    if (int64_t(best_.size()) <= k) return;
    std::pop_heap(best_.begin(), best_.end());
    best_.pop_back();
  }

  static constexpr int64_t PREFETCH_ROWS = 8;
  static constexpr float SLACK = 1.0f + MAX_DESCENT * LOG_FLOOR;

  const Classifier& model_;
  std::vector<float> hidden_, scores_, reached_, here_;
  std::vector<Scored> best_;
};

}  // namespace firth
