// Purpose: CPython 3.12's named features, for the code that all versions share.
#pragma once

#include "pyver/v3_12/private_symbols.h"
#include "pyver/v3_12/values.h"

namespace tephra::py {

inline constexpr bool kInlineValues = false;  // values follow the object
inline constexpr uint32_t kFirstFunctionVersion = 1;

// A function whose version was cleared gets a new one when a call of it is specialised next.
inline constexpr bool kFunctionVersionsComeBack = true;
inline constexpr uint32_t kClearedFunctionVersion = 0;
// "raise x from C" refuses a C() that is no exception.
inline constexpr bool kChecksCauseInstance = false;

// Free floats are listed, linked by their types or (as all free objects) by the first word.
inline constexpr bool kFreeObjectsByType = true;
inline constexpr int kMaxFreeFloats = PyFloat_MAXFREELIST;
inline auto& freeFloats(PyInterpreterState* interp) { return interp->float_state.free_list; }
inline int& freeFloatCount(PyInterpreterState* interp) { return interp->float_state.numfree; }
inline constexpr int kMaxFreeInts = 0;  // none are kept

}  // namespace tephra::py
