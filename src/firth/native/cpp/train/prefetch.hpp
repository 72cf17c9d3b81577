// Room native: prefetches the rows of the next units of a chunk. It changes no number.
#pragma once

#include "objectives/objectives.hpp"
#include "plan/chunk.hpp"

namespace firth {

constexpr int PREFETCH_UNITS = 2;  // Prefetch distance in units. Larger was slower: lines were evicted before use.
constexpr int LOOKUP_UNITS = 8;    // Prefetch distance, in units, of the tables that have the homes of rows.

template <class Real, class Output, class FindRow>
class Prefetch {
 public:
  Prefetch(const Settings& settings, const Chunk& chunk, const FindRow& input_row, const FindRow& output_row)
      : s_(settings), chunk_(chunk), input_row_(input_row), output_row_(output_row) {}

  void begin_chunk() {
    n_inputs_ = 0;
    std::fill_n(asked_, MAX_NOISE_SETS, -1);
  }

  // No input row is to be prefetched, because the inputs of the chunk are not ids of rows yet.
  void leave_inputs() { n_inputs_ = int32_t(chunk_.inputs.size()); }

  // Collects the rows to prefetch: of the unit PREFETCH_UNITS after this one; at the first unit, of all units up to it.
  // It is not inlined: it is compiled once for all input sides.
  __attribute__((noinline)) void collect(size_t index) {
    coming_.clear();
    if (index >= chunk_.units.size()) return;
    const size_t ahead = std::min(index + PREFETCH_UNITS, chunk_.units.size() - 1);
    const Center& furthest = chunk_.centers[chunk_.units[ahead].last - 1];
    const int64_t reach = int64_t(furthest.kept) + chunk_.reach + 1;
    for (const int32_t stop = int32_t(std::min(reach, int64_t(chunk_.inputs.size()))); n_inputs_ < stop; ++n_inputs_)
      coming_.add(input_row_.home(chunk_.inputs[n_inputs_]));
    for (size_t u = index == 0 ? 0 : index + PREFETCH_UNITS; u <= ahead; ++u) collect_outputs(chunk_.units[u]);
    if (!FindRow::IN_PLACE && Output::DRAWS_NEGATIVES && index + LOOKUP_UNITS < chunk_.units.size())
      foresee(chunk_.units[index + LOOKUP_UNITS]);
    Output::look_ahead(
        s_, [&] { return target_at(index + LOOKUP_UNITS); }, [&] { return target_at(index + LOOKUP_UNITS * 3 / 2); });
  }

  const ComingRows<Real, FindRow::PREFETCH_WRITE>& coming() const { return coming_; }

  void ask_all() const { coming_.ask_all(padded_dims<Real>(s_)); }
  void clear() { coming_.clear(); }

 private:
  void collect_outputs(const PlannedUnit& unit) {
    for (int32_t c = unit.first; c < unit.last; ++c)
      Output::each_coming_row(s_, chunk_.centers[c].target, [&](int32_t id) { coming_.add(output_row_.home(id)); });
    if (!Output::DRAWS_NEGATIVES) return;
    const Center& center = chunk_.centers[unit.first];
    int64_t& asked = asked_[center.noise_set];
    if (center.negatives == asked) return;  // an earlier unit has prefetched them
    asked = center.negatives;
    for (int k = 0; k < center.n_negatives; ++k) coming_.add(output_row_.home(chunk_.negatives[center.negatives + k]));
  }

  // Prefetches the homes of a unit's rows.
  void foresee(const PlannedUnit& unit) {
    for (int32_t c = unit.first; c < unit.last; ++c) {
      const int32_t last = chunk_.centers[c].last - 1;
      if (last >= n_inputs_) input_row_.foresee(chunk_.inputs[last]);
      output_row_.foresee(chunk_.centers[c].target);
    }
    const Center& center = chunk_.centers[unit.first];
    for (int k = 0; k < center.n_negatives; ++k) output_row_.foresee(chunk_.negatives[center.negatives + k]);
  }

  const int32_t* target_at(size_t index) const {
    return index < chunk_.units.size() ? &chunk_.centers[chunk_.units[index].first].target : nullptr;
  }

  const Settings& s_;
  const Chunk& chunk_;
  const FindRow& input_row_;
  const FindRow& output_row_;
  ComingRows<Real, FindRow::PREFETCH_WRITE> coming_;
  int64_t asked_[MAX_NOISE_SETS];  // by noise set: index in Chunk::negatives of the words prefetched last
  int32_t n_inputs_ = 0;           // number of inputs of the chunk whose rows were prefetched
};

}  // namespace firth
