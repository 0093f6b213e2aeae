// Purpose: a set of small integers (value or block ids) for dataflow.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace tephra::passes {

class Bits {
 public:
  Bits() = default;
  explicit Bits(size_t count) : words_((count + 63) / 64, 0) {}
  bool test(uint32_t i) const { return i / 64 < words_.size() && (words_[i / 64] >> (i % 64) & 1); }
  void set(uint32_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  void reset(uint32_t i) { words_[i / 64] &= ~(uint64_t{1} << (i % 64)); }
  void clear() { words_.assign(words_.size(), 0); }
  bool any() const {
    for (uint64_t word : words_)
      if (word) return true;
    return false;
  }
  // True if something was added.
  bool add(const Bits& other) {
    uint64_t added = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      added |= other.words_[i] & ~words_[i];
      words_[i] |= other.words_[i];
    }
    return added != 0;
  }
  template <typename F>
  void forEach(F&& visit) const {  // ascending; the set may change below the word being visited
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word; word &= word - 1) {
        visit(static_cast<uint32_t>(i * 64 + std::countr_zero(word)));
      }
    }
  }
  bool operator==(const Bits&) const = default;

 private:
  std::vector<uint64_t> words_;
};

}  // namespace tephra::passes
