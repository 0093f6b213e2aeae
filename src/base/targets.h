// Purpose: where a terminator goes: two blocks in place, as nearly all have at most, or any number
// in the function's arena. Invariant: behind a null there is none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>

#include "base/arena.h"

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

  // In the arena what does not fit here.
  void assign(std::span<Block* const> targets, Arena& arena) {
    count_ = targets.size();
    many_ = count_ > std::size(few_) ? arena.copy(targets).data() : nullptr;
    if (many_ != nullptr) return;
    std::fill(std::copy(targets.begin(), targets.end(), few_), std::end(few_), nullptr);
  }

 private:
  Block** data() { return many_ != nullptr ? many_ : few_; }
  Block* const* data() const { return many_ != nullptr ? many_ : few_; }

  Block* few_[2] = {nullptr, nullptr};
  Block** many_ = nullptr;
  size_t count_ = 0;
};

// The block that a call enters: the root, unless that is a table of ways in.
template <typename Block>
Block* callEntry(Block* root) {
  const auto* only = root->first;
  return only != nullptr && only->op == decltype(only->op)::kEntries ? only->targets[0] : root;
}

}  // namespace tephra
