// Purpose: `jit-tool iongraph`: a function after every pass and phase as the JSON of Iongraph, the
// viewer of Firefox's Ion graphs. HIR stands where it has MIR.
#pragma once

#include <string>

#include "tools/jit_tool/arguments.h"

namespace tephra::tool {

int iongraph(const std::string& file, const Arguments& arguments);

}  // namespace tephra::tool
