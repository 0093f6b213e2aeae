// Purpose: a phi whose inputs are all one value (or itself) is that value; of two phis of a block
// with the same inputs one goes. Invariant: inputs that are aliases (guards) of one root stay
// apart: the phi's users may rely on what a guard proved; only when every input is an alias of one
// root that dominates the phi and has the phi's type does the root replace it. Source: Braun et
// al., "Simple and Efficient Construction of SSA Form", 2013, section 3.2.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool phi_elimination(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
