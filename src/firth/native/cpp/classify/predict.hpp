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

#include "classify/bag.hpp"
#include "classify/tree_lanes.hpp"

namespace firth {

constexpr int64_t SIGMOID_STEPS = 512, MAX_SIGMOID = 8;  // fastText's table of the sigmoid
constexpr int64_t NO_LABEL = -1;
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

// One thread's work on texts.
class Predictor {
 public:
  explicit Predictor(const Classifier& model)
      : bag(model),
        model_(model),
        lanes_(model),
        hidden_(size_t(model.stored.n_dims)),
        scores_(size_t(std::max(model.n_blocks * LABEL_BLOCK, model.stored.n_labels) + LABEL_BLOCK)) {
    if (model.stored.loss == HIERARCHICAL_SOFTMAX && model.is_flat) {
      reached_.resize(2 * size_t(model.stored.n_labels) + LABEL_BLOCK);
      here_.resize(size_t(model.stored.n_labels + LABEL_BLOCK));
      lefts_.resize(scores_.size());
    }
  }

  Bag bag;

  // Writes the ids and probabilities of the k best labels of at least the threshold, the best first, and NO_LABEL
  // behind the last one. A text without rows has no label.
  void predict(const char* text, int64_t n_bytes, const char* readable, int64_t k, float threshold, int32_t* ids,
               float* probabilities) {
    bag.collect(text, n_bytes, readable);
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

  // The same of several texts, each of which begins where a newline behind the one before is. Bytes up to `end` may be
  // read.
  void predict_lines(const char* texts, const char* end, int64_t n_texts, int64_t k, float threshold, int32_t* ids,
                     float* probabilities) {
    const bool has_lanes = k == 1 && lanes_.fits();
    const char* at = texts;
    for (int64_t first = 0; first < n_texts;) {
      check_stop();
      const int64_t n_group = std::min(n_texts - first, has_lanes ? TreeLanes::LANES : 1);
      const bool is_group = has_lanes && 2 * n_group >= TreeLanes::LANES;  // with fewer, each text alone is faster
      bool are_empty[TreeLanes::LANES];
      for (int64_t lane = 0; lane < n_group; ++lane) {
        const void* found = at < end ? std::memchr(at, '\n', size_t(end - at)) : nullptr;
        const char* stop = found ? static_cast<const char*>(found) : end;
        if (is_group) {
          bag.collect(at, stop - at, end);
          are_empty[lane] = bag.size() == 0;
          lanes_.set_text(lane, average().data());
        } else {
          const int64_t text = first + lane;
          predict(at, stop - at, end, k, threshold, ids + text * k, probabilities + text * k);
        }
        at = stop + 1;
      }
      if (is_group) {
        int32_t labels[TreeLanes::LANES];
        float scores[TreeLanes::LANES];
        lanes_.find_best(labels, scores);
        for (int64_t lane = 0; lane < n_group; ++lane) {
          const bool is_there = !are_empty[lane] && scores[lane] >= threshold + LOG_FLOOR;
          ids[first + lane] = is_there ? labels[lane] : int32_t(NO_LABEL);
          probabilities[first + lane] = is_there ? scores[lane] : 0.0f;
        }
      }
      first += n_group;
    }
  }

  // The mean of the rows of the bag that was collected last; zeros where it is empty.
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

  // The logits of all output rows: those of some blocks grow side by side, each in the order of the columns.
  void compute_logits() {
    constexpr int64_t SIDE_BY_SIDE = 4;
    int64_t block = 0;
    for (; block + SIDE_BY_SIDE <= model_.n_blocks; block += SIDE_BY_SIDE) compute_block_logits<SIDE_BY_SIDE>(block);
    for (; block < model_.n_blocks; ++block) compute_block_logits<1>(block);
    for (size_t label = 0; label < model_.scales.size(); ++label) scores_[label] *= model_.scales[label];
  }

  template <int64_t BLOCKS>
  void compute_block_logits(int64_t first) {
    constexpr int64_t LANES = Simd<float>::LANES, VECTORS = LABEL_BLOCK / LANES;
    const int64_t n_dims = model_.stored.n_dims;
    const float* rows = model_.blocks + first * n_dims * LABEL_BLOCK;
    F32 sums[BLOCKS][VECTORS] = {};
    for (int64_t dim = 0; dim < n_dims; ++dim) {
      const F32 value = broadcast(hidden_[size_t(dim)]);
      for (int64_t block = 0; block < BLOCKS; ++block)
        for (int64_t vector = 0; vector < VECTORS; ++vector)  // a product, then a sum, as fastText rounds them
          sums[block][vector] += value * load_unaligned(rows + (block * n_dims + dim) * LABEL_BLOCK + vector * LANES);
    }
    std::memcpy(scores_.data() + first * LABEL_BLOCK, sums, sizeof sums);
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
      const float* reached = walk_levels();
      if (k == 1) {
        take_one_leaf(reached, least);
      } else {
        const std::vector<int32_t>& indices = model_.levels.leaf_indices;
        for (int64_t label = 0; label < n_labels; ++label) here_[size_t(label)] = reached[indices[size_t(label)]];
        take_best(here_.data(), n_labels, k, least);
      }
    } else {
      descend(2 * n_labels - 2, 1.0f, k, least);
      std::sort_heap(best_.begin(), best_.end());
    }
  }

  // The probability at each index of the tree, see TreeLevels.
  const float* walk_levels() {
    constexpr int LANES = Simd<float>::LANES;
    const TreeLevels& levels = model_.levels;
    const int64_t n_nodes = model_.stored.n_labels - 1;
    const F32 one = broadcast(1.0f), floor = broadcast(LOG_FLOOR);
    float *scores = scores_.data(), *lefts = lefts_.data(), *reached = reached_.data() + 1;
    for (int64_t node = 0; node < n_nodes; node += LANES) {
      const F32 right = logistic(load_unaligned(scores + node));
      store_unaligned(lefts + node, (one - right) + floor);
      store_unaligned(scores + node, right + floor);
    }
    typedef float Pair __attribute__((vector_size(2 * sizeof(float))));
    reached[-1] = 1.0f;
    for (int64_t node = 0; node < n_nodes; ++node) {  // parents come before their children
      const float at_node = reached[levels.indices[size_t(node)] - 1];
      const Pair children = Pair{lefts[node], scores[node]} * at_node;
      std::memcpy(reached + 2 * node, &children, sizeof children);
    }
    return reached_.data();
  }

  // Depth first, the likelier child first: what cannot reach the k best or the threshold is left out. A probability may
  // grow by the floor at each step down, which the slack allows for.
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

  // The same of the leaves of the tree; inner nodes are multiplied by 0.
  void take_one_leaf(const float* reached, float least) {
    constexpr int LANES = Simd<float>::LANES;
    const TreeLevels& levels = model_.levels;
    const int64_t n_indices = 2 * model_.stored.n_labels - 1;
    const float* are_leaves = levels.are_leaves.data();
    F32 largest = {};
    for (int64_t index = 0; index < n_indices; index += LANES) {
      const F32 here = load_unaligned(reached + index) * load_unaligned(are_leaves + index);
      largest = here > largest ? here : largest;
    }
    float top = 0.0f;
    for (int lane = 0; lane < LANES; ++lane) top = std::max(top, largest[lane]);
    if (!(top >= least)) return;
    int32_t best = -1;
    for (int64_t index = 0; index < n_indices; index += LANES) {
      const F32 here = load_unaligned(reached + index) * load_unaligned(are_leaves + index);
      for (uint32_t bits = sign_bits((I32)(here == top)); bits; bits &= bits - 1)
        best = std::max(best, levels.labels[size_t(index + __builtin_ctz(bits))]);
    }
    best_.push_back({top, best});
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
  TreeLanes lanes_;
  std::vector<float> hidden_, scores_, lefts_, reached_, here_;
  std::vector<Scored> best_;
};

}  // namespace firth
