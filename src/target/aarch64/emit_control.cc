// Jumps, exits, calls, reference counts.
#include "target/aarch64/emitter.h"
#include "target/constraints.h"

namespace tephra::aarch64 {

using lir::Op;
using lir::Operand;

void FunctionEmitter::jumpToBlock(const lir::Block* target) {
  if (target != next_) as_.jump(blockLabel(target));
}

void FunctionEmitter::branch(const Condition& condition, const Instr& instr) {
  if (next_ == instr.targets[0]) {
    as_.jumpIf(condition.negated(), blockLabel(instr.targets[1]));
    edge(instr, 0);
    return;
  }
  // With neither next, the usual way takes one jump and the other one two.
  const lir::Block *a = instr.targets[0], *b = instr.targets[1];
  uint32_t likely = instr.u32(static_cast<int>(instr.info().attrs.size()) - 1);
  bool second = a->loop_depth != b->loop_depth ? b->loop_depth > a->loop_depth : likely == 2;
  if (next_ != b && second) {
    as_.jumpIf(condition.negated(), blockLabel(b));
    edge(instr, 0);
    as_.jump(blockLabel(a));
    return;
  }
  as_.jumpIf(condition, blockLabel(a));
  edge(instr, 1);
  jumpToBlock(b);
}

void FunctionEmitter::edge(const Instr& instr, int target) {
  as_.tallier.edge(instr.block, instr.targets[target]);
  as_.count();
}

void FunctionEmitter::exitIf(const Condition& condition, const Instr& instr) {
  as_.jumpIf(condition, exitLabel(instr.exitIndex()));
}

void FunctionEmitter::returnInstr(const Instr& instr) {
  if (gp(instr.uses[0]) != 0) a_.mov(a64::x0, x(gp(instr.uses[0])));
  if (return_bound_ && !in_.frame.saved.empty()) {  // a short epilogue is repeated
    as_.jump(return_label_);
    return;
  }
  if (!return_bound_) as_.bind(return_label_);
  return_bound_ = true;
  epilogue(true);
}

// --- calls

void FunctionEmitter::stackArgument(const Operand& from, uint32_t word) {
  if (word >= in_.frame.stack_argument_words) return as_.fail("a stack argument outside the frame");
  uint64_t offset = 8 * uint64_t{word};
  if (from.isSlot()) {
    a_.ldr(x(kScratchGp2), slot(from));
    a_.str(x(kScratchGp2), frameWord(offset));
  } else if (from.isReg() && from.bank == lir::Bank::kFp) {
    a_.str(d(fp(from)), frameWord(offset));
  } else {
    store(frameWord(offset), from, 8);
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

void FunctionEmitter::countInstr(const Instr& instr, bool up) {
  uint8_t object = gp(instr.uses[0]);
  Label skip = as_.newLabel();
  if (instr.op == Op::kDecrefRef)
    as_.jumpIf(Condition::ofBit(object, 0, true), skip);
  else if (instr.attr[0] != 0)
    as_.jumpIf(Condition::zero(object, true, false), skip);
  if (up)
    incref(object);
  else
    release(object, instr);
  as_.bind(skip);
}

void FunctionEmitter::incref(uint8_t object) {
  a64::Mem count = a64::ptr(x(object), in_.layout->ob_refcnt);
  Label skip = as_.newLabel();
  uint32_t limit = in_.layout->incref_immortal_min;
  a_.ldr(w(kScratchGp), count);
  if (limit == UINT32_MAX) {
    // All ones: the count saturates there, one more would wrap to zero.
    a_.adds(w(kScratchGp), w(kScratchGp), 1);
    as_.jumpIf(Condition::flags(Cc::kEq), skip);
  } else {
    // Above the limit all are immortal, and so is every count with its top bit: it is never counted
    // down. That bit is tested in one instruction.
    if (limit < INT32_MAX) as_.fail("a limit of counts without the top bit");
    as_.jumpIf(Condition::ofBit(kScratchGp, 31, true), skip);
    a_.add(w(kScratchGp), w(kScratchGp), 1);
  }
  a_.str(w(kScratchGp), count);
  as_.bind(skip);
}

// Leaves the new count in the scratch register; what is NULL or immortal goes to `alive`.
void FunctionEmitter::countDown(uint8_t object, bool maybe_null, Label alive) {
  a64::Mem count = a64::ptr(x(object), in_.layout->ob_refcnt);
  if (maybe_null) as_.jumpIf(Condition::zero(object, true, false), alive);
  a_.ldr(w(kScratchGp), count);
  as_.jumpIf(Condition::ofBit(kScratchGp, 31, true), alive);  // immortal
  a_.sub(w(kScratchGp), w(kScratchGp), 1);
  a_.str(w(kScratchGp), count);
}

// A DecrefAt says what is stored before the release.
void FunctionEmitter::release(uint8_t object, const Instr& instr) {
  Label skip = as_.newLabel(), last = as_.newLabel();
  if (instr.op == Op::kDecrefMortal) {
    a64::Mem count = a64::ptr(x(object), in_.layout->ob_refcnt);
    a_.ldr(w(kScratchGp), count);
    a_.sub(w(kScratchGp), w(kScratchGp), 1);
    a_.str(w(kScratchGp), count);
  } else {
    countDown(object, false, skip);
  }
  as_.jumpIf(Condition::zero(kScratchGp, false, false), last);
  as_.bind(skip);
  defer([this, object, &instr, last, skip] {
    as_.bind(last);
    if (instr.op == Op::kDecrefAt) store(mem(instr.uses[1]), instr.uses[2], instr.u32(1));
    dealloc(object);
    as_.jump(skip);
  });
}

void FunctionEmitter::dealloc(uint8_t object) {
  a_.mov(x(kScratchGp), x(object));
  as_.call(in_.decref_thunk);
  as_.tallier.addStub("DecrefStub", in_.tally.decref_stub);
}

void FunctionEmitter::branchRelease(const Instr& instr) {
  countDown(gp(instr.uses[0]), instr.attr[0] != 0, blockLabel(instr.targets[1]));
  branch(Condition::zero(kScratchGp, false, false), instr);
}

}  // namespace tephra::aarch64
