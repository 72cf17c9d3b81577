// tests/corpus: the native half of the corpus room without Python, for the sanitizers: counts a text in chunks by
// several threads, merges, encodes by several threads, and compares with std::map. Exit status 0: all is well.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "../native/system.hpp"
#include "text/rows.hpp"

struct ChunkReport {
  int64_t n_tokens, n_lines, spool_offset, problem, problem_offset, problem_byte;
};
struct SpooledChunk {
  int64_t spool_offset, n_tokens, n_lines, first_line;
};

extern "C" {
int64_t firth_text_counter_new(int32_t, int32_t, void**);
void firth_text_counter_free(void*);
int64_t firth_text_count_range(void*, int32_t, int64_t, int64_t, int32_t, ChunkReport*);
int64_t firth_text_begin(void*);
int64_t firth_text_feed(void*, const uint8_t*, int64_t, int32_t, ChunkReport*);
int64_t firth_text_feed_rows(void*, const firth::StringColumn*, ChunkReport*);
int64_t firth_text_rows_bytes(const firth::StringColumn*, int64_t*);
int64_t firth_text_join_rows(const firth::StringColumn*, uint8_t*);
int64_t firth_text_finish(void*, int64_t*, int64_t*);
int64_t firth_text_merge_new(void* const*, int64_t, int32_t* const*, uint8_t*, int64_t*, int64_t*, void**);
void firth_text_merge_free(void*);
int64_t firth_text_merge_work(void*);
int64_t firth_text_merge_sizes(const void*, int64_t*, int64_t*);
int64_t firth_text_encoder_new(void**);
void firth_text_encoder_free(void*);
int64_t firth_text_map_chunk(void*, int32_t, const SpooledChunk*, const int32_t*, uint64_t, uint64_t, int64_t*);
int64_t firth_text_write_chunk(void*, const int32_t*, const int64_t*);
int64_t firth_text_rank(const uint8_t*, const int64_t*, const int64_t*, int64_t, int64_t*);
int64_t firth_text_join(const uint8_t*, const int64_t*, const int64_t*, int64_t, int32_t, uint8_t*, int64_t*);
int64_t firth_text_find_repeated(const uint8_t*, const int64_t*, int64_t);
}

#define REQUIRE(condition)                                         \
  do {                                                             \
    if (!(condition)) {                                            \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
      std::exit(1);                                                \
    }                                                              \
  } while (false)

static std::string make_text(size_t n_tokens, uint32_t seed) {
  std::string text;
  for (size_t i = 0; i < n_tokens; ++i) {
    seed = seed * 1664525u + 1013904223u;
    const uint32_t rank = (seed >> 8) % (1 + (seed >> 24) * 8);
    text += std::string(1 + rank % 37, char('a' + rank % 26)) + std::to_string(rank);
    text += (seed >> 16) % 11 == 0 ? "\n" : (seed >> 16) % 13 == 0 ? " \t" : " ";
  }
  return text + "\xc3\xa9";
}

static FILE* temporary() {
  FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  return file;
}

static void run(const std::string& text, int64_t chunk_bytes, int n_threads) {
  FILE* source = temporary();
  REQUIRE(std::fwrite(text.data(), 1, text.size(), source) == text.size() && std::fflush(source) == 0);
  const int64_t size = int64_t(text.size()), n_chunks = (size + chunk_bytes - 1) / chunk_bytes;
  std::vector<FILE*> spools;
  std::vector<void*> counters(size_t(n_threads), nullptr);
  for (void*& counter : counters) {
    spools.push_back(temporary());
    REQUIRE(firth_text_counter_new(fileno(spools.back()), 1, &counter) == 0);
  }
  std::vector<ChunkReport> reports(size_t(n_chunks), ChunkReport{});
  std::vector<int> owners(size_t(n_chunks), 0);
  std::atomic<int64_t> cursor{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < n_threads; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t chunk; (chunk = cursor++) < n_chunks;) {
        const int64_t start = chunk * chunk_bytes, stop = std::min(size, start + chunk_bytes);
        owners[size_t(chunk)] = t;
        REQUIRE(firth_text_count_range(counters[size_t(t)], fileno(source), start, stop, stop == size,
                                       &reports[size_t(chunk)]) == 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();

  std::vector<std::vector<int32_t>> maps;
  std::vector<int32_t*> map_starts;
  int64_t n_words = 0, n_bytes = 0, most_words = 0, most_bytes = 0;
  for (void* counter : counters) {
    REQUIRE(firth_text_finish(counter, &n_words, &n_bytes) == 0);
    maps.emplace_back(size_t(n_words) + 1);
    map_starts.push_back(maps.back().data());
    most_words += n_words;
    most_bytes += n_bytes;
  }
  std::vector<uint8_t> bytes(size_t(most_bytes) + 1);
  std::vector<int64_t> offsets(size_t(most_words) + 1), counts(static_cast<size_t>(most_words)), order;
  void* merge = nullptr;
  REQUIRE(firth_text_merge_new(counters.data(), int64_t(counters.size()), map_starts.data(), bytes.data(),
                               offsets.data(), counts.data(), &merge) == 0);
  for (int t = 0; t < n_threads; ++t) threads.emplace_back([&] { REQUIRE(firth_text_merge_work(merge) == 0); });
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  REQUIRE(firth_text_merge_sizes(merge, &n_words, &n_bytes) == 0);
  firth_text_merge_free(merge);
  // No more than there is, so that a sanitizer sees what is read behind it.
  bytes.resize(size_t(n_bytes));
  offsets.resize(size_t(n_words) + 1);
  bytes.shrink_to_fit();
  offsets.shrink_to_fit();
  for (void* counter : counters) firth_text_counter_free(counter);
  for (int64_t word = 0; word < n_words; ++word) order.push_back(word);
  REQUIRE(firth_text_rank(bytes.data(), offsets.data(), counts.data(), n_words, order.data()) == 0);
  std::vector<uint8_t> joined(size_t(n_bytes + n_words));
  std::vector<int64_t> joined_offsets(size_t(n_words) + 1);
  REQUIRE(firth_text_join(bytes.data(), offsets.data(), order.data(), n_words, '\n', joined.data(),
                          joined_offsets.data()) == n_bytes + n_words);
  REQUIRE(firth_text_join(bytes.data(), offsets.data(), order.data(), n_words, -1, joined.data(),
                          joined_offsets.data()) == n_bytes);
  joined.resize(size_t(n_bytes));
  joined.shrink_to_fit();
  REQUIRE(firth_text_find_repeated(joined.data(), joined_offsets.data(), n_words) == n_words);

  std::map<std::string, int64_t> expected;
  std::vector<std::string> tokens;
  std::string word;
  for (const char c : text + "\n") {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      if (!word.empty()) tokens.push_back(word);
      word.clear();
    } else {
      word += c;
    }
  }
  for (const std::string& token : tokens) ++expected[token];
  REQUIRE(int64_t(expected.size()) == n_words);
  std::vector<std::string> words(static_cast<size_t>(n_words));
  for (size_t id = 0; id < words.size(); ++id) {
    words[id] = std::string(bytes.begin() + offsets[id], bytes.begin() + offsets[id + 1]);
    REQUIRE(expected[words[id]] == counts[id]);
  }

  FILE *ids_file = temporary(), *offsets_file = temporary();
  const int32_t files[4] = {fileno(ids_file), fileno(offsets_file), -1, -1};
  std::vector<int64_t> token_bases(1, 0), line_bases(1, 0);
  for (const ChunkReport& report : reports) {
    token_bases.push_back(token_bases.back() + report.n_tokens);
    line_bases.push_back(line_bases.back() + report.n_lines);
  }
  cursor = 0;
  for (int t = 0; t < n_threads; ++t) {
    threads.emplace_back([&] {
      void* encoder = nullptr;
      REQUIRE(firth_text_encoder_new(&encoder) == 0);
      for (int64_t chunk; (chunk = cursor++) < n_chunks;) {
        const ChunkReport& report = reports[size_t(chunk)];
        const size_t owner = size_t(owners[size_t(chunk)]);
        const SpooledChunk where{report.spool_offset, report.n_tokens, report.n_lines, line_bases[size_t(chunk)]};
        int64_t sizes[3];
        REQUIRE(firth_text_map_chunk(encoder, fileno(spools[owner]), &where, maps[owner].data(), 0, 0, sizes) == 0);
        REQUIRE(sizes[0] == report.n_tokens);
        const int64_t bases[4] = {token_bases[size_t(chunk)], line_bases[size_t(chunk)], 0, 0};
        REQUIRE(firth_text_write_chunk(encoder, files, bases) == 0);
      }
      firth_text_encoder_free(encoder);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<int32_t> ids(tokens.size());
  REQUIRE(pread(files[0], ids.data(), ids.size() * 4, 0) == int64_t(ids.size() * 4));
  for (size_t i = 0; i < ids.size(); ++i) REQUIRE(words[size_t(ids[i])] == tokens[i]);
  for (FILE* file : spools) std::fclose(file);
  for (FILE* file : {source, ids_file, offsets_file}) std::fclose(file);
}

static void refuse(const std::string& text, int64_t problem, int64_t offset) {
  FILE* spool = temporary();
  void* counter = nullptr;
  REQUIRE(firth_text_counter_new(fileno(spool), 1, &counter) == 0);
  REQUIRE(firth_text_begin(counter) == 0);
  ChunkReport report{};
  REQUIRE(firth_text_feed(counter, reinterpret_cast<const uint8_t*>(text.data()), int64_t(text.size()), 1, &report) <
          0);
  REQUIRE(report.problem == problem && report.problem_offset == offset);
  firth_text_counter_free(counter);
  std::fclose(spool);
}

static ChunkReport count_rows(const firth::StringColumn& column, int64_t expected_status) {
  FILE* spool = temporary();
  void* counter = nullptr;
  ChunkReport report{};
  REQUIRE(firth_text_counter_new(fileno(spool), 1, &counter) == 0);
  REQUIRE((firth_text_feed_rows(counter, &column, &report) != 0) == (expected_status != 0));
  firth_text_counter_free(counter);
  std::fclose(spool);
  return report;
}

// Rows of every layout, in buffers without a byte behind them, are the lines that are joined from them.
static void run_rows() {
  std::vector<std::string> rows = {"", "a", "b", "c d", " e\nf ", "", std::string(70000, 'x'), "twelve bytes", "z", ""};
  for (uint32_t seed = 0; seed < 500; ++seed) rows.push_back(make_text(seed % 9, seed));
  std::vector<uint8_t> bytes, views(16 * rows.size());
  std::vector<int32_t> short_offsets = {0};
  std::vector<int64_t> long_offsets = {0};
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t length = int32_t(rows[i].size()), at = int32_t(bytes.size()), part = 0;
    std::memcpy(&views[16 * i], &length, 4);
    if (length <= 12) {
      std::memcpy(&views[16 * i + 4], rows[i].data(), rows[i].size());
    } else {
      std::memcpy(&views[16 * i + 8], &part, 4);
      std::memcpy(&views[16 * i + 12], &at, 4);
    }
    bytes.insert(bytes.end(), rows[i].begin(), rows[i].end());
    short_offsets.push_back(int32_t(bytes.size()));
    long_offsets.push_back(int64_t(bytes.size()));
  }
  bytes.shrink_to_fit();
  const int64_t n_rows = int64_t(rows.size()), n_bytes = int64_t(bytes.size());
  std::vector<uint8_t> all_valid(size_t(n_rows + 7) / 8, 255);
  std::vector<uint16_t> indices;
  for (int64_t i = 0; i < n_rows; ++i) indices.push_back(uint16_t(i));
  const uint8_t* part = bytes.data();
  ChunkReport first{};
  for (int layout = 0; layout < 5; ++layout) {
    firth::StringColumn column{};
    column.offset_bytes = layout == 1 ? 8 : layout == 2 ? 0 : 4;
    column.offsets = layout == 1   ? static_cast<const void*>(long_offsets.data())
                     : layout == 2 ? static_cast<const void*>(views.data())
                                   : short_offsets.data();
    column.bytes = bytes.data();
    column.n_bytes = n_bytes;
    column.parts = &part;
    column.part_bytes = &n_bytes;
    column.n_parts = 1;
    column.n_rows = column.n_values = n_rows;
    if (layout == 3) column.valid = all_valid.data();
    if (layout == 4) {
      column.indices = indices.data();
      column.index_bytes = 2;
    }
    const ChunkReport found = count_rows(column, 0);
    if (layout == 0) first = found;
    REQUIRE(found.n_lines == n_rows && found.n_tokens == first.n_tokens);
    int64_t n_joined = 0;
    REQUIRE(firth_text_rows_bytes(&column, &n_joined) == 0 && n_joined == n_bytes + n_rows);
    std::vector<uint8_t> joined(static_cast<size_t>(n_joined));
    REQUIRE(firth_text_join_rows(&column, joined.data()) == 0);
    column.n_bytes -= layout < 2 || layout > 2 ? 1 : 0;
    int64_t one_less = n_bytes - 1;
    column.part_bytes = &one_less;
    column.n_values -= layout == 4 ? 1 : 0;
    if (layout != 2) count_rows(column, 1);
  }
}

int main() {
  run_rows();
  const std::string large = make_text(60000, 1), small = make_text(40, 2);
  for (const int n_threads : {1, 2, 4}) {
    run(large, 10007, n_threads);
    run(large, int64_t(1) << 20, n_threads);
  }
  for (int64_t chunk_bytes = 1; chunk_bytes < 140; ++chunk_bytes) run(small, chunk_bytes, 2);
  for (const size_t length : {15, 16, 17, 63, 64, 65, 65535, 65536, 65537, 1 << 20}) {
    run(std::string(length, 'x') + " y\n" + std::string(length, 'z'), 70000, 2);
  }
  refuse("good \xff bad", 1, 5);
  refuse("good b\xe2\x82", 1, 6);
  refuse(std::string("a\0b", 3), 2, 1);
  refuse("ok " + std::string((1 << 20) + 1, 'A'), 3, 3);
  refuse("ok " + std::string(3 << 20, 'A') + " ok", 3, 3);
  return 0;
}
