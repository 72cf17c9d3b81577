// Room native: what the inference of a document starts from: its seed, its words and its initial row.
#pragma once

#include "model/settings.hpp"
#include "train/initial.hpp"

namespace firth {

// A hash of a document's words, for the draws of its inference except noise words: x -> mix(x ^ word), where mix is the
// finalizer of SplitMix64 (Steele, Lea, Flood 2014) after its increment. Twin: kernels/inference.py.
inline uint64_t document_seed(uint64_t seed, const int32_t* ids, int64_t count) {
  const auto mix = [](uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  };
  uint64_t hash = mix(seed);
  for (int64_t k = 0; k < count; ++k) hash = mix(hash ^ uint64_t(uint32_t(ids[k])));
  return hash;
}

// The seed of a document of `all`; `vector` gets its initial row.
inline uint64_t begin_vector(const Settings& all, int64_t document, float* vector) {
  const int64_t first = all.offsets[document];
  const uint64_t seed = document_seed(all.seed, all.ids + first, all.offsets[document + 1] - first);
  draw_initial_row(PhiloxKey(seed), 0, all.dims, vector);
  return seed;
}

// The settings of a corpus that is one document: its positions begin at 0. `row` is the document's row of the input
// matrix.
class DocumentSettings {
 public:
  DocumentSettings(const Settings& all, int32_t row) : settings(all), all_(all), row_(row) {
    settings.tag_offsets = tag_offsets_;
    settings.tag_rows = &row_;
    settings.offsets = offsets_;
    settings.n_sequences = 1;
    settings.sequence_weights = nullptr;
  }
  DocumentSettings(const DocumentSettings&) = delete;

  // From now on, these are the settings of another document of `all`.
  void begin(int64_t document, uint64_t seed) {
    settings.ids = all_.ids + all_.offsets[document];
    settings.n_tokens = offsets_[1] = all_.offsets[document + 1] - all_.offsets[document];
    settings.seed = seed;
  }

  Settings settings;

 private:
  const Settings& all_;
  const int32_t row_;
  const int64_t tag_offsets_[2] = {0, 1};
  int64_t offsets_[2] = {0, 0};
};

}  // namespace firth
