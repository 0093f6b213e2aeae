// Text form: what is printed parses to the same function, and what is wrong is refused with its
// line.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "hir/attr_text.h"
#include "hir/builder.h"
#include "hir/ir.h"

namespace tephra::hir {
namespace {

std::string readFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(HirText, FilesRoundTrip) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TEPHRA_SOURCE_DIR "/tests/hir")) {
    if (entry.path().extension() != ".hir") continue;
    ++files;
    std::string text = readFile(entry.path());
    Function function(nullptr);
    ParseError error{};
    ASSERT_TRUE(parse(text, &function, &error))
        << entry.path() << ":" << error.line << ": " << error.message;
    EXPECT_EQ(print(function), text);
    for (const std::string& line : verify(function)) ADD_FAILURE() << line;
  }
  EXPECT_GT(files, 0);
}

TEST(HirText, AttributesRoundTrip) {
  for (double value : {0.0, -0.0, 0.1, 1e308, 5e-324, std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::quiet_NaN()}) {
    uint64_t bits = std::bit_cast<uint64_t>(value), back = 0;
    EXPECT_TRUE(attrFromText(AttrKind::kF64, attrText(AttrKind::kF64, bits), &back));
    EXPECT_EQ(bits, back) << value;
  }
  for (uint64_t i = 0; i < 26; ++i) {
    uint64_t back = 0;
    EXPECT_TRUE(attrFromText(AttrKind::kBinOp, attrText(AttrKind::kBinOp, i), &back));
    EXPECT_EQ(i, back);
  }
  for (uint64_t i = 0; i <= static_cast<uint64_t>(ExitReason::kRaised); ++i) {
    uint64_t back = 0;
    EXPECT_TRUE(attrFromText(AttrKind::kReason, attrText(AttrKind::kReason, i), &back));
    EXPECT_EQ(i, back);
  }
}

TEST(HirText, TypesRoundTrip) {
  for (uint32_t mask = 0; mask < 1u << 25; mask = mask * 3 + 1) {
    Type type = Type::object(mask & kMaskOptObject), back;
    ASSERT_TRUE(parseType(typeName(type), &back)) << typeName(type);
    EXPECT_EQ(type, back) << typeName(type);
  }
  EXPECT_EQ(typeName(Type::object(kMaskInt | kMaskFloat)), "Int|Float");
  EXPECT_EQ(typeName(Type::object(kMaskObject & ~kMaskStr)), "Object-Str");
  Type out;
  EXPECT_FALSE(parseType("Integer", &out));
  EXPECT_FALSE(parseType("", &out));
}

TEST(HirText, ObjectTextIsAComment) {
  CodeUnit unit;
  ObjectInfo info;
  info.text = "a*/b";
  unit.addObject(info);
  Function function(&unit);
  function.name = "f";
  Builder builder(&function, function.newBlock());
  builder.Return(builder.ConstObject(0));
  std::string text = print(function);
  EXPECT_NE(text.find("{obj=#0 /*a..b*/}"), std::string::npos) << text;
  Function again(&unit);
  ParseError error{};
  ASSERT_TRUE(parse(text, &again, &error)) << error.message;
  EXPECT_EQ(print(again), text);
}

TEST(HirText, ShortFormGetsPredsAndDefaults) {
  Function function(nullptr);
  ParseError error{};
  ASSERT_TRUE(
      parse("fun f {\nbb0:\n v1:Bool = ConstBool // no value\n Branch v1, bb1, bb1\n"
            "bb1:\n v2:Object = ConstObject {obj=#0}\n Return v2\n}\n",
            &function, &error))
      << error.message;
  EXPECT_EQ(function.blocks()[1]->preds.size(), 2u);
  EXPECT_TRUE(verify(function).empty());
}

struct BadText {
  const char* text;
  int line;
  const char* message;
};

TEST(HirText, ErrorsNameTheirLine) {
  const BadText cases[] = {
      {"fun f {\n", 1, "missing closing brace"},
      {"bb0:\n}\n", 1, "expected 'fun'"},
      {"fun f {\nbb0:\n  Nope\n}\n", 3, "unknown operation 'Nope'"},
      {"fun f {\nbb0:\n  Return v7\n}\n", 3, "undefined value v7"},
      {"fun f {\nbb0:\n  Jump bb9\n}\n", 3, "undefined block bb9"},
      {"fun f {\nbb0:\nbb0:\n}\n", 3, "block defined twice"},
      {"fun f {\nbb0:\n  v1:Bool = ConstBool\n  v1:Bool = ConstBool\n}\n", 4,
       "value defined twice"},
      {"fun f {\nbb0:\n  v1:Whatever = ConstBool\n}\n", 3, "unknown type 'Whatever'"},
      {"fun f {\nbb0:\n  v1:Bool = ConstBool {valu=true}\n}\n", 3, "has no attribute 'valu'"},
      {"fun f {\nbb0:\n  v1:Bool = ConstBool {value=7}\n}\n", 3, "bad value '7'"},
      {"fun f {\n  PushFrame\n}\n", 2, "before the first block"},
      {"fun f {\nbb0:\n  PushFrame oops\n}\n", 3, "unexpected 'oops'"},
      {"fun f {\nbb0 (preds bb4):\n  LeaveFrame\n}\n", 0, "undefined block bb4"},
      {"fun f {\nbb0:\n  LeaveFrame\n}\nmore\n", 5, "after the closing brace"},
  };
  for (const BadText& bad : cases) {
    Function function(nullptr);
    ParseError error{};
    EXPECT_FALSE(parse(bad.text, &function, &error)) << bad.text;
    if (bad.line) {
      EXPECT_EQ(error.line, bad.line) << bad.text;
    }
    EXPECT_NE(error.message.find(bad.message), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace tephra::hir
