// Purpose: comparisons feed branches and guards without a bool object in between: Compare followed
// by IsTruthy becomes CompareBool, CompareBool of known exact types becomes an unboxed comparison,
// negations turn into exchanged targets, identity with True and False into the truth value itself.
// Invariant: evaluation order and exits stay; Compare and IsTruthy are joined only where nothing
// stands between them and nobody else sees the object.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool comparison_fusion(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
