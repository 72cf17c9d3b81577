// Room native: the exported functions that count candidates for phrases (pairs.hpp) and join phrases (joining.hpp).
#include <memory>
#include <vector>

#include "base/abi.hpp"
#include "text/chains.hpp"
#include "text/file.hpp"
#include "text/joining.hpp"
#include "text/pairs.hpp"

using firth::ChainTable;
using firth::Joiner;
using firth::PairCounter;
using firth::PairCounts;
using firth::PhraseIndex;
using firth::Text;

FIRTH_API int64_t firth_chains_new(void** chains) {
  return firth::guard([&]() -> int64_t {
    *chains = new ChainTable();
    return firth::OK;
  });
}

FIRTH_API void firth_chains_free(void* chains) { delete static_cast<ChainTable*>(chains); }

// Adds the chains of the candidates that end at a token in [begin, end). Several threads may call it at the same time.
FIRTH_API int64_t firth_chains_add_all(void* chains, const Text* text, int64_t begin, int64_t end) {
  return firth::guard([&]() -> int64_t {
    if (begin < end) static_cast<ChainTable*>(chains)->add_all(*text, begin, end);
    return firth::OK;
  });
}

// Adds one chain. Returns its number.
FIRTH_API int64_t firth_chains_add(void* chains, const int32_t* ids, int64_t n) {
  return firth::guard([&]() -> int64_t { return static_cast<ChainTable*>(chains)->add(ids, n); });
}

// sizes: number of chains, number of their ids.
FIRTH_API int64_t firth_chains_sizes(const void* chains, int64_t* sizes) {
  return firth::guard([&]() -> int64_t {
    sizes[0] = static_cast<const ChainTable*>(chains)->size();
    sizes[1] = static_cast<const ChainTable*>(chains)->n_ids();
    return firth::OK;
  });
}

FIRTH_API int64_t firth_chains_copy(const void* chains, int32_t* ids, int64_t* offsets) {
  return firth::guard([&]() -> int64_t {
    static_cast<const ChainTable*>(chains)->copy(ids, offsets);
    return firth::OK;
  });
}

// Makes the counter of one thread. All counters of a corpus have the same numbers of words and chains.
FIRTH_API int64_t firth_pairs_new(int32_t spool, int64_t n_words, int64_t n_chains, int64_t n_buffered, int64_t fan_in,
                                  void** counter) {
  return firth::guard([&]() -> int64_t {
    const firth::KeyLayout layout(n_words, n_chains);
    if (layout.bits() <= 64) {
      *counter = new firth::KeyCounter<uint64_t>(spool, layout, n_words, size_t(n_buffered), size_t(fan_in));
    } else {
      *counter = new firth::KeyCounter<firth::WideKey>(spool, layout, n_words, size_t(n_buffered), size_t(fan_in));
    }
    return firth::OK;
  });
}

FIRTH_API void firth_pairs_free(void* counter) { delete static_cast<PairCounter*>(counter); }

// Counts the candidates that end at a token in [begin, end).
FIRTH_API int64_t firth_pairs_count(void* counter, const Text* text, const void* chains, int64_t begin, int64_t end) {
  return firth::guard([&]() -> int64_t {
    static_cast<PairCounter*>(counter)->count(*text, *static_cast<const ChainTable*>(chains), begin, end);
    return firth::OK;
  });
}

// Ends the counting and frees the buffers. Returns the number of runs, at most max_runs.
FIRTH_API int64_t firth_pairs_finish(void* counter, int64_t max_runs) {
  return firth::guard([&]() -> int64_t { return static_cast<PairCounter*>(counter)->finish(max_runs); });
}

// Merges the runs of finished counters, for the candidates whose first word is in [first, stop). sizes: number of
// distinct candidates, number of candidates with a count of at least min_count, which the result has, highest count.
FIRTH_API int64_t firth_pairs_merge(void* const* counters, int64_t n_counters, int64_t first, int64_t stop,
                                    int64_t min_count, int64_t n_buffered, int64_t* sizes, void** result) {
  return firth::guard([&]() -> int64_t {
    std::vector<PairCounter*> all;
    for (int64_t k = 0; k < n_counters; ++k) all.push_back(static_cast<PairCounter*>(counters[k]));
    std::unique_ptr<PairCounts> found(new PairCounts());
    all.front()->merge(all, first, stop, min_count, size_t(n_buffered), *found);
    sizes[0] = found->n_distinct;
    sizes[1] = int64_t(found->counts.size());
    sizes[2] = found->highest;
    *result = found.release();
    return firth::OK;
  });
}

FIRTH_API void firth_pairs_result_free(void* result) { delete static_cast<PairCounts*>(result); }

FIRTH_API int64_t firth_pairs_result_copy(const void* result, int32_t* first, int32_t* chain, int32_t* last,
                                          int64_t* counts) {
  return firth::guard([&]() -> int64_t {
    const PairCounts& found = *static_cast<const PairCounts*>(result);
    std::copy(found.first.begin(), found.first.end(), first);
    std::copy(found.chain.begin(), found.chain.end(), chain);
    std::copy(found.last.begin(), found.last.end(), last);
    std::copy(found.counts.begin(), found.counts.end(), counts);
    return firth::OK;
  });
}

// Makes the list of phrases. Phrase k is the word first[k], the chain chain[k] and the word last[k]; it becomes the id
// joined[k]. The chains must outlive it.
FIRTH_API int64_t firth_phrases_new(int64_t n_words, const void* chains, int64_t n_phrases, const int32_t* first,
                                    const int32_t* chain, const int32_t* last, const int32_t* joined, void** index) {
  return firth::guard([&]() -> int64_t {
    *index = new PhraseIndex(n_words, *static_cast<const ChainTable*>(chains), n_phrases, first, chain, last, joined);
    return firth::OK;
  });
}

FIRTH_API void firth_phrases_free(void* index) { delete static_cast<PhraseIndex*>(index); }

// The first token from `at` on at which a block can begin.
FIRTH_API int64_t firth_phrases_block_start(const void* index, const Text* text, int64_t at, int64_t n_tokens) {
  return firth::guard(
      [&]() -> int64_t { return static_cast<const PhraseIndex*>(index)->block_start(*text, at, n_tokens); });
}

FIRTH_API int64_t firth_joiner_new(const void* index, int64_t n_phrases, void** joiner) {
  return firth::guard([&]() -> int64_t {
    *joiner = new Joiner(*static_cast<const PhraseIndex*>(index), n_phrases);
    return firth::OK;
  });
}

FIRTH_API void firth_joiner_free(void* joiner) { delete static_cast<Joiner*>(joiner); }

// Joins the block [begin, end) in memory. Returns the number of tokens that it becomes.
FIRTH_API int64_t firth_joiner_join(void* joiner, const Text* text, int64_t begin, int64_t end) {
  return firth::guard([&]() -> int64_t {
    static_cast<Joiner*>(joiner)->join(*text, begin, end);
    return int64_t(static_cast<Joiner*>(joiner)->ids().size());
  });
}

// Writes the block that was joined last: its ids and the ends of its sequences. n_before: joined tokens before the
// block; first_sequence: the number of the first sequence that ends in it.
FIRTH_API int64_t firth_joiner_write(void* joiner, int32_t ids_file, int32_t offsets_file, int64_t n_before,
                                     int64_t first_sequence) {
  return firth::guard([&]() -> int64_t {
    Joiner& joining = *static_cast<Joiner*>(joiner);
    for (int64_t& end : joining.ends()) end += n_before;
    firth::write_at(ids_file, joining.ids().data(), joining.ids().size() * 4, n_before * 4);
    firth::write_at(offsets_file, joining.ends().data(), joining.ends().size() * 8, (first_sequence + 1) * 8);
    return firth::OK;
  });
}

// Adds how often this joiner joined each phrase.
FIRTH_API int64_t firth_joiner_add_counts(const void* joiner, int64_t* n_joined) {
  return firth::guard([&]() -> int64_t {
    const std::vector<int64_t>& own = static_cast<const Joiner*>(joiner)->n_joined();
    for (size_t k = 0; k < own.size(); ++k) n_joined[k] += own[k];
    return firth::OK;
  });
}
