// Purpose: bump allocation for IR objects that live exactly as long as one compilation.
// Invariant: objects are never freed one by one and their destructors never run, so only trivially
// destructible types are made here; spans handed out stay valid until the arena dies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tephra {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(size_t size, size_t align) {
#if defined(__SANITIZE_ADDRESS__)
    // A block for each object: the sanitizer sees what reads or writes beyond its end.
    if (align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
      chunks_.push_back(std::make_unique<std::byte[]>(size));
      bytes_ += size;
      return chunks_.back().get();
    }
#endif
    uintptr_t at = (cursor_ + align - 1) & ~(uintptr_t{align} - 1);
    if (at + size > limit_) {
      grow(size + align);
      at = (cursor_ + align - 1) & ~(uintptr_t{align} - 1);
    }
    cursor_ = at + size;
    return reinterpret_cast<void*>(at);
  }

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>, "arena objects are never destroyed");
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  // An array of `count` value-initialised elements.
  template <typename T>
  std::span<T> array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0) return {};
    T* data = static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
    for (size_t i = 0; i < count; ++i) new (data + i) T();
    return {data, count};
  }

  template <typename T>
  std::span<T> copy(std::span<const T> from) {
    std::span<T> to = array<T>(from.size());
    for (size_t i = 0; i < from.size(); ++i) to[i] = from[i];
    return to;
  }

  size_t bytesAllocated() const { return bytes_; }

 private:
  void grow(size_t need) {
    size_t size = need > kChunk ? need : kChunk;
    chunks_.push_back(std::make_unique<std::byte[]>(size));
    cursor_ = reinterpret_cast<uintptr_t>(chunks_.back().get());
    limit_ = cursor_ + size;
    bytes_ += size;
  }

  static constexpr size_t kChunk = 32 * 1024;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  uintptr_t cursor_ = 0;
  uintptr_t limit_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tephra
