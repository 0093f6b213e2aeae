// Purpose: turns "all these moves at once" into a sequence of instructions.
// Invariant in: destinations are distinct; no move names a scratch register.
// Invariant out: each destination holds what its source held before; nothing else has changed but
// the scratch registers. A cycle goes through the scratch register of its bank; a move from slot to
// slot inside it goes through the other bank's, so the two never meet.
#pragma once

#include <cstdint>
#include <vector>

#include "lir/ir.h"
#include "target/target.h"

namespace tephra::regalloc {

struct Location {
  enum Kind : uint8_t { kNone, kReg, kSlot, kConstant } kind = kNone;
  lir::Bank bank = lir::Bank::kGp;
  uint64_t value = 0;  // register, slot, or the constant's bits

  static Location reg(lir::Bank bank, uint32_t number) { return {kReg, bank, number}; }
  static Location slot(lir::Bank bank, uint32_t number) { return {kSlot, bank, number}; }
  static Location constant(lir::Bank bank, uint64_t bits) { return {kConstant, bank, bits}; }
  // The same place: a slot is one place, whatever it holds.
  bool samePlace(const Location& o) const {
    return kind == o.kind && value == o.value && (kind != kReg || bank == o.bank);
  }
  lir::Operand operand() const;
};

struct ParallelMove {
  Location to, from;
};

// Appends the instructions to `out`. Moves to where the value already is are dropped.
void sequenceMoves(std::vector<ParallelMove> moves, lir::Function& function, const Target& target,
                   std::vector<lir::Instr*>* out);

}  // namespace tephra::regalloc
