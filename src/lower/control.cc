// Constants and inputs, jumps, returns, and the ways out.
#include "lower/context.h"

namespace tephra::lower {

void lowerLoadArg(Context& c, const Instr& i) { c.define(&i, c.parameter(i.u32(0))); }

void lowerLoadFunction(Context& c, const Instr& i) { c.define(&i, c.function_object); }

void lowerRefine(Context& c, const Instr& i) { c.define(&i, c.use(i.operands[0])); }

void lowerJump(Context& c, const Instr& i) { c.jumpTo(i.block, i.targets[0], 0); }

void lowerBranch(Context& c, const Instr& i) {
  Condition condition = c.condition(i.operands[0]);
  hir::Block *yes = i.targets[0], *no = i.targets[1];
  if (condition.kind == Condition::kConstant) {
    return c.jumpTo(i.block, condition.value ? yes : no, yes == no && !condition.value ? 1 : 0);
  }
  lir::Block* if_true = c.edgeTarget(i.block, yes, 0);
  lir::Block* if_false = c.edgeTarget(i.block, no, yes == no ? 1 : 0);
  c.branch(condition, if_true, if_false, i.u32(0));
}

void lowerEntries(Context& c, const Instr& i) {
  std::vector<lir::Block*> targets;
  for (size_t k = 0; k < i.targets.size(); ++k) {
    targets.push_back(c.blockOf(i.targets[k]));
    c.out.entries.push_back({static_cast<EntryKind>(i.aux[2 * k]), i.aux[2 * k + 1]});
  }
  c.b.Entries()->targets.assign(targets, c.out.arena());
}

void lowerReturn(Context& c, const Instr& i) { c.b.Return(c.reg(i.operands[0])); }

void lowerDeopt(Context& c, const Instr& i) {
  Exit exit = c.makeExit(i, ExitKind::kDeopt, static_cast<ExitReason>(i.attr[0]));
  c.b.Exit(exit.values, exit.index);
}

void lowerRaise(Context& c, const Instr& i) {
  c.call("raise_exception", {c.thread(), c.use(i.operands[0]), c.use(i.operands[1])});
  c.b.block()->last->defs[0] = Operand();  // always -1
  if (i.handler() != nullptr) return c.jump(c.raisedBlock(i));
  Exit exit = c.makeExit(i, ExitKind::kRaise, ExitReason::kRaised);
  c.b.Exit(exit.values, exit.index);
}

}  // namespace tephra::lower
