// Purpose: how a phase says "I refuse this function": a value or a bail-out with its reason.
// No C++ exception crosses a phase. Every reason is enumerated here and counted by the driver.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace tephra {

enum class BailoutReason : uint8_t {
#define TEPHRA_BAILOUT(name, text) k##name,
#include "base/bailouts.def"
#undef TEPHRA_BAILOUT
};

const char* bailoutName(BailoutReason reason);
const char* bailoutText(BailoutReason reason);

struct Bailout {
  BailoutReason reason;
  std::string detail;  // which opcode, which name; may be empty
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}            // NOLINT: implicit by design
  Result(Bailout bailout) : state_(std::move(bailout)) {}  // NOLINT: implicit by design
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const Bailout& bailout() const { return std::get<1>(state_); }

 private:
  std::variant<T, Bailout> state_;
};

}  // namespace tephra
