// Purpose: remove operations whose results nobody uses and that do nothing else; FrameStates
// without users too. Invariant: what may raise or run code stays (a Python program can tell),
// except allocations of boxes; what may only deoptimise goes with its result unless it is a guard;
// second results (LoadMethodSelf, UnpackedItem) stay: they carry references.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool dce(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
