// Room native: what the plan of a slice must know of the objective that it is made for.
#pragma once

#include "settings.hpp"

namespace firth {

constexpr int64_t UNIT_BORDER = 64;  // tokens: no unit of windows reaches across a multiple of it

struct PlanRules {
  bool draws_negatives;
  bool joins_windows;    // neighbouring windows that share their negatives are one unit
  bool takes_parts;      // a wide window is divided into parts
  int64_t block_tokens;  // of a block that shares its draws of negatives, before subsampling; a power of two
  int32_t (*part_words)(const Settings&, int32_t context);  // context words of a part at most, of a window
};

}  // namespace firth
