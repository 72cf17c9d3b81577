// Room native: the functions of windows.hpp. No other file includes Windows' header, because it defines many macros.
#include "base/windows.hpp"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <io.h>
#include <windows.h>

#include <cerrno>
#include <new>

namespace firth {
namespace {

// Where a transfer begins: the position of the descriptor is not used.
OVERLAPPED at(int64_t offset) {
  OVERLAPPED where = {};
  where.Offset = DWORD(offset);
  where.OffsetHigh = DWORD(offset >> 32);
  return where;
}

HANDLE handle_of(int file) { return reinterpret_cast<HANDLE>(_get_osfhandle(file)); }

constexpr size_t LARGEST_TRANSFER = size_t(1) << 30;  // bytes; a count of Windows has 32 bits

DWORD transfer_of(size_t size) { return DWORD(size < LARGEST_TRANSFER ? size : LARGEST_TRANSFER); }

}  // namespace

int64_t pread(int file, void* to, size_t size, int64_t offset) {
  OVERLAPPED where = at(offset);
  DWORD done = 0;
  if (ReadFile(handle_of(file), to, transfer_of(size), &done, &where)) return done;
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  errno = EIO;
  return -1;
}

int64_t pwrite(int file, const void* from, size_t size, int64_t offset) {
  OVERLAPPED where = at(offset);
  DWORD done = 0;
  if (WriteFile(handle_of(file), from, transfer_of(size), &done, &where)) return done;
  errno = GetLastError() == ERROR_DISK_FULL ? ENOSPC : EIO;
  return -1;
}

void* map_pages(size_t bytes) {
  void* memory = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void unmap_pages(void* memory, size_t) { VirtualFree(memory, 0, MEM_RELEASE); }

}  // namespace firth
#endif
