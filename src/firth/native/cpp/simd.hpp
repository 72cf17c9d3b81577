// Room native: vectors of the instruction set's own width, the few operations that the kernels need, and the reduction
// of many accumulators to their sums by a transpose tree. Fused multiply-add is explicit, and is a multiplication and
// an addition on x86-64-v2, which has none. Everything is one expression of the compiler's vector types where it can
// be.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

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

constexpr int ROW_ALIGNMENT = 64;  // bytes; rows of the matrices start at multiples of it, whatever the instruction set

template <class Real>
struct Simd {
  typedef Real V __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int LANES = VECTOR_BYTES / int(sizeof(Real));
};

typedef Simd<float>::V F32;
typedef Simd<double>::V F64;
typedef int32_t I32 __attribute__((vector_size(VECTOR_BYTES)));
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
  return typename Simd<Real>::V{} + value;  // overwritten below for float where the compiler is not clever enough
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

// The products, to 64 bits, of the low halves of the lanes and a number of 32 bits.
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

// Vectors that hold COUNT sums.
template <class Real>
constexpr int groups_of(int count) {
  return (count + Simd<Real>::LANES - 1) / Simd<Real>::LANES;
}

// Sums of the lanes of accumulators[0..COUNT), LANES of them to a vector; what the surplus lanes of the last one hold
// is not to be read. Each level of the tree folds two vectors into one, so that COUNT sums cost about COUNT shuffled
// additions instead of COUNT * log2(LANES).
template <int COUNT>
inline void reduce(const F64 (&accumulators)[COUNT], F64* sums) {
  constexpr int LANES = Simd<double>::LANES;
  for (int k = 0; k < COUNT; ++k) {
    double sum = 0;
    for (int lane = 0; lane < LANES; ++lane) sum += accumulators[k][lane];
    sums[k / LANES][k % LANES] = sum;
  }
}

#if defined(__x86_64__)
// The last two levels, within 128-bit lanes: lane bit 0 selects between a pair's members, then lane bit 1.
#if defined(__AVX512F__)
inline F32 fold_halves(F32 a, F32 b) {  // [a0 a1 a2 a3] [b0 b1 b2 b3] of 128 bits -> [a0+a2 a1+a3 b0+b2 b1+b3]
  return (F32)_mm512_add_ps(_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0x44),
                            _mm512_shuffle_f32x4((__m512)a, (__m512)b, 0xEE));
}
inline F32 fold_quarters(F32 a, F32 b) {  // -> [a0+a1 a2+a3 b0+b1 b2+b3]
  return (F32)_mm512_add_ps(_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0x88),
                            _mm512_shuffle_f32x4((__m512)a, (__m512)b, 0xDD));
}
inline F32 fold_pairs(F32 a, F32 b) {
  return (F32)_mm512_add_ps(_mm512_shuffle_ps((__m512)a, (__m512)b, 0x44),
                            _mm512_shuffle_ps((__m512)a, (__m512)b, 0xEE));
}
inline F32 fold_singles(F32 a, F32 b) {
  return (F32)_mm512_add_ps(_mm512_shuffle_ps((__m512)a, (__m512)b, 0x88),
                            _mm512_shuffle_ps((__m512)a, (__m512)b, 0xDD));
}
#elif defined(__AVX2__)
inline F32 fold_halves(F32 a, F32 b) {  // [a0 a1] [b0 b1] of 128 bits -> [a0+a1 b0+b1]
  return (F32)_mm256_add_ps(_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x20),
                            _mm256_permute2f128_ps((__m256)a, (__m256)b, 0x31));
}
inline F32 fold_pairs(F32 a, F32 b) {
  return (F32)_mm256_add_ps(_mm256_shuffle_ps((__m256)a, (__m256)b, 0x44),
                            _mm256_shuffle_ps((__m256)a, (__m256)b, 0xEE));
}
inline F32 fold_singles(F32 a, F32 b) {
  return (F32)_mm256_add_ps(_mm256_shuffle_ps((__m256)a, (__m256)b, 0x88),
                            _mm256_shuffle_ps((__m256)a, (__m256)b, 0xDD));
}
#else
inline F32 fold_pairs(F32 a, F32 b) {
  return (F32)_mm_add_ps(_mm_shuffle_ps((__m128)a, (__m128)b, 0x44), _mm_shuffle_ps((__m128)a, (__m128)b, 0xEE));
}
inline F32 fold_singles(F32 a, F32 b) {
  return (F32)_mm_add_ps(_mm_shuffle_ps((__m128)a, (__m128)b, 0x88), _mm_shuffle_ps((__m128)a, (__m128)b, 0xDD));
}
#endif
#elif defined(__aarch64__)
inline F32 fold_pairs(F32 a, F32 b) {
  return (F32)vaddq_f32(vcombine_f32(vget_low_f32((float32x4_t)a), vget_low_f32((float32x4_t)b)),
                        vcombine_f32(vget_high_f32((float32x4_t)a), vget_high_f32((float32x4_t)b)));
}
inline F32 fold_singles(F32 a, F32 b) { return (F32)vpaddq_f32((float32x4_t)a, (float32x4_t)b); }
#endif

// One group of at most LANES accumulators. Where the partner of a fold is missing, the vector is folded with itself;
// the surplus lanes of the result are not read.
template <int COUNT>
FIRTH_INLINE F32 reduce_group(const F32* v) {
  // The index of a sum, in bits: bit 0 is chosen by fold_pairs, bit 1 by fold_singles, bit 2 by fold_halves, bit 3 by
  // fold_quarters; so the folds pair k with k+4, then k+8, then k+1, then k+2.
  F32 t[16];
#if defined(__AVX512F__)
  F32 h[16];
#pragma GCC unroll 2
  for (int high = 0; high < (COUNT > 8 ? 16 : 8); high += 8)
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
      if (high + k < COUNT) h[high + k] = fold_halves(v[high + k], v[high + k + 4 < COUNT ? high + k + 4 : high + k]);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k)
    if (k < COUNT) t[k] = fold_quarters(h[k], 8 + k < COUNT ? h[8 + k] : h[k]);
#elif defined(__AVX2__)
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k)
    if (k < COUNT) t[k] = fold_halves(v[k], v[k + 4 < COUNT ? k + 4 : k]);
#else
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k)
    if (k < COUNT) t[k] = v[k];
#endif
  const F32 low = fold_pairs(t[0], COUNT > 1 ? t[1] : t[0]);
  if (COUNT <= 2) return fold_singles(low, low);
  return fold_singles(low, fold_pairs(t[2], COUNT > 3 ? t[3] : t[2]));
}

template <int COUNT>
FIRTH_INLINE void reduce(const F32 (&accumulators)[COUNT], F32* sums) {
  constexpr int LANES = Simd<float>::LANES, FULL = COUNT / LANES, REST = COUNT % LANES;
#pragma GCC unroll 8
  for (int group = 0; group < FULL; ++group) sums[group] = reduce_group<LANES>(accumulators + group * LANES);
  if constexpr (REST > 0) sums[FULL] = reduce_group<REST>(accumulators + FULL * LANES);
}

// exp(-t) for t >= 0, float: 2^-n * exp(-r) with n = round(t / ln 2), |r| <= ln(2)/2 and a polynomial of degree 6
// (relative error below 2e-7). Above 87 the result is the smallest normal number's neighbour, which added to one
// vanishes. NaN stays NaN.
FIRTH_INLINE F32 exp_of_negative(F32 t) {
  const F32 limit = broadcast<float>(87.0f);
  t = t > limit ? limit : t;
  const F32 magic = broadcast<float>(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const F32 shifted = fma(t, broadcast<float>(-1.44269504f), magic);
  const F32 n = shifted - magic;                        // an integer in [-126, 0]
  F32 r = fma(n, broadcast<float>(-0.693145752f), -t);  // ln 2 in two parts, the first exact in n's products
  r = fma(n, broadcast<float>(-1.42860677e-6f), r);
  // Taylor's coefficients 1/k! are accurate enough on |r| < 0.35; Estrin's order, since a window waits for this.
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

FIRTH_INLINE F64 exp_of_negative(F64 t) {  // exact: the library's exponential, lane by lane
  F64 result;
  for (int lane = 0; lane < Simd<double>::LANES; ++lane) result[lane] = std::exp(-t[lane]);
  return result;
}

}  // namespace firth
