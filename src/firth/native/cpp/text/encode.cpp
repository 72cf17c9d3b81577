// Room native: the second step of encoding: maps spooled ids to ids of the vocabulary, drops tokens outside it, writes
// ids and sequence offsets to their positions in the files, and chooses the held-out sequences.
#include <algorithm>
#include <memory>
#include <vector>

#include "base/abi.hpp"
#include "base/philox.hpp"
#include "text/file.hpp"

namespace firth {

// The position of a chunk of tokens in the spool, and its sequences. native/text.py has the same order.
struct SpooledChunk {
  int64_t spool_offset, n_tokens, n_lines;
  int64_t first_line;  // number of the sequence of its first token
};

// A sequence is held out when its draw is below the threshold (share times 2^32); a threshold of 0 holds out nothing.
struct HeldoutRule {
  uint64_t threshold, seed;
  bool holds_out(int64_t line) const {
    if (threshold == 0) return false;
    return draw_block(PhiloxKey(seed), PURPOSE_HELDOUT, 0, uint64_t(line), 0, 0).word[0] < threshold;
  }
};

constexpr size_t LOOK_TOKENS = size_t(1) << 18;  // tokens of one line between two checks of the stop flag
constexpr int64_t LOOK_LINES = 1 << 12;          // lines, including empty lines, between two checks

struct EncodedPart {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;  // end of each line that ends in this chunk, counted from the chunk's first token
  size_t n_ids = 0, n_lines = 0;
};

class Encoder {
 public:
  const int32_t* read_chunk(int spool, const SpooledChunk& chunk) {
    const size_t n = size_t(chunk.n_tokens) + size_t(chunk.n_lines);
    if (spooled_.size() < n) spooled_.resize(n);
    read_exactly_at(spool, spooled_.data(), n * 4, chunk.spool_offset);
    return spooled_.data();
  }

  void map_chunk(int spool, const SpooledChunk& chunk, const int32_t* map, const HeldoutRule& rule) {
    const int32_t *tokens = read_chunk(spool, chunk), *line_ends = tokens + chunk.n_tokens;
    for (EncodedPart* part : {&training, &heldout}) {
      part->n_ids = part->n_lines = 0;
      if (part == &heldout && rule.threshold == 0) continue;
      if (part->ids.size() < size_t(chunk.n_tokens) + 1) part->ids.resize(size_t(chunk.n_tokens) + 1);
      if (part->offsets.size() < size_t(chunk.n_lines)) part->offsets.resize(size_t(chunk.n_lines));
    }
    size_t token = 0;
    for (int64_t line = 0; line <= chunk.n_lines; ++line) {
      const bool ends_here = line < chunk.n_lines;
      const size_t stop = ends_here ? size_t(uint32_t(line_ends[line])) : size_t(chunk.n_tokens);
      if (line % LOOK_LINES == 0) check_stop();
      const bool is_heldout = rule.holds_out(chunk.first_line + line);
      EncodedPart& part = is_heldout ? heldout : training;
      int32_t* ids = part.ids.data();
      size_t n_ids = part.n_ids;
      while (token < stop) {
        check_stop();
        for (const size_t last = std::min(stop, token + LOOK_TOKENS); token < last; ++token) {
          const int32_t word_id = map[tokens[token]];
          ids[n_ids] = word_id;
          n_ids += word_id >= 0;
        }
      }
      part.n_ids = n_ids;
      if (!ends_here) break;
      training.offsets[training.n_lines++] = int64_t(training.n_ids);
      if (is_heldout) heldout.offsets[heldout.n_lines++] = int64_t(heldout.n_ids);
    }
  }

  EncodedPart training, heldout;

 private:
  std::vector<int32_t> spooled_;
};

void write_part(EncodedPart& part, int ids_file, int offsets_file, int64_t token_base, int64_t line_base) {
  for (size_t line = 0; line < part.n_lines; ++line) part.offsets[line] += token_base;
  write_at(ids_file, part.ids.data(), part.n_ids * 4, token_base * 4);
  write_at(offsets_file, part.offsets.data(), part.n_lines * 8, (line_base + 1) * 8);
}

}  // namespace firth

using firth::Encoder;
using firth::SpooledChunk;

FIRTH_API int64_t firth_text_encoder_new(void** encoder) {
  return firth::guard([&]() -> int64_t {
    *encoder = new Encoder();
    return firth::OK;
  });
}

FIRTH_API void firth_text_encoder_free(void* encoder) { delete static_cast<Encoder*>(encoder); }

// Maps a chunk in memory. sizes: training tokens kept, held-out tokens kept, held-out lines ended.
FIRTH_API int64_t firth_text_map_chunk(void* encoder, int32_t spool, const SpooledChunk* chunk, const int32_t* map,
                                       uint64_t threshold, uint64_t seed, int64_t* sizes) {
  return firth::guard([&]() -> int64_t {
    Encoder& encoding = *static_cast<Encoder*>(encoder);
    encoding.map_chunk(spool, *chunk, map, firth::HeldoutRule{threshold, seed});
    sizes[0] = int64_t(encoding.training.n_ids);
    sizes[1] = int64_t(encoding.heldout.n_ids);
    sizes[2] = int64_t(encoding.heldout.n_lines);
    return firth::OK;
  });
}

// Writes the mapped chunk to the files; bases: training tokens, training lines, held-out tokens, held-out lines before
// it.
FIRTH_API int64_t firth_text_write_chunk(void* encoder, const int32_t* files, const int64_t* bases) {
  return firth::guard([&]() -> int64_t {
    Encoder& encoding = *static_cast<Encoder*>(encoder);
    firth::write_part(encoding.training, files[0], files[1], bases[0], bases[1]);
    if (encoding.heldout.n_ids != 0 || encoding.heldout.n_lines != 0) {
      firth::write_part(encoding.heldout, files[2], files[3], bases[2], bases[3]);
    }
    return firth::OK;
  });
}

// Subtracts the tokens of held-out sequences from the counts. Returns the number of these tokens.
FIRTH_API int64_t firth_text_uncount_heldout(void* encoder, int32_t spool, const SpooledChunk* chunk,
                                             const int32_t* map, uint64_t threshold, uint64_t seed, int64_t* counts,
                                             int64_t* n_heldout_lines) {
  return firth::guard([&]() -> int64_t {
    const firth::HeldoutRule rule{threshold, seed};
    const int32_t* tokens = static_cast<Encoder*>(encoder)->read_chunk(spool, *chunk);
    const int32_t* line_ends = tokens + chunk->n_tokens;
    int64_t n_heldout = 0, token = 0;
    for (int64_t line = 0; line <= chunk->n_lines; ++line) {
      if (line % firth::LOOK_LINES == 0) firth::check_stop();
      const bool ends_here = line < chunk->n_lines;
      const int64_t stop = ends_here ? int64_t(uint32_t(line_ends[line])) : chunk->n_tokens;
      if (rule.holds_out(chunk->first_line + line)) {
        for (int64_t at = token; at < stop; ++at) --counts[map[tokens[at]]];
        n_heldout += stop - token;
        *n_heldout_lines += ends_here;
      }
      token = stop;
    }
    return n_heldout;
  });
}
