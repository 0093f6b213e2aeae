// Purpose: what the driver does when compiled code is left: it asks the exit policy
// (policy/exit_policy.h) and takes the code out, for a while or for good. What calls, or is called
// by, a function that was given up may cost more compiled than it gains, and follows it then.
// Invariant: called in the middle of an exit, as runtime/exit.h says of its hook, or at a call,
// before it is decided what runs.
#pragma once

#include <cstdint>

#include "metadata/exits.h"
#include "pyver/contract.h"

namespace tephra::driver {

void onExitTaken(CodeMetadata* metadata, uint32_t exit);
// A sampled call between compiled code and `callee`, one of which is interpreted
// (runtime/passing.h).
void onCrossing(PyThreadState* ts, PyFunctionObject* callee);

}  // namespace tephra::driver
