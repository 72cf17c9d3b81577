// Room native: reads decimal numbers of vector files with correct rounding; writes the shortest decimal form.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <version>
#if defined(__cpp_lib_to_chars) && !defined(FIRTH_NO_FLOAT_CHARCONV)  // the macro tests the replacement on any machine
#define FIRTH_FLOAT_CHARCONV 1
#else  // libstdc++ before 11, libc++ before 20
#define FIRTH_FLOAT_CHARCONV 0
#include <cerrno>
#include <clocale>
#if defined(__APPLE__)
#include <xlocale.h>
#else
#include <locale.h>
#endif
#endif

namespace firth {

enum class Number { NONE, FINITE, NOT_FINITE };

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Powers of ten that are exact in double.
constexpr double EXACT_POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Reads one decimal number of any length, which must fill [start, end). Slow.
Number parse_number_general(const char* start, const char* end, float* value);

// Reads one decimal number at `start`; *after is its end. The byte at `end` must not be part of a number (a newline).
//
// Most numbers have at most 15 significant digits and a small exponent. Then the digits and the power of ten are exact
// doubles, and one multiplication or division rounds correctly (Clinger 1990). Rounding this double to a float is
// correct unless it is exactly between two floats: then the exact value may be on either side, and the slow function
// decides.
inline Number parse_number(const char* start, const char* end, float* value, const char** after) {
  const char* p = start;
  const bool negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  uint64_t digits = 0;
  const char* first = p;
  while (is_digit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
  int64_t n_digits = p - first;
  int64_t exponent = 0;
  if (*p == '.') {
    const char* fraction = ++p;
    while (is_digit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
    exponent = fraction - p;
    n_digits += p - fraction;
  }
  if (n_digits > 0 && n_digits <= 19) {
    const char* mantissa_end = p;
    if (*p == 'e' || *p == 'E') {
      ++p;
      const bool below = *p == '-';
      if (*p == '-' || *p == '+') ++p;
      if (is_digit(*p)) {
        int64_t power = 0;
        while (is_digit(*p)) power = power < 100000 ? power * 10 + (*p++ - '0') : (++p, power);
        exponent += below ? -power : power;
      } else {
        p = mantissa_end;  // the caller reports the letter
      }
    }
    *after = p;
    if (digits == 0) {
      *value = negative ? -0.0f : 0.0f;
      return Number::FINITE;
    }
    if (digits <= (uint64_t{1} << 53) && exponent >= -22 && exponent <= 22) {
      const double exact = static_cast<double>(digits);
      const double rounded = exponent < 0 ? exact / EXACT_POWERS[-exponent] : exact * EXACT_POWERS[exponent];
      uint64_t bits;
      std::memcpy(&bits, &rounded, sizeof bits);
      const bool halfway = (bits & 0x1fffffffu) == 0x10000000u;
      if (!halfway && rounded >= std::numeric_limits<float>::min() && rounded <= 3.4e38) {
        const float single = static_cast<float>(rounded);
        *value = negative ? -single : single;
        return Number::FINITE;
      }
    }
    return parse_number_general(start, p, value);
  }
  // many digits, or a word such as "nan": pass the piece up to the next separator to the slow function
  p = start;
  while (p < end && *p != ' ' && *p != '\t') ++p;
  *after = p;
  return parse_number_general(start, p, value);
}

// Writes the shortest text that reads back as the same float, at most FLOAT_TEXT bytes. Returns its end.
constexpr int64_t FLOAT_TEXT = 16;
char* print_number(char* out, float value);

}  // namespace firth
