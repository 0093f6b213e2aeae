// Purpose: what a sample shows: charges CPU time to the functions on the stack, and compiles those
// that the policy (policy/policy.h) says will pay. Invariant: makes no Python object and no frame
// object (which would count as an observer) except by compiling.
#pragma once

#include <cstdint>

#include "pyver/python.h"

namespace tephra::driver {

// SampleFunction of driver/sampler.h.
bool chargeSample(PyThreadState* ts, uint64_t elapsed);

// For status(): nanoseconds seen in compiled code, and what the interpreter would have taken more
// by the policy's estimate.
struct Gains {
  uint64_t compiled_ns = 0, gained_ns = 0;
};
Gains gains();

}  // namespace tephra::driver
