// Room native: the properties of an objective that the plan of a slice depends on.
#pragma once

#include "model/settings.hpp"

namespace firth {

constexpr int64_t UNIT_BORDER = 64;  // tokens: no unit contains windows on both sides of a multiple of this number
constexpr int64_t MAX_STRETCH_TOKENS = 256;
constexpr int32_t MAX_NOISE_SETS = 64;

struct PlanRules {
  bool draws_negatives;
  bool takes_all_targets;  // of an example with several targets; elsewhere one of them is drawn
  bool takes_parts;        // a wide window is divided into parts
  int64_t stretch_tokens;  // tokens of a stretch before subsampling; a power of two
  int32_t noise_sets;      // noise sets of a stretch
  int32_t joined_windows;  // neighbouring windows that have one noise set and are one unit; 1: each window is a unit
  int32_t (*part_words)(const Settings&, int32_t context);  // maximum context words of a part of a window
};

}  // namespace firth
