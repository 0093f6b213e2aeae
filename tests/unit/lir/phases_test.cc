// The runner of phases over LIR: order, switches, timings, dumps, and who is blamed.
#include "lir/phases.h"

#include <gtest/gtest.h>

namespace tephra::lir {
namespace {

struct Work {
  Function function;
  std::string ran;
};

using Row = Phase<Work>;
const Row kRows[] = {
    {{"first", true, ""}, [](Work& work) { return work.ran += "1", true; }},
    {{"optional", false, ""}, [](Work& work) { return work.ran += "2", true; }},
    {{"breaks", false, ""},
     [](Work& work) {
       Function::remove(work.function.blocks()[0]->last);  // the terminator
       return work.ran += "3", true;
     }},
    {{"gives_up", false, ""}, [](Work& work) { return work.ran += "4", false; }},
    {{"last", true, ""}, [](Work& work) { return work.ran += "5", true; }},
};

// What ran, behind "!" where the runner said that it did not get to the end.
std::string run(PhaseContext& context) {
  Work work;
  ParseError error{};
  EXPECT_TRUE(parse("fun f params=0 outgoing=0 {\nbb0:\n  g1 = Move 1\n  Return g1\n}\n",
                    &work.function, &error));
  bool done = runPhases<Work>(kRows, work, work.function, context);
  return (done ? "" : "!") + work.ran;
}

TEST(LirPhases, SwitchedOffUnlessRequired) {
  PhaseContext context;
  context.without = {"first", "optional", "breaks", "gives_up"};
  EXPECT_EQ(run(context), "15");
}

TEST(LirPhases, TimedAndShown) {
  PhaseContext context;
  std::string shown;
  context.without = {"breaks", "gives_up"};
  context.dump = [&](const char* phase, const Function& function) {
    shown += std::string(phase) + " " + function.name + "\n";
  };
  EXPECT_EQ(run(context), "125");
  EXPECT_EQ(shown, "first f\noptional f\nlast f\n");
  ASSERT_EQ(context.timings.size(), 3u);
  EXPECT_STREQ(context.timings[1].name, "optional");
  EXPECT_TRUE(context.timings[1].result);
}

TEST(LirPhases, EndWhereOneGivesUp) {
  PhaseContext context;
  EXPECT_EQ(run(context), "!1234");  // nobody verified what the third did
  EXPECT_TRUE(context.errors.empty());
  EXPECT_FALSE(context.timings.back().result);
}

TEST(LirPhases, TheOneThatBreaksARuleIsBlamed) {
  PhaseContext context;
  context.verify = true;
  EXPECT_EQ(run(context), "!123");
  ASSERT_EQ(context.errors.size(), 1u);
  EXPECT_EQ(context.errors[0], "breaks: f: bb0: a terminator must be exactly the last instruction");
  EXPECT_NE(context.annotated.find("  g1 = Move 1\n  // error: bb0: a terminator must be exactly"),
            std::string::npos)
      << context.annotated;
}

}  // namespace
}  // namespace tephra::lir
