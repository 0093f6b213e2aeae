// Purpose: the countdown of stress mode, one for all compiled functions. Compiled code counts it
// down at every opportunity to deoptimise and leaves when it is negative; the exit draws the next
// number. Invariant: under the GIL only; the same seed gives the same sequence of numbers.
#pragma once

#include <cstdint>

namespace tephra::driver {

// Address of the countdown for compiled code; 0 when options say that there is no stress mode. A
// new seed starts a new sequence.
uint64_t stressCounter();
// A stress exit was taken.
void restartStressCounter();

}  // namespace tephra::driver
