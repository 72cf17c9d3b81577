// Room native: THE list of sources of examples, one line for each source. Python finds a source by its name. A source
// must have a NAME, a constructor like the sources here, and the functions of source.hpp.
#pragma once

#include <iterator>
#include <memory>

#include "plan/documents.hpp"
#include "plan/examples.hpp"
#include "plan/pairs.hpp"
#include "plan/windows.hpp"

namespace firth {

template <class... All>
struct Sources {};

typedef Sources<WindowsOverText,   // text: a window around each token
                ExplicitExamples,  // bags of input rows, each with a target and a weight
                Documents,         // text whose tokens are predicted from the tags of their document, and from windows
                WeightedPairs      // an input row and a target each, with a weight
                >
    OwnSources;

}  // namespace firth

// Sources outside firth: CMake's FIRTH_EXTRA_SOURCES is a header that defines them and ExtraSources, the list of them,
// in this namespace.
#ifdef FIRTH_EXTRA_SOURCES
#include FIRTH_EXTRA_SOURCES
#else
namespace firth {
typedef Sources<> ExtraSources;
}  // namespace firth
#endif

namespace firth {

struct SourceEntry {
  const char* name;
  std::unique_ptr<ExampleSource> (*make)(const Settings&, const PlanRules&);
};

template <class Source>
std::unique_ptr<ExampleSource> construct_source(const Settings& s, const PlanRules& rules) {
  return std::make_unique<Source>(s, rules);
}

template <class... Own, class... Extra>
inline const SourceEntry* find_source(Sources<Own...>, Sources<Extra...>, int64_t index) {
  static constexpr SourceEntry ALL[] = {{Own::NAME, construct_source<Own>}...,
                                        {Extra::NAME, construct_source<Extra>}...};
  return index >= 0 && index < int64_t(std::size(ALL)) ? &ALL[index] : nullptr;
}

// The source at an index of the list, which is its code; null if there is none.
inline const SourceEntry* find_source(int64_t index) { return find_source(OwnSources(), ExtraSources(), index); }

// Makes the source that the settings choose. The settings must outlive it.
inline std::unique_ptr<ExampleSource> make_source(const Settings& s, const PlanRules& rules) {
  const SourceEntry* const entry = find_source(s.source);
  if (!entry) throw Failure(ERROR_ARGUMENT, "the source of examples must be one of this library");
  return entry->make(s, rules);
}

}  // namespace firth
