// Constants that several instructions need are made once, where no call lies between the uses.
#include "made_constants.h"

namespace tephra::lower_test {
namespace {

std::string wrap(const std::string& body) {
  return "fun t params=2 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n" + body +
         "exit 0 {deopt TypeChanged line=0 drops=[]}\n}\n";
}
const std::string kReturn = "  Return g1\n";

std::string guard(int field, const std::string& constant = "11575952") {
  return "  ExitCmpMem [g1 + " + std::to_string(field) + "], " + constant +
         " {cond=ne, width=8, exit=0}\n";
}

std::string shared(const std::string& text, const Target& target) {
  return after(lower::shareConstants, text, target);
}
int count(const std::string& text, const std::string& what) {
  int found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(SharedConstants, OneValueForAllUses) {
  std::string text = shared(wrap(guard(8) + guard(16) + guard(24) + kReturn), aarch64Target());
  EXPECT_EQ(count(text, "= Move 11575952\n  ExitCmpMem"), 1) << text;
  EXPECT_EQ(count(text, "11575952"), 1) << text;
}

TEST(SharedConstants, OneUseKeepsItsImmediate) {
  std::string text =
      wrap(guard(8) + guard(16, "22575952") + guard(24, "255") + guard(32, "255") + kReturn);
  EXPECT_EQ(shared(text, aarch64Target()), same(text));
  std::string twice = wrap(guard(8) + guard(16) + kReturn);
  EXPECT_EQ(shared(twice, x86_64Target()), same(twice));
}

TEST(SharedConstants, CallsEndAStretch) {
  std::string call = "  g2 = Call g1 {helper=load_global}\n";
  std::string text = wrap(guard(8) + call + guard(16) + call + kReturn);
  EXPECT_EQ(shared(text, aarch64Target()), same(text));
  text = shared(wrap(guard(8) + call + guard(16) + guard(24) + kReturn), aarch64Target());
  EXPECT_EQ(count(text, "= Move 11575952"), 1) << text;
  EXPECT_EQ(count(text, "], 11575952"), 1) << text;
}

TEST(SharedConstants, ArmsTakeWhatTheirDominatorHasMade) {
  std::string branch = "  BranchCmp g1, 7, bb1, bb2 {cond=eq, width=8, likely=0}\n";
  std::string text = shared(wrap(guard(8) + branch + "bb1:\n" + guard(16) + "  Jump bb3\nbb2:\n" +
                                 guard(24) + "  Jump bb3\nbb3:\n" + guard(32) + kReturn),
                            aarch64Target());
  EXPECT_EQ(count(text, "11575952"), 1) << text;
  // What one arm makes the other one and the join do not have.
  std::string apart = wrap(branch + "bb1:\n" + guard(16) + "  Jump bb3\nbb2:\n" + guard(24) +
                           "  Jump bb3\nbb3:\n" + guard(32) + kReturn);
  EXPECT_EQ(shared(apart, aarch64Target()), same(apart));
}

TEST(SharedConstants, ACallInAnArmCountsAColdOneDoesNot) {
  auto text = [](const std::string& cold) {
    return wrap(guard(8) + "  BranchCmp g1, 7, bb1, bb2 {cond=eq, width=8, likely=2}\nbb1" + cold +
                ":\n  g2 = Call g1 {helper=load_global}\n  Jump bb2\nbb2:\n" + guard(16) + kReturn);
  };
  EXPECT_EQ(shared(text(""), aarch64Target()), same(text("")));
  std::string with_cold = shared(text(" cold"), aarch64Target());
  EXPECT_EQ(count(with_cold, "11575952"), 1) << with_cold;
}

TEST(SharedConstants, LoopsBeginAStretch) {
  std::string text =
      wrap(guard(8) + "  Jump bb1\nbb1 depth=1:\n" + guard(16) +
           "  BranchCmp g1, 7, bb1, bb2 {cond=eq, width=8, likely=0}\nbb2:\n" + kReturn);
  EXPECT_EQ(shared(text, aarch64Target()), same(text));
}

}  // namespace
}  // namespace tephra::lower_test
