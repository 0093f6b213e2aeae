// Purpose: CPython 3.14's named features, for the code that all versions share.
#pragma once

#include "pyver/v3_14/private_symbols.h"
#include "pyver/variants/inline_values.h"

namespace tephra::py {

inline constexpr bool kInlineValues = true;  // values follow the object
inline constexpr uint32_t kFirstFunctionVersion = FUNC_VERSION_FIRST_VALID;

// A function whose version was cleared gets a new one when a call of it is specialised next.
inline constexpr bool kFunctionVersionsComeBack = false;
inline constexpr uint32_t kClearedFunctionVersion = FUNC_VERSION_CLEARED;
// "raise x from C" refuses a C() that is no exception.
inline constexpr bool kChecksCauseInstance = true;

// Free floats are listed, linked by their types or (as all free objects) by the first word.
inline constexpr bool kFreeObjectsByType = false;
inline constexpr int kMaxFreeFloats = Py_floats_MAXFREELIST;
inline auto& freeFloats(PyInterpreterState* interp) {
  return interp->object_state.freelists.floats.freelist;
}
inline auto& freeFloatCount(PyInterpreterState* interp) {
  return interp->object_state.freelists.floats.size;
}
inline constexpr int kMaxFreeInts = Py_ints_MAXFREELIST;  // in a list like that of floats

}  // namespace tephra::py
