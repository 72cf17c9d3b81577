// tests/corpus: the native half of phrases without Python, for the sanitizers: several threads count candidates with
// small buffers, merge the runs, and join blocks; compared with std::map and a loop. Exit status 0: all is well.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <thread>
#include <vector>

struct Text {
  const int32_t* ids;
  const int64_t* offsets;
  int64_t n_sequences;
  const uint8_t* connectors;
};

extern "C" {
int64_t firth_chains_new(void**);
void firth_chains_free(void*);
int64_t firth_chains_add_all(void*, const Text*, int64_t, int64_t);
int64_t firth_chains_add(void*, const int32_t*, int64_t);
int64_t firth_chains_sizes(const void*, int64_t*);
int64_t firth_chains_copy(const void*, int32_t*, int64_t*);
int64_t firth_pairs_new(int32_t, int64_t, int64_t, int64_t, int64_t, void**);
void firth_pairs_free(void*);
int64_t firth_pairs_count(void*, const Text*, const void*, int64_t, int64_t);
int64_t firth_pairs_finish(void*, int64_t);
int64_t firth_pairs_merge(void* const*, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t*, void**);
void firth_pairs_result_free(void*);
int64_t firth_pairs_result_copy(const void*, int32_t*, int32_t*, int32_t*, int64_t*);
int64_t firth_phrases_new(int64_t, const void*, int64_t, const int32_t*, const int32_t*, const int32_t*, const int32_t*,
                          void**);
void firth_phrases_free(void*);
int64_t firth_phrases_block_start(const void*, const Text*, int64_t, int64_t);
int64_t firth_joiner_new(const void*, int64_t, void**);
void firth_joiner_free(void*);
int64_t firth_joiner_join(void*, const Text*, int64_t, int64_t);
int64_t firth_joiner_write(void*, int32_t, int32_t, int64_t, int64_t);
int64_t firth_joiner_add_counts(const void*, int64_t*);
}

#define REQUIRE(condition)                                         \
  do {                                                             \
    if (!(condition)) {                                            \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      std::exit(1);                                                \
    }                                                              \
  } while (false)

constexpr int32_t N_CONNECTORS = 3;  // the ids 0, 1 and 2

static void in_threads(int n_threads, int64_t n_tasks, const std::function<void(int, int64_t)>& work) {
  std::atomic<int64_t> next{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < n_threads; ++t)
    threads.emplace_back([&, t] {
      for (int64_t task; (task = next++) < n_tasks;) work(t, task);
    });
  for (std::thread& thread : threads) thread.join();
}

// `n_stated`: the number of words that the counters are told; a large one makes keys of more than 64 bits.
static void run(int64_t n_tokens, int32_t n_words, int64_t n_stated, bool has_connectors, int n_threads,
                int64_t block) {
  uint32_t seed = 7;
  const auto draw = [&](uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
  };
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets(1, 0);
  while (int64_t(ids.size()) < n_tokens) {
    for (uint32_t n = draw(30); n > 0 && int64_t(ids.size()) < n_tokens; --n)
      ids.push_back(draw(4) == 0 ? int32_t(draw(N_CONNECTORS)) : int32_t(draw(draw(uint32_t(n_words)) + 1)));
    offsets.push_back(int64_t(ids.size()));
  }
  ids.shrink_to_fit();
  offsets.shrink_to_fit();
  std::vector<uint8_t> connectors(size_t(n_words), 0);
  std::fill_n(connectors.begin(), has_connectors ? N_CONNECTORS : 0, uint8_t(1));
  const Text text = {ids.data(), offsets.data(), int64_t(offsets.size()) - 1,
                     has_connectors ? connectors.data() : nullptr};
  const int64_t n_blocks = (n_tokens + block - 1) / block;
  const auto end_of = [&](int64_t number) { return std::min(n_tokens, (number + 1) * block); };

  // The candidates by a loop: first word, connector words, last word.
  std::map<std::vector<int32_t>, int64_t> expected;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    std::vector<int32_t> pending;
    for (int64_t at = offsets[s]; at < offsets[s + 1]; ++at) {
      const int32_t id = ids[size_t(at)];
      const bool is_connector = connectors[size_t(id)] != 0;
      if (is_connector && pending.empty()) continue;
      pending.push_back(id);
      if (is_connector) continue;
      if (pending.size() > 1) ++expected[pending];
      pending.assign(1, id);
    }
  }

  void* chains = nullptr;
  REQUIRE(firth_chains_new(&chains) == 0);
  if (has_connectors)
    in_threads(n_threads, n_blocks,
               [&](int, int64_t k) { REQUIRE(firth_chains_add_all(chains, &text, k * block, end_of(k)) == 0); });
  int64_t sizes[3];
  REQUIRE(firth_chains_sizes(chains, sizes) == 0);
  const int64_t n_chains = sizes[0];
  std::vector<int32_t> chain_ids(size_t(sizes[1]) + 1);
  std::vector<int64_t> chain_offsets(size_t(n_chains) + 1);
  REQUIRE(firth_chains_copy(chains, chain_ids.data(), chain_offsets.data()) == 0);

  std::vector<FILE*> spools;
  std::vector<void*> counters(size_t(n_threads), nullptr);
  for (void*& counter : counters) {
    spools.push_back(std::tmpfile());
    REQUIRE(spools.back() != nullptr);
    REQUIRE(firth_pairs_new(fileno(spools.back()), n_stated, n_chains, 100, 3, &counter) == 0);
  }
  in_threads(n_threads, n_blocks, [&](int t, int64_t k) {
    REQUIRE(firth_pairs_count(counters[size_t(t)], &text, chains, k * block, end_of(k)) == 0);
  });
  in_threads(n_threads, n_threads, [&](int, int64_t k) { REQUIRE(firth_pairs_finish(counters[size_t(k)], 2) >= 0); });
  std::vector<std::map<std::vector<int32_t>, int64_t>> parts(3);
  const int64_t bounds[4] = {0, n_words / 3, n_words / 2, n_stated};
  in_threads(n_threads, 3, [&](int, int64_t k) {
    int64_t found[3];
    void* result = nullptr;
    REQUIRE(firth_pairs_merge(counters.data(), n_threads, bounds[k], bounds[k + 1], 1, 7, found, &result) == 0);
    const size_t n_found = size_t(found[1]);
    std::vector<int32_t> first(n_found), chain(n_found), last(n_found);
    std::vector<int64_t> counts(n_found);
    REQUIRE(firth_pairs_result_copy(result, first.data(), chain.data(), last.data(), counts.data()) == 0);
    firth_pairs_result_free(result);
    for (size_t i = 0; i < counts.size(); ++i) {
      std::vector<int32_t> key(1, first[i]);
      if (chain[i] > 0)
        key.insert(key.end(), chain_ids.begin() + chain_offsets[size_t(chain[i]) - 1],
                   chain_ids.begin() + chain_offsets[size_t(chain[i])]);
      key.push_back(last[i]);
      REQUIRE(parts[size_t(k)].emplace(key, counts[i]).second);
    }
  });
  for (void* counter : counters) firth_pairs_free(counter);
  for (FILE* spool : spools) std::fclose(spool);
  std::map<std::vector<int32_t>, int64_t> found;
  for (const auto& part : parts) found.insert(part.begin(), part.end());
  REQUIRE(found == expected);

  // Every third candidate is a phrase.
  std::vector<int32_t> first, chain, last, joined;
  std::map<std::vector<int32_t>, int32_t> phrases;
  size_t number = 0;
  for (const auto& item : expected) {
    if (number++ % 3 != 0) continue;
    const std::vector<int32_t>& key = item.first;
    first.push_back(key.front());
    chain.push_back(int32_t(firth_chains_add(chains, key.data() + 1, int64_t(key.size()) - 2)));
    last.push_back(key.back());
    joined.push_back(n_words + int32_t(joined.size()));
    phrases[key] = joined.back();
  }
  void* index = nullptr;
  const int64_t n_phrases = int64_t(joined.size());
  REQUIRE(firth_phrases_new(n_words, chains, n_phrases, first.data(), chain.data(), last.data(), joined.data(),
                            &index) == 0);
  std::vector<std::vector<int32_t>> blocks(static_cast<size_t>(n_blocks));
  std::vector<void*> joiners(size_t(n_threads), nullptr);
  for (void*& joiner : joiners) REQUIRE(firth_joiner_new(index, n_phrases, &joiner) == 0);
  in_threads(n_threads, n_blocks, [&](int t, int64_t k) {
    const int64_t begin = k == 0 ? 0 : firth_phrases_block_start(index, &text, k * block, n_tokens);
    const int64_t end = firth_phrases_block_start(index, &text, end_of(k), n_tokens);
    REQUIRE(begin >= 0 && end >= begin);
    const int64_t n = firth_joiner_join(joiners[size_t(t)], &text, begin, end);
    REQUIRE(n >= 0);
    FILE *to = std::tmpfile(), *to_offsets = std::tmpfile();
    REQUIRE(firth_joiner_write(joiners[size_t(t)], fileno(to), fileno(to_offsets), 0, 0) == 0);
    blocks[size_t(k)].resize(size_t(n));
    REQUIRE(pread(fileno(to), blocks[size_t(k)].data(), size_t(n) * 4, 0) == ssize_t(n * 4));
    std::fclose(to);
    std::fclose(to_offsets);
  });
  std::vector<int64_t> n_joined(static_cast<size_t>(n_phrases));
  for (void* joiner : joiners) {
    REQUIRE(firth_joiner_add_counts(joiner, n_joined.data()) == 0);
    firth_joiner_free(joiner);
  }
  firth_phrases_free(index);
  firth_chains_free(chains);

  std::vector<int32_t> expected_ids, joined_ids;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    std::vector<int32_t> pending;
    for (int64_t at = offsets[s]; at < offsets[s + 1]; ++at) {
      const int32_t id = ids[size_t(at)];
      if (connectors[size_t(id)] != 0) {
        (pending.empty() ? expected_ids : pending).push_back(id);
        continue;
      }
      std::vector<int32_t> key = pending;
      key.push_back(id);
      const auto phrase = phrases.find(key);
      if (!pending.empty() && phrase != phrases.end()) {
        expected_ids.push_back(phrase->second);
        pending.clear();
        continue;
      }
      expected_ids.insert(expected_ids.end(), pending.begin(), pending.end());
      pending.assign(1, id);
    }
    expected_ids.insert(expected_ids.end(), pending.begin(), pending.end());
  }
  for (const std::vector<int32_t>& part : blocks) joined_ids.insert(joined_ids.end(), part.begin(), part.end());
  REQUIRE(joined_ids == expected_ids);
  int64_t n_all = 0;
  for (const int64_t n : n_joined) n_all += n;
  REQUIRE(n_all == std::count_if(joined_ids.begin(), joined_ids.end(), [&](int32_t id) { return id >= n_words; }));
}

int main() {
  for (const bool has_connectors : {false, true})
    for (const int n_threads : {1, 3}) {
      run(20000, 60, 60, has_connectors, n_threads, 997);
      run(3000, 8, 8, has_connectors, n_threads, 5);
      run(5000, 900, (int64_t(1) << 31) - 1, has_connectors, n_threads, 611);
    }
  return 0;
}
