// Comparisons of doubles. Unordered ones are false for every condition but "not equal".
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

using lir::Cond;

// fcmp gives for unordered N=0 Z=0 C=1 V=1: "less" is asked as mi, "less or equal" as ls, which are
// false then, as are eq, gt and ge; ne is true. Their negations are true, as a branch's other way
// wants it.
Condition FunctionEmitter::compareFp(const Instr& instr) {
  a_.fcmp(d(fp(instr.uses[0])), d(fp(instr.uses[1])));
  switch (instr.cond(0)) {
    case Cond::kEq: return flags(Cc::kEq);
    case Cond::kNe: return flags(Cc::kNe);
    case Cond::kLt: return flags(Cc::kMi);
    case Cond::kLe: return flags(Cc::kLs);
    case Cond::kGt: return flags(Cc::kGt);
    case Cond::kGe: return flags(Cc::kGe);
    case Cond::kULt:
    case Cond::kULe:
    case Cond::kUGt:
    case Cond::kUGe: break;
  }
  fail(instr, "unsigned comparison of doubles");
  return flags(Cc::kEq);
}

}  // namespace tephra::aarch64
