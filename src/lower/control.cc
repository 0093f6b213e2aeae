// Constants and inputs, jumps, returns, and the ways out.
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

void nothing(Context&, const Instr&) {}  // made where it is used, or no code at all

void loadArg(Context& c, const Instr& i) { c.define(&i, c.parameter(i.u32(0))); }

void loadFunction(Context& c, const Instr& i) { c.define(&i, c.function_object); }

void refine(Context& c, const Instr& i) { c.define(&i, c.use(i.operands[0])); }

void jump(Context& c, const Instr& i) { c.jumpTo(i.block, i.targets[0], 0); }

void branch(Context& c, const Instr& i) {
  Condition condition = c.condition(i.operands[0]);
  hir::Block *yes = i.targets[0], *no = i.targets[1];
  if (condition.kind == Condition::kConstant) {
    return c.jumpTo(i.block, condition.value ? yes : no, yes == no && !condition.value ? 1 : 0);
  }
  lir::Block* if_true = c.edgeTarget(i.block, yes, 0);
  lir::Block* if_false = c.edgeTarget(i.block, no, yes == no ? 1 : 0);
  c.branch(condition, if_true, if_false, i.u32(0));
}

void entries(Context& c, const Instr& i) {
  std::vector<lir::Block*> targets;
  for (size_t k = 0; k < i.targets.size(); ++k) {
    targets.push_back(c.blockOf(i.targets[k]));
    c.out.entries.push_back({static_cast<EntryKind>(i.aux[2 * k]), i.aux[2 * k + 1]});
  }
  c.out.setTargets(c.b.Entries(), targets);
}

void returnValue(Context& c, const Instr& i) { c.b.Return(c.reg(i.operands[0])); }

void deopt(Context& c, const Instr& i) {
  Exit exit = c.makeExit(i, ExitKind::kDeopt, static_cast<ExitReason>(i.attr[0]));
  c.b.Exit(exit.values, exit.index);
}

void raise(Context& c, const Instr& i) {
  c.call("raise_exception", {c.thread(), c.use(i.operands[0]), c.use(i.operands[1])});
  c.b.block()->last->defs[0] = Operand();  // always -1
  Exit exit = c.makeExit(i, ExitKind::kRaise, ExitReason::kRaised);
  c.b.Exit(exit.values, exit.index);
}

void unreachable(Context& c, const Instr&) { c.b.Trap(); }

}  // namespace

Lowerer controlLowerer(Op op) {
  switch (op) {
    case Op::kConstObject:
    case Op::kWeakObject:
    case Op::kConstNull:
    case Op::kConstInt:
    case Op::kConstDouble:
    case Op::kConstBool:
    case Op::kConstNone:
    case Op::kAssumeEntry:
    case Op::kPhi:
    case Op::kFrameState: return nothing;
    case Op::kLoadArg: return loadArg;
    case Op::kLoadFunction: return loadFunction;
    case Op::kRefine: return refine;
    case Op::kJump: return jump;
    case Op::kBranch: return branch;
    case Op::kEntries: return entries;
    case Op::kReturn: return returnValue;
    case Op::kDeopt: return deopt;
    case Op::kRaise: return raise;
    case Op::kUnreachable: return unreachable;
    default: return nullptr;
  }
}

}  // namespace tephra::lower
