// Room native: a classifier of fastText's, prepared for prediction: a hash table of words and labels, the rows of
// n-grams, and the matrices in the layouts that prediction reads fastest.
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
// Number of the most frequent words whose n-grams are looked up when the model is opened.
constexpr int64_t MAX_LISTED_WORDS = 1 << 16;
// With at most this many labels, hierarchical softmax computes the logits of all inner nodes at once; with more, only
// the logits of nodes on the paths to the best labels.
constexpr int64_t MAX_FLAT_NODES = 1 << 11;
// The greatest depth of a tree that is searched by recursion. A file with counts of 0 can make a deeper tree.
constexpr int32_t MAX_DESCENT = 200;

inline uint32_t hash_bytes(const char* bytes, int64_t n) {
  uint32_t hash = FNV_OFFSET;
  for (int64_t k = 0; k < n; ++k) hash = extend_hash(hash, bytes[k]);
  return hash;
}

// Finds the id of an entry by its bytes: a hash table with open addressing, at most half full.
class EntryTable {
 public:
  EntryTable(const char* entries, const int64_t* offsets, int64_t n_entries) : entries_(entries), offsets_(offsets) {
    size_t n_slots = 16;
    while (n_slots < 2 * size_t(n_entries)) n_slots *= 2;
    slots_.assign(n_slots, Slot{0, -1});
    mask_ = n_slots - 1;
    for (int64_t id = 0; id < n_entries; ++id) {
      if (id % 4096 == 0) check_stop();
      const char* bytes = entries + offsets[id];
      const int64_t n = offsets[id + 1] - offsets[id];
      const uint32_t hash = hash_bytes(bytes, n);
      size_t at = hash & mask_;
      for (; slots_[at].id >= 0; at = (at + 1) & mask_)
        if (slots_[at].hash == hash && is(slots_[at].id, bytes, n))
          throw Failure(ERROR_FORMAT, "the dictionary must have each entry once, got entry " +
                                          std::to_string(slots_[at].id + 1) + " again as entry " +
                                          std::to_string(id + 1));
      slots_[at] = Slot{hash, int32_t(id)};
    }
  }

  int32_t find(uint32_t hash, const char* bytes, int64_t n) const {
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot slot = slots_[at];
      if (slot.id < 0) return -1;
      if (slot.hash == hash && is(slot.id, bytes, n)) return slot.id;
    }
  }

 private:
  struct Slot {
    uint32_t hash;
    int32_t id;
  };

  bool is(int32_t id, const char* bytes, int64_t n) const {
    const int64_t start = offsets_[id];
    return offsets_[id + 1] - start == n && std::memcmp(entries_ + start, bytes, size_t(n)) == 0;
  }

  const char* entries_;
  const int64_t* offsets_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

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
    bits_.assign(size_t(n_buckets_ / 64 + 1), 0);
    for (const auto& [bucket, row] : kept) {
      bits_[size_t(bucket / 64)] |= uint64_t(1) << (bucket % 64);
      rows_.push_back(first_row_ + row);
    }
    uint32_t before = 0;
    for (const uint64_t bits : bits_) {
      before_.push_back(before);
      before += uint32_t(__builtin_popcountll(bits));
    }
  }

  bool any() const { return !is_pruned_ || !bits_.empty(); }
  bool is_pruned() const { return is_pruned_; }

  const LaneDivisor divisor;

  // If the bucket has a row, writes the row to `to` (with pruning, -1 - bucket, see resolve) and returns 1. If it has
  // none, returns 0; what is written then means nothing.
  template <bool PRUNED>
  int put(uint32_t bucket, int32_t* to) const {
    *to = PRUNED ? -1 - int32_t(bucket) : first_row_ + int32_t(bucket);
    return PRUNED ? int(bits_[bucket / 64] >> (bucket % 64) & 1) : 1;
  }

  // The same for the bucket of a hash.
  int put_hash(uint64_t hash, int32_t* to) const {
    const uint32_t bucket = uint32_t(hash % uint64_t(n_buckets_));
    return is_pruned_ ? put<true>(bucket, to) : put<false>(bucket, to);
  }

  // The row for a value that `put` wrote: the row of the bucket if the value is -1 - bucket, else the value itself.
  int32_t resolve(int32_t put) const {
    if (put >= 0) return put;
    const uint32_t bucket = uint32_t(-1 - put);
    const uint64_t below = (uint64_t(1) << (bucket % 64)) - 1;
    return rows_[before_[bucket / 64] + uint32_t(__builtin_popcountll(bits_[bucket / 64] & below))];
  }

 private:
  int64_t n_buckets_;
  int32_t first_row_;
  bool is_pruned_;
  std::vector<uint64_t> bits_;
  std::vector<uint32_t> before_;  // for each group of 64 bits, the number of bits set in the groups before
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
  std::vector<int32_t> nodes;         // index i of the k-th inner node in LabelTree
  std::vector<int32_t> indices;       // of the inner nodes
  std::vector<int32_t> leaf_indices;  // of the labels

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
  }
};

struct Classifier {
  StoredClassifier stored;
  EntryTable table;
  NgramRows ngrams;
  std::vector<float> decoded;  // a quantized input matrix as floats, if it is small enough; else empty
  // Rows of the most frequent words: word i has listed[listed_starts[i] .. listed_starts[i + 1]), its own row first.
  std::vector<int64_t> listed_starts;
  std::vector<int32_t> listed;
  LabelTree tree;
  TreeLevels levels;
  bool is_flat;  // whether the logits of all output rows are computed
  std::unique_ptr<float[]> blocks_memory;
  float* blocks = nullptr;  // transposed output rows, (n_blocks, n_dims, LABEL_BLOCK); a tree's in TreeLevels' order
  std::vector<float>
      scales;  // norms of the output rows if they are quantized apart, to multiply the logits; else empty
  int64_t n_blocks = 0;

  explicit Classifier(const StoredClassifier& file)
      : stored(file), table(file.entries, file.offsets, file.n_words + file.n_labels), ngrams(file) {
    if (!file.input.rows && file.input.n_rows * file.n_dims * int64_t(sizeof(float)) <= MAX_DECODED_BYTES)
      decode_input();
    if (file.max_chars > 0) list_words();
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

  void list_words() {
    const int64_t n_listed = std::min(stored.n_words, MAX_LISTED_WORDS);
    std::vector<char> wrapped;
    listed_starts.push_back(0);
    for (int64_t word = 0; word < n_listed; ++word) {
      check_stop();
      listed.push_back(int32_t(word));
      const char* bytes = stored.entries + stored.offsets[word];
      const int64_t n = stored.offsets[word + 1] - stored.offsets[word];
      if (ngrams.any() && !is_end_of_sentence(bytes, n))
        each_ngram(bytes, n, stored.min_chars, stored.max_chars, wrapped, [&](uint32_t hash) {
          int32_t found;
          if (ngrams.put_hash(hash, &found)) listed.push_back(ngrams.resolve(found));
        });
      listed_starts.push_back(int64_t(listed.size()));
    }
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
