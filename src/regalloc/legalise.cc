// Purpose: what the target's constraints cannot take as it is becomes moves: immediates that do not
// fit or stand where a register must be, and results of fixed or reused registers that go to a
// pinned one. Invariant out: still SSA; every constraint names an operand that can satisfy it.
#include "regalloc/allocation.h"

namespace tephra::regalloc {
namespace {

Operand moveBefore(Allocation& a, Instr* at, const Operand& value, Bank bank) {
  Operand def[] = {a.function.newVReg(bank)}, use[] = {value};
  bool fp = bank == Bank::kFp;
  Instr* move =
      fp ? a.function.make(Op::kMoveConstF, def, {}) : a.function.make(Op::kMove, def, use);
  if (fp) move->attr[0] = value.bits;
  move->stemLike(*at);
  lir::Function::insertBefore(at, move);
  return def[0];
}

void legaliseUse(Allocation& a, Instr* instr, size_t index, const OperandConstraint& c) {
  Operand& use = instr->uses[index];
  const lir::OpInfo& info = instr->info();
  size_t row = index < info.uses.size() ? index : info.uses.size() - 1;
  if (info.uses[row].variadic && c.kind != OperandConstraint::kAnyRegister) return;
  if (use.isImm()) {
    bool fits = c.kind == OperandConstraint::kImmediate &&
                a.target.immediateFits(*instr, static_cast<int>(index), use.immValue());
    if (!fits && c.kind != OperandConstraint::kFixed) use = moveBefore(a, instr, use, use.bank);
  }
}

// frame = Op ... where Op's result has a place of its own: through a register, then moved.
void legalisePinnedDef(Allocation& a, Instr* instr, size_t index, const OperandConstraint& c) {
  Operand& def = instr->defs[index];
  if (def.kind != Operand::kPinned) return;
  if (c.kind != OperandConstraint::kFixed && c.kind != OperandConstraint::kReuseInput) return;
  Operand pinned[] = {def}, through[] = {a.function.newVReg(Bank::kGp)};
  def = through[0];
  Instr* move = a.function.make(Op::kMove, pinned, through);
  move->stemLike(*instr);
  lir::Function::insertAfter(instr, move);
}

}  // namespace

void legalise(Allocation& a) {
  std::vector<OperandConstraint> constraints;
  for (Block* block : a.function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      bool interesting = false;
      for (const Operand& use : instr->uses) interesting |= use.isImm();
      for (const Operand& def : instr->defs) interesting |= def.kind == Operand::kPinned;
      if (!interesting || instr->op == Op::kJump || isConstant(*instr)) continue;
      a.target.constraints(*instr, &constraints);
      for (size_t i = 0; i < instr->uses.size(); ++i) {
        legaliseUse(a, instr, i, constraints[instr->defs.size() + i]);
      }
      for (size_t i = 0; i < instr->defs.size(); ++i)
        legalisePinnedDef(a, instr, i, constraints[i]);
    }
  }
}

}  // namespace tephra::regalloc
