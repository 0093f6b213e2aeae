// Integer arithmetic, comparisons and conditions. Any assignment of registers is emitted correctly.
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

using asmjit::InstId;
using lir::Cond;
using lir::Operand;

namespace {

bool isSignedCondition(Cond cond) {
  return cond == Cond::kLt || cond == Cond::kLe || cond == Cond::kGt || cond == Cond::kGe;
}

}  // namespace

// asmjit refuses negative immediates: the other operation takes them.
void FunctionEmitter::addOrSubImmediate(uint8_t to, uint8_t from, int64_t value, uint32_t width) {
  if (!fitsAddOrSub(value)) {
    uint64_t bits = width == 8 ? static_cast<uint64_t>(value) : static_cast<uint32_t>(value);
    as_.loadImmediate(kScratchGp2, bits);
    a_.add(sized(to, width), sized(from, width), sized(kScratchGp2, width));
  } else if (value >= 0) {
    a_.add(sized(to, width), sized(from, width), value);
  } else {
    a_.sub(sized(to, width), sized(from, width), -value);
  }
}

void FunctionEmitter::addOrSub(const Instr& instr, bool subtract) {
  uint32_t width = instr.u32(0);
  const Operand &to = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (b.isImm()) {
    int64_t value = narrow(b.immValue(), width);
    if (subtract) value = narrow(static_cast<int64_t>(0 - static_cast<uint64_t>(value)), width);
    if (value == 0 && width == 8) return move(to, a);
    addOrSubImmediate(gp(to), gp(a), value, width);
  } else if (subtract) {
    a_.sub(reg(to, width), reg(a, width), reg(b, width));
  } else {
    a_.add(reg(to, width), reg(a, width), reg(b, width));
  }
}

void FunctionEmitter::logical(const Instr& instr, InstId op) {
  uint32_t width = instr.u32(0);
  const Operand &to = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (!b.isImm()) {
    a_.emit(op, reg(to, width), reg(a, width), reg(b, width));
    return;
  }
  uint64_t bits = width == 8 ? b.bits : static_cast<uint32_t>(b.bits);
  if (isLogicalImmediate(bits, width * 8)) {
    a_.emit(op, reg(to, width), reg(a, width), asmjit::imm(bits));
  } else {
    a_.emit(op, reg(to, width), reg(a, width), sized(valueIn(b, kScratchGp2, width), width));
  }
}

void FunctionEmitter::mul(const Instr& instr) {
  uint32_t width = instr.u32(0);
  uint32_t b = valueIn(instr.uses[1], kScratchGp2, width);
  a_.mul(reg(instr.defs[0], width), reg(instr.uses[0], width), sized(b, width));
}

void FunctionEmitter::shift(const Instr& instr, InstId by_register, InstId by_immediate) {
  uint32_t width = instr.u32(0);
  const Operand &to = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (b.isImm()) {
    a_.emit(by_immediate, reg(to, width), reg(a, width),
            asmjit::imm(b.immValue() & (width == 8 ? 63 : 31)));
  } else {
    a_.emit(by_register, reg(to, width), reg(a, width), reg(b, width));
  }
}

void FunctionEmitter::divRem(const Instr& instr) {
  uint8_t a = gp(instr.uses[0]), b = gp(instr.uses[1]);
  bool wants_quotient = instr.defs[0].kind != Operand::kNone;
  bool wants_rest = instr.defs[1].kind != Operand::kNone;
  uint8_t quotient = wants_quotient ? gp(instr.defs[0]) : kScratchGp;
  // The rest is made from both inputs: the constraints keep the quotient out of their registers.
  bool shared = wants_rest && (quotient == a || quotient == b);
  uint8_t divided = shared ? kScratchGp : quotient;
  a_.sdiv(x(divided), x(a), x(b));
  if (wants_rest) a_.msub(x(gp(instr.defs[1])), x(divided), x(b), x(a));
  if (shared) a_.mov(x(quotient), x(divided));
}

void FunctionEmitter::overflowExit(const Instr& instr, bool subtract) {
  a64::GpX to = x(gp(instr.defs[0])), a = x(gp(instr.uses[0]));
  const Operand& b = instr.uses[1];
  int64_t value = b.isImm() ? b.immValue() : 0;
  if (b.isImm() && fitsAddOrSub(value)) {
    bool sub = subtract != (value < 0);
    auto size = static_cast<uint64_t>(value < 0 ? -value : value);
    if (sub)
      a_.subs(to, a, size);
    else
      a_.adds(to, a, size);
  } else {
    a64::Gp other = sized(valueIn(b, kScratchGp2), 8);
    if (subtract)
      a_.subs(to, a, other);
    else
      a_.adds(to, a, other);
  }
  exitIf(flags(Cc::kVs), instr);
}

// Overflow: the upper half of the product is not the lower half's sign.
void FunctionEmitter::mulExit(const Instr& instr) {
  a64::GpX to = x(gp(instr.defs[0])), a = x(gp(instr.uses[0]));
  a64::Gp b = sized(valueIn(instr.uses[1], kScratchGp2), 8);
  a_.smulh(x(kScratchGp), a, b);
  a_.mul(to, a, b);
  a_.cmp(x(kScratchGp), to, a64::asr(63));
  exitIf(flags(Cc::kNe), instr);
}

// --- conditions

Cc flagOf(Cond cond) {
  switch (cond) {
    case Cond::kEq: return Cc::kEq;
    case Cond::kNe: return Cc::kNe;
    case Cond::kLt: return Cc::kLt;
    case Cond::kLe: return Cc::kLe;
    case Cond::kGt: return Cc::kGt;
    case Cond::kGe: return Cc::kGe;
    case Cond::kULt: return Cc::kLo;
    case Cond::kULe: return Cc::kLs;
    case Cond::kUGt: return Cc::kHi;
    case Cond::kUGe: return Cc::kHs;
  }
  return Cc::kEq;
}

asmjit::arm::CondCode asmjitCondition(Cc cc) {
  return static_cast<asmjit::arm::CondCode>(static_cast<uint8_t>(cc) + 2);
}

Condition FunctionEmitter::condition(const Instr& instr) {
  switch (instr.op) {
    case lir::Op::kBranchCmpMem:
    case lir::Op::kExitCmpMem: return compareMem(instr);
    case lir::Op::kExitTestMem: return testMem(instr);
    case lir::Op::kExitTest:
      return test(gp(instr.uses[0]), instr.uses[1], instr.u32(1), instr.cond(0));
    default: return compare(gp(instr.uses[0]), instr.uses[1], instr.u32(1), instr.cond(0));
  }
}

Condition FunctionEmitter::compare(uint8_t a, const Operand& b, uint32_t width, Cond cond,
                                   bool in_flags) {
  bool wide = width == 8;
  if (!b.isImm()) {
    a_.cmp(sized(a, width), reg(b, width));
    return flags(flagOf(cond));
  }
  int64_t value = narrow(b.immValue(), width);
  if (value == 0 && !in_flags) {
    auto sign = static_cast<uint8_t>(wide ? 63 : 31);
    if (cond == Cond::kEq || cond == Cond::kULe) return Condition::zero(a, wide, false);
    if (cond == Cond::kNe || cond == Cond::kUGt) return Condition::zero(a, wide, true);
    if (cond == Cond::kLt) return Condition::ofBit(a, sign, true);
    if (cond == Cond::kGe) return Condition::ofBit(a, sign, false);
  }
  if (!fitsAddOrSub(value)) {
    a_.cmp(sized(a, width), sized(valueIn(b, kScratchGp2, width), width));
  } else if (value >= 0) {
    a_.cmp(sized(a, width), value);
  } else {
    a_.cmn(sized(a, width), -value);
  }
  return flags(flagOf(cond));
}

// tst clears carry and overflow: a bit pattern is never below zero, always at or above it.
Condition FunctionEmitter::test(uint8_t a, const Operand& b, uint32_t width, Cond cond) {
  if (cond == Cond::kULt || cond == Cond::kUGe) return Condition::constant(cond == Cond::kUGe);
  if (cond == Cond::kULe) cond = Cond::kEq;
  if (cond == Cond::kUGt) cond = Cond::kNe;
  if (!b.isImm()) {
    if (gp(b) == a) return compare(a, Operand::imm(0), width, cond);
    a_.tst(sized(a, width), reg(b, width));
    return flags(flagOf(cond));
  }
  uint64_t mask = width == 8 ? b.bits : static_cast<uint32_t>(b.bits);
  bool zero_only = cond == Cond::kEq || cond == Cond::kNe;
  if (zero_only && (mask & (mask - 1)) == 0 && mask != 0) {
    return Condition::ofBit(a, static_cast<uint8_t>(__builtin_ctzll(mask)), cond == Cond::kNe);
  }
  if (isLogicalImmediate(mask, width * 8)) {
    a_.tst(sized(a, width), mask);
  } else {
    a_.tst(sized(a, width), sized(valueIn(b, kScratchGp2, width), width));
  }
  return flags(flagOf(cond));
}

Condition FunctionEmitter::compareMem(const Instr& instr) {
  uint32_t width = instr.u32(1);
  Cond cond = instr.cond(0);
  const Operand& b = instr.uses[1];
  load(x(kScratchGp), mem(instr.uses[0]), width, width < 4 && isSignedCondition(cond));
  if (width >= 4) return compare(kScratchGp, b, width, cond);
  // A part of a register is no operand: both sides are extended alike.
  bool sign = isSignedCondition(cond);
  if (b.isImm()) {
    int64_t value = narrow(b.immValue(), width);
    if (!sign) value &= width == 1 ? 0xFF : 0xFFFF;
    return compare(kScratchGp, Operand::imm(value), 4, cond);
  }
  InstId extend = width == 1 ? (sign ? a64::Inst::kIdSxtb : a64::Inst::kIdUxtb)
                             : (sign ? a64::Inst::kIdSxth : a64::Inst::kIdUxth);
  a_.emit(extend, w(kScratchGp2), w(gp(b)));
  a_.cmp(w(kScratchGp), w(kScratchGp2));
  return flags(flagOf(cond));
}

Condition FunctionEmitter::testMem(const Instr& instr) {
  uint32_t width = instr.u32(1);
  Cond cond = instr.cond(0);
  bool sign = width < 4 && isSignedCondition(cond);
  load(x(kScratchGp), mem(instr.uses[0]), width, sign);
  const Operand& b = instr.uses[1];
  if (width >= 4) return test(kScratchGp, b, width, cond);
  if (!b.isImm()) {
    if (sign) {
      a_.emit(width == 1 ? a64::Inst::kIdSxtb : a64::Inst::kIdSxth, w(kScratchGp2), w(gp(b)));
      return test(kScratchGp, Operand::reg(kScratchGp2, lir::Bank::kGp), 4, cond);
    }
    return test(kScratchGp, b, 4, cond);  // the upper bits of what was loaded are zero
  }
  int64_t mask = narrow(b.immValue(), width);
  if (!sign) mask &= width == 1 ? 0xFF : 0xFFFF;
  return test(kScratchGp, Operand::imm(mask), 4, cond);
}

void FunctionEmitter::setFlag(const Operand& to, Cc cc) {
  a_.cset(w(gp(to)), asmjit::imm(uint32_t(asmjitCondition(cc))));
}

void FunctionEmitter::setCondition(const Instr& instr) {
  const Operand &to = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  Cond cond = instr.cond(0);
  uint32_t width = instr.u32(1);
  if (b.isImm() && b.immValue() == 0 && cond == Cond::kLt) {  // the sign itself
    a_.lsr(reg(to, width), reg(a, width), width * 8 - 1);
    return;
  }
  setFlag(to, ccOf(compare(gp(a), b, width, cond, true)));
}

void FunctionEmitter::select(const Instr& instr) {
  a_.cmp(x(gp(instr.uses[0])), 0);
  a_.csel(x(gp(instr.defs[0])), x(gp(instr.uses[1])), x(gp(instr.uses[2])),
          asmjit::imm(uint32_t(asmjitCondition(Cc::kNe))));
}

void FunctionEmitter::negateIf(const Instr& instr) {
  a_.tst(x(gp(instr.uses[1])), UINT64_C(1) << instr.u32(0));
  a_.cneg(x(gp(instr.defs[0])), x(gp(instr.uses[0])),
          asmjit::imm(uint32_t(asmjitCondition(Cc::kNe))));
}

}  // namespace tephra::aarch64
