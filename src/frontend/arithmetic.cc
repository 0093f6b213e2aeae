// Binary and unary operators and comparisons: on unboxed numbers where types are known or the
// interpreter has seen them, else the generic operation.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

namespace {

constexpr uint32_t kNumbers = kMaskInt | kMaskFloat;

// In-place kinds act as the plain ones on immutable operands.
BinOp plainKind(BinOp kind) {
  return kind >= BinOp::kIAdd
             ? static_cast<BinOp>(static_cast<int>(kind) - static_cast<int>(BinOp::kIAdd))
             : kind;
}

bool feedbackMasks(Feedback kind, uint32_t* left, uint32_t* right) {
  switch (kind) {
    case Feedback::kBinaryInt:
    case Feedback::kCompareInt: *left = *right = kMaskInt; return true;
    case Feedback::kBinaryFloat:
    case Feedback::kCompareFloat: *left = *right = kMaskFloat; return true;
    case Feedback::kBinaryStr:
    case Feedback::kCompareStr: *left = *right = kMaskStr; return true;
    case Feedback::kBinaryIntFloat:
      *left = kMaskInt;
      *right = kMaskFloat;
      return true;
    case Feedback::kBinaryFloatInt:
      *left = kMaskFloat;
      *right = kMaskInt;
      return true;
    default: return false;
  }
}

// The one type that a value certainly has among those that operators know, else 0.
uint32_t exactKind(const Instr* value) {
  for (uint32_t mask : {kMaskInt, kMaskFloat, kMaskStr}) {
    if (value->type.is(mask)) return mask;
  }
  return 0;
}

bool intKind(BinOp kind) {
  switch (kind) {
    case BinOp::kAdd:
    case BinOp::kSub:
    case BinOp::kMul:
    case BinOp::kTrueDivide:
    case BinOp::kFloorDivide:
    case BinOp::kRemainder:
    case BinOp::kAnd:
    case BinOp::kOr:
    case BinOp::kXor:
    case BinOp::kLshift:
    case BinOp::kRshift: return true;
    default: return false;
  }
}

bool floatKind(BinOp kind) {
  switch (kind) {
    case BinOp::kAdd:
    case BinOp::kSub:
    case BinOp::kMul:
    case BinOp::kTrueDivide:
    case BinOp::kPower: return true;
    default: return false;
  }
}

}  // namespace

// What the interpreter cannot tell: it has caches for + - * of small ints only (3.14: & | ^ too).
// Shifts are of ints; an int's partner is an int as a rule, after + - * where the caches say that
// the operands are none of the usual ones, which leaves large ints.
bool GraphBuilder::guessInts(BinOp kind, bool left_int, bool right_int) const {
  if (!options_.guess_ints) return false;
  switch (plainKind(kind)) {
    case BinOp::kLshift:
    case BinOp::kRshift: return true;
    case BinOp::kAnd:
    case BinOp::kOr:
    case BinOp::kXor:
    case BinOp::kFloorDivide:
    case BinOp::kRemainder: return left_int || right_int;
    case BinOp::kAdd:
    case BinOp::kSub:
    case BinOp::kMul: return (left_int || right_int) && feedback().kind == Feedback::kMegamorphic;
    default: return false;
  }
}

// Types to assume: what is certain, else what the feedback says. False: nothing to go by.
bool GraphBuilder::operandMasks(Instr* left, Instr* right, uint32_t* left_mask,
                                uint32_t* right_mask) {
  uint32_t seen_left = 0, seen_right = 0;
  bool seen = feedbackMasks(feedback().kind, &seen_left, &seen_right);
  *left_mask = exactKind(left);
  *right_mask = exactKind(right);
  if (*left_mask && *right_mask) return true;
  if (!seen) return false;
  if (!*left_mask) *left_mask = seen_left;
  if (!*right_mask) *right_mask = seen_right;
  return canBe(left, *left_mask) && canBe(right, *right_mask);
}

hir::Instr* GraphBuilder::intOperation(BinOp kind, Instr* left, Instr* right) {
  if (kind == BinOp::kTrueDivide) {  // of exact doubles: rounds once, as the division of ints does
    Instr* dividend = toExactDouble(left);
    return boxFloat(b_.DoubleDiv(dividend, toExactDouble(right), before()));
  }
  Instr* l = unboxInt(left);
  Instr* r = unboxInt(right);
  switch (kind) {
    case BinOp::kAdd: return boxInt(b_.IntAdd(l, r, before()));
    case BinOp::kSub: return boxInt(b_.IntSub(l, r, before()));
    case BinOp::kMul: return boxInt(b_.IntMul(l, r, before()));
    case BinOp::kFloorDivide: return boxInt(b_.IntFloorDiv(l, r, before()));
    case BinOp::kRemainder: return boxInt(b_.IntMod(l, r, before()));
    case BinOp::kLshift: return boxInt(b_.IntShl(l, r, before()));
    case BinOp::kRshift: return boxInt(b_.IntShr(l, r, before()));
    case BinOp::kAnd: return boxInt(b_.IntAnd(l, r));
    case BinOp::kOr: return boxInt(b_.IntOr(l, r));
    default: return boxInt(b_.IntXor(l, r));
  }
}

hir::Instr* GraphBuilder::floatOperation(BinOp kind, Instr* left, Instr* right) {
  Instr* l = toDouble(left);
  Instr* r = toDouble(right);
  switch (kind) {
    case BinOp::kAdd: return boxFloat(b_.DoubleAdd(l, r));
    case BinOp::kSub: return boxFloat(b_.DoubleSub(l, r));
    case BinOp::kMul: return boxFloat(b_.DoubleMul(l, r));
    case BinOp::kTrueDivide: return boxFloat(b_.DoubleDiv(l, r, before()));
    default: return boxFloat(b_.DoublePow(l, r, before()));
  }
}

hir::Instr* GraphBuilder::speculateBinary(BinOp kind, Instr* left, Instr* right) {
  if (!may(options_.arithmetic)) return nullptr;
  uint32_t left_mask = 0, right_mask = 0;
  if (!operandMasks(left, right, &left_mask, &right_mask)) {
    bool left_int = left_mask == kMaskInt, right_int = right_mask == kMaskInt;
    bool certain = (left_mask && !left_int) || (right_mask && !right_int);
    if (certain || !guessInts(kind, left_int, right_int)) return nullptr;
    if (!canBe(left, kMaskInt) || !canBe(right, kMaskInt)) return nullptr;
    left_mask = right_mask = kMaskInt;
  }
  bool ints = left_mask == kMaskInt && right_mask == kMaskInt;
  bool numbers = (left_mask & kNumbers) && (right_mask & kNumbers);
  bool strs = left_mask == kMaskStr && right_mask == kMaskStr;
  kind = plainKind(kind);
  bool known = ints ? intKind(kind) : numbers ? floatKind(kind) : strs && kind == BinOp::kAdd;
  if (!known) return nullptr;
  left = guardType(left, left_mask);
  // The same object twice: the first guard speaks for both.
  right = rootOf(right) == rootOf(left) && right_mask == left_mask ? left
                                                                   : guardType(right, right_mask);
  if (ints) return intOperation(kind, left, right);
  if (numbers) return floatOperation(kind, left, right);
  return b_.StrConcat(left, right, before());
}

void GraphBuilder::doBinaryOp() {
  Instr* right = pop();
  Instr* left = pop();
  BinOp kind = static_cast<BinOp>(in_->arg);
  Instr* result = speculateBinary(kind, left, right);
  push(result ? result : any(b_.BinaryOp(left, right, kind, before())));
}

// An unboxed Bool, or null.
hir::Instr* GraphBuilder::speculateCompare(CmpKind cmp, Instr* left, Instr* right) {
  if (!may(options_.compare)) return nullptr;
  uint32_t left_mask = 0, right_mask = 0;
  if (!operandMasks(left, right, &left_mask, &right_mask)) return nullptr;
  bool numbers = (left_mask & kNumbers) && (right_mask & kNumbers);
  bool equality = cmp == CmpKind::kEq || cmp == CmpKind::kNe;
  bool strs = left_mask == kMaskStr && right_mask == kMaskStr;
  if (!numbers && !(strs && equality)) return nullptr;
  left = guardType(left, left_mask);
  right = rootOf(right) == rootOf(left) && right_mask == left_mask ? left
                                                                   : guardType(right, right_mask);
  if (strs) {
    Instr* equal = b_.StrEqual(left, right);
    return cmp == CmpKind::kEq ? equal : b_.BoolNot(equal);
  }
  if (left_mask == kMaskInt && right_mask == kMaskInt) {
    Instr* l = unboxInt(left);
    return b_.IntCompare(l, unboxInt(right), cmp);
  }
  Instr* l = toExactDouble(left);
  return b_.DoubleCompare(l, toExactDouble(right), cmp);
}

void GraphBuilder::doCompare() {
  Instr* right = pop();
  Instr* left = pop();
  CmpKind cmp = static_cast<CmpKind>(in_->arg);
  if (Instr* raw = speculateCompare(cmp, left, right)) return push(boxBool(raw));
  if (in_->arg2) return push(boxBool(any(b_.CompareBool(left, right, cmp, before()))));
  push(any(b_.Compare(left, right, cmp, before())));
}

void GraphBuilder::doIsOp() {
  Instr* right = pop();
  Instr* left = pop();
  Instr* same = b_.PtrEqual(left, right);
  push(boxBool(in_->arg ? b_.BoolNot(same) : same));
}

void GraphBuilder::doContainsOp() {
  Instr* container = pop();
  Instr* item = pop();
  Instr* raw = any(b_.Contains(item, container, before()));
  push(boxBool(in_->arg ? b_.BoolNot(raw) : raw));
}

void GraphBuilder::unary(UnOp kind) {
  Instr* value = pop();
  if (may(options_.arithmetic) && kind == UnOp::kNegative) {
    if (value->type.is(kMaskInt)) return push(boxInt(b_.IntNeg(unboxInt(value), before())));
    if (value->type.is(kMaskFloat)) return push(boxFloat(b_.DoubleNeg(unboxFloat(value))));
  }
  if (may(options_.arithmetic) && kind == UnOp::kInvert && value->type.is(kMaskInt)) {
    return push(boxInt(b_.IntXor(unboxInt(value), b_.ConstInt(-1))));
  }
  push(any(b_.UnaryOp(value, kind, before())));
}

void GraphBuilder::doUnaryNegative() { unary(UnOp::kNegative); }
void GraphBuilder::doUnaryPositive() { unary(UnOp::kPositive); }
void GraphBuilder::doUnaryInvert() { unary(UnOp::kInvert); }

}  // namespace tephra::frontend
