// Unboxed integers, doubles and truth values, and the ways in and out of objects.
#include <bit>

#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

// lv_tag: the number of digits times 8, and flags. Compact ints have at most one digit.
constexpr int64_t kCompactTagEnd = 16, kTwoDigitTags = 8;
constexpr uint32_t kNegativeBit = 1;
constexpr int64_t kDigitMask = (int64_t{1} << 30) - 1;

// The magnitude of an int of two digits; deoptimises where there are more.
Operand twoDigits(Context& c, const Instr& i, Operand object, Operand tag) {
  Operand beyond = c.b.Sub(tag, c.imm(kCompactTagEnd), 8);
  c.deoptIf(i, beyond, c.imm(kTwoDigitTags), Cond::kUGe, ExitReason::kIntTooLarge, i.operands[0]);
  Operand both = c.load(object, c.py.long_digit);  // the higher digit is 32 bits up, not 30
  Operand high = c.b.And(c.b.Shr(both, c.imm(2), 8), c.imm(~kDigitMask), 8);
  return c.b.Or(c.b.And(both, c.imm(kDigitMask), 8), high, 8);
}

Operand oneDigit(Context& c, Operand object) { return c.load(object, c.py.long_digit, 4); }

// Constants to the right where the operation commutes.
void commute(Operand* a, Operand* b) {
  if (a->isImm() && !b->isImm()) std::swap(*a, *b);
}

struct IntOperands {
  Operand a, b;  // a is a register
};

IntOperands intOperands(Context& c, const Instr& i, bool commutes) {
  Operand a = c.use(i.operands[0]), b = c.use(i.operands[1]);
  if (commutes) commute(&a, &b);
  return {c.inReg(a), b};
}

Exit overflowExit(Context& c, const Instr& i) {
  return c.makeExit(i, ExitKind::kDeopt, ExitReason::kIntOverflow);
}

// 1 where the truncated quotient lies above the floor: there is a remainder, of another sign than
// the divisor.
Operand roundsDown(Context& c, Operand rem, Operand divisor) {
  Operand differ = c.b.Shr(c.b.Xor(rem, divisor, 8), c.imm(63), 8);
  return c.b.And(differ, c.b.SetCmp(rem, c.imm(0), Cond::kNe, 8), 8);
}

bool isPowerOfTwo(std::optional<int64_t> value) {
  return value && *value > 0 && std::has_single_bit(static_cast<uint64_t>(*value));
}

constexpr int64_t kInfinityBits = 0x7FF0000000000000;

// Sign bit shifted out, so that one unsigned comparison finds infinities and NaNs.
void deoptUnlessFinite(Context& c, const Instr& i, Operand value) {
  Operand magnitude = c.b.Shl(c.b.FpToGp(value), c.imm(1), 8);
  c.deoptIf(i, magnitude, c.imm(static_cast<int64_t>(uint64_t{kInfinityBits} << 1)), Cond::kUGe,
            ExitReason::kUnsupported);
}

}  // namespace

// value = magnitude, negated when tag bit 1 is set (sign 2); zero has a zero digit.
void lowerUnboxInt(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  Operand object = c.reg(value);
  Operand tag = c.load(object, c.py.long_tag);
  Operand digit;
  if (c.wide_ints) {
    auto split = c.splitIf(tag, c.imm(kCompactTagEnd), Cond::kUGe, 8);
    Operand low = oneDigit(c, object);
    c.b.setBlock(split.cold);
    Operand large = twoDigits(c, i, object, tag);
    digit = c.joinWith(split.hot, low, c.b.block(), large);
  } else {
    c.deoptIf(i, tag, c.imm(kCompactTagEnd), Cond::kUGe, ExitReason::kIntTooLarge, value);
    digit = oneDigit(c, object);
  }
  c.define(&i, c.b.NegIf(digit, tag, kNegativeBit));
}

void lowerUnboxFloat(Context& c, const Instr& i) {
  c.define(&i, c.b.LoadF(c.mem(c.use(i.operands[0]), c.py.float_value)));
}

void lowerBoxBool(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  int64_t yes = static_cast<int64_t>(c.py.py_true), no = static_cast<int64_t>(c.py.py_false);
  if (value->op == Op::kConstBool) return c.define(&i, c.imm(value->attr[0] ? yes : no));
  Operand otherwise = c.b.Move(c.imm(no)), then = c.b.Move(c.imm(yes));
  c.define(&i, c.b.Select(c.reg(value), then, otherwise));
}

void lowerIntToDouble(Context& c, const Instr& i) {
  c.define(&i, c.b.IntToF(c.reg(i.operands[0])));
}

void lowerIntAdd(Context& c, const Instr& i) {
  auto [a, b] = intOperands(c, i, true);
  Exit exit = overflowExit(c, i);
  c.define(&i, c.b.AddExit(a, b, exit.values, exit.index));
}

void lowerIntSub(Context& c, const Instr& i) {
  auto [a, b] = intOperands(c, i, false);
  Exit exit = overflowExit(c, i);
  c.define(&i, c.b.SubExit(a, b, exit.values, exit.index));
}

void lowerIntMul(Context& c, const Instr& i) {
  auto [a, b] = intOperands(c, i, true);
  Exit exit = overflowExit(c, i);
  c.define(&i, c.b.MulExit(a, b, exit.values, exit.index));
}

void lowerIntAnd(Context& c, const Instr& i) {
  auto [a, b] = intOperands(c, i, true);
  c.define(&i, c.b.And(a, b, 8));
}

void lowerIntOr(Context& c, const Instr& i) {
  auto [a, b] = intOperands(c, i, true);
  c.define(&i, c.b.Or(a, b, 8));
}

void lowerIntXor(Context& c, const Instr& i) {
  auto [a, b] = intOperands(c, i, true);
  c.define(&i, c.b.Xor(a, b, 8));
}

void lowerIntNeg(Context& c, const Instr& i) {
  Operand value = c.use(i.operands[0]);
  Exit exit = overflowExit(c, i);
  c.define(&i, c.b.SubExit(c.b.Move(c.imm(0)), value, exit.values, exit.index));
}

void lowerIntFloorDiv(Context& c, const Instr& i) {
  Operand a = c.reg(i.operands[0]);
  std::optional<int64_t> by = c.constantInt(i.operands[1]);
  if (isPowerOfTwo(by)) {
    return c.define(&i, c.b.Sar(a, c.imm(std::countr_zero(static_cast<uint64_t>(*by))), 8));
  }
  Operand b = c.reg(i.operands[1]);
  if (!by || *by == 0) c.deoptIf(i, b, c.imm(0), Cond::kEq, ExitReason::kDivideByZero);
  if (!by || *by == -1) {  // INT64_MIN // -1 is the only overflow
    Operand lowest = c.b.SetCmp(a, c.imm(INT64_MIN), Cond::kEq, 8);
    Operand minus_one = c.b.SetCmp(b, c.imm(-1), Cond::kEq, 8);
    Exit exit = overflowExit(c, i);
    c.b.ExitTest(lowest, minus_one, exit.values, Cond::kNe, 8, exit.index);
  }
  lir::Instr* division = c.b.DivRem(a, b);
  Operand quotient = division->defs[0], rem = division->defs[1];
  if (by && *by > 0) return c.define(&i, c.b.Add(quotient, c.b.Sar(rem, c.imm(63), 8), 8));
  c.define(&i, c.b.Sub(quotient, roundsDown(c, rem, b), 8));
}

void lowerIntMod(Context& c, const Instr& i) {
  Operand a = c.reg(i.operands[0]);
  std::optional<int64_t> by = c.constantInt(i.operands[1]);
  if (isPowerOfTwo(by)) return c.define(&i, c.b.And(a, c.imm(*by - 1), 8));
  Operand b = c.reg(i.operands[1]);
  if (!by || *by == 0) c.deoptIf(i, b, c.imm(0), Cond::kEq, ExitReason::kDivideByZero);
  Operand divisor = b;
  if (!by || *by == -1) {  // INT64_MIN % -1 traps on x86-64; every remainder of -1 is that of 1
    Operand minus_one = c.b.SetCmp(b, c.imm(-1), Cond::kEq, 8);
    divisor = c.b.Add(b, c.b.Shl(minus_one, c.imm(1), 8), 8);
  }
  Operand rem = c.b.DivRem(a, divisor)->defs[1];
  if (by && *by > 0) {
    return c.define(&i, c.b.Add(rem, c.b.And(c.b.Sar(rem, c.imm(63), 8), c.imm(*by), 8), 8));
  }
  Operand correction = c.b.And(b, c.b.Neg(roundsDown(c, rem, b), 8), 8);
  c.define(&i, c.b.Add(rem, correction, 8));
}

void lowerIntShl(Context& c, const Instr& i) {
  Operand a = c.reg(i.operands[0]);
  Operand count = c.use(i.operands[1]);
  std::optional<int64_t> by = c.constantInt(i.operands[1]);
  if (!by || *by < 0 || *by > 63) {
    count = c.inReg(count);
    c.deoptIf(i, count, c.imm(63), Cond::kUGt, ExitReason::kIntOverflow);
  }
  Operand shifted = c.b.Shl(a, count, 8);
  c.deoptIf(i, c.b.Sar(shifted, count, 8), a, Cond::kNe, ExitReason::kIntOverflow);
  c.define(&i, shifted);
}

void lowerIntShr(Context& c, const Instr& i) {
  Operand a = c.reg(i.operands[0]);
  std::optional<int64_t> by = c.constantInt(i.operands[1]);
  if (by && *by >= 0) return c.define(&i, c.b.Sar(a, c.imm(*by > 63 ? 63 : *by), 8));
  Operand count = c.reg(i.operands[1]);
  c.deoptIf(i, count, c.imm(0), Cond::kLt, ExitReason::kIntOverflow);
  Operand large = c.b.SetCmp(count, c.imm(63), Cond::kGt, 8);
  c.define(&i, c.b.Sar(a, c.b.Select(large, c.b.Move(c.imm(63)), count), 8));
}

void lowerDoubleAdd(Context& c, const Instr& i) {
  Operand a = c.use(i.operands[0]), b = c.use(i.operands[1]);
  c.define(&i, c.b.AddF(a, b));
}

void lowerDoubleSub(Context& c, const Instr& i) {
  Operand a = c.use(i.operands[0]), b = c.use(i.operands[1]);
  c.define(&i, c.b.SubF(a, b));
}

void lowerDoubleMul(Context& c, const Instr& i) {
  Operand a = c.use(i.operands[0]), b = c.use(i.operands[1]);
  c.define(&i, c.b.MulF(a, b));
}

void lowerDoubleNeg(Context& c, const Instr& i) { c.define(&i, c.b.NegF(c.use(i.operands[0]))); }

void lowerDoubleDiv(Context& c, const Instr& i) {
  const Instr* divisor = i.operands[1];
  Operand a = c.use(i.operands[0]), b = c.use(divisor);
  if (divisor->op != Op::kConstDouble || divisor->f64(0) == 0) {
    Exit exit = c.makeExit(i, ExitKind::kDeopt, ExitReason::kDivideByZero);
    c.b.ExitCmpF(b, c.b.MoveConstF(0.0), exit.values, Cond::kEq, exit.index);
  }
  c.define(&i, c.b.DivF(a, b));
}

void lowerDoublePow(Context& c, const Instr& i) {
  const Instr* exponent = i.operands[1];
  Operand base = c.use(i.operands[0]), power = c.use(exponent);
  // 0 < base < infinity, as bits: zero wraps, negative ones and NaNs are above.
  Operand bits = c.b.Sub(c.b.FpToGp(base), c.imm(1), 8);
  c.deoptIf(i, bits, c.imm(kInfinityBits - 1), Cond::kUGe, ExitReason::kUnsupported);
  if (exponent->op != Op::kConstDouble || !__builtin_isfinite(exponent->f64(0)))
    deoptUnlessFinite(c, i, power);
  Operand result = c.call("double_pow", {base, power});
  deoptUnlessFinite(c, i, result);
  c.define(&i, result);
}

}  // namespace tephra::lower
