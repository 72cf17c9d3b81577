// Room native: the functions of numbers.hpp that are called rarely, and a replacement for a missing std::from_chars.
#include "vectors/numbers.hpp"

namespace firth {
namespace {

#if !FIRTH_FLOAT_CHARCONV
#if defined(_WIN32)
using locale_t = _locale_t;
float strtof_l(const char* text, char** after, locale_t locale) { return _strtof_l(text, after, locale); }
double strtod_l(const char* text, char** after, locale_t locale) { return _strtod_l(text, after, locale); }
locale_t plain_locale() {
  static locale_t locale = _create_locale(LC_ALL, "C");
  return locale;
}
#else
locale_t plain_locale() {
  static locale_t locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}
#endif
#endif

// Reads a number that must fill [start, end). Returns 0, or 1 for a number out of range, or -1 if it is not a number.
template <class Real>
int read_real(const char* start, const char* end, Real* value) {
#if FIRTH_FLOAT_CHARCONV
  const auto result = std::from_chars(start, end, *value);
  if (result.ec == std::errc::invalid_argument || result.ptr != end) return -1;
  return result.ec == std::errc::result_out_of_range ? 1 : 0;
#else
  if (*start == ' ' || *start == '\t' || *start == '+' || (end - start > 1 && (start[1] | 32) == 'x')) return -1;
  const std::string text(start, end);
  if (text.find_first_of("xX") != std::string::npos) return -1;
  char* after = nullptr;
  errno = 0;
  if constexpr (sizeof(Real) == sizeof(float)) {
    *value = strtof_l(text.c_str(), &after, plain_locale());
  } else {
    *value = strtod_l(text.c_str(), &after, plain_locale());
  }
  if (after != text.c_str() + text.size() || text.empty()) return -1;
  return errno == ERANGE ? 1 : 0;
#endif
}

// Whether a number outside the range of double is too close to 0; otherwise it is too large.
bool is_tiny(const char* start, const char* end) {
  for (const char* p = start; p < end; ++p) {
    if (*p == 'e' || *p == 'E') return p + 1 < end && p[1] == '-';
  }
  const char* p = start;
  while (p < end && (*p == '-' || *p == '0')) ++p;
  return p < end && *p == '.';  // without an exponent: 0.000... or many digits
}

}  // namespace

Number parse_number_general(const char* start, const char* end, float* value) {
  const char* p = start;
  if (p < end && *p == '+') {
    ++p;
    if (p < end && *p == '-') return Number::NONE;
  }
  if (p >= end) return Number::NONE;
  float single = 0.0f;
  const int status = read_real(p, end, &single);
  if (status < 0) return Number::NONE;
  if (status == 0) {
    *value = single;
    return std::isfinite(single) ? Number::FINITE : Number::NOT_FINITE;
  }
  double wide = 0.0;
  const bool negative = *p == '-';
  if (read_real(p, end, &wide) == 0) {
    if (std::fabs(wide) > 1.0) return Number::NOT_FINITE;
    *value = static_cast<float>(wide);
    return Number::FINITE;
  }
  if (!is_tiny(p, end)) return Number::NOT_FINITE;
  *value = negative ? -0.0f : 0.0f;
  return Number::FINITE;
}

char* print_number(char* out, float value) {
#if FIRTH_FLOAT_CHARCONV
  return std::to_chars(out, out + FLOAT_TEXT, value).ptr;
#else
  char text[32];
  for (int precision = 6; precision <= 9; ++precision) {
    const int length = std::snprintf(text, sizeof text, "%.*g", precision, static_cast<double>(value));
    for (int i = 0; i < length; ++i) {
      if (text[i] == ',') text[i] = '.';  // the locale of the process may use a comma
    }
    float again = 0.0f;
    if (precision == 9 || (parse_number_general(text, text + length, &again) == Number::FINITE && again == value)) {
      std::memcpy(out, text, static_cast<size_t>(length));
      return out + length;
    }
  }
  return out;
#endif
}

}  // namespace firth
