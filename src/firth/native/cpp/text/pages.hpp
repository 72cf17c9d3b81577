// Room native: memory mapped from the system and returned to it, so that the memory of counting is free before training
// begins (the allocator of the C library may keep freed blocks).
#pragma once

#if defined(_WIN32)
#include "base/windows.hpp"
#else
#include <sys/mman.h>
#endif

#include <cstddef>
#include <new>
#include <utility>

namespace firth {

#if !defined(_WIN32)
// Zero bytes.
inline void* map_pages(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

inline void unmap_pages(void* memory, size_t bytes) { munmap(memory, bytes); }
#endif

template <class T>
class Pages {
 public:
  Pages() = default;
  explicit Pages(size_t size) : size_(size) {
    if (size == 0) return;
    data_ = static_cast<T*>(map_pages(size * sizeof(T)));
  }
  Pages(Pages&& other) noexcept { swap(other); }
  Pages& operator=(Pages&& other) noexcept {
    Pages moved(std::move(other));
    swap(moved);
    return *this;
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() {
    if (data_ != nullptr) unmap_pages(data_, size_ * sizeof(T));
  }

  void swap(Pages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t position) { return data_[position]; }
  const T& operator[](size_t position) const { return data_[position]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace firth
