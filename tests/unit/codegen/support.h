// Purpose: what the tests of code generation share: LIR text to code, fake runtime, fake layout.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "codegen/generate.h"
#include "lir/ir.h"

namespace tephra::codegen_test {

inline const PyLayout& layout(uint32_t immortal_min = 0xFFFFFFFF) {
  static PyLayout saturating, comparing;
  saturating.incref_immortal_min = 0xFFFFFFFF;
  comparing.incref_immortal_min = 0xBFFFFFFF;
  return immortal_min == 0xFFFFFFFF ? saturating : comparing;
}

inline bool hostIsX86() { return hostTarget().arch() == Arch::kX86_64; }

template <typename F>
uint64_t addressOf(F* function) {
  return reinterpret_cast<uint64_t>(function);
}

// "fun …" around blocks, and as many plain exits as are wanted.
inline std::string wrap(const std::string& blocks, const std::string& header, int exits = 0) {
  std::string text = "fun t " + header + " {\n" + blocks;
  for (int i = 0; i < exits; ++i) {
    text += "exit " + std::to_string(i) + " {deopt TypeChanged line=0 drops=[]}\n";
  }
  return text + "}\n";
}

inline bool parseInto(const std::string& text, lir::Function* function) {
  lir::ParseError error{};
  if (lir::parse(text, function, &error)) return true;
  ADD_FAILURE() << "line " << error.line << ": " << error.message << "\n" << text;
  return false;
}

}  // namespace tephra::codegen_test
