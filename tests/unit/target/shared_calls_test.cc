// Which calls of a function share one piece of code, in x86-64's registers (rax = %0, rdi = %7,
// rsi = %6, rbx = %3).
#include "target/shared_calls.h"

#include <gtest/gtest.h>

#include <string>

namespace tephra {
namespace {

using lir::Function;
using lir::Instr;

constexpr const char* kCall = "  %0 = Call %7, 4 {helper=binary_op}\n";
constexpr const char* kFailed = "  ExitCmp %0, 0 {cond=eq, width=8, exit=0}\n";
constexpr const char* kLook = "  ExitLook %0 {version=0, exit=1}\n";
constexpr const char* kRelease = "  Decref %0 {maybe_null=false}\n";

std::string position(int number) {
  return "  Store [frame + 56], " + std::to_string(number) + " {width=4}\n";
}
std::string site(int number) {
  return position(number) + "  %7 = Move %3\n" + kCall + kFailed + kLook + kRelease;
}

class SharedCallsTest : public ::testing::Test {
 protected:
  // The blocks' text; `loop_depth` is that of the first one.
  void parse(const std::string& blocks, uint32_t loop_depth = 0) {
    std::string text = "fun t params=2 outgoing=0 {\n" + blocks;
    for (int i = 0; i < 3; ++i)
      text += "exit " + std::to_string(i) + " {deopt TypeChanged line=0 drops=[]}\n";
    lir::ParseError error{};
    ASSERT_TRUE(lir::parse(text + "}\n", &function, &error)) << error.line << error.message;
    function.blocks()[0]->loop_depth = loop_depth;
  }
  SharedCalls find(uint32_t threshold) {
    return SharedCalls(x86_64Target(), function.blocks(), threshold);
  }
  Function function;
};

TEST_F(SharedCallsTest, EqualSequencesAreAGroup) {
  parse("bb0:\n" + site(1) + site(2) + site(3) + "  Return %3\n");
  SharedCalls found = find(3);
  ASSERT_EQ(found.groups().size(), 1u);
  const SharedCalls::Site& first = *found.groups()[0];
  EXPECT_EQ(first.position, function.blocks()[0]->first);
  EXPECT_EQ(first.exits, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(first.last->op, lir::Op::kDecref);
  int sites = 0, shared = 0, own = 0;
  for (const Instr* i = function.blocks()[0]->first; i != nullptr; i = i->next) {
    if (found.siteAt(*i) != nullptr) {
      ++sites;
      EXPECT_EQ(found.siteAt(*i)->group, 0u);
    } else if (found.isShared(*i)) {
      ++shared;
    } else {
      ++own;
    }
  }
  EXPECT_EQ(sites, 3);
  EXPECT_EQ(shared, 3 * 4);
  EXPECT_EQ(own, 3 + 1);  // the moves of the arguments, the return
}

TEST_F(SharedCallsTest, FewerThanTheThresholdAreLeft) {
  parse("bb0:\n" + site(1) + site(2) + site(3) + "  Return %3\n");
  EXPECT_TRUE(find(4).groups().empty());
  EXPECT_TRUE(find(0).groups().empty());
}

TEST_F(SharedCallsTest, LoopsAndColdBlocksAreLeft) {
  parse("bb0:\n" + site(1) + site(2) + "  Return %3\n", 1);
  EXPECT_TRUE(find(1).groups().empty());
  function.blocks()[0]->loop_depth = 0;
  EXPECT_EQ(find(1).groups().size(), 1u);
  function.blocks()[0]->cold = true;
  EXPECT_TRUE(find(1).groups().empty());
}

TEST_F(SharedCallsTest, WhatDiffersIsNotShared) {
  std::string other_argument = site(1), other_look = site(2), no_release = site(3);
  other_argument.replace(other_argument.find(", 4 {"), 5, ", 5 {");
  other_look.replace(other_look.find("version=0"), 9, "version=5");
  no_release.erase(no_release.find(kRelease));
  parse("bb0:\n" + site(1) + site(1) + other_argument + other_look + no_release + "  Return %3\n");
  EXPECT_EQ(find(1).groups().size(), 4u);
  EXPECT_EQ(find(2).groups().size(), 1u);
}

TEST_F(SharedCallsTest, TheResultMayBeKept) {
  std::string kept = position(1) + kCall + kFailed + kLook + "  %3 = Move %0\n";
  parse("bb0:\n" + kept + kept + "  Return %3\n");
  SharedCalls found = find(2);
  ASSERT_EQ(found.groups().size(), 1u);
  EXPECT_EQ(found.groups()[0]->last->op, lir::Op::kExitLook);
}

TEST_F(SharedCallsTest, AReleaseOfSomethingElseIsNotPartOfIt) {
  std::string other = kCall + std::string(kFailed) + kLook + "  Decref %3 {maybe_null=false}\n";
  parse("bb0:\n" + other + other + "  Return %3\n");
  SharedCalls found = find(2);
  ASSERT_EQ(found.groups().size(), 1u);
  EXPECT_EQ(found.groups()[0]->last->op, lir::Op::kExitLook);
  EXPECT_EQ(found.groups()[0]->position, nullptr);
}

// A load belongs to what follows.
TEST_F(SharedCallsTest, ALoadIsNotPartOfIt) {
  std::string loaded = position(1) + kCall + kFailed + kLook +
                       "  %1 = Load [thread + 16] {width=8, sign=false}\n  %3 = Move %1\n";
  parse("bb0:\n" + loaded + loaded + "  Return %3\n");
  SharedCalls found = find(2);
  ASSERT_EQ(found.groups().size(), 1u);
  EXPECT_EQ(found.groups()[0]->last->op, lir::Op::kExitLook);
}

// They would lie elsewhere, seen from the piece: it has the way back below them.
TEST_F(SharedCallsTest, StackArgumentsAreLeft) {
  std::string many =
      position(1) + "  %0 = Call 1, 2, 3, 4, 5, 6, 7 {helper=binary_op}\n" + kFailed + kLook;
  parse("bb0:\n" + many + many + "  Return %3\n");
  EXPECT_TRUE(find(1).groups().empty());
}

TEST_F(SharedCallsTest, OneCheckIsNotWorthIt) {
  std::string small = position(1) + kCall + kFailed;
  parse("bb0:\n" + small + small + "  Return %3\n");
  EXPECT_TRUE(find(1).groups().empty());
}

}  // namespace
}  // namespace tephra
