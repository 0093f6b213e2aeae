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

bool sameOperand(const Operand& a, const Operand& b) {
  return a.kind == b.kind && a.bank == b.bank && a.base == b.base &&
         (a.kind == Operand::kVReg || a.kind == Operand::kReg || a.kind == Operand::kPinned);
}

}  // namespace tephra
