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
    case Cond::kEq: return Condition::flags(Cc::kEq);
    case Cond::kNe: return Condition::flags(Cc::kNe);
    case Cond::kLt: return Condition::flags(Cc::kMi);
    case Cond::kLe: return Condition::flags(Cc::kLs);
    case Cond::kGt: return Condition::flags(Cc::kGt);
    case Cond::kGe: return Condition::flags(Cc::kGe);
    case Cond::kULt:
    case Cond::kULe:
    case Cond::kUGt:
    case Cond::kUGe: break;
  }
  fail(instr, "unsigned comparison of doubles");
  return Condition::flags(Cc::kEq);
}

}  // namespace tephra::aarch64
