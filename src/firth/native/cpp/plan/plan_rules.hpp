// Room native: what the plan of a slice must know of the objective that it is made for.
#pragma once

#include "model/settings.hpp"

namespace firth {

constexpr int64_t UNIT_BORDER = 64;  // tokens: no unit of windows reaches across a multiple of it
constexpr int64_t MAX_BLOCK_TOKENS = 256;
constexpr int32_t MAX_BLOCK_DRAWS = 16;

struct PlanRules {
  bool draws_negatives;
  bool takes_parts;        // a wide window is divided into parts
  int64_t block_tokens;    // of a block that shares its draws of negatives, before subsampling; a power of two
  int32_t block_draws;     // draws of negatives that a block has
  int32_t joined_windows;  // neighbouring windows that share a draw and are one unit; 1: each window is a unit
  int32_t (*part_words)(const Settings&, int32_t context);  // context words of a part at most, of a window
};

}  // namespace firth
