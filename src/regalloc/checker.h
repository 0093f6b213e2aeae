// Purpose: proves an allocation right, or names what is wrong, without knowing how it was made: it
// compares the function before with the code after by abstract interpretation. At each point of the
// code it keeps, for each register and slot, the set of values that are there on all paths; each
// operand must hold its value, wherever the allocator says it is. Rideau and Leroy, "Validating
// Register Allocation and Spilling" (2010), with block parameters.
//
// Checked as well: the target's constraints (fixed registers, reuse, late inputs, values of exits),
// clobbers, that scratch registers carry nothing across an instruction, that pinned registers are
// written by the program only, bookkeeping of slots and callee-saved registers, the control flow,
// and that nothing but copies and constants was removed.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "lir/ir.h"
#include "target/target.h"

namespace tephra::regalloc {

struct InstrSnapshot {
  const lir::Instr* instr = nullptr;  // the same object is in the code after
  lir::Op op{};
  std::vector<lir::Operand> defs, uses;
  uint64_t attr[3] = {0, 0, 0};
  std::vector<const lir::Block*> targets;
};

struct BlockSnapshot {
  const lir::Block* block = nullptr;
  std::vector<lir::Operand> params;
  std::vector<InstrSnapshot> instrs;
};

// The function before allocation, which changes it in place.
struct FunctionSnapshot {
  std::vector<BlockSnapshot> blocks;
  std::unordered_map<const lir::Block*, size_t> index;
  uint32_t num_vregs = 0;
};

FunctionSnapshot takeSnapshot(const lir::Function& function);

// Every mismatch; empty: the allocation is right.
std::vector<lir::Diagnostic> diagnoseAllocation(const FunctionSnapshot& before,
                                                const lir::Function& after, const Target& target);
// The same as lines.
std::vector<std::string> checkAllocation(const FunctionSnapshot& before, const lir::Function& after,
                                         const Target& target);

}  // namespace tephra::regalloc
