// Purpose: what a sample shows: charges CPU time to the functions on the stack, and compiles those
// that the policy (policy/policy.h) says will pay. Invariant: makes no Python object and no frame
// object (which would count as an observer) except by compiling.
#pragma once

#include <cstdint>

#include "driver/code_state.h"

namespace tephra::driver {

// SampleFunction of driver/sampler.h.
bool chargeSample(PyThreadState* ts, uint64_t elapsed);

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
