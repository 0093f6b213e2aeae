// Jumps, exits, calls, reference counts.
#include "target/constraints.h"
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

using lir::Op;
using lir::Operand;

void FunctionEmitter::jumpToBlock(const lir::Block* target) {
  if (target != next_) as_.jump(blockLabel(target));
}

void FunctionEmitter::branch(x86::CondCode cond, const Instr& instr) {
  if (next_ == instr.targets[0]) {
    as_.jumpIf(x86::negateCond(cond), blockLabel(instr.targets[1]));
    edge(instr, 0);
    return;
  }
  // With neither next, the usual way takes one jump and the other one two.
  const lir::Block *a = instr.targets[0], *b = instr.targets[1];
  uint32_t likely = instr.u32(static_cast<int>(instr.info().attrs.size()) - 1);
  bool second = a->loop_depth != b->loop_depth ? b->loop_depth > a->loop_depth : likely == 2;
  if (next_ != b && second) {
    as_.jumpIf(x86::negateCond(cond), blockLabel(b));
    edge(instr, 0);
    as_.jump(blockLabel(a));
    return;
  }
  as_.jumpIf(cond, blockLabel(a));
  edge(instr, 1);
  jumpToBlock(b);
}

void FunctionEmitter::edge(const Instr& instr, int target) {
  as_.tallier.edge(instr.block, instr.targets[target]);
  as_.count();
}

void FunctionEmitter::exitIf(x86::CondCode cond, const Instr& instr) {
  const auto& attributes = instr.info().attrs;
  for (size_t i = 0; i < attributes.size(); ++i) {
    if (std::string_view(attributes[i].name) == "exit")
      return as_.jumpIf(cond, exitLabel(instr.u32(static_cast<int>(i))));
  }
  fail(instr, "has no exit");
}

// --- calls

void FunctionEmitter::stackArgument(const Operand& from, uint32_t word) {
  if (word >= in_.frame.stack_argument_words) return as_.fail("a stack argument outside the frame");
  x86::Mem to = x86::ptr(x86::rsp, static_cast<int32_t>(8 * word), 8);
  if (from.isSlot()) {
    a_.mov(x86::gpq(kScratchGp), slot(from));
    a_.mov(to, x86::gpq(kScratchGp));
  } else if (from.isReg() && from.bank == lir::Bank::kFp) {
    a_.movsd(to, fp(from));
  } else {
    store(to, from, 8);
  }
}

// Arguments in registers are where the constraints put them. Stack arguments come first: a value
// may still sit in the register of an immediate argument.
void FunctionEmitter::arguments(const Instr& instr) {
  std::vector<ArgumentPlace> places = placeArguments(target_, instr);
  size_t first = firstVariadic(instr);
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i].in_register) stackArgument(instr.uses[first + i], places[i].stack_word);
  }
  for (size_t i = 0; i < places.size(); ++i) {
    const Operand& use = instr.uses[first + i];
    if (!places[i].in_register) continue;
    if (use.isImm() || use.kind == Operand::kPinned) {
      move(Operand::reg(places[i].reg, lir::Bank::kGp), use);
    } else if (!use.isReg() || use.base != places[i].reg || use.bank != places[i].bank) {
      fail(instr, "an argument is not in its register");
    }
  }
}

void FunctionEmitter::callInstr(const Instr& instr) {
  lir::Bank bank = instr.op == Op::kCallF ? lir::Bank::kFp : lir::Bank::kGp;
  if (!instr.defs.empty() && instr.defs[0].kind != Operand::kNone &&
      (!instr.defs[0].isReg() || instr.defs[0].bank != bank ||
       instr.defs[0].base != target_.returnRegister(bank))) {
    fail(instr, "the result is not in the return register");
  }
  arguments(instr);
  switch (instr.op) {
    case Op::kCall:
    case Op::kCallF:
      if (instr.u32(0) >= in_.addresses->helpers.size()) return fail(instr, "no such helper");
      as_.call(in_.addresses->helpers[instr.u32(0)]);
      break;
    case Op::kCallAddress: as_.call(instr.attr[0]); break;
    case Op::kCallCell: as_.callThrough(instr.attr[0]); break;
    default: fail(instr, "is no call");
  }
}

// --- reference counts: 32-bit accesses only; the upper half of the word holds other things

void FunctionEmitter::incref(const Instr& instr) {
  Label skip = as_.newLabel();
  if (instr.attr[0] != 0) {
    a_.test(gp(instr.uses[0]), gp(instr.uses[0]));
    as_.jumpIf(x86::CondCode::kZero, skip);
  }
  incref(gp(instr.uses[0]));
  as_.bind(skip);
}

void FunctionEmitter::incref(x86::Gp object) {
  x86::Mem count = x86::ptr(object, in_.layout->ob_refcnt, 4);
  Label skip = as_.newLabel();
  auto limit = static_cast<int32_t>(in_.layout->incref_immortal_min);
  a_.cmp(count, limit);
  // All ones: the count saturates there, one more would wrap to zero. Else all above are immortal.
  as_.jumpIf(limit == -1 ? x86::CondCode::kEqual : x86::CondCode::kUnsignedGT, skip);
  a_.inc(count);
  as_.bind(skip);
}

void FunctionEmitter::decref(const Instr& instr) {
  Label skip = as_.newLabel();
  if (instr.op == Op::kDecrefRef) {
    a_.test(gp(instr.uses[0]).r8(), 1);
    as_.jumpIf(x86::CondCode::kNotZero, skip);
  } else if (instr.attr[0] != 0) {
    a_.test(gp(instr.uses[0]), gp(instr.uses[0]));
    as_.jumpIf(x86::CondCode::kZero, skip);
  }
  release(gp(instr.uses[0]), instr);
  as_.bind(skip);
}

// Leaves the flags of the new count; what is NULL or immortal goes to `alive`.
void FunctionEmitter::countDown(x86::Gp object, bool maybe_null, Label alive) {
  x86::Mem count = x86::ptr(object, in_.layout->ob_refcnt, 4);
  if (maybe_null) {
    a_.test(object, object);
    as_.jumpIf(x86::CondCode::kZero, alive);
  }
  a_.cmp(count, 0);
  as_.jumpIf(x86::CondCode::kSign, alive);  // immortal
  a_.dec(count);
}

void FunctionEmitter::release(x86::Gp object, const Instr& instr) {
  Label skip = as_.newLabel(), last = as_.newLabel();
  if (instr.op == Op::kDecrefMortal) {
    a_.dec(x86::ptr(object, in_.layout->ob_refcnt, 4));
  } else {
    countDown(object, false, skip);
  }
  as_.jumpIf(x86::CondCode::kZero, last);
  as_.bind(skip);
  defer([this, object, &instr, last, skip] {
    as_.bind(last);
    if (instr.op == Op::kDecrefAt) {
      uint32_t width = instr.u32(1);
      store(mem(instr.uses[1], width), instr.uses[2], width);
    }
    dealloc(object);
    as_.jump(skip);
  });
}

void FunctionEmitter::dealloc(x86::Gp object) {
  if (object != x86::gpq(kScratchGp)) a_.mov(x86::gpq(kScratchGp), object);
  as_.call(in_.decref_thunk);
  as_.tallier.addStub("DecrefStub", in_.tally.decref_stub);
}

void FunctionEmitter::branchRelease(const Instr& instr) {
  countDown(gp(instr.uses[0]), instr.attr[0] != 0, blockLabel(instr.targets[1]));
  branch(x86::CondCode::kZero, instr);
}

}  // namespace tephra::x86_64
