// Room native: infers the vectors of several documents at once, with negative sampling.
//
// The steps of one document depend on each other: logits, loss, update, then the logits of the next unit. A core would
// wait for each of them. Therefore a thread trains several documents in turn, one unit of each: the *lanes*. The
// logistic function of all lanes is computed together. No number of a lane depends on the other lanes.
//
// All other rows are frozen, so repeated words of a unit need no sum, and no output row is written.
#pragma once

#include "plan/sources.hpp"
#include "train/document_start.hpp"
#include "train/train.hpp"

namespace firth {

constexpr int LANES_OF_DOCUMENTS = 4;

// The windows of a document without the rows that learn: only the lanes read its chunks.
class WindowsOfLane final : public WindowsOverText {
 public:
  WindowsOfLane(const Settings& settings, const PlanRules& rules) : WindowsOverText(settings, rules, 0) {
    keep_noise_sets();
  }

 private:
  void complete(Chunk&) override {}
};

// A document in training.
class Lane {
 public:
  Lane(const Settings& all, int32_t row, const PlanRules& rules)
      : document_(all, row), source_(document_.settings, rules) {}
  Lane(const Lane&) = delete;

  // Begins an epoch of a document; false if it has no unit.
  bool begin(int64_t which, uint64_t seed, float* row, int64_t epoch) {
    number = which;
    vector = row;
    epoch_ = epoch;
    unit_ = 0;
    loss = n_examples = 0;
    document_.begin(which, seed);
    source_.seek(0, settings().n_tokens, uint32_t(epoch));
    return plan();
  }

  // Goes to the next unit; false if the epoch of the document is finished.
  bool next_unit() { return ++unit_ < chunk.units.size() || plan(); }

  const PlannedUnit& unit() const { return chunk.units[unit_]; }
  // The first center of the next unit of the chunk and the end of that unit's centers; of this unit, if it is the last.
  const PlannedUnit& coming_unit() const { return chunk.units[std::min(unit_ + 1, chunk.units.size() - 1)]; }
  bool in_last_epoch() const { return epoch_ + 1 == settings().epochs; }
  float rate() const { return float(learning_rate_at(settings(), epoch_, unit().position)); }

  int64_t number = 0;
  float* vector = nullptr;
  Chunk chunk;
  double loss = 0, n_examples = 0;  // of the epoch, if it is the last

 private:
  const Settings& settings() const { return document_.settings; }

  // Plans the next chunk that has a unit.
  bool plan() {
    unit_ = 0;
    while (source_.next_chunk(chunk)) {
      check_stop();
      if (!chunk.units.empty()) return true;
    }
    return false;
  }

  DocumentSettings document_;
  WindowsOfLane source_;
  int64_t epoch_ = 0;
  size_t unit_ = 0;
};

// Trains documents by a pair of sides: the input vector is the document's row (PV-DBOW), or the mean or the sum of that
// row and the window's words (PV-DM).
template <class Input, class Output>
class LaneTrainer {
  static constexpr bool POOLED = LANE_INPUT<Input> == LaneInput::POOL;
  static constexpr int LANES = Simd<float>::LANES;

 public:
  static constexpr bool KNOWS_SIDES = LANE_INPUT<Input> != LaneInput::NONE && IS_LANE_OUTPUT<Output>;

  LaneTrainer(const Settings& s, int32_t row)
      : s_(s), n_vectors_(padded_dims<float>(s) / LANES), most_(Output::largest_count(s)) {
    const PlanRules rules = rules_of_inference(plan_rules<Input, Output>(), POOLED);
    for (auto& lane : lanes_) lane = std::make_unique<Lane>(s, row, rules);
    // Whole vectors are written and read, so there is room for one more.
    const size_t total = size_t(LANES_OF_DOCUMENTS) * most_ + LANES;
    sums_ = sums_memory_.get(total * LANES);
    coefficients_ = coefficients_memory_.get(total);
    rates_ = rates_memory_.get(total + LANES);
    nats_ = nats_memory_.get(total);
    std::fill_n(sums_, total * LANES, 0.0f);
    std::fill_n(rates_, total + LANES, 0.0f);
    rows_.resize(total);
  }

  // Infers the documents [start, stop): an epoch of some documents, then the next epoch of them, so that the noise
  // words of the epoch are drawn once and their rows stay in the cache.
  void run(int64_t start, int64_t stop, float* vectors, double* losses) {
    for (int64_t first = start; first < stop; first += DOCUMENTS_OF_AN_EPOCH) {
      const int64_t last = std::min(stop, first + DOCUMENTS_OF_AN_EPOCH);
      for (int64_t document = first; document < last; ++document)
        seeds_[document - first] = begin_vector(s_, document, vectors + document * s_.input.stride);
      for (int64_t epoch = 0; epoch < s_.epochs; ++epoch) {
        int64_t next = first;
        run_epoch(
            [&](Lane& lane) {
              while (next < last) {
                const int64_t document = next++;
                if (lane.begin(document, seeds_[document - first], vectors + document * s_.input.stride, epoch))
                  return true;
                losses[document] = lane.loss / lane.n_examples;
              }
              return false;
            },
            losses);
      }
    }
  }

 private:
  // begin_next(lane) begins the epoch of another document that has a unit; it returns false if there is none.
  template <class BeginNext>
  void run_epoch(BeginNext&& begin_next, double* losses) {
    int n_active = 0;
    while (n_active < LANES_OF_DOCUMENTS && begin_next(*lanes_[n_active])) ++n_active;
    while (n_active > 0) {
      with_width<PIECE_VECTORS>((n_vectors_ - 1) % PIECE_VECTORS + 1,
                                [&](auto last) { step<decltype(last)::value>(n_active); });
      for (int k = 0; k < n_active;) {
        Lane& lane = *lanes_[k];
        bool goes_on = lane.next_unit();
        if (!goes_on) {
          losses[lane.number] = lane.loss / lane.n_examples;
          goes_on = begin_next(lane);
        }
        if (goes_on)
          ++k;
        else
          std::swap(lanes_[k], lanes_[--n_active]);
      }
    }
  }

  // Trains one unit of each lane. Rows are processed in pieces of PIECE_VECTORS vectors; the last piece has LAST.
  template <int LAST>
  __attribute__((noinline)) void step(int n_active) {
    const int n_whole = (n_vectors_ - LAST) * LANES;
    bool with_loss = false;
    first_[0] = 0;
    for (int k = 0; k < n_active; ++k) {
      Lane& lane = *lanes_[k];
      find_rows(lane, k);
      for (int d = 0; d < n_whole; d += PIECE_VECTORS * LANES) sum_products<PIECE_VECTORS>(lane, k, d);
      sum_products<LAST>(lane, k, n_whole);
      with_loss |= lane.in_last_epoch();
    }
    if (with_loss)
      compute_coefficients<true>(first_[n_active]);
    else
      compute_coefficients<false>(first_[n_active]);
    for (int k = 0; k < n_active; ++k) {
      Lane& lane = *lanes_[k];
      for (int d = 0; d < n_whole; d += PIECE_VECTORS * LANES) update<PIECE_VECTORS>(lane, k, d);
      update<LAST>(lane, k, n_whole);
      if (lane.in_last_epoch()) add_loss(lane, k);
    }
  }

  const float* output_row(int32_t id) const {
    return static_cast<const float*>(s_.output.rows) + int64_t(id) * s_.output.stride;
  }

  const float* input_row(int32_t id) const {
    return static_cast<const float*>(s_.input.rows) + int64_t(id) * s_.input.stride;
  }

  // The factor of the step of the document's row, which is one of the m inputs of a window.
  FIRTH_INLINE float input_step(Lane& lane, const Center& center, int m) {
    if (m > PART_WORDS) {  // otherwise the words do not matter
      context_.resize(size_t(m) + 1);
      copy_context(lane.chunk, center, context_.data());
      context_[size_t(m) - 1] = -1;  // the document's row
    }
    Unit window = {};
    window.context = context_.data();
    window.n_context = m;
    return float(Input::input_step(s_, window, sorted_));
  }

  // Finds the output rows of a lane's unit, and their labels: the rate of a row is positive if its label is 1. A
  // negative counts once for each target of the unit.
  FIRTH_INLINE void find_rows(Lane& lane, int k) {
    const PlannedUnit& unit = lane.unit();
    const Center* const centers = lane.chunk.centers.data() + unit.first;
    const int n_targets = unit.last - unit.first, n_negatives = centers->n_negatives, at = first_[k];
    const float rate = lane.rate();
    const F32 of_targets = broadcast(rate), of_negatives = broadcast(-rate * float(n_targets));
    for (int j = 0; j < n_targets + n_negatives; j += LANES)
      store_unaligned(rates_ + at + j,
                      load(LANE_PATTERNS<float>.lane) < broadcast(float(n_targets - j)) ? of_targets : of_negatives);
    const float** const rows = rows_.data() + at;
    for (int t = 0; t < n_targets; ++t) rows[t] = output_row(centers[t].target);
    const int32_t* const negatives = lane.chunk.negatives.data() + centers->negatives;
    for (int j = 0; j < n_negatives; ++j) rows[n_targets + j] = output_row(negatives[j]);
    const PlannedUnit& coming = lane.coming_unit();
    for (int c = coming.first; c < coming.last; ++c)
      prefetch_row<false>(output_row(lane.chunk.centers[c].target), n_vectors_ * LANES);
    if constexpr (POOLED) {
      const int32_t* const ids = lane.chunk.inputs.data();
      prefetch_row<false>(input_row(ids[lane.chunk.centers[coming.first].last - 1]), n_vectors_ * LANES);
    }
    first_[k + 1] = at + n_targets + n_negatives;
    n_targets_[k] = n_targets;
    if constexpr (POOLED) {
      const int m = centers->n_context() + 1;
      step_[k] = input_step(lane, *centers, m);
      share_[k] = s_.cbow_input == CBOW_SUM ? 1.0f : 1.0f / float(m);
    }
  }

  // Adds to the sums of a lane's logits the products of N vectors of the rows, from element d on. A logit is the sum of
  // the elements of its vector of sums.
  template <int N>
  FIRTH_INLINE void sum_products(Lane& lane, int k, int d) {
    F32 input[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) input[v] = load(lane.vector + d + v * LANES);
    if constexpr (POOLED) {
      const Center& center = lane.chunk.centers[lane.unit().first];
      const int32_t* const ids = lane.chunk.inputs.data();
      F32 words[N] = {};
      const int count = center.n_context();
      for (int i = 0; i < count; ++i) {
        const float* const row = input_row(ids[input_of(center, i)]) + d;
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) words[v] += load(row + v * LANES);
      }
      const F32 share = broadcast(share_[k]);
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) input[v] = (words[v] + input[v]) * share;
    }
    for (int j = first_[k]; j < first_[k + 1]; ++j) {
      const float* const row = rows_[j] + d;
      F32 even = input[0] * load(row), odd = F32{};
#pragma GCC unroll 8
      for (int v = 1; v < N; ++v) {
        F32& sum = v % 2 ? odd : even;
        sum = fma(input[v], load(row + v * LANES), sum);
      }
      const F32 both = even + odd;
      float* const sums = sums_ + size_t(j) * LANES;
      store(sums, d == 0 ? both : load(sums) + both);
    }
  }

  // The coefficients of all lanes: rate * sigmoid(-y z) as in logistic.hpp. With LOSS, `nats_` gets the loss of each
  // logit.
  template <bool LOSS>
  FIRTH_INLINE void compute_coefficients(int count) {
    constexpr int32_t SIGN = std::numeric_limits<int32_t>::min();
    const F32 one = broadcast(1.0f), zero = F32{};
    for (int k = 0; k < count; k += LANES) {
      F32 sums[LANES], z[1];
#pragma GCC unroll 16
      for (int j = 0; j < LANES; ++j) sums[j] = load(sums_ + size_t(k + j) * LANES);
      reduce<LANES>(sums, z);
      const F32 rate = load(rates_ + k);
      const F32 s = (F32)((I32)z[0] ^ (~(I32)rate & SIGN));  // -y z
      const F32 e = exp_of_negative((F32)((I32)s & ~SIGN));
      store(coefficients_ + k, rate * (((I32)s < 0 ? e : one) / (one + e)));  // sigmoid(s), without cancellation
      if constexpr (LOSS) store(nats_ + k, log_one_plus(e) + (s < zero ? zero : s));
    }
  }

  // Adds the step of a lane's unit to N vectors of its document's row, from element d on.
  template <int N>
  FIRTH_INLINE void update(Lane& lane, int k, int d) {
    F32 moved[N] = {};
    for (int j = first_[k]; j < first_[k + 1]; ++j) {
      const F32 c = broadcast(coefficients_[j]);
      const float* const row = rows_[j] + d;
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) moved[v] = fma(c, load(row + v * LANES), moved[v]);
    }
    const F32 factor = broadcast(POOLED ? step_[k] : 1.0f);
    float* const vector = lane.vector + d;
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) store(vector + v * LANES, fma(factor, moved[v], load(vector + v * LANES)));
  }

  FIRTH_INLINE void add_loss(Lane& lane, int k) {
    for (int j = first_[k]; j < first_[k + 1]; ++j) lane.loss += double(nats_[j]) * (rates_[j] < 0 ? n_targets_[k] : 1);
    lane.n_examples += n_targets_[k];
  }

  static constexpr int64_t DOCUMENTS_OF_AN_EPOCH = 16;
  static constexpr int PIECE_VECTORS = 8;  // of the input vector that are in registers

  const Settings& s_;
  const int n_vectors_, most_;
  uint64_t seeds_[DOCUMENTS_OF_AN_EPOCH];
  std::unique_ptr<Lane> lanes_[LANES_OF_DOCUMENTS];
  // By lane: its first output row in the arrays below, number of targets, factor of its step, factor of the sum of its
  // inputs.
  int first_[LANES_OF_DOCUMENTS + 1], n_targets_[LANES_OF_DOCUMENTS];
  float step_[LANES_OF_DOCUMENTS], share_[LANES_OF_DOCUMENTS];
  Scratch<float> sums_memory_, coefficients_memory_, rates_memory_, nats_memory_;
  Scratch<int32_t> sorted_;
  float *sums_, *coefficients_, *rates_, *nats_;  // by output row
  std::vector<const float*> rows_;
  std::vector<int32_t> context_;
};

}  // namespace firth
