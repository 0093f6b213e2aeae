// Purpose: golden tests of passes: HIR text in, HIR text out, in tests/passes/<pass>/*.hir.
// Format: comment lines with the unit's facts (hir/unit_facts.h), the function, a line "=>", the
// expected function. With TEPHRA_BLESS=1 in the environment the expected part is rewritten.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hir/ir.h"

namespace tephra::passes::testing {

struct Case {
  std::string file;  // relative to tests/passes, without extension
  std::string path;
  std::string comments;  // kept as they are
  std::string input;
  std::string expected;
  std::unique_ptr<CodeUnit> unit;  // null without facts
};

std::vector<Case> loadCases(const std::string& folder);
void blessCase(const Case& test, const std::string& output);
std::vector<std::string> folders();

}  // namespace tephra::passes::testing
