#include "target/constraints.h"

namespace tephra {

using lir::Bank;
using lir::Operand;
using lir::Policy;

size_t firstVariadic(const lir::Instr& instr) {
  size_t declared = instr.info().uses.size();
  return declared != 0 && instr.info().uses[declared - 1].variadic ? declared - 1
                                                                   : instr.uses.size();
}

void plainConstraints(const lir::Instr& instr, std::vector<OperandConstraint>* out) {
  out->assign(instr.defs.size() + instr.uses.size(), OperandConstraint{});
  size_t variadic = firstVariadic(instr);
  for (size_t i = 0; i < instr.uses.size(); ++i) {
    OperandConstraint& c = (*out)[instr.defs.size() + i];
    const Operand& use = instr.uses[i];
    if (use.kind == Operand::kMem) {
      c.kind = OperandConstraint::kMemory;
    } else if (use.kind == Operand::kImm || use.kind == Operand::kPinned ||
               use.kind == Operand::kNone) {
      c.kind = OperandConstraint::kImmediate;
    } else if (i >= variadic) {
      c.kind = OperandConstraint::kAnywhere;
    }
  }
}

std::vector<ArgumentPlace> placeArguments(const Target& target, const lir::Instr& instr) {
  std::vector<ArgumentPlace> places;
  size_t used[2] = {0, 0};
  uint32_t words = 0;
  for (size_t i = firstVariadic(instr); i < instr.uses.size(); ++i) {
    ArgumentPlace place;
    const Operand& use = instr.uses[i];
    place.bank = use.kind == Operand::kImm || use.kind == Operand::kPinned ? Bank::kGp : use.bank;
    auto registers = target.argumentRegisters(place.bank);
    size_t& next = used[static_cast<int>(place.bank)];
    if (next < registers.size()) {
      place.in_register = true;
      place.reg = registers[next++];
    } else {
      place.stack_word = words++;
    }
    places.push_back(place);
  }
  return places;
}

void callConstraints(const Target& target, const lir::Instr& instr,
                     std::vector<OperandConstraint>* out) {
  if (!instr.defs.empty()) {
    (*out)[0] = fixed(target.returnRegister(instr.op == lir::Op::kCallF ? Bank::kFp : Bank::kGp));
  }
  std::vector<ArgumentPlace> places = placeArguments(target, instr);
  size_t first = instr.defs.size() + firstVariadic(instr);
  for (size_t i = 0; i < places.size(); ++i) {
    OperandConstraint& c = (*out)[first + i];
    if (c.kind != OperandConstraint::kImmediate && places[i].in_register) c = fixed(places[i].reg);
  }
}

// check: long function (an exhaustive switch: every operation is named)
bool commonConstraints(const Target& target, const lir::Instr& instr,
                       std::vector<OperandConstraint>* out) {
  using lir::Op;
  plainConstraints(instr, out);
  switch (instr.op) {
    case Op::kMove:
    case Op::kMoveF:
      if (instr.uses[0].isVReg()) (*out)[1].kind = OperandConstraint::kAnywhere;
      return true;
    case Op::kParam:
      (*out)[0] = fixed(target.argumentRegisters(Bank::kGp)[instr.u32(0)]);
      return true;
    case Op::kReturn: (*out)[0] = fixed(target.returnRegister(Bank::kGp)); return true;
    case Op::kCall:
    case Op::kCallF:
    case Op::kCallAddress:
    case Op::kCallCell: callConstraints(target, instr, out); return true;
    case Op::kMoveConstF:
    case Op::kFpToGp:
    case Op::kLoad:
    case Op::kLoadF:
    case Op::kStore:
    case Op::kStoreF:
    case Op::kLea:
    case Op::kAddMem:
    case Op::kLoadOut:
    case Op::kStoreOut:
    case Op::kLeaOut:
    case Op::kSetCmp:
    case Op::kSelect:
    case Op::kIntToF:
    case Op::kSetCmpF:
    case Op::kEntries:
    case Op::kJump:
    case Op::kBranchCmp:
    case Op::kBranchCmpMem:
    case Op::kBranchCmpF:
    case Op::kBranchRelease:
    case Op::kTrap:
    case Op::kExitCmp:
    case Op::kExitTest:
    case Op::kExitCmpMem:
    case Op::kExitTestMem:
    case Op::kExitCmpF:
    case Op::kExit:
    case Op::kUnlinkFrame:
    case Op::kBranchLook:
    case Op::kExitLook:
    case Op::kPopFrame:
    case Op::kIncref:
    case Op::kDecref:
    case Op::kDecrefMortal:
    case Op::kDecrefRef:
    case Op::kDealloc:
    case Op::kDecrefAt: return true;
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kShl:
    case Op::kShr:
    case Op::kSar:
    case Op::kNeg:
    case Op::kNegIf:
    case Op::kDivRem:
    case Op::kAddExit:
    case Op::kSubExit:
    case Op::kMulExit:
    case Op::kAddF:
    case Op::kSubF:
    case Op::kMulF:
    case Op::kDivF:
    case Op::kNegF:
    case Op::kPushFrame: return false;
  }
  return false;
}

void lateValues(const lir::Instr& instr, std::vector<OperandConstraint>* out) {
  for (size_t i = firstVariadic(instr); i < instr.uses.size(); ++i)
    (*out)[instr.defs.size() + i].late = true;
}

RegSet callClobbers(const Target& target, const lir::Instr& instr, Bank bank) {
  if (!instr.info().is_call) return 0;
  RegSet set = target.callerSaved(bank);
  Bank result = instr.op == lir::Op::kCallF ? Bank::kFp : Bank::kGp;
  if (!instr.defs.empty() && instr.defs[0].kind != Operand::kNone && result == bank)
    set &= ~(RegSet{1} << target.returnRegister(bank));
  return set;
}

bool sameOperand(const Operand& a, const Operand& b) {
  return a.kind == b.kind && a.bank == b.bank && a.base == b.base &&
         (a.kind == Operand::kVReg || a.kind == Operand::kReg || a.kind == Operand::kPinned);
}

}  // namespace tephra
