// Room native: a classifier of fastText's kind, made ready for prediction: its dictionary, the rows that n-grams
// have, and its matrices in the layouts that prediction reads fastest.
//
// Follows fastText (github.com/facebookresearch/fastText: Dictionary::find, computeSubwords, addWordNgrams, pushHash;
// HierarchicalSoftmaxLoss::buildTree; ProductQuantizer::addcode and mulcode).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "classify/ngram_lanes.hpp"

namespace firth {

// Arrays as the file has them. native/classify.py fills these two structs and keeps the arrays as long as the model.
struct StoredMatrix {
  const char* rows;  // float32 (n_rows, n_dims), not aligned; null: the matrix is quantized
  int64_t n_rows;
  const uint8_t* codes;    // (n_rows, n_parts)
  const float* centroids;  // 256 centroids of each part, one part after the other
  int64_t part_dims;
  const uint8_t* norm_codes;  // (n_rows); null: rows are stored with their norms
  const float* norms;         // (256)
};

struct StoredClassifier {
  const char* entries;  // the bytes of words, then of labels; entry i in [offsets[i], offsets[i + 1])
  const int64_t* offsets;
  int64_t n_words, n_labels;
  const int64_t* label_counts;
  int64_t n_dims, word_ngrams, min_chars, max_chars, n_buckets, loss;
  const int32_t* kept;  // (n_kept, 2): bucket and row of an n-gram; row 0 follows the words' rows
  int64_t n_kept;       // -1: not pruned
  StoredMatrix input, output;
};

enum Loss : int64_t { HIERARCHICAL_SOFTMAX = 1, NEGATIVE_SAMPLING = 2, SOFTMAX = 3, ONE_VS_ALL = 4 };

constexpr int64_t N_CENTROIDS = 256;
constexpr int64_t LABEL_BLOCK = 16;  // labels side by side in the transposed output matrix
// A quantized input matrix of at most this size, in float32, is decoded when the model is opened: adding a row then
// reads floats, without codes.
constexpr int64_t MAX_DECODED_BYTES = int64_t(256) << 20;
// The most frequent words, whose n-grams are looked up when the model is opened, and the most rows of one of them.
constexpr int64_t MAX_LISTED_WORDS = 1 << 16;
constexpr int64_t MAX_LISTED_ROWS = 1 << 15;
constexpr int64_t COPIED_ROWS = 16;  // rows are copied so many at a time
// The output nodes of so many labels are all computed at once; with more, only those on the way to the best labels.
constexpr int64_t MAX_FLAT_NODES = 1 << 11;
// The greatest depth of a tree that is searched by recursion. A file with counts of 0 can make a deeper tree.
constexpr int32_t MAX_DESCENT = 200;

// Finds the row of a hashed n-gram. Without pruning, each bucket has a row. With pruning, one bit for each bucket says
// whether the bucket has a row, and the number of bits set before is the index of that row in `rows_`. Most n-grams of
// a text have no row then. Reading the bits alone is fast: 250 kB for 2 million buckets fit in a core's cache.
class NgramRows {
 public:
  explicit NgramRows(const StoredClassifier& stored)
      : divisor(uint32_t(std::max<int64_t>(1, stored.n_buckets))),
        n_buckets_(stored.n_buckets),
        first_row_(int32_t(stored.n_words)),
        is_pruned_(stored.n_kept >= 0) {
    if (stored.n_kept <= 0) return;
    std::vector<std::pair<int32_t, int32_t>> kept(static_cast<size_t>(stored.n_kept));
    for (int64_t k = 0; k < stored.n_kept; ++k) kept[size_t(k)] = {stored.kept[2 * k], stored.kept[2 * k + 1]};
    std::sort(kept.begin(), kept.end());
    bits_.assign(size_t(n_buckets_ / 32 + 1), 0);
    for (const auto& [bucket, row] : kept) {
      bits_[size_t(bucket / 32)] |= uint32_t(1) << (bucket % 32);
      rows_.push_back(first_row_ + row);
    }
    uint32_t before = 0;
    for (const uint32_t bits : bits_) {
      before_.push_back(before);
      before += uint32_t(__builtin_popcount(bits));
    }
  }

  bool any() const { return !is_pruned_ || !bits_.empty(); }
  bool is_pruned() const { return is_pruned_; }

  const LaneDivisor divisor;

  // Lanes without 0: the buckets that have a row.
  FIRTH_INLINE U32 find(U32 buckets) const { return gather(bits_.data(), buckets >> 5) >> (buckets & 31) & 1; }

  bool has(uint32_t bucket) const { return !is_pruned_ || (bits_[bucket / 32] >> (bucket % 32) & 1); }

  uint32_t bucket_of(uint64_t hash) const { return uint32_t(hash % uint64_t(n_buckets_)); }

  // The row of a bucket that has one.
  int32_t row_of(uint32_t bucket) const {
    if (!is_pruned_) return first_row_ + int32_t(bucket);
    const uint32_t below = (uint32_t(1) << (bucket % 32)) - 1;
    return rows_[before_[bucket / 32] + uint32_t(__builtin_popcount(bits_[bucket / 32] & below))];
  }

 private:
  int64_t n_buckets_;
  int32_t first_row_;
  bool is_pruned_;
  std::vector<uint32_t> bits_;
  std::vector<uint32_t> before_;  // for each group of 32 bits, the number of bits set in the groups before
  std::vector<int32_t> rows_;
};

inline int64_t count_parts(int64_t n_dims, int64_t part_dims) { return (n_dims + part_dims - 1) / part_dims; }

// The centroid that a code of one part selects: as many numbers as the part has columns.
inline const float* centroid(const StoredMatrix& matrix, int64_t n_dims, int64_t part, uint8_t code) {
  const int64_t first = part * matrix.part_dims, width = std::min(matrix.part_dims, n_dims - first);
  return matrix.centroids + N_CENTROIDS * first + code * width;
}

// Decodes a row of a quantized matrix, not yet multiplied by its norm.
inline void decode(const StoredMatrix& matrix, int64_t n_dims, int64_t row, float* out) {
  const int64_t n_parts = count_parts(n_dims, matrix.part_dims);
  for (int64_t part = 0; part < n_parts; ++part) {
    const int64_t first = part * matrix.part_dims, width = std::min(matrix.part_dims, n_dims - first);
    const float* from = centroid(matrix, n_dims, part, matrix.codes[row * n_parts + part]);
    for (int64_t dim = 0; dim < width; ++dim) out[first + dim] = from[dim];
  }
}

inline float norm_of(const StoredMatrix& matrix, int64_t row) {
  return matrix.norm_codes ? matrix.norms[matrix.norm_codes[row]] : 1.0f;
}

// fastText's Huffman tree. Leaves are the labels, in the given order. Inner node i has the number n_labels + i, and the
// root is the last inner node. If the counts fall, it is word2vec.c's tree.
struct LabelTree {
  std::vector<int32_t> left, right;  // children of inner nodes
  int32_t depth = 0;

  LabelTree() = default;
  LabelTree(const int64_t* counts, int64_t n_labels) {
    std::vector<int64_t> sums;
    std::vector<int32_t> depths;
    int64_t leaf = n_labels - 1, node = 0;
    for (int64_t made = 0; made + 1 < n_labels; ++made) {
      int32_t child[2];
      int64_t sum = 0;
      int32_t below = 0;
      for (int32_t& item : child) {
        const bool takes_leaf = leaf >= 0 && (node == int64_t(sums.size()) || counts[leaf] < sums[size_t(node)]);
        sum += takes_leaf ? counts[leaf] : sums[size_t(node)];
        below = std::max(below, takes_leaf ? 0 : depths[size_t(node)]);
        item = int32_t(takes_leaf ? leaf-- : n_labels + node++);
      }
      left.push_back(child[0]);
      right.push_back(child[1]);
      sums.push_back(sum);
      depths.push_back(below + 1);
      depth = below + 1;
    }
  }
};

// The inner nodes of the tree in order of depth, to compute the probabilities of all labels. Each node and each leaf
// has an index in the array of probabilities: the root 0, the children of the k-th inner node 1 + 2 k (left) and 2 + 2
// k.
struct TreeLevels {
  std::vector<int32_t> nodes;         // the k-th inner node's number in the tree
  std::vector<int32_t> indices;       // of the inner nodes
  std::vector<int32_t> leaf_indices;  // of the labels
  std::vector<int32_t> labels;        // the label at each index; -1: an inner node
  std::vector<float> are_leaves;      // by index: 1 for a leaf, 0 for an inner node; zeros behind the last

  TreeLevels() = default;
  TreeLevels(const LabelTree& tree, int64_t n_labels) : leaf_indices(size_t(n_labels), 0) {
    if (n_labels < 2) return;
    nodes.push_back(int32_t(n_labels - 2));
    indices.push_back(0);
    for (size_t k = 0; k < nodes.size(); ++k) {
      const size_t node = size_t(nodes[k]);
      int32_t index = int32_t(1 + 2 * k);
      for (const int32_t child : {tree.left[node], tree.right[node]}) {
        if (child < n_labels) {
          leaf_indices[size_t(child)] = index;
        } else {
          nodes.push_back(child - int32_t(n_labels));
          indices.push_back(index);
        }
        ++index;
      }
    }
    labels.assign(size_t(2 * n_labels - 1), -1);
    are_leaves.assign(size_t(2 * n_labels - 1 + LABEL_BLOCK), 0.0f);
    for (int64_t label = 0; label < n_labels; ++label) {
      labels[size_t(leaf_indices[size_t(label)])] = int32_t(label);
      are_leaves[size_t(leaf_indices[size_t(label)])] = 1.0f;
    }
  }
};

struct Classifier {
  StoredClassifier stored;
  EntryTable table;
  NgramRows ngrams;
  std::vector<float> decoded;   // the quantized input matrix as floats, where it is small enough
  std::vector<int32_t> listed;  // the rows of words, own row first; COPIED_ROWS more may be read
  LabelTree tree;
  TreeLevels levels;
  bool is_flat;  // whether the logits of all output rows are computed
  std::unique_ptr<float[]> blocks_memory;
  float* blocks = nullptr;    // transposed output rows, (n_blocks, n_dims, LABEL_BLOCK); a tree's in TreeLevels' order
  std::vector<float> scales;  // norms of the output rows if they are quantized apart; else empty
  int64_t n_blocks = 0;

  explicit Classifier(const StoredClassifier& file) : stored(file), table(file.entries, file.offsets), ngrams(file) {
    if (!file.input.rows && file.input.n_rows * file.n_dims * int64_t(sizeof(float)) <= MAX_DECODED_BYTES)
      decode_input();
    fill_table();
    if (file.loss == HIERARCHICAL_SOFTMAX) tree = LabelTree(file.label_counts, file.n_labels);
    is_flat = file.loss != HIERARCHICAL_SOFTMAX || file.n_labels <= MAX_FLAT_NODES || tree.depth > MAX_DESCENT;
    if (is_flat && file.loss == HIERARCHICAL_SOFTMAX) levels = TreeLevels(tree, file.n_labels);
    if (is_flat) transpose_output();
  }

 private:
  void decode_input() {
    decoded.resize(size_t(stored.input.n_rows * stored.n_dims));
    for (int64_t row = 0; row < stored.input.n_rows; ++row) {
      if (row % 4096 == 0) check_stop();
      float* to = decoded.data() + row * stored.n_dims;
      decode(stored.input, stored.n_dims, row, to);
      const float norm = norm_of(stored.input, row);
      for (int64_t dim = 0; dim < stored.n_dims; ++dim) to[dim] *= norm;
    }
  }

  // Lists the rows of words: of the most frequent ones all, of others their own. Labels have none.
  void fill_table() {
    const bool have_ngrams = stored.max_chars > 0 && ngrams.any();
    std::vector<char> wrapped;
    table.fill(stored.n_words + stored.n_labels, [&](int32_t id) -> EntryTable::Listed {
      const size_t first = listed.size();
      if (id >= stored.n_words) return {uint32_t(first), 0, false};
      check_stop();
      listed.push_back(id);
      const char* bytes = stored.entries + stored.offsets[id];
      const int64_t n = stored.offsets[id + 1] - stored.offsets[id];
      const bool has_ngrams = have_ngrams && !is_end_of_sentence(bytes, n);
      if (!has_ngrams || id >= MAX_LISTED_WORDS || n * stored.max_chars > MAX_LISTED_ROWS)
        return {uint32_t(first), 1, has_ngrams};
      each_ngram(bytes, n, stored.min_chars, stored.max_chars, wrapped, [&](uint32_t hash) {
        const uint32_t bucket = ngrams.bucket_of(hash);
        if (ngrams.has(bucket)) listed.push_back(ngrams.row_of(bucket));
      });
      return {uint32_t(first), uint16_t(listed.size() - first), false};
    });
    listed.resize(listed.size() + COPIED_ROWS);
  }

  void transpose_output() {
    const StoredMatrix& output = stored.output;
    const int64_t n_dims = stored.n_dims;
    const int64_t n_outputs = stored.loss == HIERARCHICAL_SOFTMAX ? stored.n_labels - 1 : stored.n_labels;
    n_blocks = (n_outputs + LABEL_BLOCK - 1) / LABEL_BLOCK;
    const size_t n_floats = size_t(n_blocks * n_dims * LABEL_BLOCK);
    blocks_memory.reset(new float[n_floats + 16]());
    blocks = blocks_memory.get() + (64 - reinterpret_cast<uintptr_t>(blocks_memory.get()) % 64) % 64 / sizeof(float);
    std::vector<float> row(static_cast<size_t>(n_dims));
    for (int64_t label = 0; label < n_outputs; ++label) {
      const int64_t from = levels.nodes.empty() ? label : levels.nodes[size_t(label)];
      if (output.rows)
        std::memcpy(row.data(), output.rows + from * n_dims * int64_t(sizeof(float)), size_t(n_dims) * sizeof(float));
      else
        decode(output, n_dims, from, row.data());
      float* to = blocks + label / LABEL_BLOCK * n_dims * LABEL_BLOCK + label % LABEL_BLOCK;
      for (int64_t dim = 0; dim < n_dims; ++dim) to[dim * LABEL_BLOCK] = row[size_t(dim)];
    }
    if (!output.norm_codes) return;
    scales.assign(size_t(n_blocks * LABEL_BLOCK), 1.0f);
    for (int64_t label = 0; label < n_outputs; ++label)
      scales[size_t(label)] = norm_of(output, levels.nodes.empty() ? label : levels.nodes[size_t(label)]);
  }
};

}  // namespace firth
