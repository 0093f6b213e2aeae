// Purpose: what the tests of code generation share: LIR text to code, fake runtime, fake layout.
#pragma once

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "codegen/generate.h"
#include "lir/ir.h"

// Destroys all registers that C code may destroy.
#if defined(__x86_64__)
#define TEPHRA_TEST_DESTROY()                                                                    \
  asm volatile(                                                                                  \
      "movq $-1, %%rax\n movq %%rax, %%rcx\n movq %%rax, %%rdx\n movq %%rax, %%rsi\n"            \
      "movq %%rax, %%rdi\n movq %%rax, %%r8\n movq %%rax, %%r9\n movq %%rax, %%r10\n"            \
      "movq %%rax, %%r11\n"                                                                      \
      "pcmpeqd %%xmm0, %%xmm0\n pcmpeqd %%xmm1, %%xmm1\n pcmpeqd %%xmm2, %%xmm2\n"               \
      "pcmpeqd %%xmm7, %%xmm7\n pcmpeqd %%xmm13, %%xmm13\n pcmpeqd %%xmm14, %%xmm14\n"           \
      "pcmpeqd %%xmm15, %%xmm15\n" ::                                                            \
          : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", \
            "xmm7", "xmm13", "xmm14", "xmm15", "memory")
#else
#define TEPHRA_TEST_DESTROY()                                                                      \
  asm volatile(                                                                                    \
      "mov x0, #-1\n mov x1, x0\n mov x2, x0\n mov x3, x0\n mov x4, x0\n mov x5, x0\n"             \
      "mov x6, x0\n mov x7, x0\n mov x8, x0\n mov x9, x0\n mov x10, x0\n mov x11, x0\n"            \
      "mov x12, x0\n mov x13, x0\n mov x14, x0\n mov x15, x0\n mov x16, x0\n mov x17, x0\n"        \
      "fmov d0, x0\n fmov d1, x0\n fmov d2, x0\n fmov d7, x0\n fmov d16, x0\n fmov d23, x0\n"      \
      "fmov d30, x0\n fmov d31, x0\n" ::                                                           \
          : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",       \
            "x13", "x14", "x15", "x16", "x17", "v0", "v1", "v2", "v7", "v16", "v23", "v30", "v31", \
            "memory")
#endif

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
