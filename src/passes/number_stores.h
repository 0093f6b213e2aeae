// Purpose: a box that is made only to be stored into an attribute or a list item is not made: the
// store takes the number and, where nobody else refers to the number that was there, rewrites it.
// Invariant: such a box has no other user, and no frame state names it once it is stored, so nobody
// can tell whether the object is a new one.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool number_stores(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
