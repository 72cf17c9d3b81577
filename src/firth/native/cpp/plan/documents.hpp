// Room native: documents, a source of examples: each kept token of a document is predicted from the rows of the
// document's tags, and, with Settings::tags_with_words, from the words of its window too. Document s is the tokens
// ids[offsets[s] .. offsets[s + 1]) and has the rows tag_rows[tag_offsets[s] .. tag_offsets[s + 1]). Twin:
// kernels/plan/documents.py.
//
// Without words, the tags are the whole context (PV-DBOW); neighbouring tokens then have one context, and are one unit
// like neighbouring windows. With words, the context of a token is the words of its window, then the tags: skip-gram
// trains words and tags at once, CBOW makes one vector of both (PV-DM). The tokens that subsampling keeps, the windows
// and the noise words are drawn as for windows over text.
#pragma once

#include "plan/windows.hpp"

namespace firth {

// With words, so many noise sets of a stretch: a short document is in one stretch or two, and the few noise words of
// the usual sets moved its row by chance (measured: docs/documents.md).
constexpr int32_t DOCUMENT_NOISE_SETS = 8;

inline PlanRules rules_of_documents(PlanRules rules, bool tags_with_words) {
  if (!tags_with_words) return rules;
  rules.noise_sets = DOCUMENT_NOISE_SETS;
  return one_a_unit(rules);
}

// In inference, noise sets are drawn once for all documents. So each unit of a stretch has its own, up to the maximum.
inline PlanRules rules_of_inference(PlanRules rules, bool tags_with_words) {
  if (tags_with_words) rules = one_a_unit(rules);
  const int64_t units = (rules.stretch_tokens + rules.joined_windows - 1) / rules.joined_windows;
  rules.noise_sets = int32_t(std::min<int64_t>(units, MAX_NOISE_SETS));
  rules.takes_parts = false;  // one row learns
  return rules;
}

class Documents final : public WindowsOverText {
 public:
  static constexpr const char* NAME = "documents";

  Documents(const Settings& settings, const PlanRules& rules)
      : WindowsOverText(settings, rules_of_documents(rules, settings.tags_with_words), 0) {
    if (!s_.tag_offsets || !s_.tag_rows || s_.window_mode == WINDOW_SEQUENCE)
      throw Failure(ERROR_ARGUMENT, "documents must have tags, and windows that are not the whole document");
  }

 private:
  void complete(Chunk& chunk) override {
    words_.resize(chunk.inputs.size());
    std::copy_n(chunk.inputs.data(), chunk.inputs.size(), words_.data());
    chunk.inputs.clear();
    chunk.reach = 0;
    int64_t latest = -1;
    int32_t first = 0, last = 0;
    for (size_t c = 0; c < chunk.centers.size(); ++c) {
      Center& center = chunk.centers[c];
      const int64_t document = chunk.sequences[c];
      if (s_.tags_with_words || document != latest) {
        first = input_count(chunk);
        if (s_.tags_with_words)
          for (int32_t k = center.first; k < center.last; ++k)
            if (k != center.kept) chunk.inputs.push_back(words_[size_t(k)]);
        for (int64_t k = s_.tag_offsets[document]; k < s_.tag_offsets[document + 1]; ++k)
          chunk.inputs.push_back(s_.tag_rows[k]);
        last = input_count(chunk);
        latest = document;
      }
      center.kept = center.last = last;
      center.first = first;
    }
    find_repeats(chunk);
  }

  Buffer<int32_t> words_;  // the inputs of the windows
};

}  // namespace firth
