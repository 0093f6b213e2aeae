// Purpose: a phi of boxed numbers that is unboxed again gets an unboxed phi beside it, so that
// loops carry numbers in registers. Invariant: the boxed phi stays for homes, frame states and
// everything else that wants an object (dce removes it where nobody does); only the unboxing goes.
// The unboxed inputs are exactly what unboxing the boxed ones would give: the operand of BoxInt or
// BoxFloat, a constant's value, another such phi, or for exact floats UnboxFloat at the end of the
// pred, which never fails.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool unbox_phis(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
