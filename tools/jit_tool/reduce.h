// Purpose: `jit-tool reduce`: a smaller text on which something still goes wrong as it does on the
// whole.
#pragma once

#include <string>

#include "tools/jit_tool/arguments.h"

namespace tephra::tool {

int reduce(const std::string& file, const Arguments& arguments);
// main.cc: jit-tool itself, with these words as its command line.
int runTool(const std::vector<std::string>& words);

}  // namespace tephra::tool
