// Room native: joins the phrases of an encoded corpus: a candidate that is in the list of phrases becomes one token.
// The text is read from left to right; a word that ended a phrase begins no other. Twin: join_tokens in
// numerics/phrases.py.
//
// Blocks of the corpus are joined by several threads. A block begins at a token where the tokens before do not matter:
// at the start of a sequence, or at a word that no phrase could end at.
#pragma once

#include <cstdint>
#include <vector>

#include "base/abi.hpp"
#include "base/buffer.hpp"
#include "text/chains.hpp"

namespace firth {

class PhraseIndex {
 public:
  PhraseIndex(int64_t n_words, const ChainTable& chains, int64_t n_phrases, const int32_t* first, const int32_t* chain,
              const int32_t* last, const int32_t* joined)
      : chains_(chains), edges_(size_t(n_words)) {
    size_t n_slots = 64;
    while (n_slots < size_t(n_phrases) * 4) n_slots *= 2;
    slots_.resize(n_slots);
    filter_.resize(n_slots / 8);
    for (int64_t k = 0; k < n_phrases; ++k) {
      const uint64_t hash = hash_of(first[k], chain[k], last[k]);
      filter_[(hash >> 20) & (filter_.size() - 1)] |= uint32_t(1) << (hash >> 59);
      Slot& slot = slots_[slot_of(first[k], chain[k], last[k], hash)];
      slot = {first[k], chain[k], last[k], int32_t(k) + 1, joined[k]};
      edges_[size_t(first[k])] |= CAN_BEGIN;
      edges_[size_t(last[k])] |= CAN_END;
    }
  }

  struct Slot {
    int32_t first = 0, chain = 0, last = 0;
    int32_t number_plus_1 = 0;  // 0: empty
    int32_t joined = 0;
  };

  // The phrase from the word at `before` to the word at `at`; null if there is none.
  const Slot* find(const Text& text, int64_t before, int64_t at) const {
    const int32_t first = text.ids[before], last = text.ids[at];
    if (!(edges_[size_t(first)] & CAN_BEGIN) || !(edges_[size_t(last)] & CAN_END)) return nullptr;
    const int64_t chain = at == before + 1 ? 0 : chains_.find(text.ids + before + 1, at - before - 1);
    if (chain < 0) return nullptr;
    const uint64_t hash = hash_of(first, int32_t(chain), last);
    if (!(filter_[(hash >> 20) & (filter_.size() - 1)] >> (hash >> 59) & 1)) return nullptr;
    const Slot& slot = slots_[slot_of(first, int32_t(chain), last, hash)];
    return slot.number_plus_1 == 0 ? nullptr : &slot;
  }

  // The first token from `at` on at which a block can begin; n_tokens if there is none.
  int64_t block_start(const Text& text, int64_t at, int64_t n_tokens) const {
    if (at >= n_tokens) return n_tokens;
    int64_t sequence = text.sequence_of(at);
    for (; at < n_tokens; ++at) {
      if (at % STOP_TOKENS == 0) check_stop();
      while (at >= text.offsets[sequence + 1]) ++sequence;
      const int64_t first = text.offsets[sequence];
      if (at == first) return at;
      if (text.is_connector(at)) continue;
      const int64_t before = text.word_before(at, first);
      if (before < 0 || find(text, before, at) == nullptr) return at;
    }
    return n_tokens;
  }

 private:
  static constexpr uint8_t CAN_BEGIN = 1, CAN_END = 2;

  static uint64_t hash_of(int32_t first, int32_t chain, int32_t last) {
    const uint64_t pair = uint64_t(uint32_t(first)) << 32 | uint32_t(last);
    return mix(pair ^ HASH_A, uint64_t(uint32_t(chain)) ^ HASH_C);
  }

  size_t slot_of(int32_t first, int32_t chain, int32_t last, uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.number_plus_1 == 0 || (slot.first == first && slot.last == last && slot.chain == chain)) return at;
    }
  }

  const ChainTable& chains_;
  std::vector<Slot> slots_;
  std::vector<uint32_t>
      filter_;                  // a bit of each phrase's hash: most pairs that are no phrase end here, in the L2 cache
  std::vector<uint8_t> edges_;  // for each word, whether a phrase begins or ends with it
};

// Joins blocks in one thread.
class Joiner {
 public:
  Joiner(const PhraseIndex& index, int64_t n_phrases) : index_(index), n_joined_(size_t(n_phrases)) {}

  void join(const Text& text, int64_t begin, int64_t end) {
    ids_.clear();
    ends_.clear();
    if (begin >= end) return;
    ids_.resize(size_t(end - begin));  // at most
    int32_t* to = ids_.data();
    int64_t sequence = text.sequence_of(begin), start = -1;  // start: the word that may begin a phrase
    const auto write_pending = [&](int64_t stop) {
      if (start < 0) return;
      for (; start < stop; ++start) *to++ = text.ids[start];
      start = -1;
    };
    for (int64_t at = begin; at < end;) {
      const int64_t stop = std::min({end, text.offsets[sequence + 1], at + STOP_TOKENS});
      for (; at < stop; ++at) {
        if (text.is_connector(at)) {
          if (start < 0) *to++ = text.ids[at];
          continue;
        }
        if (start >= 0) {
          const PhraseIndex::Slot* phrase = index_.find(text, start, at);
          if (phrase != nullptr) {
            *to++ = phrase->joined;
            ++n_joined_[size_t(phrase->number_plus_1 - 1)];
            start = -1;
            continue;
          }
          write_pending(at);
        }
        start = at;
      }
      check_stop();
      while (sequence < text.n_sequences && at == text.offsets[sequence + 1]) {
        write_pending(at);
        ends_.push_back(to - ids_.data());
        ++sequence;
      }
    }
    write_pending(end);
    ids_.resize(size_t(to - ids_.data()));
  }

  const Buffer<int32_t>& ids() const { return ids_; }
  Buffer<int64_t>& ends() { return ends_; }
  const std::vector<int64_t>& n_joined() const { return n_joined_; }

 private:
  const PhraseIndex& index_;
  std::vector<int64_t> n_joined_;  // for each phrase, how often it was joined
  Buffer<int32_t> ids_;
  Buffer<int64_t> ends_;  // for each sequence that ends in the block, the number of tokens of the block before its end
};

}  // namespace firth
