// tests/lower/*.txt: HIR in, LIR out. A file is a row of cases
//
//     === NAME
//     fun ... HIR text ...
//     --- x86_64, aarch64                   (targets with the same result share it)
//     fun ... LIR text ...
//
// with the layout of CPython 3.14. A case whose NAME ends with "(3.12 too)" tests what depends on
// the layout: `--- 3.12 x86_64` and so on follow.
//
// TEPHRA_BLESS=1 unit_lower --gtest_filter='LowerGolden*' rewrites the results.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "regalloc/checker.h"
#include "regalloc/regalloc.h"
#include "support.h"

namespace tephra::lower_test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(TEPHRA_SOURCE_DIR "/tests/lower")) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Case {
  std::string title, input, expected;
};

std::vector<Case> casesOf(const std::string& text, std::string* preamble) {
  std::vector<Case> cases;
  std::stringstream in(text);
  enum { kPreamble, kInput, kExpected } part = kPreamble;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("=== ", 0) == 0) {
      cases.push_back({line.substr(4), "", ""});
      part = kInput;
      continue;
    }
    if (line.rfind("--- ", 0) == 0) part = kExpected;
    (part == kPreamble ? *preamble
     : part == kInput  ? cases.back().input
                       : cases.back().expected) += line + "\n";
  }
  return cases;
}

constexpr std::string_view kOldToo = " (3.12 too)";

// What the case is lowered for, under the names of its results.
std::vector<std::pair<std::string, Combination>> combinationsOf(const Case& test) {
  std::vector<std::pair<std::string, Combination>> all;
  for (const Target* target : {&x86_64Target(), &aarch64Target()})
    all.emplace_back(target->name(), Combination{&layout314(), target});
  if (!test.title.ends_with(kOldToo)) return all;
  for (const Target* target : {&x86_64Target(), &aarch64Target()}) {
    const Combination on{&layout312(), target};
    all.emplace_back(on.name(), on);
  }
  return all;
}

std::string resultsOf(const Case& test) {
  std::vector<std::pair<std::string, std::string>> results;  // names, text
  for (const auto& [name, on] : combinationsOf(test)) {
    std::string text = lowered(test.input, on);
    auto same =
        std::find_if(results.begin(), results.end(), [&](auto& r) { return r.second == text; });
    if (same != results.end()) {
      same->first += ", " + name;
    } else {
      results.emplace_back(name, text);
    }
  }
  std::string all;
  for (const auto& [names, text] : results) all += "--- " + names + "\n" + text;
  return all;
}

TEST(LowerGolden, Files) {
  bool bless = std::getenv("TEPHRA_BLESS") != nullptr;
  ASSERT_FALSE(files().empty());
  for (const fs::path& path : files()) {
    std::string text = read(path), written;
    std::vector<Case> cases = casesOf(text, &written);
    for (const Case& test : cases) {
      SCOPED_TRACE(path.filename().string() + ": " + test.title);
      std::string now = resultsOf(test);
      if (!bless) {
        EXPECT_EQ(test.expected, now)
            << "TEPHRA_BLESS=1 unit_lower --gtest_filter='LowerGolden*' accepts this";
      }
      written += "=== " + test.title + "\n" + test.input + now;
    }
    if (bless) std::ofstream(path) << written;
  }
}

// The golden files show every row that has a lowering of its own.
TEST(LowerGolden, EveryCustomRow) {
  std::set<std::string> seen;
  for (const fs::path& path : files()) {
    std::string preamble;
    for (const Case& test : casesOf(read(path), &preamble)) {
      std::stringstream in(test.input);
      for (std::string word; in >> word;) seen.insert(word);
    }
  }
  for (int op = 0; op < kRows; ++op) {
    const hir::OpInfo& info = hir::opInfo(static_cast<hir::Op>(op));
    if (!info.helper) {
      EXPECT_TRUE(seen.count(info.name)) << info.name << " is in no file of tests/lower";
    }
  }
}

// Registers at random among the legal ones, and as few as possible.
void allocate(const std::string& text, const Target& target) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    lir::Function function;
    lir::ParseError error{};
    ASSERT_TRUE(lir::parse(text, &function, &error)) << error.message;
    regalloc::AllocationOptions options;
    options.shuffle_seed = seed * 101 + 1;
    options.spill_everything = seed >= 7;
    regalloc::FunctionSnapshot before = regalloc::takeSnapshot(function);
    auto result = regalloc::allocateRegisters(function, target, options);
    ASSERT_TRUE(static_cast<bool>(result)) << "seed " << seed << ": " << result.bailout().detail;
    for (const std::string& problem : regalloc::checkAllocation(before, function, target)) {
      ADD_FAILURE() << "seed " << seed << ": " << problem << "\n" << text;
    }
  }
}

TEST(LowerGolden, ShuffledAllocation) {
  for (const fs::path& path : files()) {
    std::string preamble;
    for (const Case& test : casesOf(read(path), &preamble)) {
      SCOPED_TRACE(path.filename().string() + ": " + test.title);
      for (const Combination& on : combinations()) {
        std::string text = lowered(test.input, on);
        if (text.rfind("bailout", 0) != 0) allocate(text, *on.target);
      }
    }
  }
}

}  // namespace
}  // namespace tephra::lower_test
