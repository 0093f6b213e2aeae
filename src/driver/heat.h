// Purpose: what samples show, of what runs and of calls between compiled code and interpreted:
// charges CPU time to functions, and compiles those that the policy (policy/policy.h) says will
// pay; takes out what such calls cost more than it saves (policy/crossings.h). Invariant: makes no
// Python object and no frame object (which would count as an observer) except by compiling.
#pragma once

#include <cstdint>

#include "driver/code_state.h"
#include "runtime/passing.h"

namespace tephra::driver {

// SampleFunction of driver/sampler.h.
bool chargeSample(PyThreadState* ts, uint64_t elapsed);

// A sampled call between compiled code and `callee`, one of which is interpreted: speaks against
// the one and for compiling the other. Before anything is decided or bound.
void onCrossing(PyThreadState* ts, PyFunctionObject* callee, Crossing way);

// For status(): nanoseconds seen in compiled code, and what the interpreter would have taken more
// by the policy's estimate.
struct Gains {
  uint64_t compiled_ns = 0, gained_ns = 0;
};
Gains gains();
// What compiling the code object cost beyond what it has gained so far, in seconds; negative where
// it has paid.
double loss(const CodeState& state);

}  // namespace tephra::driver
