// Purpose: which functions have one of our vectorcalls, and which are in any of the driver's
// tables. Programs make and drop closures all the time, so neither may cost a look-up for each: of
// a code object's functions only the first few are listed (CodeState::functions); the others are
// found by a walk over all objects when somebody must know them, which is seldom. Invariant:
// `functions` and, while `unlisted`, the walk give exactly the live functions of a code object that
// have our vectorcall.
#pragma once

#include <array>

#include "driver/code_state.h"

namespace tephra::driver {

// The function gets one of our vectorcalls: call it before that, while the versions are the old
// ones (CodeState::code_version is the code's).
void noteFunction(CodeState* state, PyFunctionObject* function);
// Lists all of them (those that a collection under way keeps aside are not found: see
// detachFunctions in placing.h); those of several code objects with one walk; this one if it has
// one of our vectorcalls.
void listFunctions(CodeState* state);
void listFunctionsOf(const std::unordered_set<CodeState*>& states);
void listFunction(CodeState* state, PyFunctionObject* function);

// Is the function in some table, so that its end matters? False for nearly all; may be true for
// others, too.
inline bool isMarked(const PyFunctionObject* function);
// Each function that is put into a table is marked; when it has left all of them, unmarked.
void markFunction(PyFunctionObject* function);
void unmarkFunction(PyFunctionObject* function);
void unmarkAllFunctions();

// So many functions of a code object are listed; where there come more, they are closures.
inline constexpr uint32_t kListedFunctions = 8;

// How many marked functions have an address of each kind.
inline constexpr size_t kFunctionKinds = 1 << 14;
extern std::array<uint32_t, kFunctionKinds> marked_functions;

inline size_t kindOf(const PyFunctionObject* function) {
  uintptr_t address = reinterpret_cast<uintptr_t>(function) >> 4;
  return (address ^ address >> 14) % kFunctionKinds;
}

inline bool isMarked(const PyFunctionObject* function) {
  return marked_functions[kindOf(function)] != 0;
}

}  // namespace tephra::driver
