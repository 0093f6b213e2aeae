// Purpose: what the passes have in common that make a constant once for several instructions, where
// emission would make it anew for each (Target::immediateIsMade).
#pragma once

#include "lir/ir.h"
#include "target/target.h"

namespace tephra::lower {

inline bool isMadeConstant(const Target& target, const lir::Instr& instr, size_t use) {
  const lir::Operand& operand = instr.uses[use];
  return operand.isImm() &&
         target.immediateIsMade(instr, static_cast<int>(use), operand.immValue());
}

// Is there anything to do? Targets whose instructions hold their constants have nothing.
bool hasMadeConstants(const lir::Function& function, const Target& target);

// The register that holds `bits` from before `place` on, made for `user`.
lir::Operand makeConstant(lir::Function* function, lir::Instr* place, const lir::Instr& user,
                          uint64_t bits);

}  // namespace tephra::lower
