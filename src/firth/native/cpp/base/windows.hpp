// Room native: functions of Windows with the names and the contracts of the POSIX functions that the core calls, and
// pages.hpp's two functions. Files are descriptors of the C library. Windows is compiled and tested without Python;
// docs/platforms.md says what firth's Python code still needs there.
#pragma once

#if defined(_WIN32)
#include <cstddef>
#include <cstdint>

namespace firth {

// Number of bytes; 0 at the end of the file; -1 and errno for an error.
int64_t pread(int file, void* to, size_t size, int64_t offset);
int64_t pwrite(int file, const void* from, size_t size, int64_t offset);

void* map_pages(size_t bytes);  // zero bytes
void unmap_pages(void* memory, size_t bytes);

}  // namespace firth
#endif
