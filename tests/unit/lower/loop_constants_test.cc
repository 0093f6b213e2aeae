// Constants of innermost loops are made before them, where the machine would make them in each
// iteration.
#include "made_constants.h"

namespace tephra::lower_test {
namespace {

// A loop whose body is `body`; `more` are further blocks.
std::string loop(const std::string& body, const std::string& more = "",
                 const std::string& before = "") {
  return "fun t params=2 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n  g2 = Move 0\n" + before +
         "  Jump bb1(g2)\nbb1(g3) depth=1:\n"
         "  BranchCmp g3, 100, bb2, bb3 {cond=lt, width=8, likely=1}\nbb2 depth=1:\n" +
         body + "  g4 = Add g3, 1 {width=8}\n  Jump bb1(g4)\nbb3:\n  Return g1\n" + more +
         "exit 0 {deopt TypeChanged line=0 drops=[]}\n}\n";
}

std::string hoisted(const std::string& text, const Target& target) {
  return after(lower::hoistLoopConstants, text, target);
}
bool has(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

const std::string kGuards =
    "  ExitCmpMem [g1 + 8], 11575952, g1 {cond=ne, width=8, exit=0}\n"
    "  ExitCmpMem [g1 + 16], 11575952, 11575952 {cond=ne, width=8, exit=0}\n";

TEST(LoopConstants, AreMadeOnceBeforeTheLoop) {
  std::string text = hoisted(loop(kGuards), aarch64Target());
  EXPECT_TRUE(has(text, "= Move 11575952\n  Jump bb1(g2)")) << text;
  EXPECT_EQ(text.find("= Move 11575952"), text.rfind("= Move 11575952")) << text;
  EXPECT_FALSE(has(text, "], 11575952")) << text;
  EXPECT_TRUE(has(text, ", 11575952 {cond=ne")) << "values of exits stay: " << text;
}

TEST(LoopConstants, StayWhereInstructionsHoldThem) {
  EXPECT_EQ(hoisted(loop(kGuards), x86_64Target()), same(loop(kGuards)));
  std::string small = loop(
      "  ExitCmpMem [g1 + 8], 4095, g1 {cond=ne, width=8, exit=0}\n"
      "  ExitCmpMem [g1 + 8], -4096, g1 {cond=ne, width=4, exit=0}\n"
      "  ExitCmpMem [g1 + 8], 255, g1 {cond=ne, width=1, exit=0}\n"
      "  Store [g1 + 8], 0 {width=8}\n  g5 = Add g3, 40960 {width=8}\n");
  EXPECT_EQ(hoisted(small, aarch64Target()), same(small));
}

TEST(LoopConstants, OfStoresAndSums) {
  std::string text =
      hoisted(loop("  Store [frame + 56], 14863394 {width=4}\n  g5 = Add g3, 11850648 {width=8}\n"),
              aarch64Target());
  EXPECT_TRUE(has(text, "= Move 14863394")) << text;
  EXPECT_TRUE(has(text, "= Move 11850648")) << text;
  EXPECT_FALSE(has(text, "], 14863394")) << text;
}

TEST(LoopConstants, LoopsWithCallsAreLeft) {
  std::string text = loop(kGuards + "  g6 = Call g3 {helper=load_global}\n");
  EXPECT_EQ(hoisted(text, aarch64Target()), same(text));
}

TEST(LoopConstants, NothingOutsideOfLoopsChanges) {
  std::string text = loop("", "", kGuards);
  EXPECT_EQ(hoisted(text, aarch64Target()), same(text));
}

TEST(LoopConstants, WhatEveryIterationNeedsComesFirst) {
  auto store = [](int value) {
    return "  Store [frame + 56], " + std::to_string(value) + " {width=4}\n";
  };
  std::string always, sometimes;
  for (int i = 0; i < 7; ++i) always += store(100000 + i);
  for (int i = 0; i < 3; ++i) sometimes += store(200000 + i);
  std::string body = "  BranchCmp g3, 7, bb4, bb5 {cond=eq, width=8, likely=0}\nbb4 depth=1:\n" +
                     sometimes + "  Jump bb5\nbb5 depth=1:\n" + always;
  std::string text = hoisted(loop(body), aarch64Target());
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(has(text, "], " + std::to_string(100000 + i))) << text;
  EXPECT_FALSE(has(text, "], 200000")) << text;
  EXPECT_TRUE(has(text, "], 200001")) << text;
}

TEST(LoopConstants, ColdBlocksKeepTheirs) {
  std::string body = kGuards +
                     "  BranchCmp g3, 7, bb4, bb5 {cond=eq, width=8, likely=2}\n"
                     "bb4 cold depth=1:\n  g6 = Call 11575952 {helper=load_global}\n"
                     "  Store [frame + 56], 11575952 {width=8}\n  Jump bb5\nbb5 depth=1:\n";
  std::string text = hoisted(loop(body), aarch64Target());
  EXPECT_TRUE(has(text, "Store [frame + 56], 11575952")) << text;
  EXPECT_TRUE(has(text, "= Move 11575952\n  Jump bb1(g2)")) << text;
}

TEST(LoopConstants, EightAtMost) {
  std::string body;
  for (int i = 0; i < 11; ++i)
    body += "  Store [frame + 56], " + std::to_string(100000 + i) + " {width=4}\n";
  body += "  Store [frame + 64], 100008 {width=4}\n";
  std::string text = hoisted(loop(body), aarch64Target());
  int made = 0;
  for (size_t at = text.find("Move 1000"); at != std::string::npos;
       at = text.find("Move 1000", at + 1))
    ++made;
  EXPECT_EQ(made, 8) << text;
  EXPECT_TRUE(has(text, "= Move 100008")) << "the one that is used most: " << text;
}

}  // namespace
}  // namespace tephra::lower_test
