// Purpose: local simplification to a fixpoint: types flow forward (through phis too), unboxed
// arithmetic on constants is folded, boxing and unboxing cancel, guards and truth tests whose
// answer is known go away. Invariant: a type is only narrowed by what is proven (ConstObject facts,
// guards, an operation's own result, phi inputs); an operation is removed only with an exact
// replacement; what would raise or deoptimise stays.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool simplify(hir::Function& function, PassContext& context);

// The exact answer of an unboxed operation whose inputs are constants; false: none (it would
// leave).
bool foldInt(hir::Op op, int64_t left, int64_t right, int64_t* out);
bool foldCompare(hir::CmpKind cmp, int64_t left, int64_t right);
bool foldCompare(hir::CmpKind cmp, double left, double right);

}  // namespace tephra::passes
