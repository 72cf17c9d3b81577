// Room native: the exported functions of training: train a slice, train a unit, compute the plan or the loss of a
// slice.
#include "base/abi.hpp"
#include "model/settings_table.hpp"
#include "train/deterministic.hpp"
#include "train/inference.hpp"
#include "train/replicas.hpp"

namespace firth {
namespace {

// Trains slices of the shared matrices (updates), or computes their loss.
Result run_slice(const Settings& s, int64_t start, int64_t stop, uint32_t epoch, bool updates) {
  typedef BagRowsAt<float, SharedRows<float>> Bags;
  SharedRows<float> input_row(s.input), output_row(s.output);
  const std::unique_ptr<Bags> bags = has_bags(s) ? std::make_unique<Bags>(s, input_row) : nullptr;
  const std::unique_ptr<SliceTrainer> trainer =
      bags ? make_trainer(bags->settings(), bags->rows(), output_row, bags.get(), updates)
           : make_trainer(s, input_row, output_row, nullptr, updates);
  if (!updates || !has_copies(s)) return trainer->run(start, stop, epoch);
  // By thread, and kept between slices, because allocating megabytes for every slice would be slow.
  thread_local Replicas<float> input_copies, output_copies;
  const int64_t interval = interval_tokens(s);
  const double touches = with_output(s, [](auto side) { return decltype(side)::type::WORTH_A_COPY; });
  if (!bags) input_copies.make(s, input_row, s.input.touches, s.input.n_rows, touches);
  output_copies.make(s, output_row, s.output.touches, s.output.n_rows, touches);
  Result result = {};
  for (int64_t first = start; first < stop; first += interval) {
    const int64_t last = std::min(stop, first + interval);
    const auto merge = [&] {
      const double rate = merge_rate(s, epoch, first, last);
      if (!bags) input_copies.merge(rate, last - first, s.threads);
      output_copies.merge(rate, last - first, s.threads);
    };
    try {
      result.add(trainer->run(first, last, epoch));
    } catch (...) {  // stopped: keep the updates made before
      merge();
      throw;
    }
    merge();
  }
  return result;
}

void validate(const Settings& s) {
  if (s.negatives < 0 || s.negatives > MAX_NEGATIVES)
    throw Failure(ERROR_ARGUMENT,
                  "negatives must be 0 to " + std::to_string(MAX_NEGATIVES) + ", got " + std::to_string(s.negatives));
  if (s.output.frozen) throw Failure(ERROR_ARGUMENT, "rows of the output matrix must learn: none can be frozen");
}

template <class Real>
double update_one(const Settings& s, const Unit& unit, double learning_rate) {
  SharedRows<Real> input_row(s.input), output_row(s.output);
  Workspace<Real> work;
  Prepared<Real> prepared;
  if (has_bags(s)) {
    BagRowsAt<Real, SharedRows<Real>> bags(s, input_row);
    std::vector<int32_t> slots(unit.context, unit.context + unit.n_context);
    bags.begin(slots.data(), slots.size());
    Unit by_slot = unit;
    by_slot.context = slots.data();
    Settings without_bags = bags.settings();
    without_bags.bag_offsets = nullptr;
    const double loss = update_one<Real>(without_bags, by_slot, learning_rate);
    bags.spread();
    return loss;
  }
  with_objective(s, [&](auto input, auto output) {
    typedef typename decltype(input)::type Input;
    typedef typename decltype(output)::type Output;
    if (unit.windows && !(Input::JOINED_WINDOWS > 1 && Output::DRAWS_NEGATIVES))
      throw Failure(ERROR_ARGUMENT, "a unit of several windows must be of sides that join windows");
    const int n_outputs = Output::count(s, unit);
    prepared.reserve(unit.n_context, n_outputs);
    work.reserve(unit.n_context, n_outputs);
    train_rare_unit<Real, Input, Output>(s, unit, Real(learning_rate), true, input_row, output_row, prepared, work,
                                         ComingRows<Real, true>());
    return 0;
  });
  return work.loss.take();
}

}  // namespace
}  // namespace firth

using firth::Settings;

// The fields of Settings in order: name, type, offset and size in bytes. Returns the size of the whole struct, or 0 if
// there is no field of that index.
FIRTH_API int64_t firth_settings_field(int64_t index, firth::SettingsField* field) {
  if (index < 0 || index >= int64_t(std::size(firth::SETTINGS_FIELDS))) return 0;
  *field = firth::SETTINGS_FIELDS[index];
  return int64_t(sizeof(Settings));
}

// The words of parameters that are choices, and their codes. Returns 0 if there is no word at the index.
FIRTH_API int64_t firth_choice(int64_t index, firth::ChoiceWord* choice) {
  if (index < 0 || index >= int64_t(std::size(firth::CHOICE_WORDS))) return 0;
  *choice = firth::CHOICE_WORDS[index];
  return 1;
}

// The sides of the library in order; the index of a side is its code. Return 0 if there is no side at the index.
FIRTH_API int64_t firth_input_side(int64_t index, firth::SideAnswers* answers) {
  return firth::answer_for_input(firth::InputSides(), index, answers);
}
FIRTH_API int64_t firth_output_side(int64_t index, firth::SideAnswers* answers) {
  return firth::answer_for_output(firth::OutputSides(), index, answers);
}

// The sources of the library in order; the index of a source is its code. Returns 0 if there is no source at the index.
FIRTH_API int64_t firth_source(int64_t index, const char** name) {
  const firth::SourceEntry* const entry = firth::find_source(index);
  if (!entry) return 0;
  *name = entry->name;
  return 1;
}

// The functions below copy their result from a variable, because GCC's ThreadSanitizer does not see the write of
// `*result = function()`.

// Trains the tokens [start, stop) of one epoch on the shared matrices, lock-free.
FIRTH_API int64_t firth_train_slice(const Settings* settings, int64_t start, int64_t stop, int32_t epoch,
                                    firth::Result* result) {
  return firth::guard([&]() -> int64_t {
    firth::validate(*settings);
    const firth::Result trained = firth::run_slice(*settings, start, stop, uint32_t(epoch), true);
    *result = trained;
    return 0;
  });
}

FIRTH_API int64_t firth_shards() { return firth::SHARDS; }

// The factor of the summed differences of `copies` copies of a row (merging.hpp).
FIRTH_API double firth_merge_factor(double step, int32_t copies, int32_t delay) {
  return firth::MergeLaw(copies, delay).factor(step, copies);
}

// Makes the workspace of deterministic training, for several calls; free it with firth_rounds_destroy.
FIRTH_API int64_t firth_rounds_create(const Settings* settings, int32_t n_threads, void** rounds) {
  return firth::guard([&]() -> int64_t {
    firth::validate(*settings);
    if (settings->shard_tokens < 1 || settings->shard_tokens > firth::MAX_SHARD_TOKENS)
      throw firth::Failure(firth::ERROR_ARGUMENT, "shard_tokens must be 1 to 1024");
    *rounds = std::make_unique<firth::Rounds>(*settings, n_threads).release();
    return 0;
  });
}

FIRTH_API void firth_rounds_destroy(void* rounds) { delete static_cast<firth::Rounds*>(rounds); }

// Trains the tokens [start, stop) in rounds, with the same bits for any number of threads. `start` must be at the
// border of a round, and `stop` at a border or at the end of the epoch. If the stop flag is set, only whole rounds are
// trained.
FIRTH_API int64_t firth_rounds_train(void* rounds, int64_t start, int64_t stop, int32_t epoch, firth::Result* result) {
  return firth::guard([&]() -> int64_t {
    const firth::Result trained = static_cast<firth::Rounds*>(rounds)->run(start, stop, uint32_t(epoch));
    *result = trained;
    return 0;
  });
}

// Computes the loss of the tokens [start, stop) without an update.
FIRTH_API int64_t firth_evaluate_slice(const Settings* settings, int64_t start, int64_t stop, int32_t epoch,
                                       firth::Result* result) {
  return firth::guard([&]() -> int64_t {
    firth::validate(*settings);
    const firth::Result evaluated = firth::run_slice(*settings, start, stop, uint32_t(epoch), false);
    *result = evaluated;
    return 0;
  });
}

// Updates one unit with explicit ids, for the proof: the update at learning rate 1 is the gradient. Bit t of windows[k]
// is set if the window of targets[t] has context word k; null: the only window has all context words.
FIRTH_API int64_t firth_update_unit(const Settings* settings, int32_t double_precision, const int32_t* context,
                                    const uint8_t* windows, int32_t n_context, const int32_t* targets,
                                    int32_t n_targets, const int32_t* negatives, int32_t n_negatives,
                                    double learning_rate, double* loss) {
  return firth::guard([&]() -> int64_t {
    if (n_negatives < 0 || n_negatives > firth::MAX_NEGATIVES)
      throw firth::Failure(firth::ERROR_ARGUMENT, "a unit has 0 to 2^16 negatives");
    if (n_targets < 1 || n_targets > (windows ? firth::UNIT_WINDOWS : 1))
      throw firth::Failure(firth::ERROR_ARGUMENT, "a unit has 1 to 4 windows");
    for (int i = 0; windows && i < n_context; ++i)
      if (windows[i] >> n_targets)
        throw firth::Failure(firth::ERROR_ARGUMENT, "a word is in a window that is not there");
    const firth::Unit unit{context, n_context, targets, n_targets, windows, negatives, n_negatives, true, true};
    *loss = double_precision ? firth::update_one<double>(*settings, unit, learning_rate)
                             : firth::update_one<float>(*settings, unit, learning_rate);
    return 0;
  });
}

// The plan of a slice: position, target, context and negatives of each window. Call it twice. With null arrays it
// writes the sizes (windows, context words, negatives); then pass arrays of these sizes. The two offset arrays have one
// more element than there are windows.
FIRTH_API int64_t firth_plan_slice(const Settings* settings, int64_t start, int64_t stop, int32_t epoch, int64_t* sizes,
                                   int64_t* positions, int32_t* targets, int64_t* context_offsets, int32_t* contexts,
                                   int64_t* negative_offsets, int32_t* negatives) {
  return firth::guard([&]() -> int64_t {
    firth::validate(*settings);
    const std::unique_ptr<firth::ExampleSource> source = firth::make_source(*settings, firth::plan_rules_of(*settings));
    firth::Chunk chunk;
    source->seek(start, stop, uint32_t(epoch));
    int64_t n_windows = 0, n_contexts = 0, n_negatives = 0;
    while (source->next_chunk(chunk)) {
      firth::check_stop();
      for (size_t c = 0; c < chunk.centers.size(); ++c) {
        const firth::Center& center = chunk.centers[c];
        if (positions) {
          positions[n_windows] = chunk.positions[c];
          targets[n_windows] = center.target;
          int64_t at = context_offsets[n_windows] = n_contexts;
          for (int32_t k = center.first; k < center.last; ++k)
            if (k != center.kept) contexts[at++] = chunk.inputs[k];
          negative_offsets[n_windows] = n_negatives;
          std::copy_n(chunk.negatives.begin() + center.negatives, center.n_negatives, negatives + n_negatives);
        }
        n_windows += 1;
        n_contexts += center.n_context();
        n_negatives += center.n_negatives;
      }
    }
    if (positions) {
      context_offsets[n_windows] = n_contexts;
      negative_offsets[n_windows] = n_negatives;
    }
    sizes[0] = n_windows;
    sizes[1] = n_contexts;
    sizes[2] = n_negatives;
    return 0;
  });
}

// Initial input vectors (initial.hpp).
FIRTH_API int64_t firth_initial_vectors(uint64_t seed, float* matrix, int64_t first_row, int64_t n_rows, int64_t stride,
                                        int32_t dims) {
  return firth::guard([&]() -> int64_t {
    const firth::PhiloxKey key(seed);
    for (int64_t row = 0; row < n_rows; ++row) {
      firth::check_stop();
      firth::draw_initial_row(key, first_row + row, dims, matrix + row * stride);
    }
    return 0;
  });
}

// Infers the vectors of the documents [start, stop) (inference.hpp).
FIRTH_API int64_t firth_infer_documents(const Settings* settings, int64_t start, int64_t stop, int32_t row,
                                        float* vectors, double* losses) {
  return firth::guard([&]() -> int64_t {
    firth::infer_documents(*settings, start, stop, row, vectors, losses);
    return 0;
  });
}
