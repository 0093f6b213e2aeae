#include "lower/made_constants.h"

namespace tephra::lower {

bool hasMadeConstants(const lir::Function& function, const Target& target) {
  for (const lir::Block* block : function.blocks()) {
    for (const lir::Instr* i = block->first; i != nullptr; i = i->next) {
      for (size_t use = 0; use < i->firstExitValue(); ++use) {
        if (isMadeConstant(target, *i, use)) return true;
      }
    }
  }
  return false;
}

lir::Operand makeConstant(lir::Function* function, lir::Instr* place, const lir::Instr& user,
                          uint64_t bits) {
  const lir::Operand def[] = {function->newVReg(lir::Bank::kGp)};
  const lir::Operand use[] = {lir::Operand::imm(static_cast<int64_t>(bits))};
  lir::Instr* made = function->make(lir::Op::kMove, def, use);
  made->stemLike(*place);
  made->origin = user.origin;
  lir::Function::insertBefore(place, made);
  return def[0];
}

}  // namespace tephra::lower
