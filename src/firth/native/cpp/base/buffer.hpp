// Room native: a growing array, like std::vector, except that `resize` does not initialise new elements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

namespace firth {

template <class T>
class Buffer {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return memory_.get(); }
  const T* data() const { return memory_.get(); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t k) { return memory_[k]; }
  const T& operator[](size_t k) const { return memory_[k]; }

  void clear() { size_ = 0; }

  void resize(size_t size) {
    if (size > capacity_) grow(size);
    size_ = size;
  }

  // By value, so that an element of this array may be appended.
  void push_back(const T value) {
    resize(size_ + 1);
    memory_[size_ - 1] = value;
  }

 private:
  void grow(size_t size) {
    const size_t capacity = std::max(size, 2 * capacity_);
    std::unique_ptr<T[]> memory(new T[capacity]);
    std::copy_n(memory_.get(), size_, memory.get());
    memory_ = std::move(memory);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> memory_;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace firth
