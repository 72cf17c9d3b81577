// Room native: the best label of each of several texts under a tree whose nodes are all computed: a lane is a text, so
// that the walk from the root to the leaves, which for one text is scalar, is the same for all of them.
//
// Every lane's sums and products are those of Predictor::walk_levels for one text, in the same order.
#pragma once

#include "base/simd.hpp"
#include "classify/model.hpp"

namespace firth {

constexpr float LOG_FLOOR = 1e-5f;  // fastText's std_log adds it to each probability before the logarithm

// The probability of the right child, of logits.
FIRTH_INLINE F32 logistic(F32 z) {
  const F32 one = broadcast(1.0f), e = exp_of_negative(z < F32{} ? -z : z);
  return (z < F32{} ? e : one) / (one + e);
}

class TreeLanes {
 public:
  static constexpr int64_t LANES = Simd<float>::LANES;

  explicit TreeLanes(const Classifier& model) : model_(model) {
    if (!fits()) return;
    hidden_.resize(size_t(model.stored.n_dims * LANES));
    reached_.resize(size_t(2 * model.stored.n_labels * LANES));
  }

  // Whether the model has such a tree.
  bool fits() const {
    const int64_t n_labels = model_.stored.n_labels;
    return model_.stored.loss == HIERARCHICAL_SOFTMAX && model_.is_flat && n_labels > 1 && n_labels <= MAX_FLAT_NODES;
  }

  void set_text(int64_t lane, const float* hidden) {
    for (int64_t dim = 0; dim < model_.stored.n_dims; ++dim) hidden_[size_t(dim * LANES + lane)] = hidden[dim];
  }

  // The label of each lane with the largest probability, the last of equal ones, and that probability.
  void find_best(int32_t* labels, float* probabilities) {
    walk();
    const std::vector<int32_t>& indices = model_.levels.leaf_indices;
    F32 top = {};
    I32 best = {};
    for (int64_t label = 0; label < model_.stored.n_labels; ++label) {
      const F32 here = load_unaligned(reached_.data() + indices[size_t(label)] * LANES);
      const I32 is_better = here >= top;
      best = is_better ? I32{} + int32_t(label) : best;
      top = is_better ? here : top;
    }
    std::memcpy(labels, &best, sizeof best);
    std::memcpy(probabilities, &top, sizeof top);
  }

 private:
  void walk() {
    const int64_t n_dims = model_.stored.n_dims, n_nodes = model_.stored.n_labels - 1;
    const F32 one = broadcast(1.0f), floor = broadcast(LOG_FLOOR);
    float* reached = reached_.data();
    store_unaligned(reached, one);
    for (int64_t node = 0; node < n_nodes; ++node) {  // parents come before their children
      const float* row = model_.blocks + node / LABEL_BLOCK * n_dims * LABEL_BLOCK + node % LABEL_BLOCK;
      F32 logits = {};
      for (int64_t dim = 0; dim < n_dims; ++dim)
        logits += broadcast(row[dim * LABEL_BLOCK]) * load_unaligned(hidden_.data() + dim * LANES);
      if (!model_.scales.empty()) logits *= broadcast(model_.scales[size_t(node)]);
      const F32 right = logistic(logits),
                at_node = load_unaligned(reached + model_.levels.indices[size_t(node)] * LANES);
      store_unaligned(reached + (1 + 2 * node) * LANES, ((one - right) + floor) * at_node);
      store_unaligned(reached + (2 + 2 * node) * LANES, (right + floor) * at_node);
    }
  }

  const Classifier& model_;
  std::vector<float> hidden_, reached_;  // (n_dims, LANES); by index, (2 n_labels - 1, LANES)
};

}  // namespace firth
