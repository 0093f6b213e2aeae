// Purpose: frame states name the number instead of its box where a box is there for them alone: the
// exit makes it when it is taken, so arithmetic chains allocate nothing.
// Invariant: only boxes whose every use is one place of a frame state are replaced: nobody can tell
// two such objects from one.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool unboxed_states(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
