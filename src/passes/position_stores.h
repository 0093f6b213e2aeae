// Purpose: SetPosition before each operation that may run arbitrary code, so that tracebacks,
// frames and handlers see the interpreter's instruction; none where the same position was stored
// last on every path. Invariant: runs before refcount_insertion; the Decrefs that come later may
// run code too and use the position stored last, which is that of the operation whose operands they
// release. Exits restore the position themselves.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool position_stores(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
