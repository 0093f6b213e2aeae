// Purpose: linear-scan register allocation with interval splitting, on SSA form.
// Invariant in: verified LIR over virtual registers. Invariant out: operands are machine registers,
// pinned registers, slots (moves, values of exits, stack arguments) and immediates; blocks have no
// parameters and jumps no arguments: moves say what they said. Block order is kept; unreachable
// blocks are gone and blocks that hold only moves may be new. Moves may read and write slots
// (`slot2 = Move %3`, `%f1 = MoveF fslot0`), never two slots at once. Deterministic.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "lir/ir.h"
#include "lir/phases.h"
#include "target/target.h"

namespace tephra::regalloc {

struct AllocationOptions {
  bool spill_everything = false;  // stress: a register only where an instruction needs one
  uint64_t shuffle_seed = 0;      // stress: not 0 = choose among what is legal at random
  bool check = false;             // run the checker on the result (always in debug builds)
};

Result<bool> allocateRegisters(lir::Function& function, const Target& target,
                               const AllocationOptions& options, lir::PhaseContext& context);
Result<bool> allocateRegisters(lir::Function& function, const Target& target,
                               const AllocationOptions& options = {});

// The phases of it, in order.
std::vector<lir::PhaseInfo> phases();

}  // namespace tephra::regalloc
