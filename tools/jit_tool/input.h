// Purpose: text in: a file's input part, told apart into HIR and LIR, parsed, given the facts that
// a stage needs, and verified. What is wrong is printed as FILE:LINE: what, or on the instruction.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "hir/ir.h"
#include "lir/ir.h"
#include "pyver/common/unit.h"
#include "tools/jit_tool/arguments.h"

namespace tephra::tool {

// Prints the message; gives `status`.
int complain(const std::string& file, const std::string& message, int status);

// Prints what was found as lines, then the function with each error below what it concerns.
template <typename Function, typename Diagnostics>
int report(const std::string& file, const Function& function, const Diagnostics& found) {
  if (found.empty()) return kGood;
  for (const auto& diagnostic : found) complain(file, diagnostic.line, kWrong);
  fmt::print(stderr, "{}", print(function, found));
  return kWrong;
}

// The input's part of a file, or of the case that the arguments name.
int readInput(const std::string& file, const Arguments& arguments, std::string* text);

bool isLir(const std::string& text);

// One HIR function with the facts that it needs. `unit` is null where nothing is known of it.
struct HirInput {
  std::unique_ptr<CodeUnit> unit;
  std::unique_ptr<hir::Function> function;
};

// `complete`: with a layout, and objects and homes for all that the text names, as lowering wants.
int loadHir(const std::string& file, const std::string& text, const PyLayout* complete,
            HirInput* out);
int loadLir(const std::string& file, const std::string& text, lir::Function* out);

}  // namespace tephra::tool
