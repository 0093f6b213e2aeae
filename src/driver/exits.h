// Purpose: what the driver does when compiled code is left: it asks the exit policy
// (policy/exit_answer.h) and takes the code out, for a while or for good.
// Invariant: called in the middle of an exit, as runtime/exit.h says of its hook.
#pragma once

#include <cstdint>

#include "metadata/exits.h"
#include "pyver/contract.h"

namespace tephra::driver {

void onExitTaken(CodeMetadata* metadata, uint32_t exit);

}  // namespace tephra::driver
