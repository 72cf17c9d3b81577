// Room native: infers the vector of a document: trains one new row with every other row of both matrices frozen.
//
// A document is trained alone: its positions begin at 0, and its seed is a function of its words and of the run's seed
// (document_seed). So the vector of a document does not depend on the other documents of a call.
#pragma once

#include "train/initial.hpp"
#include "train/train.hpp"

namespace firth {

// A hash of a document's words, for all draws of its inference: x -> mix(x ^ word), where mix is the finalizer of
// SplitMix64 (Steele, Lea, Flood 2014) after its increment. Twin: kernels/inference.py.
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

// Infers the documents [start, stop) of the settings: vectors (n_documents, stride) gets their rows, losses the mean
// loss of each document's last epoch, NaN if no token was kept. The input matrix has the word rows, if words are
// inputs; `row` is the id of the new row, one more than the last word row.
inline void infer_documents(const Settings& settings, int64_t start, int64_t stop, int32_t row, float* vectors,
                            double* losses) {
  Settings s = settings;
  const int64_t tag_offsets[2] = {0, 1};
  int64_t offsets[2] = {0, 0};
  s.tag_offsets = tag_offsets;
  s.tag_rows = &row;
  s.offsets = offsets;
  s.n_sequences = 1;
  s.sequence_weights = nullptr;
  SharedRows<float> input_row(s.input), output_row(s.output);
  const std::unique_ptr<SliceTrainer> trainer = make_trainer(s, input_row, output_row, nullptr, true);
  for (int64_t document = start; document < stop; ++document) {
    check_stop();
    s.ids = settings.ids + settings.offsets[document];
    s.n_tokens = offsets[1] = settings.offsets[document + 1] - settings.offsets[document];
    s.seed = document_seed(settings.seed, s.ids, s.n_tokens);
    float* const vector = vectors + document * s.input.stride;
    draw_initial_row(PhiloxKey(s.seed), 0, s.dims, vector);
    input_row.copies = vector;
    input_row.first = row;
    input_row.count = 1;
    Result result = {};
    for (int32_t epoch = 0; epoch < s.epochs; ++epoch) result = trainer->run(0, s.n_tokens, uint32_t(epoch));
    losses[document] = result.loss / result.weight;
  }
}

}  // namespace firth
