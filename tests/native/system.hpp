// tests/native: what the native programs need of the system, by the names of POSIX, on Windows too.
#pragma once

#include <cstdlib>

#if defined(_WIN32)
#include <malloc.h>

#include "base/windows.hpp"

using firth::pread;

inline int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  *memory = _aligned_malloc(bytes, alignment);
  return *memory == nullptr;
}

inline void free_aligned(void* memory) { _aligned_free(memory); }

inline void alarm(unsigned) {}  // a hang is ended by whoever started the program

#else
#include <unistd.h>

inline void free_aligned(void* memory) { std::free(memory); }
#endif
