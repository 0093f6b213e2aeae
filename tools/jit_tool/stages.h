// Purpose: the commands that are stages of the compiler, each from text to text.
#pragma once

#include <string>

#include "tools/jit_tool/arguments.h"

namespace tephra::tool {

int verify(const std::string& file, const Arguments& arguments);
int print(const std::string& file, const Arguments& arguments);
int runPasses(const std::string& file, const Arguments& arguments);
int lower(const std::string& file, const Arguments& arguments);
int allocate(const std::string& file, const Arguments& arguments);
int emit(const std::string& file, const Arguments& arguments);

}  // namespace tephra::tool
