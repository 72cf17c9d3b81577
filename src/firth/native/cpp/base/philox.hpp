// Room native: Philox4x32-10, the counter-based generator behind every random choice (Salmon, Moraes, Dror, Shaw 2011,
// "Parallel random numbers: as easy as 1, 2, 3"). It has no state: a counter and a key give the same four words always,
// so samples do not depend on how the work is split. Twin: corpus/philox.py; tests compare it with known answers.
#pragma once

#include <cstdint>

namespace firth {

// The purpose of a draw. It is part of the counter, so that draws for different purposes are independent.
enum Purpose : uint32_t {
  PURPOSE_TOKEN = 0,          // two words for each token: subsampling, width of the window
  PURPOSE_NEGATIVES = 1,      // two words for each draw: column of the alias table, coin
  PURPOSE_INITIAL = 2,        // initial input vectors
  PURPOSE_HELDOUT = 3,        // choice of held-out sequences
  PURPOSE_HELDOUT_NOISE = 4,  // the fixed negatives of the held-out loss
  PURPOSE_LABEL = 5,          // which of an example's several targets is predicted
  PURPOSE_ORDER = 6,          // in which order a classifier sees texts; drawn in Python
  PURPOSE_WALK = 7,           // steps of random walks on a graph
  PURPOSE_WALK_ORDER = 8,     // in which order walks begin at the nodes; drawn in Python
};

struct PhiloxBlock {
  uint32_t word[4];
};

struct PhiloxKey {
  uint32_t low, high;
  explicit PhiloxKey(uint64_t seed) : low(uint32_t(seed)), high(uint32_t(seed >> 32)) {}
};

inline constexpr uint32_t PHILOX_M0 = 0xD2511F53u, PHILOX_M1 = 0xCD9E8D57u;
inline constexpr uint32_t PHILOX_W0 = 0x9E3779B9u, PHILOX_W1 = 0xBB67AE85u;
inline constexpr int PHILOX_ROUNDS = 10;

inline PhiloxBlock philox4x32_10(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < PHILOX_ROUNDS; ++round) {
    const uint64_t p0 = uint64_t(PHILOX_M0) * c0, p1 = uint64_t(PHILOX_M1) * c2;
    const uint32_t next0 = uint32_t(p1 >> 32) ^ c1 ^ k0, next2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c1 = uint32_t(p1);
    c3 = uint32_t(p0);
    c0 = next0;
    c2 = next2;
    k0 += PHILOX_W0;
    k1 += PHILOX_W1;
  }
  return {{c0, c1, c2, c3}};
}

// The layout of the counter is the same for all purposes: positions below 2^48, attempts below 2^8, draws below 2^32.
inline PhiloxBlock draw_block(const PhiloxKey& key, Purpose purpose, uint32_t epoch, uint64_t position, uint32_t draw,
                              uint32_t attempt) {
  return philox4x32_10(uint32_t(position), (uint32_t(position >> 32) & 0xffffu) | purpose << 16 | attempt << 24, epoch,
                       draw, key.low, key.high);
}

}  // namespace firth
