// Purpose: what the targets' constraint tables have in common: the operands' own shape, argument
// assignment of calls, the values of exits, and which operations a machine is asked about at all.
// Invariant: an operand that is not a virtual register and not an address ("stays as it is":
// immediates, pinned registers) is always kImmediate, also as an argument of a call; emission
// puts it where the convention wants it.
#pragma once

#include <vector>

#include "target/target.h"

namespace tephra {

// One constraint per operand, from its policy alone; `values` of exits are kAnywhere.
void plainConstraints(const lir::Instr& instr, std::vector<OperandConstraint>* out);

// Index of the first variadic use, or the number of uses.
size_t firstVariadic(const lir::Instr& instr);

// Arguments of a call: fixed registers while they last, kAnywhere (stack arguments) then. Result
// in the bank's return register.
void callConstraints(const Target& target, const lir::Instr& instr,
                     std::vector<OperandConstraint>* out);

// All of an operation's constraints where they are the same for every machine: any registers, or
// those of the C convention. False: what the operands are alone, and the machine adds the rest.
bool commonConstraints(const Target& target, const lir::Instr& instr,
                       std::vector<OperandConstraint>* out);
// The values of the exit are read after the result was written.
void lateValues(const lir::Instr& instr, std::vector<OperandConstraint>* out);
// What a call overwrites beside its result.
RegSet callClobbers(const Target& target, const lir::Instr& instr, lir::Bank bank);

// Where argument `index` of a call goes: a register, or word `stack_word` of the stack arguments.
struct ArgumentPlace {
  bool in_register = false;
  uint8_t reg = 0;
  uint32_t stack_word = 0;
  lir::Bank bank = lir::Bank::kGp;
};
std::vector<ArgumentPlace> placeArguments(const Target& target, const lir::Instr& instr);

inline OperandConstraint fixed(uint8_t reg) { return {OperandConstraint::kFixed, reg, false}; }
inline OperandConstraint reuseInput(uint8_t use) {
  return {OperandConstraint::kReuseInput, use, false};
}

// Same register or same virtual register: such a use may share with a def that the other one
// shares.
bool sameOperand(const lir::Operand& a, const lir::Operand& b);

}  // namespace tephra
