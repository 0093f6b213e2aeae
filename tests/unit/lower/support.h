// Lowers HIR for every pair of layout and target, and checks what must hold of any result.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "layouts.h"
#include "lower/lower.h"

namespace tephra::lower_test {

inline constexpr int kRows = 0
#define TEPHRA_HIR_OP(name) +1
#include "hir/ops_list.gen.h"
#undef TEPHRA_HIR_OP
    ;

struct Combination {
  const PyLayout* layout;
  const Target* target;
  std::string name() const { return std::string(layout->version) + " " + target->name(); }
};

inline std::vector<Combination> combinations() {
  return {{&layout312(), &x86_64Target()},
          {&layout312(), &aarch64Target()},
          {&layout314(), &x86_64Target()},
          {&layout314(), &aarch64Target()}};
}

// Highest parameter index that the text names, plus one.
inline uint32_t argumentsOf(const std::string& text) {
  uint32_t count = 0;
  for (size_t at = text.find("LoadArg {index="); at != std::string::npos;
       at = text.find("LoadArg {index=", at + 1)) {
    count = std::max<uint32_t>(count, static_cast<uint32_t>(std::stoul(text.substr(at + 15))) + 1);
  }
  return count;
}

// Immediates and addresses that the target cannot encode; edges from a branch into a join.
inline std::string illegal(const lir::Function& function, const Target& target) {
  std::string all;
  for (const lir::Block* block : function.blocks()) {
    for (const lir::Instr* i = block->first; i; i = i->next) {
      for (size_t k = 0; k < i->uses.size(); ++k) {
        const lir::Operand& use = i->uses[k];
        bool fits = use.isMem()   ? target.addressFits(*i, use)
                    : use.isImm() ? target.immediateFits(*i, static_cast<int>(k), use.immValue())
                                  : true;
        if (!fits) all += "not encodable: " + lir::print(*i) + "\n";
      }
      if (i->numTargets() == 2 &&
          (i->targets[0]->preds.size() > 1 || i->targets[1]->preds.size() > 1)) {
        all += "critical edge: " + lir::print(*i) + "\n";
      }
    }
  }
  return all;
}

// LIR text, or "bailout: ..." ; every promise of lower.h is checked on the way.
inline std::string lowered(const hir::Function& function, const Combination& on) {
  auto result = lowerToLir(function, *on.target);
  if (!result) return "bailout: " + result.bailout().detail + "\n";
  const lir::Function& out = **result;
  std::string text = lir::print(out);
  for (const std::string& problem : lir::verify(out))
    ADD_FAILURE() << on.name() << ": " << problem << "\n" << text;
  EXPECT_EQ(illegal(out, *on.target), "") << on.name() << "\n" << text;
  return text;
}

inline std::string lowered(const std::string& text, const Combination& on) {
  CodeUnit unit = fakeUnit(*on.layout, argumentsOf(text));
  hir::Function function(&unit);
  hir::ParseError error{};
  if (!hir::parse(text, &function, &error)) {
    ADD_FAILURE() << "line " << error.line << ": " << error.message << "\n" << text;
    return "";
  }
  for (const std::string& problem : hir::verify(function)) ADD_FAILURE() << problem;
  return lowered(function, on);
}

}  // namespace tephra::lower_test
