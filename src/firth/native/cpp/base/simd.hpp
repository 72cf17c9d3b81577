// Room native: vectors of the instruction set's width, the operations that the kernels need, and the reduction of many
// accumulators to their sums by a transpose tree. Fused multiply-add is explicit; x86-64-v2 has none, so there it is a
// multiplication and an addition. Operations are expressions of the compiler's vector types if possible.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace firth {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int VECTOR_REGISTERS = 32;
#else
constexpr int VECTOR_REGISTERS = 16;
#endif

#define FIRTH_INLINE inline __attribute__((always_inline))
// Of a lambda, after its parameters. clang does not inline a large lambda that is called twice, and then the vectors
// that the lambda captures are in memory, not in registers.
#define FIRTH_INLINE_LAMBDA __attribute__((always_inline))

constexpr int ROW_ALIGNMENT = 64;  // bytes; rows of the matrices start at multiples of it, whatever the instruction set

template <class Real>
struct Simd {
  typedef Real V __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int LANES = VECTOR_BYTES / int(sizeof(Real));
};

typedef Simd<float>::V F32;
typedef Simd<double>::V F64;
typedef int32_t I32 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint8_t U8 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t U32 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t U64 __attribute__((vector_size(VECTOR_BYTES)));

template <class Real>
inline typename Simd<Real>::V load(const Real* from) {
  return *reinterpret_cast<const typename Simd<Real>::V*>(from);
}

template <class Real>
inline void store(Real* to, typename Simd<Real>::V value) {
  *reinterpret_cast<typename Simd<Real>::V*>(to) = value;
}

template <class Real>
inline typename Simd<Real>::V load_unaligned(const Real* from) {
  typename Simd<Real>::V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Real>
inline void store_unaligned(Real* to, typename Simd<Real>::V value) {
  std::memcpy(to, &value, sizeof value);
}

template <class Real>
inline typename Simd<Real>::V broadcast(Real value) {
  return typename Simd<Real>::V{} + value;  // specialised below for float if the compiler's code is slow
}

#if defined(__AVX512F__)
template <>
inline F32 broadcast<float>(float value) {
  return (F32)_mm512_set1_ps(value);
}
inline F32 fma(F32 a, F32 b, F32 c) { return (F32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
inline F64 fma(F64 a, F64 b, F64 c) { return (F64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
#elif defined(__AVX2__) && defined(__FMA__)
template <>
inline F32 broadcast<float>(float value) {
  return (F32)_mm256_set1_ps(value);
}
inline F32 fma(F32 a, F32 b, F32 c) { return (F32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
inline F64 fma(F64 a, F64 b, F64 c) { return (F64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
#elif defined(__aarch64__)
template <>
inline F32 broadcast<float>(float value) {
  return (F32)vdupq_n_f32(value);
}
inline F32 fma(F32 a, F32 b, F32 c) { return (F32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
inline F64 fma(F64 a, F64 b, F64 c) { return (F64)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
#else
template <>
inline F32 broadcast<float>(float value) {
  return (F32)_mm_set1_ps(value);
}
inline F32 fma(F32 a, F32 b, F32 c) { return a * b + c; }
inline F64 fma(F64 a, F64 b, F64 c) { return a * b + c; }
#endif

// The 64-bit products of the low halves of the lanes and a 32-bit number.
inline U64 multiply_low_halves(U64 a, uint32_t b) {
#if defined(__AVX512F__)
  return (U64)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(int64_t(b)));
#elif defined(__AVX2__)
  return (U64)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(int64_t(b)));
#elif defined(__x86_64__)
  return (U64)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(int64_t(b)));
#else
  return (a & 0xffffffffu) * b;
#endif
}

// The highest bit of each byte, the first byte's lowest.
inline uint64_t sign_bits(U8 bytes) {
#if defined(__AVX512BW__)
  return _mm512_movepi8_mask((__m512i)bytes);
#elif defined(__AVX2__)
  return uint32_t(_mm256_movemask_epi8((__m256i)bytes));
#elif defined(__x86_64__)
  return uint32_t(_mm_movemask_epi8((__m128i)bytes));
#else
  uint64_t bits = 0;
  for (int lane = 0; lane < VECTOR_BYTES; ++lane) bits |= uint64_t(bytes[lane] >> 7) << lane;
  return bits;
#endif
}

// The highest bit of each lane, the first lane's lowest.
inline uint32_t sign_bits(I32 lanes) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask((__m512i)lanes);
#elif defined(__AVX2__)
  return uint32_t(_mm256_movemask_ps((__m256)lanes));
#elif defined(__x86_64__)
  return uint32_t(_mm_movemask_ps((__m128)lanes));
#else
  uint32_t bits = 0;
  for (int lane = 0; lane < Simd<float>::LANES; ++lane) bits |= (uint32_t(lanes[lane]) >> 31) << lane;
  return bits;
#endif
}

// from[places], lane by lane. Places are less than 2^31.
inline U32 gather(const uint32_t* from, U32 places) {
#if defined(__AVX512F__)
  return (U32)_mm512_i32gather_epi32((__m512i)places, from, 4);
#elif defined(__AVX2__)
  return (U32)_mm256_i32gather_epi32(reinterpret_cast<const int*>(from), (__m256i)places, 4);
#else
  U32 found = places;
  for (int lane = 0; lane < Simd<float>::LANES; ++lane) found[lane] = from[places[lane]];
  return found;
#endif
}

template <class V>
inline void keep_in_register(V& value) {
#if defined(__AVX512F__)
  asm("" : "+v"(value));
#elif defined(__x86_64__)
  asm("" : "+x"(value));
#elif defined(__aarch64__)
  asm("" : "+w"(value));
#endif
}

#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
#define FIRTH_EXCHANGE_BY_HAND
constexpr bool EXCHANGE_READS_MEMORY = true;  // the row is a memory operand and needs no register
#else
constexpr bool EXCHANGE_READS_MEMORY = false;
#endif

// The update of an output row and an input: updated += c * input and moved += c * row; for the first row of the input,
// moved = input + c * row.
template <bool FIRST, class Real>
FIRTH_INLINE void exchange(const Real* coefficient, const typename Simd<Real>::V& row, typename Simd<Real>::V input,
                           typename Simd<Real>::V& moved, typename Simd<Real>::V& updated) {
#if defined(FIRTH_EXCHANGE_BY_HAND)
  // Inline assembly, and volatile so that the order stays: ten output rows, two inputs, their two steps and a
  // coefficient take fifteen of sixteen registers, and compilers spill rows or add moves between registers. Each
  // instruction counts, because decoding takes as much time as the products.
  if constexpr (std::is_same<Real, float>::value) {
    F32 to, sum = updated;
    if constexpr (FIRST) {
      asm volatile(
          "vbroadcastss %[coefficient], %[to]\n\t"
          "vfmadd231ps %[input], %[to], %[sum]\n\t"
          "vfmadd132ps %[row], %[input], %[to]"
          : [to] "=&x"(to), [sum] "+&x"(sum)
          : [coefficient] "m"(*coefficient), [row] "m"(row), [input] "x"(input));
    } else {
      F32 c;
      to = moved;
      asm volatile(
          "vbroadcastss %[coefficient], %[c]\n\t"
          "vfmadd231ps %[row], %[c], %[to]\n\t"
          "vfmadd231ps %[input], %[c], %[sum]"
          : [c] "=&x"(c), [to] "+&x"(to), [sum] "+&x"(sum)
          : [coefficient] "m"(*coefficient), [row] "m"(row), [input] "x"(input));
    }
    moved = to;
    updated = sum;
    return;
  }
#endif
  const typename Simd<Real>::V c = broadcast(*coefficient);
  moved = fma(c, row, FIRST ? input : moved);
  updated = fma(c, input, updated);
}

// Number of vectors that COUNT sums need.
template <class Real>
constexpr int groups_of(int count) {
  return (count + Simd<Real>::LANES - 1) / Simd<Real>::LANES;
}

// The sums of the lanes of each of accumulators[0..COUNT), LANES sums in a vector. The unused lanes of the last vector
// are undefined. Each level of the tree folds two vectors into one, so COUNT sums take about COUNT shuffled additions
// instead of COUNT * log2(LANES).
template <int COUNT>
inline void reduce(const F64 (&accumulators)[COUNT], F64* sums) {
  constexpr int LANES = Simd<double>::LANES;
  for (int k = 0; k < COUNT; ++k) {
    double sum = 0;
    for (int lane = 0; lane < LANES; ++lane) sum += accumulators[k][lane];
    sums[k / LANES][k % LANES] = sum;
  }
}

#if defined(__AVX2__) && !defined(__AVX512F__)

// The halves of each accumulator are added first, because shuffles across halves are slow; vectors then have four
// lanes.
FIRTH_INLINE __m128 add_halves(F32 a) {
  return _mm_add_ps(_mm256_castps256_ps128((__m256)a), _mm256_extractf128_ps((__m256)a, 1));
}

// The sums of the first COUNT of four accumulators, 1 .. 4; the other lanes are undefined.
template <int COUNT>
FIRTH_INLINE __m128 sum_four(const F32* accumulators) {
  const __m128 a = add_halves(accumulators[0]), b = COUNT > 1 ? add_halves(accumulators[1]) : a;
  const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
  if constexpr (COUNT <= 2) return _mm_add_ps(ab, _mm_movehl_ps(ab, ab));
  const __m128 c = add_halves(accumulators[2]), d = COUNT > 3 ? add_halves(accumulators[3]) : c;
  const __m128 cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
  return _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
}

template <int COUNT>
FIRTH_INLINE void reduce(const F32 (&accumulators)[COUNT], F32* sums) {
  constexpr int LANES = Simd<float>::LANES;
  const auto group = [&](auto first) {
    constexpr int FIRST = decltype(first)::value, LEFT = COUNT - FIRST;
    const __m128 low = sum_four<(LEFT < 4 ? LEFT : 4)>(accumulators + FIRST);
    if constexpr (LEFT > 4)
      sums[FIRST / LANES] = (F32)_mm256_insertf128_ps(
          _mm256_castps128_ps256(low), sum_four<(LEFT < LANES ? LEFT - 4 : 4)>(accumulators + FIRST + 4), 1);
    else
      sums[FIRST / LANES] = (F32)_mm256_castps128_ps256(low);
  };
  group(std::integral_constant<int, 0>());
  if constexpr (COUNT > LANES) group(std::integral_constant<int, LANES>());
  if constexpr (COUNT > 2 * LANES) group(std::integral_constant<int, 2 * LANES>());
}

#else

// Adds lanes that differ in one bit of the lane number: sums of a in lanes with bit 0, sums of b in lanes with bit 1.
template <int BIT>
FIRTH_INLINE F32 fold(F32 a, F32 b) {
#if defined(__AVX512F__)
  const __m512 x = (__m512)a, y = (__m512)b;
  if constexpr (BIT == 8)
    return (F32)_mm512_add_ps(_mm512_mask_blend_ps(0xFF00, x, y), _mm512_shuffle_f32x4(x, y, 0x4E));
  if constexpr (BIT == 4) {
    const __m512 crossed = _mm512_mask_blend_ps(0xF0F0, y, x);
    return (F32)_mm512_add_ps(_mm512_mask_blend_ps(0xF0F0, x, y), _mm512_shuffle_f32x4(crossed, crossed, 0xB1));
  }
  if constexpr (BIT == 2) return (F32)_mm512_add_ps(_mm512_mask_blend_ps(0xCCCC, x, y), _mm512_shuffle_ps(x, y, 0x4E));
  return (F32)_mm512_add_ps(_mm512_mask_blend_ps(0xAAAA, x, y),
                            _mm512_permute_ps(_mm512_mask_blend_ps(0xAAAA, y, x), 0xB1));
#elif defined(__x86_64__)
  const __m128 x = (__m128)a, y = (__m128)b;
  if constexpr (BIT == 2) return (F32)_mm_add_ps(_mm_blend_ps(x, y, 0xC), _mm_shuffle_ps(x, y, 0x4E));
  const __m128 crossed = _mm_blend_ps(y, x, 0xA);
  return (F32)_mm_add_ps(_mm_blend_ps(x, y, 0xA), _mm_shuffle_ps(crossed, crossed, 0xB1));
#elif defined(__aarch64__)
  const float32x4_t x = (float32x4_t)a, y = (float32x4_t)b;
  if constexpr (BIT == 2)
    return (F32)vaddq_f32(vcombine_f32(vget_low_f32(x), vget_high_f32(y)),
                          vcombine_f32(vget_high_f32(x), vget_low_f32(y)));
  return (F32)vaddq_f32(vtrn1q_f32(x, y), vtrn2q_f32(x, y));
#endif
}

// The sums of the accumulators whose numbers differ from FIRST in the bits up to BIT. The bits of an accumulator's
// number are the bits of its lane. A vector without a partner is folded with itself.
template <int COUNT, int BIT = Simd<float>::LANES / 2, int FIRST = 0>
FIRTH_INLINE F32 reduce_group(const F32* accumulators) {
  if constexpr (BIT == 0) {
    return accumulators[FIRST];
  } else {
    const F32 low = reduce_group<COUNT, BIT / 2, FIRST>(accumulators);
    if constexpr (FIRST + BIT < COUNT) {
      return fold<BIT>(low, reduce_group<COUNT, BIT / 2, FIRST + BIT>(accumulators));
    } else {
      return fold<BIT>(low, low);
    }
  }
}

template <int COUNT>
FIRTH_INLINE void reduce(const F32 (&accumulators)[COUNT], F32* sums) {
  constexpr int LANES = Simd<float>::LANES, FULL = COUNT / LANES, REST = COUNT % LANES;
#pragma GCC unroll 8
  for (int group = 0; group < FULL; ++group) sums[group] = reduce_group<LANES>(accumulators + group * LANES);
  if constexpr (REST > 0) sums[FULL] = reduce_group<REST>(accumulators + FULL * LANES);
}

#endif

// exp(-t) for t >= 0, float: 2^-n * exp(-r) with n = round(t / ln 2), |r| <= ln(2)/2 and a polynomial of degree 6
// (relative error below 2e-7). Above 87 the result is near the smallest normal number, and 1 plus the result is 1. NaN
// stays NaN.
FIRTH_INLINE F32 exp_of_negative(F32 t) {
  const F32 limit = broadcast<float>(87.0f);
  t = t > limit ? limit : t;
  const F32 magic = broadcast<float>(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const F32 shifted = fma(t, broadcast<float>(-1.44269504f), magic);
  const F32 n = shifted - magic;                        // an integer in [-126, 0]
  F32 r = fma(n, broadcast<float>(-0.693145752f), -t);  // ln 2 in two parts; products of n and the first part are exact
  r = fma(n, broadcast<float>(-1.42860677e-6f), r);
  // Taylor's coefficients 1/k! are accurate enough for |r| < 0.35. Estrin's order has the lowest latency.
  const F32 r2 = r * r, one = broadcast<float>(1.0f);
  const F32 low = fma(fma(broadcast<float>(1.6666667e-1f), r, broadcast<float>(0.5f)), r2, one + r);
  const F32 high = fma(broadcast<float>(1.3888889e-3f), r2,
                       fma(broadcast<float>(8.3333333e-3f), r, broadcast<float>(4.1666667e-2f)));
  const F32 p = fma(high, r2 * r2, low);
  I32 bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  I32 scale = (bits - 0x4B400000 + 127) << 23;
  F32 power;
  std::memcpy(&power, &scale, sizeof power);
  return p * power;
}

FIRTH_INLINE F64 exp_of_negative(F64 t) {  // the exponential of the C library, lane by lane
  F64 result;
  for (int lane = 0; lane < Simd<double>::LANES; ++lane) result[lane] = std::exp(-t[lane]);
  return result;
}

// log(1 + e) for 0 <= e <= 1, float: e times the minimax polynomial of degree 7, with a maximum error of 3e-8 (1.2e-7
// in float32 arithmetic). NaN stays NaN.
FIRTH_INLINE F32 log_one_plus(F32 e) {
  const F32 e2 = e * e;
  const F32 p01 = fma(broadcast<float>(-0.499874044f), e, broadcast<float>(0.999996424f));
  const F32 p23 = fma(broadcast<float>(-0.240730733f), e, broadcast<float>(0.331798248f));
  const F32 p45 = fma(broadcast<float>(-0.0953224309f), e, broadcast<float>(0.167647806f));
  const F32 p67 = fma(broadcast<float>(-0.00645260223f), e, broadcast<float>(0.0360844807f));
  return e * fma(fma(p67, e2, p45), e2 * e2, fma(p23, e2, p01));
}

// log(x) for normal numbers x >= 1, float. NaN stays NaN.
FIRTH_INLINE F32 log_of_normal(F32 x) {
  I32 bits;
  std::memcpy(&bits, &x, sizeof bits);
  const I32 fraction_bits = (bits & 0x007fffff) | 0x3f800000;  // of x / 2^exponent, in [1, 2)
  F32 fraction;
  std::memcpy(&fraction, &fraction_bits, sizeof fraction);
  const F32 exponent = __builtin_convertvector((bits >> 23) - 127, F32);
  const F32 log = fma(exponent, broadcast<float>(0.693147181f), log_one_plus(fraction - broadcast<float>(1.0f)));
  return x == x ? log : x;
}

FIRTH_INLINE F64 log_one_plus(F64 e) {  // the function of the C library, lane by lane
  F64 result;
  for (int lane = 0; lane < Simd<double>::LANES; ++lane) result[lane] = std::log1p(e[lane]);
  return result;
}

}  // namespace firth
