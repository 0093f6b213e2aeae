// Passes over textual LIR that make constants once for several instructions.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lower/lower.h"

namespace tephra::lower_test {

inline void parseLir(const std::string& text, lir::Function* function) {
  lir::ParseError error{};
  EXPECT_TRUE(lir::parse(text, function, &error)) << error.line << " " << error.message << text;
}

// `text` after the pass, which must not break what was sound.
inline std::string after(void (*pass)(lir::Function*, const Target&), const std::string& text,
                         const Target& target) {
  lir::Function function;
  parseLir(text, &function);
  size_t complaints = lir::verify(function).size();  // of exits without a frame, as these here
  pass(&function, target);
  EXPECT_EQ(lir::verify(function).size(), complaints);
  return lir::print(function);
}

// `text` as it is printed when nothing changes.
inline std::string same(const std::string& text) {
  lir::Function function;
  parseLir(text, &function);
  return lir::print(function);
}

}  // namespace tephra::lower_test
