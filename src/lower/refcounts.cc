// Incref and Decref. What is known to be immortal needs neither.
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

bool isImmortal(Context& c, const Instr* value) {
  const Instr* root = hir::rootOf(const_cast<Instr*>(value));
  if (root->op == Op::kConstObject && root->u32(0) < c.unit.objects.size()) {
    return c.unit.objects[root->u32(0)].immortal;
  }
  return value->type.is(hir::kMaskPyBool | hir::kMaskNoneType | hir::kMaskNull);
}

void incref(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  if (isImmortal(c, value)) return;
  c.b.Incref(c.reg(value), i.op == Op::kXIncref && value->type.couldBe(hir::kMaskNull));
}

void decref(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  if (isImmortal(c, value)) return;
  c.b.Decref(c.reg(value), i.op == Op::kXDecref && value->type.couldBe(hir::kMaskNull));
}

void decrefAt(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  if (isImmortal(c, value)) return;
  Context::Position position = c.positionStore(i.offset);
  c.b.DecrefAt(c.reg(value), position.at, position.value,
               i.op == Op::kXDecrefAt && value->type.couldBe(hir::kMaskNull), position.width);
}

}  // namespace

Lowerer refcountLowerer(Op op) {
  switch (op) {
    case Op::kIncref:
    case Op::kXIncref: return incref;
    case Op::kDecref:
    case Op::kXDecref: return decref;
    case Op::kDecrefAt:
    case Op::kXDecrefAt: return decrefAt;
    default: return nullptr;
  }
}

}  // namespace tephra::lower
