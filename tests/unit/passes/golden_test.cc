#include "tests/unit/passes/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "hir/unit_facts.h"
#include "passes/pipeline.h"
#include "passes/refcount_checker.h"

namespace tephra::passes::testing {
namespace {

const char* const kRoot = TEPHRA_SOURCE_DIR "/tests/passes";

Case loadCase(const std::filesystem::path& path) {
  Case test;
  test.path = path.string();
  test.file = path.parent_path().filename().string() + "/" + path.stem().string();
  std::ifstream in(path);
  std::string* part = &test.input;
  for (std::string line; std::getline(in, line);) {
    if (line == "=>") {
      part = &test.expected;
    } else if (line.rfind("//", 0) == 0 && part == &test.input && test.input.empty()) {
      test.comments += line + "\n";
    } else {
      *part += line + "\n";
    }
  }
  hir::FactsError error;
  EXPECT_TRUE(hir::parseFacts(test.comments + test.input, &test.unit, &error))
      << test.path << ":" << error.line << ": " << error.message;
  return test;
}

}  // namespace

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Case> loadCases(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(kRoot) + "/" + folder)) {
    if (entry.path().extension() == ".hir") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Case> cases;
  for (const auto& path : paths) cases.push_back(loadCase(path));
  return cases;
}

void blessCase(const Case& test, const std::string& output) {
  std::ofstream out(test.path);
  out << test.comments << test.input << "=>\n" << output;
}

namespace {

void runOn(hir::Function& function, const std::string& folder, PassContext& context) {
  context.options.verify = true;
  if (folder == "pipeline") return runPipeline(function, context);
  const PassInstance* pass = findPass(folder);
  ASSERT_NE(pass, nullptr) << "tests/passes/" << folder << " is named like no pass";
  if (folder == "stress_deopt") context.stress_counter = 0x1000;
  runPass(*pass, function, context);
  // A second run of a pass on its own result finds nothing more; two of them run only once.
  const bool once_only = folder == "refcount_insertion" || folder == "stress_deopt";
  if (once_only || !context.errors.empty()) return;
  const std::string once = hir::print(function);
  runPass(*pass, function, context);
  EXPECT_EQ(once, hir::print(function)) << "a second run";
}

void runCase(const std::string& folder, const Case& test, bool bless) {
  SCOPED_TRACE(test.path);
  hir::Function function(test.unit.get());
  hir::ParseError error{};
  ASSERT_TRUE(hir::parse(test.input, &function, &error)) << error.line << ": " << error.message;
  for (const std::string& line : hir::verify(function)) FAIL() << "input: " << line;
  PassContext context;
  runOn(function, folder, context);
  std::string output = hir::print(function);
  for (const std::string& line : context.errors) ADD_FAILURE() << line << "\n" << output;
  if (bless) return blessCase(test, output);
  EXPECT_EQ(output, test.expected) << "to accept: TEPHRA_BLESS=1 build/core/tephra_unit_tests "
                                      "--gtest_filter='*Golden*' && git diff tests/passes";
}

TEST(PassGolden, EveryFile) {
  bool bless = std::getenv("TEPHRA_BLESS") != nullptr;
  const char* only = std::getenv("TEPHRA_GOLDEN");  // a part of the file's name
  int files = 0;
  for (const std::string& folder : folders()) {
    for (const Case& test : loadCases(folder)) {
      if (only && test.file.find(only) == std::string::npos) continue;
      runCase(folder, test, bless);
      ++files;
    }
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace tephra::passes::testing
