// Purpose: a guard that an earlier guard on every path already proves goes away; its users take the
// earlier guard's result.
// Invariant: a proof holds on until something could break it. Never: GuardIs, GuardNotNull,
// GuardNull and CheckExpected (values do not change), GuardTrue and GuardFalse of the same
// condition, and GuardType of builtin immutable types (an object's exact builtin type cannot
// change: __class__ assignment exists for Other only). At the next `any` or heap-writing operation:
// versions of types and keys, code of functions, GuardUnobserved (`any` only), and types with Other
// in them. Decrefs that refcount_insertion will place count as `any` where the object may have a
// finalizer (a class of its own or a container).
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool guard_removal(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
