// Room native: reads and writes files; errors of the system become Failures.
#pragma once

#if defined(_WIN32)
#include "base/windows.hpp"
#else
#include <fcntl.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/abi.hpp"

namespace firth {

constexpr size_t FILE_STEP = size_t(1) << 24;  // bytes read or written between two checks of the stop flag

// Reads up to `size` bytes; fewer only at the end of the file.
inline size_t read_at(int file, void* to, size_t size, int64_t offset) {
  size_t done = 0;
  while (done < size) {
    check_stop();
    const int64_t n =
        pread(file, static_cast<char*>(to) + done, std::min(size - done, FILE_STEP), offset + int64_t(done));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw Failure(ERROR_IO, std::string("reading failed: ") + std::strerror(errno));
    }
    if (n == 0) break;
    done += size_t(n);
  }
  return done;
}

inline void read_exactly_at(int file, void* to, size_t size, int64_t offset) {
  if (read_at(file, to, size, offset) != size) throw Failure(ERROR_IO, "a file became shorter while it was read");
}

inline void write_at(int file, const void* from, size_t size, int64_t offset) {
  size_t done = 0;
  while (done < size) {
    check_stop();
    const int64_t n =
        pwrite(file, static_cast<const char*>(from) + done, std::min(size - done, FILE_STEP), offset + int64_t(done));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw Failure(ERROR_IO, std::string("writing failed: ") + std::strerror(errno));
    }
    done += size_t(n);
  }
}

}  // namespace firth
