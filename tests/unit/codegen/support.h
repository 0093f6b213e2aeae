// Purpose: what the tests of code generation share: LIR text to code, fake runtime, fake layout.
#pragma once

#include <gtest/gtest.h>

#include <regex>
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

// Tests that run what they generate are written with x86-64's register numbers. Here is which
// register of the host stands for each: with the same role (arguments, callee-saved, scratch), and
// for the result register one that is no argument.
inline int hostGp(int x86) {
  static constexpr int kArm[] = {9, 3, 2, 19, -1, -1, 1, 0, 4, 5, 10, 16, 20, 21};
  return hostIsX86() ? x86 : kArm[x86];
}
inline int hostFp(int x86) { return hostIsX86() || x86 < 8 ? x86 : x86 == 15 ? 31 : x86 + 8; }
inline constexpr const char* kHostSaved = "0x3008,0x0";  // rbx, r12, r13

// Text in x86-64's registers as the host's. Results of calls arrive in the return register.
inline std::string forHost(const std::string& text) {
  if (hostIsX86()) return text;
  std::string result;
  std::regex reg("%(f?)([0-9]+)");
  std::istringstream lines(std::regex_replace(text, std::regex(kHostSaved), "0x380000,0x0"));
  for (std::string line; std::getline(lines, line);) {
    bool call = line.rfind("  %0 = Call", 0) == 0;
    std::string out;
    auto last = line.cbegin();
    for (std::sregex_iterator it(line.begin(), line.end(), reg), end; it != end; ++it) {
      out.append(last, (*it)[0].first);
      int number = std::stoi((*it)[2]);
      bool vector = (*it)[1].length() != 0;
      bool result_of_call = call && (*it)[0].first == line.cbegin() + 2;
      out += std::string("%") + (vector ? "f" : "") +
             std::to_string(result_of_call ? 0
                            : vector       ? hostFp(number)
                                           : hostGp(number));
      last = (*it)[0].second;
    }
    out.append(last, line.cend());
    result += out + "\n";
    if (call) result += "  %9 = Move %0\n";
  }
  return result;
}

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
