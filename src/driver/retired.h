// Purpose: compiled code that is not installed any more. It may still be running, so it ends when
// that cannot be: no frame of its code object is on any thread's stack, none of its exits is being
// taken, and no release of an object is under way in compiled code (a function that has left its
// frame may be waiting for that). Looking at all frames is amortised over the units that wait.
// Invariant: no function's vectorcall and no cell leads to a retired unit.
#pragma once

#include <memory>

#include "driver/code_state.h"

namespace tephra::driver {

void retireUnit(std::unique_ptr<CompiledUnit> unit);
// The code object of these units dies: no frame and no function of it is left.
void orphanUnits(CodeState* state);
// Their interpreter is gone, and all that they refer to.
void forgetRetired();
// Ends what can end, if enough waits for it.
void sweepRetired();

}  // namespace tephra::driver
