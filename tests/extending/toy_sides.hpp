// Room tests/extending: a toy input side and a toy output side, which the core is compiled with. The program
// toy_program.py registers their Python sides and proves them. What a side must have:
// native/cpp/objectives/objective.hpp.
#include <atomic>

namespace firth {

std::atomic<int64_t> toy_chunks_begun{0}, toy_chunks_ended{0};

// One input: half the sum of the context's rows.
struct HalfSum {
  static constexpr const char* NAME = "half-sum";
  static constexpr int64_t STRETCH_TOKENS = 32;
  static constexpr int32_t NOISE_SETS = 3, JOINED_WINDOWS = 1;
  static constexpr bool TAKES_PARTS = false;
  static int64_t examples(int32_t) { return 1; }
  static int inputs(int) { return 1; }

  template <class Real>
  static void begin_chunk(const Settings&, Workspace<Real>&) {
    ++toy_chunks_begun;
  }
  template <class Real>
  static void end_chunk(const Settings&, Workspace<Real>&) {
    ++toy_chunks_ended;
  }

  template <class Real>
  static Inputs<Real> gather(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work) {
    const int n_padded = padded_dims<Real>(settings);
    work.pooled = work.pooled_memory.get(n_padded);
    sum_rows<Real>(prepared.context_rows, prepared.unit.n_context, Real(0.5), n_padded, work.pooled);
    return {&work.pooled, 1};
  }

  template <class Real, class Coming>
  static void update(const Settings& settings, const Prepared<Real>& prepared, Workspace<Real>& work,
                     const Inputs<Real>& inputs, const Coming& coming) {
    const int n_padded = padded_dims<Real>(settings);
    const Real* const change = update_outputs_and_gather<Real>(inputs.rows[0], prepared.output_rows, prepared.n_outputs,
                                                               n_padded, work.coefficients, work.changes, coming);
    add_to_rows<Real>(prepared.context_rows, prepared.unit.n_context, change, Real(0.5), n_padded);
  }
};

// Squares: the target's logit should be 1, that of the word after it 0.
struct NextWord {
  static constexpr const char* NAME = "next-word";
  static constexpr bool DRAWS_NEGATIVES = false, MAY_REPEAT = false, TOUCHES_ALL_ROWS = false,
                        TAKES_ALL_TARGETS = false;
  static constexpr double WORTH_A_COPY = 16;

  template <class Real>
  static void begin_chunk(const Settings&, Workspace<Real>&) {}
  template <class Real>
  static void end_chunk(const Settings&, Workspace<Real>&) {}

  static int32_t part_words(const Settings&, int32_t) { return PART_WORDS; }
  static int32_t next(const Settings& settings, int32_t word) { return int32_t((word + 1) % settings.output.n_rows); }

  template <class Take>
  static void each_output_row(const Settings& settings, const int32_t& target, Take&& take) {
    const int32_t ids[] = {target, next(settings, target)};
    take(ids, 2);
  }
  template <class Add>
  static void each_coming_row(const Settings& settings, int32_t target, Add&& add) {
    add(target);
    add(next(settings, target));
  }
  template <class Near, class Far>
  static void look_ahead(const Settings&, Near&&, Far&&) {}

  static int count(const Settings&, const Unit&) { return 2; }
  static int largest_count(const Settings&) { return 2; }
  static void collect(const Settings& settings, const Unit& unit, int, int32_t* ids, uint32_t*) {
    ids[0] = *unit.targets;
    ids[1] = next(settings, ids[0]);
  }
  template <class Real>
  static void weigh(const Unit&, int, int, Real*) {}

  template <class Real>
  static void coefficients(const Prepared<Real>& prepared, int m, Workspace<Real>& work) {
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < 2; ++j) {
        const size_t at = coefficient_at(m, 2, i, j);
        const Real error = work.logits[at] - Real(j == 0);
        work.coefficients[at] = -prepared.learning_rate * error;
        work.loss.add(0.5 * double(error) * double(error));
      }
  }
};

typedef Sides<HalfSum> ExtraInputs;
typedef Sides<NextWord> ExtraOutputs;

}  // namespace firth

FIRTH_API int64_t firth_toy_chunks_begun() { return firth::toy_chunks_begun; }
FIRTH_API int64_t firth_toy_chunks_ended() { return firth::toy_chunks_ended; }
