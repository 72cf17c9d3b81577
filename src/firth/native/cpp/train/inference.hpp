// Room native: infers the vector of a document: trains one new row with every other row of both matrices frozen.
//
// A document is trained alone: its positions begin at 0, and its seed is a function of its words and of the run's seed
// (document_seed). The noise words are a function of the run's seed and of the position. So the vector of a document
// does not depend on the other documents of a call.
#pragma once

#include "train/lanes.hpp"

namespace firth {

// Infers the documents [start, stop) of the settings: vectors (n_documents, stride) gets their rows, losses the mean
// loss of each document's last epoch, NaN if no token was kept. The input matrix has the word rows, if words are
// inputs; `row` is the id of the new row, one more than the last word row.
inline void infer_documents(const Settings& settings, int64_t start, int64_t stop, int32_t row, float* vectors,
                            double* losses) {
  const bool in_lanes = with_objective(settings, [&](auto input, auto output) {
    typedef typename decltype(input)::type Input;
    typedef typename decltype(output)::type Output;
    if constexpr (LaneTrainer<Input, Output>::KNOWS_SIDES) {
      LaneTrainer<Input, Output>(settings, row).run(start, stop, vectors, losses);
      return true;
    }
    return false;
  });
  if (in_lanes) return;
  DocumentSettings document_settings(settings, row);
  const Settings& s = document_settings.settings;
  SharedRows<float> input_row(s.input), output_row(s.output);
  const std::unique_ptr<SliceTrainer> trainer = make_trainer(s, input_row, output_row, nullptr, true);
  for (int64_t document = start; document < stop; ++document) {
    check_stop();
    float* const vector = vectors + document * s.input.stride;
    document_settings.begin(document, begin_vector(settings, document, vector));
    input_row.copies = vector;
    input_row.first = row;
    input_row.count = 1;
    Result result = {};
    for (int32_t epoch = 0; epoch < s.epochs; ++epoch) result = trainer->run(0, s.n_tokens, uint32_t(epoch));
    losses[document] = result.loss / result.weight;
  }
}

}  // namespace firth
