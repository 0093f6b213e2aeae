// Purpose: which spill slots hold live values at each call, for tests and debuggers (every
// reference is counted, so no collector reads this). Backward data flow over the spill slots of the
// general bank; a slot is live when it is read, or named by an exit, before it is written.
#pragma once

#include <vector>

#include "target/emit.h"

namespace tephra {

std::vector<StackMap> makeStackMaps(const lir::Function& function, const NativeFrame& frame,
                                    const std::vector<EmittedCode::CallSite>& calls);

}  // namespace tephra
