// Purpose: where a terminator goes: two blocks in place, as nearly all have at most, or any number
// in memory that somebody else holds (a function's arena). Invariant: behind a null there is none.
#pragma once

#include <cstddef>
#include <span>

namespace tephra {

template <typename Block>
class Targets {
 public:
  Block*& operator[](size_t i) { return data()[i]; }
  Block* operator[](size_t i) const { return data()[i]; }

  size_t size() const {
    if (many_ != nullptr) return count_;
    return few_[1] != nullptr ? 2 : few_[0] != nullptr ? 1 : 0;
  }
  bool empty() const { return size() == 0; }
  Block** begin() { return data(); }
  Block** end() { return data() + size(); }
  Block* const* begin() const { return data(); }
  Block* const* end() const { return data() + size(); }
  operator std::span<Block* const>() const { return {data(), size()}; }  // NOLINT: is one

  // The places that `many` has, which outlive this.
  void setMany(std::span<Block*> many) {
    many_ = many.data();
    count_ = many.size();
  }

 private:
  Block** data() { return many_ != nullptr ? many_ : few_; }
  Block* const* data() const { return many_ != nullptr ? many_ : few_; }

  Block* few_[2] = {nullptr, nullptr};
  Block** many_ = nullptr;
  size_t count_ = 0;
};

}  // namespace tephra
