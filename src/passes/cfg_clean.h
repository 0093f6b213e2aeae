// Purpose: blocks in reverse post-order without unreachable ones; branches whose way is known
// become jumps; a block that only its one pred jumps to is joined with it; empty blocks are skipped
// where no phi needs them. Invariant: phis keep one input per pred in the order of preds; the entry
// stays first; loop headers are marked.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool cfg_clean(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
