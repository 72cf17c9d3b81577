// Room native: the settings of a training run, as plain data that Python fills (native/settings.py).
#pragma once

#include <cstdint>

#include "model/rows.hpp"
#include "parameters.hpp"  // made by parameters.py at build time

namespace firth {

// The words of parameters that are choices, except the sides (objectives.hpp): parameter, word, name of the constant,
// code. The code is the index of the word in the choices of TrainingConfig. Python compares the codes at load.
#define FIRTH_CHOICES(CHOICE)                             \
  CHOICE(window_mode, "dynamic", WINDOW_DYNAMIC, 0)       \
  CHOICE(window_mode, "fixed", WINDOW_FIXED, 1)           \
  CHOICE(window_mode, "sequence", WINDOW_SEQUENCE, 2)     \
  CHOICE(window_side, "both", SIDE_BOTH, 0)               \
  CHOICE(window_side, "left", SIDE_LEFT, 1)               \
  CHOICE(window_side, "right", SIDE_RIGHT, 2)             \
  CHOICE(negative_sharing, "block", SHARE_BLOCK, 0)       \
  CHOICE(negative_sharing, "window", SHARE_WINDOW, 1)     \
  CHOICE(negative_sharing, "pair", SHARE_PAIR, 2)         \
  CHOICE(target_collision, "reject", COLLISION_REJECT, 0) \
  CHOICE(target_collision, "count", COLLISION_COUNT, 1)   \
  CHOICE(target_collision, "drop", COLLISION_DROP, 2)     \
  CHOICE(cbow_input, "mean", CBOW_MEAN, 0)                \
  CHOICE(cbow_input, "sum", CBOW_SUM, 1)                  \
  CHOICE(cbow_update, "gradient", CBOW_GRADIENT, 0)       \
  CHOICE(cbow_update, "word2vec", CBOW_WORD2VEC, 1)

#define FIRTH_CODE(parameter, word, name, code) constexpr int32_t name = code;
FIRTH_CHOICES(FIRTH_CODE)
#undef FIRTH_CODE

constexpr int32_t MAX_NEGATIVES = 1 << 16;  // for one window or pair; as in native/kernel.py

// Maximum number of windows of one unit, for skip-gram with shared negatives (plan/units.hpp).
constexpr int UNIT_WINDOWS = 4;

// Maximum number of context words whose gradients are added into one step. A wider window is divided (skip-gram:
// plan/units.hpp), or its step is damped (CBOW: inputs_pool.hpp), because the sum over hundreds of words overshoots and
// diverges.
constexpr int32_t PART_WORDS = 20;

// One column of the alias table: a coin of 32 bits decides between the column's own word and its alias.
struct AliasColumn {
  uint32_t threshold;  // the column's word is drawn if the coin is below it, else the alias; both may be the same word
  int32_t alias;
};

// THE list of the settings: type and name of each field, and the two matrices. The struct is made from this list, and
// so is the table that Python uses to check and fill the struct (native/settings.py). Pointers are to arrays of the
// length in brackets. The parameters of TrainingConfig are first; native/cpp/model/parameters.py makes that part of the
// list from the class.
#define FIRTH_SETTINGS(FIELD, MATRIX)                                                                                 \
  FIRTH_PARAMETERS(FIELD)                                                                                             \
  FIELD(int32_t, source)         /* of examples: its index in plan/sources.hpp, which says what the next eight are */ \
  FIELD(const int32_t*, ids)     /* (n_tokens): the encoded corpus, or input rows */                                  \
  FIELD(const int64_t*, offsets) /* (n_sequences + 1), or null: each position is a sequence */                        \
  FIELD(const int32_t*, targets) /* (n_sequences): of each sequence its target, or null: those are its words */       \
  FIELD(const int64_t*, target_offsets) /* (n_sequences + 1), or null: sequence s has targets [its own, the next) */  \
  FIELD(const int64_t*, tag_offsets)    /* (n_sequences + 1): document s has the tags [its own, the next), or null */ \
  FIELD(const int32_t*, tag_rows)       /* of each tag its row of the input matrix */                                 \
  FIELD(int32_t, tags_with_words)       /* whether the words of the window are inputs beside the tags */              \
  FIELD(const float*, sequence_weights) /* (n_sequences), or null: all are 1 */                                       \
  FIELD(int64_t, n_tokens)              /* positions of an epoch */                                                   \
  FIELD(int64_t, n_sequences)                                                                                         \
  FIELD(const uint32_t*, keep_thresholds) /* (n_targets): a token is kept if its random word is <= this; null: all */ \
  FIELD(const uint32_t*, input_keep_thresholds) /* (input rows): the same for a pair's input row; null: all */        \
  FIELD(const AliasColumn*, noise)              /* (n_targets), or null where the loss draws no negatives */          \
  FIELD(const uint64_t*, noise_parts)           /* (n_targets + 1), or null: word w has [parts[w], parts[w + 1]) */   \
  FIELD(const int64_t*, path_offsets)           /* (n_targets + 1): the Huffman tree's paths, or null */              \
  FIELD(const int32_t*, path_nodes)             /* inner nodes from the root to the word */                           \
  FIELD(const uint8_t*, path_codes)             /* 0 or 1 at each node; the label of a step is 1 - code */            \
  FIELD(const int64_t*, bag_offsets) /* (n_targets + 1): rows that each word is the mean of, or null: its own */      \
  FIELD(const int32_t*, bag_rows)    /* rows of the input matrix */                                                   \
  FIELD(double, bag_step)            /* what the step of a bag's rows is multiplied by (train/bags.hpp) */            \
  MATRIX(input)                                                                                                       \
  MATRIX(output)                                                                                                      \
  FIELD(int64_t, n_targets)        /* ids that can be predicted: words, or labels */                                  \
  FIELD(const int32_t*, stop_flag) /* (1), polled; not 0: stop */                                                     \
  FIELD(int32_t, noise_purpose)    /* PURPOSE_NEGATIVES, or PURPOSE_HELDOUT_NOISE */                                  \
  FIELD(uint64_t, noise_seed)      /* of the noise words; all other draws have the parameter `seed` */                \
  FIELD(int32_t, shard_tokens)     /* deterministic training: tokens of one shard, 1 .. MAX_SHARD_TOKENS */

struct Settings {
#define FIRTH_MEMBER(type, name) type name;
#define FIRTH_MATRIX(name) RowMatrix name;
  FIRTH_SETTINGS(FIRTH_MEMBER, FIRTH_MATRIX)
#undef FIRTH_MATRIX
#undef FIRTH_MEMBER
};

// Whether another thread has asked to stop.
inline bool stop_requested(const int32_t* flag) { return flag && __atomic_load_n(flag, __ATOMIC_RELAXED); }

// The result of training or evaluating a slice.
struct Result {
  double loss;       // sum of the losses of all examples in nats, each times the weight of its sequence
  double weight;     // sum of the weights of the examples; the mean loss is loss / weight
  int64_t examples;  // number of positive examples: pairs (skip-gram), windows (CBOW)
  int64_t centers;   // number of windows with at least one context word

  void add(const Result& part) {
    loss += part.loss;
    weight += part.weight;
    examples += part.examples;
    centers += part.centers;
  }
};

}  // namespace firth
