// The helper table is consistent in itself and with the HIR rows that call helpers by name.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "metadata/exits.h"
#include "metadata/helpers.h"

namespace tephra {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, at);) {
    const size_t first = part.find_first_not_of(' ');
    if (first == std::string::npos) {
      if (at != ' ') parts.emplace_back();
      continue;
    }
    parts.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return parts;
}

struct HirCall {
  std::string name, result, exits, helper;
  std::string codes;  // operand and attribute codes as the helper should see them
};

// The rows of src/hir/ops.tbl with lower = call:HELPER.
std::vector<HirCall> hirCalls() {
  std::vector<HirCall> calls;
  std::ifstream in(TEPHRA_SOURCE_DIR "/src/hir/ops.tbl");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() < 8 || cells[6].rfind("call:", 0) != 0) continue;
    HirCall call{cells[0], split(cells[1], ' ')[0], cells[5], cells[6].substr(5), ""};
    for (const std::string& operand : split(cells[2], ' ')) {
      if (operand == "-") continue;
      if (operand.find(":OptObject") != std::string::npos) {
        call.codes += '?';
      } else {
        call.codes += operand.back() == '!' ? '!' : 'O';
      }
    }
    for (const std::string& attribute : split(cells[3], ' ')) {
      if (attribute == "-") continue;
      call.codes += attribute.find(":obj") != std::string::npos ? 'O' : 'i';
    }
    calls.push_back(call);
  }
  return calls;
}

TEST(Helpers, NamesRoundTrip) {
  for (int i = 0; i < static_cast<int>(Helper::kCount); ++i) {
    Helper found{};
    ASSERT_TRUE(helperFromName(helperInfo(static_cast<Helper>(i)).name, &found));
    EXPECT_EQ(static_cast<int>(found), i);
  }
  Helper found{};
  EXPECT_FALSE(helperFromName("no_such_helper", &found));
}

TEST(Helpers, ErrorsFitResults) {
  for (int i = 0; i < static_cast<int>(Helper::kCount); ++i) {
    const HelperInfo& info = helperInfo(static_cast<Helper>(i));
    const bool pointer = info.result == 'O' || info.result == 'p';
    switch (info.error) {
      case HelperError::kNull:
      case HelperError::kOne: EXPECT_TRUE(pointer) << info.name; break;
      case HelperError::kNegative: EXPECT_EQ(info.result, 'i') << info.name; break;
      case HelperError::kNone: break;
    }
    EXPECT_LE(std::string(info.args).size(), 8u) << info.name;
  }
}

TEST(Helpers, HirRowsMatchSignatures) {
  const std::vector<HirCall> calls = hirCalls();
  EXPECT_GT(calls.size(), 40u);
  for (const HirCall& call : calls) {
    Helper helper{};
    ASSERT_TRUE(helperFromName(call.helper, &helper)) << call.name << " calls " << call.helper;
    const HelperInfo& info = helperInfo(helper);
    std::string codes;
    for (const char* code = info.args; *code != 0; ++code) {
      if (*code != 'T' && *code != 'F') codes += *code;
    }
    EXPECT_EQ(codes, call.codes) << call.name << " and " << call.helper;
    EXPECT_EQ(info.error != HelperError::kNone, call.exits.find("raise") != std::string::npos)
        << call.name << " and " << call.helper;
    if (call.result == "-") continue;
    EXPECT_EQ(info.result, call.result == "Bool" ? 'i' : 'O') << call.name;
  }
}

TEST(Exits, ReasonNamesRoundTrip) {
  for (const char* name : {"TypeChanged", "FrameObserved", "Raised"}) {
    ExitReason reason{};
    ASSERT_TRUE(exitReasonFromName(name, &reason));
    EXPECT_STREQ(exitReasonName(reason), name);
  }
  ExitReason reason{};
  EXPECT_FALSE(exitReasonFromName("Whim", &reason));
}

}  // namespace
}  // namespace tephra
