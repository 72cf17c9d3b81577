// Room native: THE list of sides, one line for each side. The core is compiled for every pair of sides
// (with_objective). Python finds a side by its name (kernels/registry.py). objective.hpp lists the members of a side.
#pragma once

#include <iterator>

#include "base/abi.hpp"
#include "objectives/inputs_pool.hpp"
#include "objectives/inputs_rows.hpp"
#include "objectives/outputs_logistic.hpp"
#include "objectives/outputs_one_vs_all.hpp"
#include "objectives/outputs_softmax.hpp"
#include "plan/plan_rules.hpp"

namespace firth {

template <class... All>
struct Sides {};

typedef Sides<RowInputs,   // skip-gram
              PooledInput  // CBOW
              >
    OwnInputs;
typedef Sides<SampledNegatives,  // negative sampling
              HuffmanPath,       // hierarchical softmax
              AllRows,           // softmax
              EachRow            // one-vs-all
              >
    OwnOutputs;

// How inference trains several documents in turn (train/lanes.hpp): the input vector is the document's row, or the mean
// or sum of that row and the window's words; the output rows are the targets, with label 1, and the negatives, with
// label 0. By other sides, documents are trained one after the other.
enum class LaneInput { NONE, ROW, POOL };
template <class Input>
inline constexpr LaneInput LANE_INPUT = LaneInput::NONE;
template <>
inline constexpr LaneInput LANE_INPUT<RowInputs> = LaneInput::ROW;
template <>
inline constexpr LaneInput LANE_INPUT<PooledInput> = LaneInput::POOL;
template <class Output>
inline constexpr bool IS_LANE_OUTPUT = false;
template <>
inline constexpr bool IS_LANE_OUTPUT<SampledNegatives> = true;

}  // namespace firth

// Sides outside firth: CMake's FIRTH_EXTRA_SIDES is a header that defines them and the lists ExtraInputs and
// ExtraOutputs, in this namespace.
#ifdef FIRTH_EXTRA_SIDES
#include FIRTH_EXTRA_SIDES
#else
namespace firth {
typedef Sides<> ExtraInputs;
typedef Sides<> ExtraOutputs;
}  // namespace firth
#endif

namespace firth {

template <class... Own, class... Extra>
Sides<Own..., Extra...> join(Sides<Own...>, Sides<Extra...>);
typedef decltype(join(OwnInputs(), ExtraInputs())) InputSides;
typedef decltype(join(OwnOutputs(), ExtraOutputs())) OutputSides;

template <class T>
struct Type {
  typedef T type;
};

// Calls body(Type<Side>) with the side at an index of a list.
template <class First, class... Rest, class Body>
inline auto with_side(Sides<First, Rest...>, int32_t index, Body&& body) {
  if constexpr (sizeof...(Rest) > 0)
    if (index != 0) return with_side(Sides<Rest...>(), index - 1, body);
  if (index != 0) throw Failure(ERROR_ARGUMENT, "architecture and loss must be sides of this library");
  return body(Type<First>());
}

// Calls body(Type<Output>) with the output side that the settings choose.
template <class Body>
inline auto with_output(const Settings& s, Body&& body) {
  return with_side(OutputSides(), s.loss, body);
}

// Calls body(Type<Input>, Type<Output>) with the sides that the settings choose.
template <class Body>
inline auto with_objective(const Settings& s, Body&& body) {
  return with_side(InputSides(), s.architecture, [&](auto input) {
    return with_side(OutputSides(), s.loss, [&](auto output) { return body(input, output); });
  });
}

// The rules of the plan for a pair of sides.
template <class Input, class Output>
constexpr PlanRules plan_rules() {
  static_assert((Input::STRETCH_TOKENS & (Input::STRETCH_TOKENS - 1)) == 0, "stretches are masks of positions");
  static_assert(Input::STRETCH_TOKENS <= MAX_STRETCH_TOKENS && Input::NOISE_SETS <= MAX_NOISE_SETS, "tables have room");
  static_assert(Input::JOINED_WINDOWS >= 1 && Input::JOINED_WINDOWS <= UNIT_WINDOWS, "one update must take them");
  static_assert(Input::JOINED_WINDOWS == 1 || UNIT_BORDER % Input::STRETCH_TOKENS == 0, "no unit crosses the border");
  return {Output::DRAWS_NEGATIVES, Output::TAKES_ALL_TARGETS, Input::TAKES_PARTS, Input::STRETCH_TOKENS,
          Input::NOISE_SETS,       Input::JOINED_WINDOWS,     Output::part_words};
}

inline PlanRules plan_rules_of(const Settings& s) {
  return with_objective(s, [](auto input, auto output) {
    return plan_rules<typename decltype(input)::type, typename decltype(output)::type>();
  });
}

// The properties of a side for Python, which compares them with the registered side (kernels/settings.py). Properties
// of the other kind of side are 0.
struct SideAnswers {
  const char* name;
  int64_t stretch_tokens, noise_sets, joined_windows, takes_parts, draws_negatives;
};

template <class... All>
inline int64_t answer_for_input(Sides<All...>, int64_t index, SideAnswers* answers) {
  constexpr SideAnswers ALL[] = {
      {All::NAME, All::STRETCH_TOKENS, All::NOISE_SETS, All::JOINED_WINDOWS, All::TAKES_PARTS, 0}...};
  if (index < 0 || index >= int64_t(std::size(ALL))) return 0;
  *answers = ALL[index];
  return 1;
}

template <class... All>
inline int64_t answer_for_output(Sides<All...>, int64_t index, SideAnswers* answers) {
  constexpr SideAnswers ALL[] = {{All::NAME, 0, 0, 0, 0, All::DRAWS_NEGATIVES}...};
  if (index < 0 || index >= int64_t(std::size(ALL))) return 0;
  *answers = ALL[index];
  return 1;
}

}  // namespace firth
