// Purpose: replaces the operand indices in exit records by the places that allocation chose.
// Invariant out: no location of any record refers to an operand any more; each exiting instruction
// has a record of its own machine state (records that several instructions share are copied where
// their operands are in different places).
#pragma once

#include "lir/ir.h"
#include "target/emit.h"

namespace tephra {

// False when a record refers to an operand that its instruction does not have.
bool fillExitLocations(lir::Function* function, const Target& target, const NativeFrame& frame);

}  // namespace tephra
