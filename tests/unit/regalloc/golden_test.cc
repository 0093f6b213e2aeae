// tests/regalloc/*.lir: LIR in, allocated LIR out, for both targets. A file is the input, then for
// each target a line "=== name" and what is expected.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "regalloc/checker.h"
#include "regalloc/regalloc.h"

namespace tephra::regalloc_test {
namespace {

namespace fs = std::filesystem;

std::string allocated(const std::string& input, const Target& target) {
  lir::Function f;
  lir::ParseError error{};
  if (!lir::parse(input, &f, &error))
    return "line " + std::to_string(error.line) + ": " + error.message + "\n";
  auto problems = lir::verify(f);
  if (!problems.empty()) return problems[0] + "\n";
  auto before = regalloc::takeSnapshot(f);
  auto result = regalloc::allocateRegisters(f, target);
  if (!result) return result.bailout().detail + "\n";
  for (const std::string& problem : regalloc::checkAllocation(before, f, target))
    ADD_FAILURE() << problem;
  for (const std::string& problem : lir::verify(f)) ADD_FAILURE() << problem;
  return lir::print(f);
}

TEST(RegallocGolden, Files) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(TEPHRA_SOURCE_DIR) / "tests/regalloc")) {
    if (entry.path().extension() == ".lir") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  EXPECT_FALSE(files.empty());
  for (const fs::path& path : files) {
    SCOPED_TRACE(path.filename().string());
    std::stringstream whole;
    whole << std::ifstream(path).rdbuf();
    std::string text = whole.str(), input = text.substr(0, text.find("=== "));
    std::string now = input;
    for (const Target* target : {&x86_64Target(), &aarch64Target()}) {
      now += std::string("=== ") + target->name() + "\n" + allocated(input, *target);
    }
    if (std::getenv("TEPHRA_BLESS"))
      std::ofstream(path) << now;
    else
      EXPECT_EQ(now, text) << "To accept the new result: TEPHRA_BLESS=1 tephra_unit_tests "
                              "--gtest_filter='RegallocGolden*'";
  }
}

}  // namespace
}  // namespace tephra::regalloc_test
