// tests/native: the training kernels without Python, for the sanitizers; what they compute is proved elsewhere
// (tests/kernels). Every array ends where it must, so that reading one vector too far is seen. One argument says what
// runs; exit status 0: all is well.
//   serial     every objective and option on one thread: slices, evaluation, plans, single units
//   rounds     deterministic training by 1, 2, 3 and 8 threads, and threads that evaluate and plan side by side
//   documents  documents of one tag and of several, without words and with them, and their inference by threads
//   windows    windows as wide as the configuration admits
//   stop       a stop flag set by another thread
//   memory     memory that runs out in any thread at any moment
//   lock-free  two threads on the same matrices, with and without copies of the busiest rows, which race by design
//              (tsan.supp)
//   race       the same, and both threads write one result, which is no design
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>

#include "objectives/block.hpp"
#include "system.hpp"

namespace firth {

// Exactly the bytes that are asked for, at a multiple of 64.
inline void* allocate_exactly(size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, ROW_ALIGNMENT, bytes)) std::abort();
  return memory;
}

// Requests of more memory, for scratch and for buffers, that were made, and the number of the one that is refused.
inline std::atomic<int64_t> requests{0}, refused{-1};

// A request of memory; throws if it is refused.
inline void request_memory() {
  if (requests.fetch_add(1) == refused.load()) throw std::bad_alloc();
}

// In place of the kernels' scratch, which keeps more than it was asked for: no byte more, and NaN in all of it, so that
// what is read before it is written shows in the results.
template <class Real>
class ExactScratch {
 public:
  ExactScratch() = default;
  ExactScratch(const ExactScratch&) = delete;
  ExactScratch& operator=(const ExactScratch&) = delete;
  ~ExactScratch() { free_aligned(memory_); }

  Real* get(size_t elements) {
    if (elements != elements_ || !memory_) {
      if (elements > largest_) request_memory();
      largest_ = std::max(largest_, elements);
      free_aligned(memory_);
      memory_ = static_cast<Real*>(allocate_exactly(elements * sizeof(Real)));
      elements_ = elements;
    }
    std::fill_n(memory_, elements, std::numeric_limits<Real>::quiet_NaN());
    return memory_;
  }

 private:
  Real* memory_ = nullptr;
  size_t elements_ = 0, largest_ = 0;
};

template <>
class Scratch<float> : public ExactScratch<float> {};
template <>
class Scratch<double> : public ExactScratch<double> {};

}  // namespace firth

// Buffers allocate arrays, and nothing else here does.
void* operator new[](size_t bytes) {
  firth::request_memory();
  void* const memory = std::malloc(bytes);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

#include "train/train.cpp"

// The two matrices of lock-free training, each in a variable whose name tsan.supp exempts: races are exempt by the
// memory where they are, whatever the functions are called that a compiler made.
namespace firth {
constexpr size_t MOST_ELEMENTS = 1 << 12;
alignas(ROW_ALIGNMENT) float shared_input_rows[MOST_ELEMENTS], shared_output_rows[MOST_ELEMENTS];
}  // namespace firth

namespace {

using namespace firth;

#define REQUIRE(condition)                                                                   \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "line %d: %s [%s]\n", __LINE__, #condition, firth::last_error()); \
      std::fprintf(stderr, "while running: %s\n", running.c_str());                          \
      std::exit(1);                                                                          \
    }                                                                                        \
  } while (false)

thread_local std::string running;

struct Random {
  uint32_t state;
  uint32_t word() {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
  }
  int below(int range) { return int(word() % uint32_t(range)); }
};

// An array on the heap with nothing behind its last element.
template <class T>
class Exact {
 public:
  explicit Exact(size_t size) : data_(static_cast<T*>(firth::allocate_exactly(size * sizeof(T)))), size_(size) {
    std::fill_n(data_, size, T());
  }
  explicit Exact(const std::vector<T>& values) : Exact(values.size()) {
    std::copy(values.begin(), values.end(), data_);
  }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;
  ~Exact() { free_aligned(data_); }
  T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t index) const { return data_[index]; }

 private:
  T* data_;
  size_t size_;
};

// A few of the n_words words are frequent; many come twice in a row.
std::vector<int32_t> draw_words(int64_t n_tokens, int n_words, uint32_t seed) {
  Random random{seed};
  std::vector<int32_t> ids;
  for (int64_t position = 0; position < n_tokens; ++position) ids.push_back(random.below(1 + random.below(n_words)));
  for (size_t position = 3; position < ids.size(); position += 7) ids[position] = ids[position - 1];
  return ids;
}

std::vector<int64_t> add_up(const std::vector<int>& lengths) {
  std::vector<int64_t> offsets = {0};
  for (const int length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

struct Corpus {
  int n_words;
  Exact<int64_t> offsets;
  Exact<int32_t> ids, targets;
  Exact<float> weights;
  Exact<uint32_t> keep;
  Exact<AliasColumn> noise, same_noise;
  Exact<uint64_t> noise_parts;
  Exact<int64_t> path_offsets;
  Exact<int32_t> path_nodes;
  Exact<uint8_t> path_codes, frozen;
  Exact<float> touch_rates;

  Corpus(const std::vector<int>& lengths, int n_words)
      : n_words(n_words),
        offsets(add_up(lengths)),
        ids(draw_words(offsets[lengths.size()], n_words, 7)),
        targets(draw_words(int64_t(lengths.size()), n_words, 13)),
        weights(lengths.size()),
        keep(size_t(n_words)),
        noise(size_t(n_words)),
        same_noise(size_t(n_words)),
        noise_parts(size_t(n_words) + 1),
        path_offsets(size_t(n_words) + 1),
        path_nodes(size_t(n_words - 1) * (n_words + 2) / 2),
        path_codes(path_nodes.size()),
        frozen(size_t(n_words)),
        touch_rates(size_t(n_words)) {
    Random random{11};
    noise_parts[0] = 0;
    for (size_t s = 0; s < weights.size(); ++s) weights[s] = float(random.below(5)) / 2;
    for (int word = 0; word < n_words; ++word) {
      keep[word] = word % 5 == 0 ? 0x80000000u : 0xffffffffu;
      noise[word] = {random.word() << 8, random.below(n_words)};
      same_noise[word] = {0, 0};  // every draw is word 0: where that is the target, each is drawn anew
      noise_parts[word + 1] = noise_parts[word] + uint64_t(1 + random.below(3)) * 0x1234567u;
      frozen[word] = word % 3 == 1;
      // So steep that one row has a copy where a stretch is one token, and five where it is some hundreds.
      touch_rates[word] = float(std::ldexp(300.0, -2 * word));
    }
    // A tree without branches: paths of 1, 2, ..., V - 1, V - 1 nodes.
    int64_t at = 0;
    for (int word = 0; word < n_words; ++word) {
      path_offsets[word] = at;
      const int n_nodes = std::min(word + 1, n_words - 1);
      for (int k = 0; k < n_nodes; ++k, ++at) {
        path_nodes[at] = n_words - 2 - k;
        path_codes[at] = k < word;
      }
    }
    path_offsets[n_words] = at;
    if (size_t(at) != path_nodes.size()) std::abort();
  }
};

// Codes of sides, in the order of objectives.hpp, and of words.
typedef int32_t Code;
constexpr Code EXPLICIT_EXAMPLES = 1, DOCUMENTS = 2;  // sources
constexpr Code SKIPGRAM = 0, CBOW = 1;
constexpr Code NEGATIVE_SAMPLING = 0, HIERARCHICAL_SOFTMAX = 1, FULL_SOFTMAX = 2;

struct Variant {
  Code architecture, loss, sharing, collision, cbow_input, cbow_update;
};

std::vector<Variant> variants(bool all_pools) {
  std::vector<Variant> list;
  for (const Code collision : {COLLISION_REJECT, COLLISION_COUNT, COLLISION_DROP})
    for (const Code sharing : {SHARE_WINDOW, SHARE_PAIR, SHARE_BLOCK})
      list.push_back({SKIPGRAM, NEGATIVE_SAMPLING, sharing, collision, 0, 0});
  for (const Code loss : {HIERARCHICAL_SOFTMAX, FULL_SOFTMAX})
    list.push_back({SKIPGRAM, loss, SHARE_WINDOW, COLLISION_REJECT, 0, 0});
  for (int pool = 0; pool < (all_pools ? 4 : 1); ++pool) {
    for (const Code collision : {COLLISION_REJECT, COLLISION_COUNT, COLLISION_DROP})
      list.push_back({CBOW, NEGATIVE_SAMPLING, SHARE_BLOCK, collision, pool & 1, pool >> 1});
    for (const Code loss : {HIERARCHICAL_SOFTMAX, FULL_SOFTMAX})
      list.push_back({CBOW, loss, SHARE_WINDOW, COLLISION_REJECT, pool & 1, pool >> 1});
  }
  return list;
}

struct Window {
  Code mode, side;
  int window;
};

// A corpus, matrices of its own, and settings that point at them.
template <class Real>
struct Run {
  Settings s = {};
  int32_t stop_flag = 0;
  Exact<Real> input, output, first_input;
  int64_t stride;  // of both matrices

  // The bits of `options` turn on: 1 weights, 2 frozen words, 4 subsampling, 8 noise of one word alone, 16 copies of
  // the busiest rows, as if this were one of two threads, 32 lines that are explicit examples (no subsampling).
  Run(const Corpus& corpus, const Variant& variant, const Window& window, int dims, int negatives, uint32_t options)
      : input(size_t(corpus.n_words) * stride_of(dims)),
        output(size_t(corpus.n_words - (variant.loss == HIERARCHICAL_SOFTMAX)) * stride_of(dims)),
        first_input(input.size()) {
    s.ids = corpus.ids.data();
    s.offsets = corpus.offsets.data();
    s.n_tokens = int64_t(corpus.ids.size());
    s.n_sequences = int64_t(corpus.offsets.size()) - 1;
    if (options & 1) s.sequence_weights = corpus.weights.data();
    if (options & 2) s.input.frozen = corpus.frozen.data();
    if (options & 32) {
      s.source = EXPLICIT_EXAMPLES;
      s.targets = corpus.targets.data();
    } else if (options & 4) {
      s.keep_thresholds = corpus.keep.data();
    }
    if (variant.loss == NEGATIVE_SAMPLING) s.noise_parts = corpus.noise_parts.data();
    if (variant.loss == NEGATIVE_SAMPLING) s.noise = (options & 8 ? corpus.same_noise : corpus.noise).data();
    if (variant.loss == HIERARCHICAL_SOFTMAX) {
      s.path_offsets = corpus.path_offsets.data();
      s.path_nodes = corpus.path_nodes.data();
      s.path_codes = corpus.path_codes.data();
    }
    if (options & 16) {
      s.threads = 2;
      s.input.touches = {corpus.touch_rates.data(), 0};
      s.output.touches = {corpus.touch_rates.data(), variant.loss == HIERARCHICAL_SOFTMAX};
    }
    s.input.rows = input.data();
    s.output.rows = output.data();
    s.input.stride = s.output.stride = stride = stride_of(dims);
    s.input.n_rows = s.n_targets = corpus.n_words;
    s.output.n_rows = int64_t(output.size()) / stride;
    s.stop_flag = &stop_flag;
    s.dims = dims;
    s.architecture = variant.architecture;
    s.loss = variant.loss;
    s.window = window.window;
    s.window_mode = window.mode;
    s.window_side = window.side;
    s.negatives = variant.loss == NEGATIVE_SAMPLING ? negatives : 0;
    s.negative_sharing = variant.sharing;
    s.target_collision = variant.collision;
    s.cbow_input = variant.cbow_input;
    s.cbow_update = variant.cbow_update;
    s.epochs = 2;
    s.noise_purpose = PURPOSE_NEGATIVES;
    s.shard_tokens = 1000;
    s.learning_rate = 0.02;
    s.min_learning_rate = 0.001;
    s.seed = 0x123456789abcdefull;
    fill();
    running = "architecture " + std::to_string(s.architecture) + ", loss " + std::to_string(s.loss) + ", sharing " +
              std::to_string(s.negative_sharing) + ", collision " + std::to_string(s.target_collision) + ", window " +
              std::to_string(s.window) + ", mode " + std::to_string(s.window_mode) + ", side " +
              std::to_string(s.window_side) + ", dims " + std::to_string(dims) + ", negatives " +
              std::to_string(s.negatives) + ", options " + std::to_string(options) + ", element of " +
              std::to_string(sizeof(Real)) + " bytes";
  }

  static int64_t stride_of(int dims) {
    const int64_t elements = ROW_ALIGNMENT / int64_t(sizeof(Real));
    return (dims + elements - 1) / elements * elements;
  }

  static constexpr int32_t PRECISION = sizeof(Real) == sizeof(double);

  void fill() {
    std::vector<float> row(static_cast<size_t>(s.dims));
    for (int64_t word = 0; word < s.input.n_rows; ++word) {
      REQUIRE(firth_initial_vectors(s.seed, row.data(), word, 1, s.dims, s.dims) == 0);
      std::copy(row.begin(), row.end(), input.data() + word * stride);
    }
    for (int64_t row_id = 0; row_id < s.output.n_rows; ++row_id)
      for (int d = 0; d < s.dims; ++d) output[size_t(row_id * stride + d)] = Real((row_id + d) % 7 - 3) / Real(50);
    std::copy_n(input.data(), input.size(), first_input.data());
  }

  Result train(int64_t start, int64_t stop, int epoch) {
    Result result;
    REQUIRE(firth_train_slice(&s, start, stop, epoch, &result) == 0);
    REQUIRE(std::isfinite(result.loss) && result.examples >= result.centers);
    return result;
  }

  Result evaluate(int64_t start, int64_t stop, int epoch) const {
    Result result;
    REQUIRE(firth_evaluate_slice(&s, start, stop, epoch, &result) == 0);
    REQUIRE(std::isfinite(result.loss));
    return result;
  }

  // Everything finite, the padding untouched, frozen words where they were.
  void check() const {
    for (const Exact<Real>* matrix : {&input, &output})
      for (size_t at = 0; at < matrix->size(); ++at) {
        REQUIRE(std::isfinite((*matrix)[at]));
        REQUIRE(int64_t(at) % stride < s.dims || (*matrix)[at] == Real(0));
      }
    if (s.input.frozen)
      for (int64_t word = 0; word < s.input.n_rows; ++word)
        if (s.input.frozen[word])
          REQUIRE(std::equal(input.data() + word * stride, input.data() + (word + 1) * stride,
                             first_input.data() + word * stride));
  }
};

// Calls plan_slice with arrays that just hold what it said it would write.
template <class Real>
int64_t plan(const Run<Real>& run, int64_t start, int64_t stop) {
  int64_t sizes[3], again[3];
  REQUIRE(firth_plan_slice(&run.s, start, stop, 1, sizes, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == 0);
  const size_t n_windows = size_t(sizes[0]), n_contexts = size_t(sizes[1]), n_negatives = size_t(sizes[2]);
  const Exact<int64_t> positions(n_windows), contexts_at(n_windows + 1), negatives_at(n_windows + 1);
  const Exact<int32_t> targets(n_windows), contexts(n_contexts), negatives(n_negatives);
  REQUIRE(firth_plan_slice(&run.s, start, stop, 1, again, positions.data(), targets.data(), contexts_at.data(),
                           contexts.data(), negatives_at.data(), negatives.data()) == 0);
  REQUIRE(std::equal(sizes, sizes + 3, again));
  REQUIRE(contexts_at[n_windows] == sizes[1] && negatives_at[n_windows] == sizes[2]);
  for (const Exact<int32_t>* ids : {&targets, &contexts, &negatives})
    for (size_t at = 0; at < ids->size(); ++at) REQUIRE((*ids)[at] >= 0 && (*ids)[at] < run.s.n_targets);
  return sizes[0];
}

void run_pieces(Run<float>& run, const std::vector<int64_t>& borders) {
  const int64_t first = borders.front(), last = borders.back();
  const Exact<float> before(std::vector<float>(run.input.data(), run.input.data() + run.input.size()));
  const Result whole = run.evaluate(first, last, 1);
  REQUIRE(std::equal(before.data(), before.data() + before.size(), run.input.data()));
  int64_t examples = 0, windows = 0;
  double loss = 0;
  for (size_t piece = 0; piece + 1 < borders.size(); ++piece) {
    const Result part = run.evaluate(borders[piece], borders[piece + 1], 1);
    examples += part.examples;
    loss += part.loss;
    windows += plan(run, borders[piece], borders[piece + 1]);
  }
  REQUIRE(examples == whole.examples && windows == whole.centers && plan(run, first, last) == windows);
  REQUIRE(std::abs(loss - whole.loss) <= 1e-5 * (1 + std::abs(whole.loss)));
  for (size_t piece = 0; piece + 1 < borders.size(); ++piece) run.train(borders[piece], borders[piece + 1], 0);
  run.train(first, last, 1);
  run.check();
}

const std::vector<int> DIMS = {1, 15, 16, 17, 100};

void run_serial_slices() {
  const Corpus small({0, 1, 2, 0, 0, 5, 33, 1, 90, 0, 3, 1, 1, 17, 0}, 23);  // one line of more than 64 words
  const Corpus two_words({4, 0, 9, 1}, 2);
  const Corpus large({700, 0, 1, 1400, 0, 1, 2, 600, 0}, 23);  // lines across the borders of the plan's chunks
  const int negatives[] = {1, 2, 4, 5, 6, 11}, widths[] = {1, 2, 5, 40};
  uint32_t number = 0;
  auto draw = [&number] { return (++number * 2654435761u) >> 16; };
  for (const Variant& variant : variants(true))
    for (const Code mode : {WINDOW_DYNAMIC, WINDOW_FIXED, WINDOW_SEQUENCE})
      for (const Code side : {SIDE_BOTH, SIDE_LEFT, SIDE_RIGHT})
        for (const int dims : DIMS) {
          const int window = widths[draw() % 4], n_negatives = negatives[draw() % 6];
          Run<float> run(small, variant, {mode, side, window}, dims, n_negatives, draw() % 64);
          run_pieces(run, {0, 1, 2, 40, 41, 100, run.s.n_tokens});
          if (dims == 17 || dims == 100) {
            Run<float> tiny(two_words, variant, {mode, side, window}, dims, n_negatives, draw() % 64);
            run_pieces(tiny, {0, 3, tiny.s.n_tokens});
          }
          if (dims == 17 && side == SIDE_BOTH) {
            Run<float> run(large, variant, {mode, side, 5}, dims, 5, draw() % 64);
            if (mode == WINDOW_SEQUENCE)
              run_pieces(run, {1722, 1724, 1727});  // each with the 1400 words of its line
            else
              run_pieces(run, {0, 699, 1024, 1025, run.s.n_tokens});
          }
        }
}

// Units with explicit ids: few and many context words and negatives, all the same, all different, and repeats.
template <class Real>
void run_units() {
  const Corpus few({2}, 7), many({2}, 300);
  Random random{3};
  for (const Variant& variant : variants(true)) {
    if (variant.sharing == SHARE_PAIR || variant.collision != COLLISION_REJECT) continue;  // not the unit's business
    for (const Corpus* corpus : {&few, &many})
      for (const int dims : {1, 17, 100})
        for (const int n_context : {1, 2, 3, 4, 5, 8, 9, 64, 65, 131})
          for (const int n_negatives : {0, 1, 4, 5, 6, 11, 63, 64, 65, 200}) {
            if (variant.loss != NEGATIVE_SAMPLING && n_negatives > 1) continue;
            Run<Real> run(*corpus, variant, {WINDOW_FIXED, SIDE_BOTH, 5}, dims, n_negatives, uint32_t(n_context % 4));
            const int n_targets =
                variant.architecture == SKIPGRAM && variant.sharing == SHARE_BLOCK ? 1 + n_context % UNIT_WINDOWS : 1;
            const Exact<int32_t> context{size_t(n_context)}, negatives{size_t(n_negatives)}, targets{size_t(n_targets)};
            const Exact<uint8_t> windows{size_t(n_context)};
            for (int kind = 0; kind < 3; ++kind) {
              for (int i = 0; i < n_context; ++i)
                context[i] = kind == 0 ? 0 : kind == 1 ? i % corpus->n_words : random.below(corpus->n_words);
              for (int k = 0; k < n_negatives; ++k)
                negatives[k] = kind == 0 ? 0 : kind == 1 ? k % corpus->n_words : random.below(corpus->n_words);
              for (int t = 0; t < n_targets; ++t) targets[t] = random.below(corpus->n_words);
              for (int i = 0; i < n_context; ++i) windows[i] = uint8_t(1 + random.below((1 << n_targets) - 1));
              double loss;
              REQUIRE(firth_update_unit(&run.s, Run<Real>::PRECISION, context.data(),
                                        n_targets > 1 ? windows.data() : nullptr, n_context, targets.data(), n_targets,
                                        negatives.data(), n_negatives, 0.001, &loss) == 0);
              REQUIRE(std::isfinite(loss) && loss > 0);
            }
            run.check();
          }
  }
}

void run_serial() {
  run_serial_slices();
  run_units<float>();
  run_units<double>();
  SettingsField field;
  int64_t n_fields = 0;
  while (firth_settings_field(n_fields, &field) == int64_t(sizeof(Settings))) ++n_fields;
  REQUIRE(n_fields == int64_t(std::size(SETTINGS_FIELDS)));
  REQUIRE(firth_settings_field(-1, &field) == 0);
}

// Lines of 0 to 40 words, more than two rounds of them.
Corpus make_corpus_of_rounds() {
  Random random{5};
  std::vector<int> lengths;
  for (int64_t n_tokens = 0; n_tokens < 2 * SHARDS * MAX_SHARD_TOKENS + 1300; n_tokens += lengths.back())
    lengths.push_back(random.below(4) ? random.below(41) : random.below(2));
  return Corpus(lengths, 23);
}

const Window WINDOWS[] = {{WINDOW_DYNAMIC, SIDE_BOTH, 5},
                          {WINDOW_FIXED, SIDE_BOTH, 3},
                          {WINDOW_DYNAMIC, SIDE_LEFT, 4},
                          {WINDOW_DYNAMIC, SIDE_RIGHT, 2},
                          {WINDOW_SEQUENCE, SIDE_BOTH, 1}};

Result train_rounds(Run<float>& run, int n_threads) {
  void* rounds = nullptr;
  REQUIRE(firth_rounds_create(&run.s, n_threads, &rounds) == 0);
  Result total = {};
  const int64_t borders[] = {0, SHARDS * int64_t(run.s.shard_tokens), run.s.n_tokens};
  for (int stretch = 0; stretch < 2; ++stretch) {
    Result part;
    REQUIRE(firth_rounds_train(rounds, borders[stretch], borders[stretch + 1], 0, &part) == 0);
    total.loss += part.loss;
    total.examples += part.examples;
  }
  firth_rounds_destroy(rounds);
  run.check();
  return total;
}

template <class Body>
void on_threads(int n_threads, Body&& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < n_threads; ++t)
    threads.emplace_back([&body, t, what = running] {
      running = what;
      body(t);
    });
  for (std::thread& thread : threads) thread.join();
}

// Every document has one to three tags, whose rows are behind the rows of the words.
struct Tags {
  static constexpr int N_TAGS = 8;
  Exact<int64_t> offsets;
  Exact<int32_t> rows;

  explicit Tags(Corpus& corpus) : offsets(corpus.offsets.size()), rows(3 * corpus.offsets.size()) {
    const int n_words = corpus.n_words - N_TAGS;
    for (size_t at = 0; at < corpus.ids.size(); ++at) corpus.ids[at] %= n_words;
    int64_t n_rows = 0;
    for (size_t document = 0; document + 1 < offsets.size(); ++document) {
      for (size_t tag = 0; tag <= document % 3; ++tag)
        rows[size_t(n_rows++)] = int32_t(n_words + (document + tag) % N_TAGS);
      offsets[document + 1] = n_rows;
    }
  }

  void apply(Settings& s, bool with_words) const {
    s.source = DOCUMENTS;
    s.tag_offsets = offsets.data();
    s.tag_rows = rows.data();
    s.tags_with_words = with_words;
  }
};

// Every row is frozen but the last, which no word has: it is the one that each document trains anew.
void infer_by_threads(Run<float>& run, const Exact<uint8_t>& all_frozen, const Exact<uint8_t>& all_but_last) {
  const size_t n_documents = size_t(run.s.n_sequences);
  run.s.input.frozen = all_but_last.data();
  run.s.output.frozen = all_frozen.data();
  const auto infer = [&](int n_threads, const Exact<float>& vectors, const Exact<double>& losses) {
    on_threads(n_threads, [&](int thread) {
      for (int64_t document = thread; document < run.s.n_sequences; document += n_threads)
        REQUIRE(firth_infer_documents(&run.s, document, document + 1, int32_t(all_but_last.size()) - 1, vectors.data(),
                                      losses.data()) == 0);
    });
  };
  const Exact<float> vectors(n_documents * size_t(run.stride)), again(vectors.size());
  const Exact<double> losses(n_documents), losses_again(n_documents);
  infer(1, vectors, losses);
  infer(3, again, losses_again);
  REQUIRE(std::equal(vectors.data(), vectors.data() + vectors.size(), again.data()));
  for (size_t at = 0; at < vectors.size(); ++at) REQUIRE(std::isfinite(vectors[at]));
}

void run_documents() {
  Corpus corpus({1, 2, 0, 5, 33, 1, 90, 3, 0, 1, 700, 17}, 23);
  const Tags tags(corpus);
  Exact<uint8_t> all_frozen{size_t(corpus.n_words)}, all_but_last{size_t(corpus.n_words)};
  std::fill_n(all_frozen.data(), all_frozen.size(), uint8_t(1));
  std::fill_n(all_but_last.data(), all_but_last.size() - 1, uint8_t(1));
  uint32_t number = 0;
  for (const Variant& variant : variants(true))
    for (const int dims : DIMS) {
      const bool with_words = variant.architecture == CBOW || number % 2;
      const Window window = WINDOWS[number++ % 4];  // not the whole document
      Run<float> run(corpus, variant, window, dims, 5, with_words ? number % 4 * 4 : number % 4 * 4 + 1);
      tags.apply(run.s, with_words);
      run_pieces(run, {0, 1, 40, 41, 500, run.s.n_tokens});
      tags.apply(run.s, variant.architecture == CBOW);
      infer_by_threads(run, all_frozen, all_but_last);
    }
}

// The held-out loss: threads that read the same matrices.
void evaluate_side_by_side(const Run<float>& run) {
  const Result alone = run.evaluate(0, 3000, 0);
  const int64_t windows = plan(run, 0, 1500);
  on_threads(3, [&](int) {
    const Result result = run.evaluate(0, 3000, 0);
    REQUIRE(result.loss == alone.loss && result.examples == alone.examples);
    REQUIRE(plan(run, 0, 1500) == windows);
  });
}

void run_rounds() {
  const Corpus corpus = make_corpus_of_rounds();
  uint32_t number = 0;
  for (const Variant& variant : variants(false)) {
    const int dims = DIMS[(number + number / 5) % DIMS.size()];
    const Window window = WINDOWS[number % 5];
    // Copies are not for rounds; every third has explicit examples.
    const uint32_t options = (number * 5 + 7) % 16 | (number % 3 == 1 ? 32 : 0);
    const int32_t shard_tokens = std::vector<int32_t>{1000, MAX_SHARD_TOKENS, 100}[number % 3];
    ++number;
    Run<float> one(corpus, variant, window, dims, 5, options);
    one.s.shard_tokens = shard_tokens;
    const Result expected = train_rounds(one, 1);
    for (const int n_threads : {2, 3, 8}) {
      Run<float> run(corpus, variant, window, dims, 5, options);
      run.s.shard_tokens = shard_tokens;
      const Result result = train_rounds(run, n_threads);
      REQUIRE(result.loss == expected.loss && result.examples == expected.examples);
      REQUIRE(std::equal(one.input.data(), one.input.data() + one.input.size(), run.input.data()));
      REQUIRE(std::equal(one.output.data(), one.output.data() + one.output.size(), run.output.data()));
    }
    evaluate_side_by_side(one);
  }
}

// A window wider than every line is the whole line, whatever its number.
void run_windows() {
  const Corpus corpus({0, 1, 2, 0, 0, 5, 33, 1, 90, 0, 3}, 23);
  for (const Variant& variant : variants(false)) {
    Run<float> wide(corpus, variant, {WINDOW_FIXED, SIDE_BOTH, 100}, 17, 5, 0);
    wide.train(0, wide.s.n_tokens, 0);
    for (const int window : {1 << 29, 1 << 30, std::numeric_limits<int32_t>::max()}) {
      Run<float> run(corpus, variant, {WINDOW_FIXED, SIDE_BOTH, window}, 17, 5, 0);
      run_pieces(run, {0, 50, run.s.n_tokens});
      run.fill();
      run.train(0, run.s.n_tokens, 0);
      REQUIRE(std::equal(wide.input.data(), wide.input.data() + wide.input.size(), run.input.data()));
      run.s.window_mode = WINDOW_DYNAMIC;
      run_pieces(run, {0, 50, run.s.n_tokens});
    }
  }
}

// The caller raises the flag while others train; each leaves with its error code and message.
void run_stop() {
  const Corpus corpus = make_corpus_of_rounds();
  for (const bool deterministic : {true, false}) {
    Run<float> run(corpus, variants(false)[0], WINDOWS[0], 17, 5, 16);
    void* rounds = nullptr;
    REQUIRE(firth_rounds_create(&run.s, 2, &rounds) == 0);
    std::atomic<bool> training{false};
    std::thread stopper([&] {
      while (!training.load()) std::this_thread::yield();
      __atomic_store_n(&run.stop_flag, 1, __ATOMIC_RELAXED);
    });
    int64_t status = 0;
    for (Result result; status == 0; training.store(true))
      status = deterministic ? firth_rounds_train(rounds, 0, run.s.n_tokens, 0, &result)
                             : firth_train_slice(&run.s, 0, run.s.n_tokens, 0, &result);
    stopper.join();
    REQUIRE(status == ERROR_STOPPED && std::string(firth::last_error()) == "stopped");
    firth_rounds_destroy(rounds);
    run.check();
  }
}

// One request of memory fails, each in its turn: the call comes back with that error, whoever else was at work. A round
// is merged unless it was not begun: with one thread, whose requests have an order, the rows change from the first
// request on that is made in the round.
void run_memory() {
  const Corpus corpus = make_corpus_of_rounds();
  for (const int n_threads : {1, 8}) {
    Run<float> run(corpus, variants(false)[0], WINDOWS[1], 17, 5, 0);
    bool failed = true, has_begun = false;
    for (int64_t number = 0; failed; ++number) {
      alarm(30);  // a hang ends the program
      run.fill();
      const std::vector<float> before(run.output.data(), run.output.data() + run.output.size());
      void* rounds = nullptr;
      Result result;
      REQUIRE(firth_rounds_create(&run.s, n_threads, &rounds) == 0);
      requests.store(0);
      refused.store(number);
      const int64_t status = firth_rounds_train(rounds, 0, SHARDS * int64_t(run.s.shard_tokens), 0, &result);
      failed = requests.load() > number;
      REQUIRE(status == (failed ? ERROR_MEMORY : OK));
      firth_rounds_destroy(rounds);
      run.check();
      // Every shard touches every row of so few words.
      int64_t n_changed = 0;
      for (int64_t row = 0; row < run.s.output.n_rows; ++row)
        n_changed += !std::equal(before.data() + row * run.stride, before.data() + (row + 1) * run.stride,
                                 run.output.data() + row * run.stride);
      REQUIRE(n_changed == 0 || n_changed == run.s.output.n_rows);
      REQUIRE(n_threads > 1 || n_changed > 0 || !has_begun);
      has_begun |= n_changed > 0;
    }
    refused.store(-1);
  }
  // A slice with copies, whose memory is a thread's own: a new thread for each attempt.
  Run<float> run(corpus, variants(false)[0], WINDOWS[1], 17, 5, 2 | 16);
  bool failed = true;
  for (int64_t number = 0; failed; ++number) {
    alarm(30);
    on_threads(1, [&](int) {
      Result result;
      requests.store(0);
      refused.store(number);
      const int64_t status = firth_train_slice(&run.s, 0, 1500, 0, &result);
      failed = requests.load() > number;
      REQUIRE(status == (failed ? ERROR_MEMORY : OK));
    });
    run.check();
  }
  refused.store(-1);
}

// Faults that no run of training meets unless memory ends at the wrong place.
void run_guards() {
  alarm(30);
  Buffer<int32_t> buffer;  // an element of its own, while it moves
  buffer.push_back(7);
  for (int k = 0; k < 1000; ++k) buffer.push_back(buffer[0]);
  for (const int32_t value : buffer) REQUIRE(value == 7);

  Barrier barrier(2);  // the step done once fails: the other thread goes on all the same
  std::atomic<int> n_thrown{0}, n_met{0};
  for (int round = 0; round < 100; ++round)
    on_threads(2, [&](int) {
      try {
        barrier.wait([] { throw std::runtime_error("once"); });
      } catch (const std::runtime_error&) {
        ++n_thrown;
      }
      ++n_met;
    });
  REQUIRE(n_thrown.load() == 100 && n_met.load() == 200);

  const Corpus corpus = make_corpus_of_rounds();
  Run<float> run(corpus, variants(false)[0], WINDOWS[1], 17, 5, 0);
  run.s.shard_tokens = 0;  // refused, with a message that memory may not suffice for
  bool failed = true;
  for (int64_t number = 0; failed; ++number) {
    void* rounds = nullptr;
    requests.store(0);
    refused.store(number);
    const int64_t status = firth_rounds_create(&run.s, 1, &rounds);
    failed = requests.load() > number;
    refused.store(-1);
    REQUIRE(status == ERROR_ARGUMENT || (failed && status == ERROR_MEMORY));
    REQUIRE(firth::last_error()[0] != '\0');
  }
  run.s.shard_tokens = 1;
  run.s.negatives = MAX_NEGATIVES + 1;
  Result result;
  REQUIRE(firth_train_slice(&run.s, 0, 1, 0, &result) == ERROR_ARGUMENT);
}

void run_lock_free(bool one_result) {
  const Corpus corpus = make_corpus_of_rounds();
  Result results[2] = {};
  uint32_t number = 0;
  for (const Variant& variant : variants(false)) {
    for (const uint32_t copies : {0, 16}) {
      Run<float> run(corpus, variant, WINDOWS[number % 5], DIMS[(number + number / 5) % DIMS.size()], 5,
                     (number * 5 + 7) % 16 | copies);
      REQUIRE(run.input.size() <= std::size(shared_input_rows) && run.output.size() <= std::size(shared_output_rows));
      run.s.input.rows = std::copy_n(run.input.data(), run.input.size(), shared_input_rows) - run.input.size();
      run.s.output.rows = std::copy_n(run.output.data(), run.output.size(), shared_output_rows) - run.output.size();
      std::atomic<int64_t> cursor{0};
      on_threads(2, [&](int thread) {
        Result& result = results[one_result ? 0 : thread];
        // Relaxed: what one thread wrote before it took a slice is not ordered before what the other does after it.
        for (int64_t start; (start = cursor.fetch_add(500, std::memory_order_relaxed)) < run.s.n_tokens;)
          REQUIRE(firth_train_slice(&run.s, start, std::min(start + 500, run.s.n_tokens), 0, &result) == OK);
      });
      for (const Result& result : results) REQUIRE(std::isfinite(result.loss));
      std::copy_n(shared_input_rows, run.input.size(), run.input.data());
      std::copy_n(shared_output_rows, run.output.size(), run.output.data());
      run.check();
    }
    ++number;
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count == 2 ? arguments[1] : "";
  if (what == "serial") return run_serial(), 0;
  if (what == "rounds") return run_rounds(), 0;
  if (what == "documents") return run_documents(), 0;
  if (what == "windows") return run_windows(), 0;
  if (what == "stop") return run_stop(), 0;
  if (what == "memory") return run_memory(), 0;
  if (what == "guards") return run_guards(), 0;
  if (what == "lock-free" || what == "race") return run_lock_free(what == "race"), 0;
  std::fprintf(stderr, "usage: sanitize_kernels serial|rounds|documents|windows|stop|memory|guards|lock-free|race\n");
  return 2;
}
