// Unboxed numbers and truth values kept beside their boxed forms, and truth tests.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

// An unboxed form that already exists here, or null.
hir::Instr* GraphBuilder::unboxed(Instr* value, Rep rep) {
  auto at = raw_.find(rootOf(value));
  if (at == raw_.end() || at->second.value->type.rep != rep) return nullptr;
  bool here = at->second.everywhere || at->second.value->block == b_.block();
  return here ? at->second.value : nullptr;
}

void GraphBuilder::remember(Instr* boxed, Instr* raw, bool everywhere) {
  raw_[rootOf(boxed)] = {raw, everywhere};
}

hir::Instr* GraphBuilder::unboxInt(Instr* value) {
  if (Instr* raw = unboxed(value, Rep::kInt64)) return raw;
  if (const ObjectInfo* known = constantInfo(value); known && known->is_word_int) {
    return b_.ConstInt(known->int_value);
  }
  Instr* raw = b_.UnboxInt(value, before());
  remember(value, raw, false);
  return raw;
}

hir::Instr* GraphBuilder::unboxFloat(Instr* value) {
  if (Instr* raw = unboxed(value, Rep::kDouble)) return raw;
  if (const ObjectInfo* known = constantInfo(value); known && known->type_mask == kMaskFloat) {
    return b_.ConstDouble(known->float_value);
  }
  Instr* raw = b_.UnboxFloat(value);
  remember(value, raw, false);
  return raw;
}

// A value known to be an int or a float, as a double.
hir::Instr* GraphBuilder::toDouble(Instr* value) {
  if (value->type.is(kMaskFloat)) return unboxFloat(value);
  return b_.IntToDouble(unboxInt(value));
}

// The same for comparisons, which do not round: ints that a double cannot hold are left to the
// interpreter.
hir::Instr* GraphBuilder::toExactDouble(Instr* value) {
  if (value->type.is(kMaskFloat)) return unboxFloat(value);
  constexpr int64_t kExact = int64_t{1} << 53;
  Instr* raw = unboxInt(value);
  bool known = raw->op == Op::kConstInt && raw->i64(0) >= -kExact && raw->i64(0) <= kExact;
  if (!known) {
    guardFlag(b_.IntCompare(raw, b_.ConstInt(kExact), CmpKind::kLe), ExitReason::kIntTooLarge);
    guardFlag(b_.IntCompare(raw, b_.ConstInt(-kExact), CmpKind::kGe), ExitReason::kIntTooLarge);
  }
  return b_.IntToDouble(raw);
}

hir::Instr* GraphBuilder::boxInt(Instr* raw) {
  Instr* boxed = b_.BoxInt(raw, before());
  remember(boxed, raw, true);
  return boxed;
}

hir::Instr* GraphBuilder::boxFloat(Instr* raw) {
  Instr* boxed = b_.BoxFloat(raw, before());
  remember(boxed, raw, true);
  return boxed;
}

hir::Instr* GraphBuilder::boxBool(Instr* raw) {
  Instr* boxed = b_.BoxBool(raw);
  remember(boxed, raw, true);
  return boxed;
}

// Truth as an unboxed Bool.
hir::Instr* GraphBuilder::truth(Instr* value, const FeedbackInfo& fb) {
  if (Instr* raw = unboxed(value, Rep::kBool)) return raw;
  if (value->type.is(kMaskPyBool)) {
    Instr* raw = b_.UnboxBool(value);
    remember(value, raw, false);
    return raw;
  }
  if (may(options_.truth)) {
    if (Instr* raw = truthByType(value)) return raw;
    if (Instr* raw = truthByFeedback(value, fb)) return raw;
  }
  return any(b_.IsTruthy(value, before()));
}

hir::Instr* GraphBuilder::truthByType(Instr* value) {
  constexpr uint32_t kAlwaysTrue =
      kMaskFunction | kMaskBuiltin | kMaskMethodDescr | kMaskModule | kMaskType | kMaskBoundMethod;
  if (value->type.mask == 0) return nullptr;
  if (value->type.is(kMaskNoneType)) return b_.ConstBool(false);
  if (value->type.is(kAlwaysTrue)) return b_.ConstBool(true);
  if (value->type.is(kMaskInt)) return b_.IntCompare(unboxInt(value), b_.ConstInt(0), CmpKind::kNe);
  if (value->type.is(kMaskFloat)) {
    return b_.DoubleCompare(unboxFloat(value), b_.ConstDouble(0.0), CmpKind::kNe);
  }
  if (value->type.is(kMaskList) || value->type.is(kMaskTuple)) {
    return b_.IntCompare(b_.LoadVarSize(value), b_.ConstInt(0), CmpKind::kNe);
  }
  return nullptr;
}

hir::Instr* GraphBuilder::truthByFeedback(Instr* value, const FeedbackInfo& fb) {
  uint32_t mask = 0;
  switch (fb.kind) {
    case Feedback::kBoolBool: mask = kMaskPyBool; break;
    case Feedback::kBoolInt: mask = kMaskInt; break;
    case Feedback::kBoolList: mask = kMaskList; break;
    case Feedback::kBoolAlwaysTrue:
      if (!fb.type_version || !ofOneShape(value)) return nullptr;
      guardVersion(value, fb);
      return b_.ConstBool(true);
    default: return nullptr;  // None alternates with others by design; str has no length operation
  }
  if (!canBe(value, mask)) return nullptr;
  Instr* guarded = guardType(value, mask);
  if (mask != kMaskPyBool) return truthByType(guarded);
  Instr* raw = b_.UnboxBool(guarded);
  remember(guarded, raw, false);
  return raw;
}

void GraphBuilder::doToBool() {
  Instr* value = pop();
  if (value->type.is(kMaskPyBool)) return push(value);
  Instr* raw = truth(value, feedback());
  // A guard may have shown that the value is a bool itself.
  Instr* boxed = nullptr;
  if (raw->op == Op::kUnboxBool && rootOf(raw->operands[0]) == rootOf(value))
    boxed = raw->operands[0];
  push(boxed ? boxed : boxBool(raw));
}

void GraphBuilder::doUnaryNot() { push(boxBool(b_.BoolNot(truth(pop(), feedback())))); }

}  // namespace tephra::frontend
