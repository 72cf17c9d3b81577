// Room native: finds the words in bytes, and checks UTF-8. 64 bytes at a time become a bit mask of ASCII white space;
// the edges of the mask are the starts and ends of words. A multi-byte character of UTF-8 has no ASCII byte, so text
// may be split at ASCII white space without decoding.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace firth {

constexpr size_t SCAN_BYTES = 64;

struct SpaceMasks {
  uint64_t space;    // bit i: byte i is space, \t, \n, \v, \f or \r, as in bytes.split() of Python
  uint64_t newline;  // bit i: byte i is \n
};

inline bool is_space(uint8_t byte) { return byte == ' ' || uint8_t(byte - 9) <= 4; }

#if defined(__AVX512BW__)

inline SpaceMasks space_masks(const uint8_t* bytes) {
  const __m512i text = _mm512_loadu_si512(bytes);
  const uint64_t blank = _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(' '));
  const uint64_t control = _mm512_cmple_epu8_mask(_mm512_sub_epi8(text, _mm512_set1_epi8(9)), _mm512_set1_epi8(4));
  return {blank | control, _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n'))};
}

#elif defined(__AVX2__)

inline SpaceMasks space_masks(const uint8_t* bytes) {
  SpaceMasks masks = {0, 0};
  for (int part = 0; part < 2; ++part) {
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32 * part));
    const __m256i shifted = _mm256_sub_epi8(text, _mm256_set1_epi8(9));
    const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(shifted, _mm256_set1_epi8(4)), shifted);
    const __m256i space = _mm256_or_si256(control, _mm256_cmpeq_epi8(text, _mm256_set1_epi8(' ')));
    const __m256i newline = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('\n'));
    masks.space |= uint64_t(uint32_t(_mm256_movemask_epi8(space))) << (32 * part);
    masks.newline |= uint64_t(uint32_t(_mm256_movemask_epi8(newline))) << (32 * part);
  }
  return masks;
}

#elif defined(__x86_64__)

inline SpaceMasks space_masks(const uint8_t* bytes) {
  SpaceMasks masks = {0, 0};
  for (int part = 0; part < 4; ++part) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part));
    const __m128i shifted = _mm_sub_epi8(text, _mm_set1_epi8(9));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(shifted, _mm_set1_epi8(4)), shifted);
    const __m128i space = _mm_or_si128(control, _mm_cmpeq_epi8(text, _mm_set1_epi8(' ')));
    const __m128i newline = _mm_cmpeq_epi8(text, _mm_set1_epi8('\n'));
    masks.space |= uint64_t(uint32_t(_mm_movemask_epi8(space))) << (16 * part);
    masks.newline |= uint64_t(uint32_t(_mm_movemask_epi8(newline))) << (16 * part);
  }
  return masks;
}

#elif defined(__aarch64__)

inline uint64_t neon_movemask(const uint8x16_t parts[4]) {  // each byte is 0 or 255; as in simdjson
  const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t sum01 = vpaddq_u8(vandq_u8(parts[0], bit), vandq_u8(parts[1], bit));
  const uint8x16_t sum23 = vpaddq_u8(vandq_u8(parts[2], bit), vandq_u8(parts[3], bit));
  const uint8x16_t sum = vpaddq_u8(sum01, sum23);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)), 0);
}

inline SpaceMasks space_masks(const uint8_t* bytes) {
  uint8x16_t space[4], newline[4];
  for (int part = 0; part < 4; ++part) {
    const uint8x16_t text = vld1q_u8(bytes + 16 * part);
    const uint8x16_t control = vcleq_u8(vsubq_u8(text, vdupq_n_u8(9)), vdupq_n_u8(4));
    space[part] = vorrq_u8(control, vceqq_u8(text, vdupq_n_u8(' ')));
    newline[part] = vceqq_u8(text, vdupq_n_u8('\n'));
  }
  return {neon_movemask(space), neon_movemask(newline)};
}

#else

inline SpaceMasks space_masks(const uint8_t* bytes) {
  SpaceMasks masks = {0, 0};
  for (size_t i = 0; i < SCAN_BYTES; ++i) {
    masks.space |= uint64_t(is_space(bytes[i])) << i;
    masks.newline |= uint64_t(bytes[i] == '\n') << i;
  }
  return masks;
}

#endif

// Offset of the first byte of the first sequence that is not UTF-8, or -1. Overlong forms, surrogates and code points
// above U+10FFFF are not UTF-8 (Unicode 15, table 3-7).
inline int64_t find_invalid_utf8(const uint8_t* bytes, size_t length) {
  size_t at = 0;
  while (at < length) {
    const uint8_t lead = bytes[at];
    if (lead < 0x80) {
      ++at;
      continue;
    }
    size_t n_following;
    uint8_t second_min = 0x80, second_max = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      n_following = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      n_following = 2;
      if (lead == 0xE0) second_min = 0xA0;
      if (lead == 0xED) second_max = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      n_following = 3;
      if (lead == 0xF0) second_min = 0x90;
      if (lead == 0xF4) second_max = 0x8F;
    } else {
      return int64_t(at);
    }
    if (at + n_following >= length) return int64_t(at);
    if (bytes[at + 1] < second_min || bytes[at + 1] > second_max) return int64_t(at);
    for (size_t i = 2; i <= n_following; ++i) {
      if (bytes[at + i] < 0x80 || bytes[at + i] > 0xBF) return int64_t(at);
    }
    at += n_following + 1;
  }
  return -1;
}

}  // namespace firth
