// Guards: one comparison and an exit each. A guard's result is its operand's register.
#include <bit>

#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

struct TypeAddress {
  uint32_t mask;
  uint64_t PyLayout::*address;
};
constexpr TypeAddress kTypes[] = {
    {hir::kMaskInt, &PyLayout::int_type},
    {hir::kMaskPyBool, &PyLayout::bool_type},
    {hir::kMaskFloat, &PyLayout::float_type},
    {hir::kMaskStr, &PyLayout::str_type},
    {hir::kMaskBytes, &PyLayout::bytes_type},
    {hir::kMaskList, &PyLayout::list_type},
    {hir::kMaskTuple, &PyLayout::tuple_type},
    {hir::kMaskDict, &PyLayout::dict_type},
    {hir::kMaskSet, &PyLayout::set_type},
    {hir::kMaskFrozenSet, &PyLayout::frozenset_type},
    {hir::kMaskNoneType, &PyLayout::none_type},
    {hir::kMaskType, &PyLayout::type_type},
    {hir::kMaskFunction, &PyLayout::function_type},
    {hir::kMaskBuiltin, &PyLayout::builtin_type},
    {hir::kMaskMethodDescr, &PyLayout::method_descr_type},
    {hir::kMaskSlice, &PyLayout::slice_type},
    {hir::kMaskRange, &PyLayout::range_type},
    {hir::kMaskRangeIter, &PyLayout::range_iter_type},
    {hir::kMaskListIter, &PyLayout::list_iter_type},
    {hir::kMaskTupleIter, &PyLayout::tuple_iter_type},
    {hir::kMaskCell, &PyLayout::cell_type},
    {hir::kMaskModule, &PyLayout::module_type},
    {hir::kMaskBoundMethod, &PyLayout::bound_method_type},
};

Operand typeAddress(Context& c, uint32_t mask) {
  for (const TypeAddress& row : kTypes) {
    if (row.mask == mask) return c.imm(static_cast<int64_t>(c.py.*row.address));
  }
  c.fail("guard of a type that has no address");
  return c.imm(0);
}

// A version at `address` that is one of the attributes' set.
void oneOf(Context& c, const Instr& i, Operand address, ExitReason reason, const Instr* culprit) {
  Operand version = c.b.Load(address, 4, false);
  Operand above = c.b.Sub(version, c.imm(i.u32(0)), 4);
  c.deoptIf(i, above, c.imm(63), Cond::kUGt, reason, culprit, 4);
  Operand bits = c.b.Shr(c.b.Move(c.imm(static_cast<int64_t>(i.attr[1]))), above, 8);
  Exit exit = c.makeExit(i, ExitKind::kDeopt, reason, culprit);
  c.b.ExitTest(bits, c.imm(1), exit.values, Cond::kEq, 8, exit.index);
}

// Leaves where the condition is `leaves`.
void guardTruth(Context& c, const Instr& i, bool leaves) {
  Condition condition = c.condition(i.operands[0]);
  c.exitIf(condition, leaves, i, static_cast<ExitReason>(i.attr[0]));
}

void keysVersion(Context& c, const Instr& i, Operand keys, uint32_t version) {
  c.deoptIfMem(i, c.mem(keys, c.py.keys_version), c.imm(version), Cond::kNe, 4,
               ExitReason::kKeysVersionChanged);
}

// No attribute of the instance hides the class's: the shared keys are the ones that the feedback
// saw, and the instance still has its values in place.
void guardHeapKeys(Context& c, const Instr& i) {
  const PyLayout& py = c.py;
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  Operand object = c.reg(value);
  Operand type = c.load(object, py.ob_type);
  Operand keys = c.load(type, py.type_cached_keys);
  if (i.op == Op::kGuardHeapKeysVersions)
    oneOf(c, i, c.mem(keys, py.keys_version), ExitReason::kKeysVersionChanged, nullptr);
  else
    keysVersion(c, i, keys, i.u32(0));
  if (py.inline_values) {
    Operand size = c.load(type, py.type_basicsize);
    Operand valid = c.b.Load(Operand::mem(object, py.values_valid, size, 0), 1, false);
    c.deoptIf(i, valid, c.imm(0), Cond::kEq, ExitReason::kDictMaterialised, value);
  } else {  // low bit set: values, not a dict
    Exit exit = c.makeExit(i, ExitKind::kDeopt, ExitReason::kDictMaterialised, value);
    c.b.ExitTestMem(c.mem(object, py.values_pointer), c.imm(1), exit.values, Cond::kEq, 8,
                    exit.index);
  }
}

}  // namespace

void lowerGuardType(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  hir::Type wanted = hir::Type::decode(i.attr[0]);
  c.define(&i, c.use(value));
  if (value->type.isSubtypeOf(wanted)) return;
  uint32_t mask = wanted.mask;
  if (mask == hir::kMaskNoneType) {  // one object: no load
    c.deoptIf(i, c.reg(value), c.imm(static_cast<int64_t>(c.py.py_none)), Cond::kNe,
              ExitReason::kTypeChanged, value);
    return;
  }
  if (std::popcount(mask) == 1) {
    Operand expected = typeAddress(c, mask);
    c.deoptIfMem(i, c.mem(c.use(value), c.py.ob_type), expected, Cond::kNe, 8,
                 ExitReason::kTypeChanged, value);
    return;
  }
  Operand type = c.load(c.use(value), c.py.ob_type);
  Operand any;
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    Operand is = c.b.SetCmp(type, typeAddress(c, rest & (~rest + 1)), Cond::kEq, 8);
    any = any.kind == Operand::kNone ? is : c.b.Or(any, is, 8);
  }
  if (any.kind == Operand::kNone) return c.fail("guard of no type");
  c.deoptIf(i, any, c.imm(0), Cond::kEq, ExitReason::kTypeChanged, value);
}

void lowerGuardTypeVersion(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  Operand type = c.load(c.use(value), c.py.ob_type);
  c.deoptIfMem(i, c.mem(type, c.py.type_version_tag), c.imm(i.u32(0)), Cond::kNe, 4,
               ExitReason::kTypeVersionChanged, value);
}

void lowerGuardTypeVersions(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  Operand type = c.load(c.use(value), c.py.ob_type);
  oneOf(c, i, c.mem(type, c.py.type_version_tag), ExitReason::kTypeVersionChanged, value);
}

void lowerGuardClassVersion(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  c.deoptIfMem(i, c.mem(c.use(value), c.py.type_version_tag), c.imm(i.u32(0)), Cond::kNe, 4,
               ExitReason::kTypeVersionChanged, value);
}

void lowerGuardIs(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  c.deoptIf(i, c.reg(value), c.object(i, i.u32(0)), Cond::kNe, ExitReason::kIdentityChanged, value);
}

void lowerGuardNotNull(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  c.deoptIf(i, c.reg(value), c.imm(0), Cond::kEq, static_cast<ExitReason>(i.attr[0]));
}

void lowerGuardNull(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.deoptIf(i, c.reg(value), c.imm(0), Cond::kNe, ExitReason::kIdentityChanged, value);
}

void lowerGuardDictKeysVersion(Context& c, const Instr& i) {
  keysVersion(c, i, c.load(c.use(i.operands[0]), c.py.dict_keys), i.u32(0));
}

void lowerGuardModuleKeysVersion(Context& c, const Instr& i) {
  Operand dict = c.load(c.use(i.operands[0]), c.py.module_dict);
  keysVersion(c, i, c.load(dict, c.py.dict_keys), i.u32(0));
}

void lowerGuardFunctionCode(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  c.define(&i, c.use(value));
  Operand function = c.reg(value);
  if (!value->type.is(hir::kMaskFunction)) {
    c.deoptIfMem(i, c.mem(function, c.py.ob_type), c.imm(static_cast<int64_t>(c.py.function_type)),
                 Cond::kNe, 8, ExitReason::kTypeChanged, value);
  }
  c.deoptIfMem(i, c.mem(function, c.py.function_code), c.object(i, i.u32(0)), Cond::kNe, 8,
               ExitReason::kCodeChanged, value);
}

void lowerGuardFieldIs(Context& c, const Instr& i) {
  c.deoptIfMem(i, c.mem(c.use(i.operands[0]), i.i64(0)), c.object(i, i.u32(1)), Cond::kNe, 8,
               ExitReason::kIdentityChanged, i.operands[0]);
}

void lowerCheckInitResult(Context& c, const Instr& i) {
  Operand result = c.reg(i.operands[0]);
  auto wrong = c.splitIf(result, c.imm(static_cast<int64_t>(c.py.py_none)), Cond::kNe, 8);
  c.b.setBlock(wrong.cold);
  c.callChecked(i, "check_init_result", {result});
  c.joinAt(wrong.hot, c.b.block());
}

void lowerCheckExpected(Context& c, const Instr& i) {
  c.define(&i, c.use(i.operands[0]));
  c.raiseIf(i, c.reg(i.operands[0]), c.imm(0), Cond::kEq);
}

void lowerGuardTrue(Context& c, const Instr& i) { guardTruth(c, i, false); }
void lowerGuardFalse(Context& c, const Instr& i) { guardTruth(c, i, true); }

void lowerGuardHeapKeysVersion(Context& c, const Instr& i) { guardHeapKeys(c, i); }
void lowerGuardHeapKeysVersions(Context& c, const Instr& i) { guardHeapKeys(c, i); }

}  // namespace tephra::lower
