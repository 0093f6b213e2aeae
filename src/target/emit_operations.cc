// Operations: moves, control, calls.
#include "target/constraints.h"
#include "target/emit_function.h"

namespace tephra {

using lir::Op;

void EmitterBase::emitInstr(const Instr& instr) {
  if (!emitData(instr) && !emitControl(instr) && !emitOperation(instr)) fail(instr, "no emission");
}

bool EmitterBase::emitData(const Instr& instr) {
  switch (instr.op) {
    case Op::kMove: move(instr.defs[0], instr.uses[0]); return true;
    case Op::kMoveF: moveFp(instr.defs[0], instr.uses[0]); return true;
    case Op::kMoveConstF: moveConstFp(instr); return true;
    case Op::kParam: param(instr); return true;
    case Op::kStore: storeAt(instr.uses[0], instr.uses[1], instr.u32(0)); return true;
    case Op::kPushFrame: pushFrame(); return true;
    case Op::kPopFrame: popFrame(); return true;
    case Op::kIncref: incref(instr); return true;
    case Op::kDecref:
    case Op::kDecrefMortal:
    case Op::kDecrefRef:
    case Op::kDecrefAt: decref(instr); return true;
    case Op::kDealloc: dealloc(gpNumber(instr.uses[0])); return true;
    default: return false;
  }
}

bool EmitterBase::emitControl(const Instr& instr) {
  switch (instr.op) {
    case Op::kEntries:
    case Op::kJump: jumpToBlock(instr.targets[0]); return true;
    case Op::kBranchCmp:
    case Op::kBranchCmpMem: branch(condition(instr), instr); return true;
    case Op::kBranchRelease: branchRelease(instr); return true;
    case Op::kUnlinkFrame:
      unlinkFrame(blockLabel(instr.targets[0]));
      edge(instr, 1);
      jumpToBlock(instr.targets[1]);
      return true;
    case Op::kBranchLook: branchLook(instr); return true;
    case Op::kExitLook: exitLook(instr); return true;
    case Op::kReturn: returnInstr(instr); return true;
    case Op::kExitCmp:
    case Op::kExitTest:
    case Op::kExitCmpMem:
    case Op::kExitTestMem: exitIf(condition(instr), instr); return true;
    case Op::kExit: out_.jump(exitLabel(instr.u32(0))); return true;
    case Op::kCall:
    case Op::kCallF:
    case Op::kCallAddress:
    case Op::kCallCell: callInstr(instr); return true;
    default: return false;
  }
}

// --- moves

void EmitterBase::move(const Operand& to, const Operand& from) {
  bool to_register = isGpRegister(to);
  if (!to_register && !to.isSlot()) return out_.fail("a move to neither register nor slot");
  if (isGpRegister(from)) {
    if (!to_register) {
      storeSlot(to, gpNumber(from));
    } else if (gpNumber(to) != gpNumber(from)) {
      moveRegister(gpNumber(to), gpNumber(from));
    }
  } else if (from.isSlot()) {
    if (to_register) {
      loadSlot(gpNumber(to), from);
    } else if (to.base != from.base) {
      copySlot(to, from);
    }
  } else if (!from.isImm()) {
    out_.fail("a move from neither register, slot nor constant");
  } else if (to_register) {
    out_.loadImmediate(gpNumber(to), from.bits);
  } else {
    storeConstant(to, from.bits);
  }
}

void EmitterBase::moveFp(const Operand& to, const Operand& from) {
  if (to.isReg() && from.isReg()) {
    if (to.base != from.base) moveFpRegister(fpNumber(to), fpNumber(from));
  } else if (to.isReg() && from.isSlot()) {
    loadFpSlot(fpNumber(to), from);
  } else if (to.isSlot() && from.isReg()) {
    storeFpSlot(to, fpNumber(from));
  } else if (to.isSlot() && from.isSlot()) {
    if (to.base != from.base) copySlot(to, from);
  } else {
    out_.fail("a move of a double between neither registers nor slots");
  }
}

void EmitterBase::moveConstFp(const Instr& instr) {
  if (instr.defs[0].isSlot()) {
    storeConstant(instr.defs[0], instr.attr[0]);
  } else {
    loadDouble(fpNumber(instr.defs[0]), instr.attr[0]);
  }
}

void EmitterBase::param(const Instr& instr) {
  auto registers = target_.argumentRegisters(lir::Bank::kGp);
  if (instr.u32(0) >= registers.size()) return fail(instr, "index");
  uint8_t incoming = registers[instr.u32(0)];
  const Operand& to = instr.defs[0];
  if (to.isSlot()) {
    storeSlot(to, incoming);
  } else if (gpNumber(to) != incoming) {
    fail(instr, "not in its argument register");  // a move here could overwrite the next argument
  }
}

// --- control

void EmitterBase::jumpToBlock(const lir::Block* target) {
  if (target != next_) out_.jump(blockLabel(target));
}

void EmitterBase::branch(const Condition& condition, const Instr& instr) {
  if (next_ == instr.targets[0]) {
    out_.jumpIf(condition.negated(), blockLabel(instr.targets[1]));
    edge(instr, 0);
    return;
  }
  // With neither next, the usual way takes one jump and the other one two.
  const lir::Block *a = instr.targets[0], *b = instr.targets[1];
  uint32_t likely = instr.u32(static_cast<int>(instr.info().attrs.size()) - 1);
  bool second = a->loop_depth != b->loop_depth ? b->loop_depth > a->loop_depth : likely == 2;
  if (next_ != b && second) {
    out_.jumpIf(condition.negated(), blockLabel(b));
    edge(instr, 0);
    out_.jump(blockLabel(a));
    return;
  }
  out_.jumpIf(condition, blockLabel(a));
  edge(instr, 1);
  jumpToBlock(b);
}

void EmitterBase::edge(const Instr& instr, int target) {
  out_.tallier.edge(instr.block, instr.targets[target]);
  out_.count();
}

void EmitterBase::exitIf(const Condition& condition, const Instr& instr) {
  out_.jumpIf(condition, exitLabel(instr.exitIndex()));
}

void EmitterBase::returnInstr(const Instr& instr) {
  uint8_t from = gpNumber(instr.uses[0]), result = target_.returnRegister(lir::Bank::kGp);
  if (from != result) moveRegister(result, from);
  if (return_bound_ && !in_.frame.saved.empty()) {  // a short epilogue is repeated
    out_.jump(return_label_);
    return;
  }
  if (!return_bound_) out_.bind(return_label_);
  return_bound_ = true;
  epilogue(true);
}

// --- calls

// Arguments in registers are where the constraints put them. Stack arguments come first: a value
// may still sit in the register of an immediate argument.
void EmitterBase::arguments(const Instr& instr) {
  std::vector<ArgumentPlace> places = placeArguments(target_, instr);
  size_t first = firstVariadic(instr);
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i].in_register) continue;
    if (places[i].stack_word >= in_.frame.stack_argument_words)
      return out_.fail("a stack argument outside the frame");
    stackArgument(instr.uses[first + i], 8 * places[i].stack_word);
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

void EmitterBase::callInstr(const Instr& instr) {
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
      out_.call(in_.addresses->helpers[instr.u32(0)]);
      break;
    case Op::kCallAddress: out_.call(instr.attr[0]); break;
    case Op::kCallCell: out_.callThrough(instr.attr[0]); break;
    default: fail(instr, "is no call");
  }
}

}  // namespace tephra
