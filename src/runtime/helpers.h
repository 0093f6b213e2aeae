// Purpose: declarations of all helpers that compiled code calls, from runtime/helpers.tbl.
// Invariant in: the GIL is held; the position of the running frame is stored; no exception is set
// (raise_exception excepted). Invariant out: as the row says; an error means that one is set.
#pragma once

#include "pyver/contract.h"

#include "runtime/helpers_decl.gen.h"
