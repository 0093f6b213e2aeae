#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lir/builder.h"
#include "lir/cfg.h"
#include "lir/ir.h"

namespace tephra::lir {
namespace {

const char* const kEverything = R"(fun f params=2 outgoing=3 slots=2 saved=0x38,0x0 {
bb0:
  g1 = Param {index=0}
  g2 = Param {index=1} @7
  f3 = MoveConstF {value=1.5}
  f4 = MoveConstF {value=-0}
  f5 = MoveConstF {value=0x7ff0000000000000}
  g6 = Load [g1 + g2*8 + 16] {width=8, sign=false}
  g7 = Load [thread - 8] {width=4, sign=true} @12
  g8 = Load [4096] {width=1, sign=false}
  Store [g1 + g2*1], -1 {width=2}
  StoreF [frame + 24], f3
  g9, g10 = DivRem g6, g7
  g11 = AddExit g9, 8, g1, f3, 5, #0x3ff0000000000000 {exit=0} @9
  _ = Call g1, g2 {helper=store_global}
  %3 = Move slot1
  fslot0 = MoveF %f2
  g12 = CallAddress g1, f3, 7 {address=0xdeadbeef}
  frame = Move g12
  BranchCmp g1, 0, bb1, bb4 {cond=uge, width=8, likely=0}
bb4:
  Jump bb2(g11, f3, 3)
bb1 cold depth=1:
  Exit thread {exit=1}
bb2(g20, f21, g22) depth=1:
  BranchCmpF f21, f3, bb3, bb4 {cond=ne, likely=1}
bb3:
  Return g20
exit 0 {deopt IntOverflow line=4 culprit=#0 frame(offset=3 raise=2 stack=[#1:double, null, 0x1234:owned] locals=[1=#2:int64]) frame(offset=9 raise=8 stack=[] locals=[0=#3:double:owned, 4=%3:owned]) drops=[%5:bool]}
exit 1 {raise Raised line=0 culprit=%f3:double drops=[] count=7}
}
)";

TEST(LirText, EveryFormSurvivesParsingAndPrinting) {
  Function function;
  ParseError error{};
  ASSERT_TRUE(parse(kEverything, &function, &error)) << error.line << ": " << error.message;
  EXPECT_EQ(print(function), kEverything);
}

TEST(LirText, BuilderPrintsAsParsed) {
  Function function;
  function.name = "built";
  function.num_params = 1;
  Builder b(&function, function.newBlock());
  b.setPlace(3);
  Operand p = b.Param(0);
  Operand sum = b.Add(p, Operand::imm(std::numeric_limits<int64_t>::min()), 8);
  Operand d = b.MoveConstF(std::nan(""));
  Operand bits = b.FpToGp(d);
  b.Return(b.Xor(sum, bits, 8));
  std::string text = print(function);
  Function again;
  ParseError error{};
  ASSERT_TRUE(parse(text, &again, &error)) << error.message << "\n" << text;
  EXPECT_EQ(print(again), text);
  EXPECT_TRUE(verify(again).empty()) << verify(again)[0];
  EXPECT_EQ(again.bankOf(d.base), Bank::kFp);
}

std::string parseError(const std::string& text) {
  Function function;
  ParseError error{};
  return parse(text, &function, &error) ? "" : std::to_string(error.line) + ": " + error.message;
}

TEST(LirText, ErrorsNameLineAndReason) {
  EXPECT_EQ(parseError("fun f params=0 outgoing=0 {\nbb0:\n  Foo g1\n}\n"),
            "3: unknown operation 'Foo' at column 6");
  EXPECT_EQ(parseError("fun f params=0 outgoing=0 {\nbb0:\n  Jump bb7\n}\n"),
            "4: bb7 is not defined");
  EXPECT_EQ(parseError("fun f params=0 outgoing=0 {\nbb0:\nbb0:\n}\n"),
            "3: bb0 is defined twice at column 4");
  EXPECT_NE(parseError(
                "fun f params=0 outgoing=0 {\nbb0:\n  g1 = Load [g2*3] {width=8, sign=false}\n}\n"),
            "");
  EXPECT_NE(parseError("fun f params=0 outgoing=0 {\nbb0:\n  g1 = Move f1\n}\n"), "");
  EXPECT_NE(parseError("fun f params=0 outgoing=0 {\nbb0:\n  Trap extra\n}\n"), "");
  EXPECT_NE(parseError("fun f params=0 outgoing=0 {\nbb0:\n  Trap\n"), "");
  EXPECT_NE(parseError("fun f params=0 outgoing=0 {\n  Trap\n}\n"), "");
  EXPECT_NE(parseError("fun f params=0 outgoing=0 {\nbb0:\n  _ = Call {helper=no_such}\n}\n"), "");
  EXPECT_NE(
      parseError(
          "fun f params=0 outgoing=0 {\nbb0:\n  Trap\nexit 1 {deopt Stress line=0 drops=[]}\n}\n"),
      "");
  EXPECT_NE(parseError(""), "");
}

TEST(LirText, AnyCutOfTheTextIsRefusedWithoutCrash) {
  std::string text = kEverything;
  for (size_t length = 0; length + 2 < text.size(); ++length) {
    EXPECT_NE(parseError(text.substr(0, length)), "") << length;
  }
}

TEST(LirCfg, OrderDominatorsAndLoops) {
  Function f;
  ParseError error{};
  ASSERT_TRUE(parse(R"(fun loops params=1 outgoing=0 {
bb0:
  g1 = Param {index=0}
  Jump bb1
bb1:
  BranchCmp g1, 0, bb9, bb2 {cond=eq, width=8, likely=0}
bb2:
  BranchCmp g1, 1, bb2, bb3 {cond=eq, width=8, likely=0}
bb3:
  BranchCmp g1, 2, bb1, bb4 {cond=eq, width=8, likely=0}
bb4:
  Jump bb9
bb5:
  Trap
bb9:
  Return g1
}
)",
                    &f, &error))
      << error.message;
  Cfg cfg(f);
  auto block = [&](uint32_t id) {
    for (Block* b : f.blocks())
      if (b->id == id) return b;
    return static_cast<Block*>(nullptr);
  };
  std::vector<uint32_t> order;
  for (Block* b : cfg.order()) order.push_back(b->id);
  EXPECT_EQ(order, (std::vector<uint32_t>{0, 1, 2, 3, 4, 9}));
  EXPECT_EQ(cfg.loopDepth(block(2)), 2u);
  EXPECT_EQ(cfg.loopDepth(block(3)), 1u);
  EXPECT_EQ(cfg.loopDepth(block(9)), 0u);
  EXPECT_TRUE(cfg.dominates(block(1), block(9)));
  EXPECT_FALSE(cfg.dominates(block(4), block(9)));
  EXPECT_FALSE(cfg.reachable(block(5)));
  computePredecessors(f);
  EXPECT_EQ(block(1)->preds.size(), 2u);
}

TEST(LirConditions, NegateAndSwapAreInvolutions) {
  for (int i = 0; i < 10; ++i) {
    Cond cond = static_cast<Cond>(i), read;
    EXPECT_EQ(negate(negate(cond)), cond);
    EXPECT_EQ(swapOperands(swapOperands(cond)), cond);
    ASSERT_TRUE(condFromName(condName(cond), &read));
    EXPECT_EQ(read, cond);
  }
}

}  // namespace
}  // namespace tephra::lir
