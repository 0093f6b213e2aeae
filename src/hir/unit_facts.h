// Purpose: what HIR text leaves to the CodeUnit, as comment lines above it: facts of the objects
// #0, #1, ... that it names, and the number of arguments. For golden files and jit-tool.
//   // object NoneType immortal "None"
//   // object Int int=5 immortal "5"
//   // object Float float=2.5
//   // arguments 2                        default: the function's LoadArgs
#pragma once

#include <memory>
#include <string>

#include "pyver/common/unit.h"

namespace tephra::hir {

struct FactsError {
  int line = 0;
  std::string message;
};

// Reads the facts of the comment lines at the head of `text`. *unit stays null when there are none.
// False: *error says which line is wrong and how.
bool parseFacts(const std::string& text, std::unique_ptr<CodeUnit>* unit, FactsError* error);

}  // namespace tephra::hir
