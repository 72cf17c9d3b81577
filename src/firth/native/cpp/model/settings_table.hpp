// Room native: a table of the fields of Settings, with which Python checks and fills the struct (native/settings.py).
#pragma once

#include <cstddef>
#include <iterator>

#include "model/settings.hpp"

namespace firth {

struct SettingsField {
  const char *name, *type;
  int64_t offset, size;
};

struct ChoiceWord {
  const char *parameter, *word;
  int64_t code;
};

// The name of a type in Python; the name of a pointer is the name of its elements and a star.
template <class T>
struct TypeName;
#define FIRTH_TYPE_NAME(type, name)         \
  template <>                               \
  struct TypeName<type> {                   \
    static constexpr const char* OF = name; \
  };
FIRTH_TYPE_NAME(int32_t, "int32")
FIRTH_TYPE_NAME(int64_t, "int64")
FIRTH_TYPE_NAME(uint64_t, "uint64")
FIRTH_TYPE_NAME(double, "float64")
FIRTH_TYPE_NAME(const uint8_t*, "uint8*")
FIRTH_TYPE_NAME(const int32_t*, "int32*")
FIRTH_TYPE_NAME(const uint32_t*, "uint32*")
FIRTH_TYPE_NAME(const int64_t*, "int64*")
FIRTH_TYPE_NAME(const uint64_t*, "uint64*")
FIRTH_TYPE_NAME(const float*, "float32*")
FIRTH_TYPE_NAME(const AliasColumn*, "alias*")
FIRTH_TYPE_NAME(void*, "real*")
#undef FIRTH_TYPE_NAME

// The fields of a matrix have names with a dot: input.rows.
#define FIRTH_ROW(type, name) {#name, TypeName<type>::OF, int64_t(offsetof(Settings, name)), int64_t(sizeof(type))},
#define FIRTH_MATRIX_ROW(matrix, type, member, name) \
  {#matrix "." #name, TypeName<type>::OF, int64_t(offsetof(Settings, matrix.member)), int64_t(sizeof(type))},
#define FIRTH_MATRIX(name) FIRTH_ROW_MATRIX(FIRTH_MATRIX_ROW, name)
constexpr SettingsField SETTINGS_FIELDS[] = {FIRTH_SETTINGS(FIRTH_ROW, FIRTH_MATRIX)};
#undef FIRTH_MATRIX
#undef FIRTH_MATRIX_ROW
#undef FIRTH_ROW

#define FIRTH_ROW(parameter, word, name, code) {#parameter, word, code},
constexpr ChoiceWord CHOICE_WORDS[] = {FIRTH_CHOICES(FIRTH_ROW)};
#undef FIRTH_ROW

}  // namespace firth
