// Room native: makes many random blocks at once, for different positions. philox.hpp makes one block.
#pragma once

#include <cstring>

#include "base/philox.hpp"
#include "base/simd.hpp"

namespace firth {

constexpr int PHILOX_BATCH = 16;

// Each word is in the low half of a 64-bit lane, as multiplications to 64 bits require. The high halves are not read.
inline void draw_blocks(const PhiloxKey& key, Purpose purpose, uint32_t epoch, uint32_t attempt,
                        const uint64_t* positions, const uint32_t* draws, uint32_t (*words)[PHILOX_BATCH]) {
  constexpr int LANES = int(sizeof(U64) / sizeof(uint64_t));
  constexpr int VECTORS = PHILOX_BATCH / LANES;
  const uint64_t shared = uint64_t(purpose) << 16 | uint64_t(attempt) << 24;
  U64 c0[VECTORS], c1[VECTORS], c2[VECTORS], c3[VECTORS];
  for (int v = 0; v < VECTORS; ++v) {
    std::memcpy(&c0[v], positions + v * LANES, sizeof(U64));
    c1[v] = ((c0[v] >> 32) & 0xffff) | shared;
    c2[v] = U64{} + epoch;
    for (int lane = 0; lane < LANES; ++lane) c3[v][lane] = draws[v * LANES + lane];
  }
  uint32_t k0 = key.low, k1 = key.high;
  for (int round = 0; round < PHILOX_ROUNDS; ++round) {
    for (int v = 0; v < VECTORS; ++v) {
      const U64 p0 = multiply_low_halves(c0[v], PHILOX_M0), p1 = multiply_low_halves(c2[v], PHILOX_M1);
      c0[v] = (p1 >> 32) ^ c1[v] ^ uint64_t(k0);
      c2[v] = (p0 >> 32) ^ c3[v] ^ uint64_t(k1);
      c1[v] = p1;
      c3[v] = p0;
    }
    k0 += PHILOX_W0;
    k1 += PHILOX_W1;
  }
  for (int v = 0; v < VECTORS; ++v)
    for (int lane = 0; lane < LANES; ++lane) {
      words[0][v * LANES + lane] = uint32_t(c0[v][lane]);
      words[1][v * LANES + lane] = uint32_t(c1[v][lane]);
      words[2][v * LANES + lane] = uint32_t(c2[v][lane]);
      words[3][v * LANES + lane] = uint32_t(c3[v][lane]);
    }
}

// floor(word / 2^32 * range): a uniform integer below `range`, with a bias below range / 2^32.
inline uint32_t scale_word(uint32_t word, uint32_t range) { return uint32_t((uint64_t(word) * range) >> 32); }

}  // namespace firth
