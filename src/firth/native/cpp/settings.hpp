// Room native: what a training run consists of, as plain data that Python fills (native/kernel.py mirrors it field by
// field; firth_settings_size is compared at load).
#pragma once

#include <cstdint>

namespace firth {

enum Architecture : int32_t { SKIPGRAM = 0, CBOW = 1 };
enum Loss : int32_t { NEGATIVE_SAMPLING = 0, HIERARCHICAL_SOFTMAX = 1, FULL_SOFTMAX = 2 };
enum WindowMode : int32_t { WINDOW_DYNAMIC = 0, WINDOW_FIXED = 1, WINDOW_SEQUENCE = 2 };
enum WindowSide : int32_t { SIDE_BOTH = 0, SIDE_LEFT = 1, SIDE_RIGHT = 2 };
enum Sharing : int32_t { SHARE_WINDOW = 0, SHARE_PAIR = 1, SHARE_BLOCK = 2 };
enum Collision : int32_t { COLLISION_REJECT = 0, COLLISION_COUNT = 1, COLLISION_DROP = 2 };

constexpr int32_t MAX_NEGATIVES = 1 << 16;  // for one window or pair; as in native/kernel.py

// Windows that one update takes at most, where they have the same negatives: skip-gram's (plan.hpp).
constexpr int UNIT_WINDOWS = 4;

// Context words whose gradients are added into one step, at most: a window with more is divided (skip-gram: plan.hpp)
// or its step is damped (CBOW: inputs_pool.hpp). The sum over hundreds of words overshoots and diverges.
constexpr int32_t PART_WORDS = 20;

// One column of the alias table: a coin of 32 bits decides between the column's own word and its alias.
struct AliasColumn {
  uint32_t threshold;  // keep the column's word if the coin is below it; an alias to itself stands for certainty
  int32_t alias;
};

// How often one token touches each row of a matrix, on average: from the row that is touched most on (about: all that
// depends on the order is speed), which is the first or the last one.
struct TouchRates {
  const float* per_token;  // (rows), or null: not known
  int64_t from_last;       // 0 or 1
};

struct Settings {
  // the encoded corpus
  const int32_t* ids;             // (n_tokens)
  const int64_t* offsets;         // (n_sequences + 1)
  const float* sequence_weights;  // (n_sequences), or null: all one
  int64_t n_tokens, n_sequences;
  // the distributions
  const uint32_t* keep_thresholds;  // (n_words): a token is kept if its word of 32 bits is <= this; null: all are kept
  const AliasColumn* noise;         // (n_words), or null where the loss draws no negatives
  const uint64_t* noise_parts;  // (n_words + 1), or null: the noise's word w has [noise_parts[w], noise_parts[w + 1])
  // the Huffman tree, or null
  const int64_t* path_offsets;  // (n_words + 1)
  const int32_t* path_nodes;    // inner nodes from the root to the word
  const uint8_t* path_codes;    // 0 or 1 at each node; the label of a step is 1 - code
  // the two matrices, rows of `stride` elements of which `dims` are used and the rest are 0
  void *input_matrix, *output_matrix;
  const uint8_t* frozen;     // (n_words): input rows that stay as they are; or null
  const int32_t* stop_flag;  // polled; not 0: stop
  int64_t n_words, n_output_rows, stride;
  TouchRates input_rates, output_rates;  // for replicas.hpp and deterministic.hpp
  int32_t dims, architecture, loss, window, window_mode, window_side, negatives, sharing, collision;
  int32_t pool_sum;       // CBOW: 0 the mean of the context, 1 the sum
  int32_t pool_word2vec;  // CBOW: 0 the true gradient, 1 word2vec.c's update (see inputs_pool.hpp)
  int32_t epochs;
  int32_t noise_purpose;  // PURPOSE_NEGATIVES, or PURPOSE_HELDOUT_NOISE
  int32_t n_threads;      // that train at the same time, lock-free
  int32_t shard_tokens;   // deterministic training: tokens of one shard, 1 .. MAX_SHARD_TOKENS
  int32_t loss_every;     // the training loss is taken of one in so many blocks of LOSS_BLOCK tokens
  double learning_rate, min_learning_rate;
  uint64_t seed;
};

// Whether the caller, from another thread, asks to stop.
inline bool stop_requested(const int32_t* flag) { return flag && __atomic_load_n(flag, __ATOMIC_RELAXED); }

// What a stretch of training (or of evaluation) yields; losses are sums in nats.
struct Result {
  double loss;    // of the blocks that count, weighted by the sequences' weights
  double weight;  // the weights of these blocks' examples, added: the loss per example is loss / weight
  double loss_squares, loss_by_weight, weight_squares;  // sums over the blocks that count, for the error of the above
  int64_t examples;  // positive examples, of all blocks: pairs (skip-gram), windows (CBOW)
  int64_t centers;   // windows with at least one context word

  void add_block(double block_loss, double block_weight) {
    loss += block_loss;
    weight += block_weight;
    loss_squares += block_loss * block_loss;
    loss_by_weight += block_loss * block_weight;
    weight_squares += block_weight * block_weight;
  }

  void add(const Result& part) {
    loss += part.loss;
    weight += part.weight;
    loss_squares += part.loss_squares;
    loss_by_weight += part.loss_by_weight;
    weight_squares += part.weight_squares;
    examples += part.examples;
    centers += part.centers;
  }
};

}  // namespace firth
