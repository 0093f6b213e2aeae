// Purpose: the ways to make a function's text smaller. Each offers what it comes up with, the
// greatest change first where that is known, and goes on from whatever is accepted; true when
// something was. After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input"
// (2002): delta debugging.
#pragma once

#include <functional>

#include "tools/jit_tool/function_text.h"

namespace tephra::tool {

// Is the smaller function still of interest?
using Accept = std::function<bool(const FunctionText&)>;
using Shrink = bool (*)(FunctionText* function, const Accept& accept);

bool cutEdges(FunctionText* function, const Accept& accept);
bool endBlocks(FunctionText* function, const Accept& accept);
bool dropInstructions(FunctionText* function, const Accept& accept);
bool mergeBlocks(FunctionText* function, const Accept& accept);
bool dropExits(FunctionText* function, const Accept& accept);
bool dropItems(FunctionText* function, const Accept& accept);
bool dropHead(FunctionText* function, const Accept& accept);

}  // namespace tephra::tool
