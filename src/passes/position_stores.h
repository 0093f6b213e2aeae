// Purpose: SetPosition before each operation that may run arbitrary code or that makes an object,
// so that tracebacks, frames, finalisers and tracemalloc see the interpreter's instruction; none
// where the same position was stored last on every path. Boxed numbers are the exception: they are
// made at exits and in other places where the program makes nothing, so tracemalloc sees them at
// the position stored last. Invariant: runs after refcount_insertion, whose Decrefs may run code
// too: those of ints, strs and the like cannot. Exits restore the position themselves.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool position_stores(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
