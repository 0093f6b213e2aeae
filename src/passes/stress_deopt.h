// Purpose: stress mode: a StressExit before every operation where the interpreter could take over.
// Invariant: the FrameState of a StressExit is legal there: it is the state of an operation that
// deoptimises itself, or of one that only raises and is the first of its bytecode instruction that
// changes anything. Without PassContext::stress_counter nothing is changed.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool stress_deopt(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
