// Comparisons that are made where their only use is: no 0 or 1 is ever materialised for a branch.
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

Cond condOf(hir::CmpKind kind) {
  switch (kind) {
    case hir::CmpKind::kLt: return Cond::kLt;
    case hir::CmpKind::kLe: return Cond::kLe;
    case hir::CmpKind::kEq: return Cond::kEq;
    case hir::CmpKind::kNe: return Cond::kNe;
    case hir::CmpKind::kGt: return Cond::kGt;
    case hir::CmpKind::kGe: return Cond::kGe;
  }
  return Cond::kEq;
}

// The two sides of a comparison, a constant on the right.
Condition compareOf(Context& c, const Instr* left, const Instr* right, Cond cond) {
  Condition result;
  result.a = c.use(left);
  result.b = c.use(right);
  result.cond = cond;
  if (result.a.isImm() && !result.b.isImm()) {
    std::swap(result.a, result.b);
    result.cond = lir::swapOperands(cond);
  }
  return result;
}

// List and tuple iterators: it_seq set and it_index below its length, unsigned as CPython compares.
// it_seq is NULL once the iterator is exhausted; then the iterator stands in for the sequence: its
// it_index lies where a sequence's ob_size is, and index < index is false. No branch is needed.
Condition sequenceHasNext(Context& c, const Instr* iterator, int32_t seq_offset,
                          int32_t index_offset) {
  if (index_offset != c.py.ob_size) c.fail("iterator layout");
  Operand it = c.reg(iterator);
  Operand seq = c.load(it, seq_offset);
  Operand safe = c.b.Select(seq, seq, it);
  Condition result;
  result.kind = Condition::kCmpMem;
  result.b = c.load(it, index_offset);
  result.a = c.mem(safe, c.py.ob_size);
  result.cond = Cond::kUGt;
  return result;
}

Condition conditionIntCompare(Context& c, const Instr& i) {
  return compareOf(c, i.operands[0], i.operands[1], condOf(static_cast<hir::CmpKind>(i.attr[0])));
}

Condition conditionPtrEqual(Context& c, const Instr& i) {
  return compareOf(c, i.operands[0], i.operands[1], Cond::kEq);
}

Condition conditionDoubleCompare(Context& c, const Instr& i) {
  Condition result;
  result.kind = Condition::kCmpF;
  result.a = c.use(i.operands[0]);
  result.b = c.use(i.operands[1]);
  result.cond = condOf(static_cast<hir::CmpKind>(i.attr[0]));
  return result;
}

Condition conditionUnboxBool(Context& c, const Instr& i) {
  Condition result;
  result.a = c.use(i.operands[0]);
  result.b = c.imm(static_cast<int64_t>(c.py.py_true));
  result.cond = Cond::kEq;
  return result;
}

Condition conditionRangeIterHasNext(Context& c, const Instr& i) {
  Condition result;
  result.a = c.mem(c.use(i.operands[0]), c.py.range_iter_len);
  if (c.target.memoryOperands()) {
    result.kind = Condition::kCmpMem;
  } else {
    result.a = c.range_lengths[&i] = c.b.Load(result.a, 8, false);
  }
  result.b = c.imm(0);
  result.cond = Cond::kNe;  // it is never negative
  return result;
}

Condition conditionListIterHasNext(Context& c, const Instr& i) {
  return sequenceHasNext(c, i.operands[0], c.py.list_iter_seq, c.py.list_iter_index);
}

Condition conditionTupleIterHasNext(Context& c, const Instr& i) {
  return sequenceHasNext(c, i.operands[0], c.py.tuple_iter_seq, c.py.tuple_iter_index);
}

Condition conditionBoolNot(Context& c, const Instr& i) {
  Condition result = c.condition(i.operands[0]);
  if (result.kind == Condition::kConstant) {
    result.value = !result.value;
  } else if (result.kind == Condition::kCmpF) {
    result.inverted = !result.inverted;
  } else {
    result.cond = lir::negate(result.cond);
  }
  return result;
}

void lowerCondition(Context& c, const Instr& i) {
  c.define(&i, valueOf(c, conditionMakerOf(i.op)(c, i)));
}

Condition Context::condition(const Instr* value) {
  if (value->op == Op::kConstBool) {
    Condition result;
    result.kind = Condition::kConstant;
    result.value = value->attr[0] != 0;
    return result;
  }
  if (deferred_[value->id]) return conditionMakerOf(value->op)(*this, *value);
  Condition result;
  result.a = use(value);
  result.b = imm(0);
  return result;
}

// The truth value in a register, for uses that are no branch.
Operand valueOf(Context& c, const Condition& k) {
  switch (k.kind) {
    case Condition::kConstant: return c.imm(k.value);
    case Condition::kCmp: return c.b.SetCmp(c.inReg(k.a), k.b, k.cond, k.width);
    case Condition::kCmpMem: return c.b.SetCmp(c.b.Load(k.a, k.width, true), k.b, k.cond, k.width);
    case Condition::kCmpF: {
      Operand set = c.b.SetCmpF(k.a, k.b, k.cond);
      return k.inverted ? c.b.Xor(set, c.imm(1), 8) : set;
    }
  }
  return c.imm(0);
}

void Context::branch(const Condition& k, lir::Block* if_true, lir::Block* if_false,
                     uint32_t likely) {
  lir::Instr* branch = nullptr;
  switch (k.kind) {
    case Condition::kConstant:
      branch = b.BranchCmp(b.Move(imm(k.value)), imm(0), Cond::kNe, 8, likely);
      break;
    case Condition::kCmp: branch = b.BranchCmp(inReg(k.a), k.b, k.cond, k.width, likely); break;
    case Condition::kCmpMem: branch = b.BranchCmpMem(k.a, k.b, k.cond, k.width, likely); break;
    case Condition::kCmpF:
      if (k.inverted) {
        std::swap(if_true, if_false);
        likely = likely == 0 ? 0 : 3 - likely;
      }
      branch = b.BranchCmpF(k.a, k.b, k.cond, likely);
      break;
  }
  branch->targets[0] = if_true;
  branch->targets[1] = if_false;
}

void Context::exitIf(const Condition& k, bool holds, const Instr& at, ExitReason reason,
                     const Instr* culprit) {
  if (k.kind == Condition::kConstant && k.value != holds) return;
  Exit exit = makeExit(at, ExitKind::kDeopt, reason, culprit);
  Cond cond = holds ? k.cond : lir::negate(k.cond);
  switch (k.kind) {
    case Condition::kConstant:
      b.ExitCmp(b.Move(imm(0)), imm(0), exit.values, Cond::kEq, 8, exit.index);
      return;
    case Condition::kCmp:
      b.ExitCmp(inReg(k.a), k.b, exit.values, cond, k.width, exit.index);
      return;
    case Condition::kCmpMem: b.ExitCmpMem(k.a, k.b, exit.values, cond, k.width, exit.index); return;
    case Condition::kCmpF: break;
  }
  bool as_written = holds != k.inverted;
  bool has_complement = k.cond == Cond::kEq || k.cond == Cond::kNe;
  if (as_written || has_complement) {
    b.ExitCmpF(k.a, k.b, exit.values, as_written ? k.cond : lir::negate(k.cond), exit.index);
  } else {  // not (a < b) is true for NaN, a >= b is not
    b.ExitCmp(b.SetCmpF(k.a, k.b, k.cond), imm(0), exit.values, Cond::kEq, 8, exit.index);
  }
}

}  // namespace tephra::lower
