// Room native: what the plan of a slice must know of the objective that it is made for.
#pragma once

#include "model/settings.hpp"

namespace firth {

constexpr int64_t UNIT_BORDER = 64;  // tokens: no unit of windows reaches across a multiple of it
constexpr int64_t MAX_STRETCH_TOKENS = 256;
constexpr int32_t MAX_NOISE_SETS = 16;

struct PlanRules {
  bool draws_negatives;
  bool takes_all_targets;  // of an example with several targets; elsewhere one of them is drawn
  bool takes_parts;        // a wide window is divided into parts
  int64_t stretch_tokens;  // of a stretch, whose windows share noise sets, before subsampling; a power of two
  int32_t noise_sets;      // of a stretch
  int32_t joined_windows;  // neighbouring windows that have one noise set and are one unit; 1: each window is a unit
  int32_t (*part_words)(const Settings&, int32_t context);  // context words of a part at most, of a window
};

}  // namespace firth
