// Purpose: make every reference explicit: Incref, Decref, TakeHome, handed-over homes, exit_owned.
// Invariant in: ownership is only in the rows of ops.tbl ("the home owns", docs/architecture.md);
// no Incref, Decref or TakeHome yet; StoreHome's `old` says what the home held. Invariant out: on
// every path each reference is released, stored, stolen, returned or named by exactly one
// exit_owned entry; StoreHome only stores (old = 0). refcount_checker proves it independently.
//
// Each root is at each point in one state:
//   uncounted   constants and parameters: somebody else keeps them alive
//   borrowed    fresh from memory; alive until the next operation that may release memory
//   owned       a register owns one reference
//   backed      some home is known to hold it; that home's reference keeps it alive
// A forward dataflow over the blocks finds, for each home, which roots it must hold (a phi too,
// when the home holds its input on every edge), and so which roots are backed; what is not backed
// on all ways into a block is owned there, and the edges that lack the reference take it.
// References are taken as late as possible and released right after the last use, in the
// interpreter's order (hir/death_order.h). ObserveRelease stays behind releases that may run code.
// Source: the state lattice follows Cinder's refcount insertion (Meta, 2021), reversed: there
// frames own nothing, here homes own everything.
#pragma once

#include "hir/ir.h"
#include "passes/pipeline.h"

namespace tephra::passes {

bool refcount_insertion(hir::Function& function, PassContext& context);

}  // namespace tephra::passes
