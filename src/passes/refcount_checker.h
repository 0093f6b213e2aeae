// Purpose: prove the result of refcount_insertion independently: walk all paths with concrete
// objects and count. Shares no decision with the pass; loops end because states repeat. Invariant
// in: the function after refcount_insertion. Checked on every path: no reference is released,
// stolen or stored that the registers do not own; nothing is used that nobody keeps alive (values
// read from memory live until the next operation that may release memory); at each exit the
// registers own exactly what exit_owned says; nothing is owned after Return; no home is lost,
// released twice or read while its reference is taken.
#pragma once

#include <string>
#include <vector>

#include "hir/ir.h"

namespace tephra::passes {

struct RefcountCheck {
  std::vector<std::string> errors;
  std::vector<hir::Diagnostic> diagnostics;  // the same, with their places
  size_t states = 0;                         // block entries walked
  bool exhausted = false;                    // the limit of states was hit: not all paths were seen
};

RefcountCheck checkRefcounts(const hir::Function& function, size_t max_states = 20000);

}  // namespace tephra::passes
