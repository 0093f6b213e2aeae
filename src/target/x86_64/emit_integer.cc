// Integer arithmetic, comparisons and conditions. Any assignment of registers is emitted correctly;
// the constraints only make the usual one short.
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

using asmjit::InstId;
using lir::Cond;
using lir::Operand;

namespace {

const x86::Gp kScratch = x86::gpq(kScratchGp);

x86::Gp scratch(uint32_t width) {
  switch (width) {
    case 1: return kScratch.r8();
    case 2: return kScratch.r16();
    case 4: return kScratch.r32();
    default: return kScratch;
  }
}

}  // namespace

void FunctionEmitter::add(const Instr& instr) {
  uint32_t width = instr.u32(0);
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (b.isImm()) {
    int64_t value = narrow(b.immValue(), width);
    if (!isInt32(static_cast<uint64_t>(value)) || gpNumber(d) == gpNumber(a)) {
      return twoOperand(instr, x86::Inst::kIdAdd, true, width);
    }
    if (value == 0 && width == 8) return move(d, a);
    a_.lea(gp(d, width), x86::ptr(gp(a), static_cast<int32_t>(value)));
  } else if (gpNumber(d) == gpNumber(a) || gpNumber(d) == gpNumber(b)) {
    twoOperand(instr, x86::Inst::kIdAdd, true, width);
  } else {
    // rbp and r13 as the base of an address cost a displacement byte, as the index nothing.
    bool swap = (gpNumber(a) & 7) == kRbp;
    a_.lea(gp(d, width), swap ? x86::ptr(gp(b), gp(a)) : x86::ptr(gp(a), gp(b)));
  }
}

void FunctionEmitter::twoOperand(const Instr& instr, InstId op, bool commutative, uint32_t width) {
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (b.isImm()) {
    int64_t value = narrow(b.immValue(), width);
    if (!isInt32(static_cast<uint64_t>(value))) {
      as_.loadImmediate(kScratch, static_cast<uint64_t>(value));
      move(d, a);
      a_.emit(op, gp(d, width), scratch(width));
    } else {
      move(d, a);
      a_.emit(op, gp(d, width), asmjit::imm(value));
    }
  } else if (gpNumber(d) != gpNumber(b) || gpNumber(a) == gpNumber(b)) {
    move(d, a);
    a_.emit(op, gp(d, width), gp(b, width));
  } else if (commutative) {
    a_.emit(op, gp(d, width), gp(a, width));
  } else {
    a_.mov(kScratch, gp(a));
    a_.emit(op, scratch(width), gp(b, width));
    a_.mov(gp(d), kScratch);
  }
}

void FunctionEmitter::sub(const Instr& instr) {
  uint32_t width = instr.u32(0);
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (b.isImm() && gpNumber(d) != gpNumber(a)) {
    int64_t value = narrow(b.immValue(), width);
    if (value != INT32_MIN && isInt32(static_cast<uint64_t>(value))) {
      a_.lea(gp(d, width), x86::ptr(gp(a), static_cast<int32_t>(-value)));
      return;
    }
  }
  twoOperand(instr, x86::Inst::kIdSub, false, width);
}

void FunctionEmitter::mul(const Instr& instr, uint32_t width) {
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  int64_t value = b.isImm() ? narrow(b.immValue(), width) : 0;
  if (b.isImm() && isInt32(static_cast<uint64_t>(value))) {
    a_.imul(gp(d, width), gp(a, width), value);
  } else {
    twoOperand(instr, x86::Inst::kIdImul, true, width);
  }
}

void FunctionEmitter::shift(const Instr& instr, InstId op) {
  uint32_t width = instr.u32(0);
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  if (b.isImm()) {
    move(d, a);
    int64_t count = b.immValue() & (width == 8 ? 63 : 31);
    if (count == 1 && op == x86::Inst::kIdShl)
      a_.add(gp(d, width), gp(d, width));
    else
      a_.emit(op, gp(d, width), asmjit::imm(count));
    return;
  }
  if (gpNumber(b) != kShiftCount) return fail(instr, "the count is not in rcx");
  if (gpNumber(d) == kShiftCount) {
    a_.mov(kScratch, gp(a));
    a_.emit(op, scratch(width), x86::cl);
    a_.mov(gp(d), kScratch);
  } else {
    move(d, a);
    a_.emit(op, gp(d, width), x86::cl);
  }
}

void FunctionEmitter::divRem(const Instr& instr) {
  const Operand &a = instr.uses[0], &b = instr.uses[1];
  if (gpNumber(a) != kRax || gpNumber(b) == kRax || gpNumber(b) == kRdx)
    return fail(instr, "operands of idiv");
  for (size_t i = 0; i < 2; ++i) {
    if (instr.defs[i].kind != Operand::kNone && gpNumber(instr.defs[i]) != (i == 0 ? kRax : kRdx)) {
      return fail(instr, "results of idiv");
    }
  }
  a_.cqo();
  a_.idiv(gp(b));
}

void FunctionEmitter::overflowExit(const Instr& instr, InstId op) {
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  bool reversed = op == x86::Inst::kIdSub && !b.isImm() && gpNumber(d) == gpNumber(b) &&
                  gpNumber(a) != gpNumber(b);
  if (reversed) {  // the exit still sees b
    a_.mov(kScratch, gp(a));
    a_.sub(kScratch, gp(b));
    exitIf(flags(x86::CondCode::kOverflow), instr);
    a_.mov(gp(d), kScratch);
    return;
  }
  twoOperand(instr, op, op == x86::Inst::kIdAdd, 8);
  exitIf(flags(x86::CondCode::kOverflow), instr);
}

void FunctionEmitter::mulExit(const Instr& instr) {
  mul(instr, 8);
  exitIf(flags(x86::CondCode::kOverflow), instr);
}

Condition FunctionEmitter::condition(const Instr& instr) {
  const Operand &a = instr.uses[0], &b = instr.uses[1];
  const uint32_t width = instr.u32(1);
  const Cond cond = instr.cond(0);
  switch (instr.op) {
    case lir::Op::kExitTest: test(a, b, width, cond); break;
    case lir::Op::kExitTestMem: testMem(a, b, width, cond); break;
    case lir::Op::kBranchCmpMem:
    case lir::Op::kExitCmpMem: compareMem(a, b, width); break;
    default: compare(a, b, width);
  }
  return flags(condCode(cond));
}

void FunctionEmitter::compare(const Operand& a, const Operand& b, uint32_t width) {
  if (!b.isImm()) {
    a_.cmp(gp(a, width), gp(b, width));
    return;
  }
  int64_t value = narrow(b.immValue(), width);
  if (value == 0) {
    a_.test(gp(a, width), gp(a, width));
  } else if (isInt32(static_cast<uint64_t>(value))) {
    a_.cmp(gp(a, width), value);
  } else {
    as_.loadImmediate(kScratch, static_cast<uint64_t>(value));
    a_.cmp(gp(a, width), kScratch);
  }
}

void FunctionEmitter::compareMem(const Operand& a, const Operand& b, uint32_t width) {
  if (!b.isImm()) {
    a_.cmp(mem(a, width), gp(b, width));
    return;
  }
  int64_t value = narrow(b.immValue(), width);
  if (isInt32(static_cast<uint64_t>(value))) {
    a_.cmp(mem(a, width), value);
  } else {
    as_.loadImmediate(kScratch, static_cast<uint64_t>(value));
    a_.cmp(mem(a, width), kScratch);
  }
}

namespace {
// Does a byte test see all that matters? (Only "zero or not" is independent of the width.)
bool byteSuffices(int64_t mask, Cond cond) {
  return mask > 0 && mask <= 0xFF && (cond == Cond::kEq || cond == Cond::kNe);
}
}  // namespace

void FunctionEmitter::test(const Operand& a, const Operand& b, uint32_t width, Cond cond) {
  if (!b.isImm()) {
    a_.test(gp(a, width), gp(b, width));
    return;
  }
  int64_t mask = narrow(b.immValue(), width);
  bool zero_only = cond == Cond::kEq || cond == Cond::kNe;
  if (byteSuffices(mask, cond)) {
    a_.test(gp(a, 1), static_cast<int64_t>(static_cast<int8_t>(mask)));
  } else if (zero_only && width == 8 && mask > 0 && mask <= INT64_C(0xFFFFFFFF)) {
    a_.test(gp(a, 4), static_cast<int64_t>(static_cast<int32_t>(mask)));
  } else if (isInt32(static_cast<uint64_t>(mask))) {
    a_.test(gp(a, width), mask);
  } else {
    as_.loadImmediate(kScratch, static_cast<uint64_t>(mask));
    a_.test(gp(a, width), kScratch);
  }
}

void FunctionEmitter::testMem(const Operand& a, const Operand& b, uint32_t width, Cond cond) {
  if (!b.isImm()) {
    a_.test(mem(a, width), gp(b, width));
    return;
  }
  int64_t mask = narrow(b.immValue(), width);
  if (byteSuffices(mask, cond)) {
    a_.test(mem(a, 1), static_cast<int64_t>(static_cast<int8_t>(mask)));
  } else if (isInt32(static_cast<uint64_t>(mask))) {
    a_.test(mem(a, width), mask);
  } else {
    as_.loadImmediate(kScratch, static_cast<uint64_t>(mask));
    a_.test(mem(a, width), kScratch);
  }
}

// d may be one of the inputs: then it is zero-extended afterwards instead of zeroed before.
void FunctionEmitter::setCondition(const Instr& instr) {
  const Operand &d = instr.defs[0], &a = instr.uses[0], &b = instr.uses[1];
  bool input = gpNumber(d) == gpNumber(a) || (!b.isImm() && gpNumber(d) == gpNumber(b));
  if (!input) a_.xor_(gp(d, 4), gp(d, 4));
  compare(a, b, instr.u32(1));
  a_.emit(x86::Inst::setccFromCond(condCode(instr.cond(0))), gp(d, 1));
  if (input) a_.movzx(gp(d, 4), gp(d, 1));
}

void FunctionEmitter::select(const Instr& instr) {
  const Operand &d = instr.defs[0], &c = instr.uses[0], &a = instr.uses[1], &b = instr.uses[2];
  a_.test(gp(c), gp(c));
  if (gpNumber(d) == gpNumber(a)) {
    a_.cmovz(gp(d), gp(b));
    return;
  }
  move(d, b);  // leaves the flags alone, and c is not needed any more
  a_.cmovnz(gp(d), gp(a));
}

// The negative is made beside the value: two steps wait for each other, not four.
void FunctionEmitter::negateIf(const Instr& instr) {
  const Operand &d = instr.defs[0], &a = instr.uses[0], &c = instr.uses[1];
  a_.mov(kScratch, gp(a));
  move(d, a);
  a_.neg(kScratch);
  a_.bt(gp(c), instr.u32(0));
  a_.cmovc(gp(d), kScratch);
}

}  // namespace tephra::x86_64
