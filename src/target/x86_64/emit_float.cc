// Doubles. Unordered comparisons are false for every condition but "not equal".
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

using asmjit::InstId;
using lir::Cond;
using lir::Operand;

namespace {
const x86::Xmm kScratchXmm = x86::xmm(kScratchFp);
}

void FunctionEmitter::twoOperandFp(const Instr& instr, InstId op, bool commutative) {
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (fp(d).id() != fp(b).id() || fp(a).id() == fp(b).id()) {
    moveFp(d, a);
    a_.emit(op, fp(d), fp(b));
  } else if (commutative) {
    a_.emit(op, fp(d), fp(a));
  } else {
    a_.movaps(kScratchXmm, fp(a));
    a_.emit(op, kScratchXmm, fp(b));
    a_.movaps(fp(d), kScratchXmm);
  }
}

void FunctionEmitter::negateFp(const Instr& instr) {
  a_.pcmpeqd(kScratchXmm, kScratchXmm);
  a_.psllq(kScratchXmm, 63);  // the sign bit
  moveFp(instr.defs[0], instr.uses[0]);
  a_.xorps(fp(instr.defs[0]), kScratchXmm);
}

// ucomisd sets carry for "less" and for "unordered", so less is asked as greater of the swapped
// pair.
x86::CondCode FunctionEmitter::compareFp(const Instr& instr, Cond cond) {
  const Operand &a = instr.uses[0], &b = instr.uses[1];
  bool swap = cond == Cond::kLt || cond == Cond::kLe;
  a_.ucomisd(fp(swap ? b : a), fp(swap ? a : b));
  switch (cond) {
    case Cond::kEq: return x86::CondCode::kEqual;
    case Cond::kNe: return x86::CondCode::kNotEqual;
    case Cond::kLt:
    case Cond::kGt: return x86::CondCode::kUnsignedGT;
    case Cond::kLe:
    case Cond::kGe: return x86::CondCode::kUnsignedGE;
    case Cond::kULt:
    case Cond::kULe:
    case Cond::kUGt:
    case Cond::kUGe: break;
  }
  fail(instr, "unsigned comparison of doubles");
  return x86::CondCode::kEqual;
}

void FunctionEmitter::setCompareFp(const Instr& instr) {
  Cond cond = instr.cond(0);
  x86::Gp d = gp(instr.defs[0], 4);
  a_.xor_(d, d);
  x86::CondCode code = compareFp(instr, cond);
  a_.emit(x86::Inst::setccFromCond(code), d.r8());
  if (cond == Cond::kEq) {
    a_.setnp(x86::gpb(kScratchGp));
    a_.and_(d.r8(), x86::gpb(kScratchGp));
  } else if (cond == Cond::kNe) {
    a_.setp(x86::gpb(kScratchGp));
    a_.or_(d.r8(), x86::gpb(kScratchGp));
  }
}

void FunctionEmitter::branchCompareFp(const Instr& instr) {
  Cond cond = instr.cond(0);
  x86::CondCode code = compareFp(instr, cond);
  if (cond != Cond::kEq && cond != Cond::kNe) return branch(flags(code), instr);
  const lir::Block* equal = instr.targets[cond == Cond::kEq ? 0 : 1];
  const lir::Block* unequal = instr.targets[cond == Cond::kEq ? 1 : 0];
  as_.jumpIf(x86::CondCode::kParityEven, blockLabel(unequal));
  if (next_ == equal) {
    as_.jumpIf(x86::CondCode::kNotEqual, blockLabel(unequal));
    edge(instr, cond == Cond::kEq ? 0 : 1);
  } else {
    as_.jumpIf(x86::CondCode::kEqual, blockLabel(equal));
    jumpToBlock(unequal);
  }
}

void FunctionEmitter::exitCompareFp(const Instr& instr) {
  Cond cond = instr.cond(0);
  x86::CondCode code = compareFp(instr, cond);
  if (cond == Cond::kEq) {
    Label skip = as_.newLabel();
    as_.jumpIf(x86::CondCode::kParityEven, skip);
    exitIf(flags(code), instr);
    as_.bind(skip);
    return;
  }
  exitIf(flags(code), instr);
  if (cond == Cond::kNe) exitIf(flags(x86::CondCode::kParityEven), instr);
}

}  // namespace tephra::x86_64
