#include "passes/stress_deopt.h"

#include <algorithm>

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

// Bytecode from the state's instruction up to the operation itself: re-executed after an exit.
bool executedAgain(const Instr* other, const Instr* at) {
  return other->offset >= at->state()->u32(0) && other->offset <= at->offset;
}

// Has nothing of what the interpreter would execute again been done yet?
bool isFirstEffect(const Instr* at) {
  for (const Instr* i = at->prev; i; i = i->prev) {
    if (i->info().writes) return !executedAgain(i, at);
  }
  // The instruction began in this block, or else another one may have done a part of it.
  for (const Block* pred : at->block->preds) {
    if (executedAgain(pred->terminator(), at)) return false;
  }
  return true;
}

// A call's state is that in which it raises, without its operands: nobody can go on from there.
bool givesOperands(const Instr* at) {
  const auto operands = at->info().operands;
  return std::any_of(operands.begin(), operands.end(), [](const auto& each) { return each.given; });
}

}  // namespace

bool stress_deopt(hir::Function& function, PassContext& context) {
  if (context.stress_counter == 0) return false;
  bool changed = false;
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      if (!instr->hasState() || instr->op == Op::kStressExit) continue;
      if (!instr->info().can_deopt && (givesOperands(instr) || !isFirstEffect(instr))) continue;
      Instr* const operands[] = {instr->state()};
      Instr* exit = function.make(Op::kStressExit, operands);
      exit->attr[0] = context.stress_counter;
      exit->placeLike(instr);
      hir::Function::insertBefore(instr, exit);
      changed = true;
    }
  }
  return changed;
}

}  // namespace tephra::passes
