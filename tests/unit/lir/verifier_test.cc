#include <gtest/gtest.h>

#include "lir/ir.h"

namespace tephra::lir {
namespace {

// All messages for a function with `body`; entry code may be part of it.
std::string problems(const std::string& body, const std::string& exits = "") {
  Function function;
  ParseError error{};
  std::string text = "fun f params=2 outgoing=1 {\n" + body + exits + "}\n";
  if (!parse(text, &function, &error)) return "parse: " + error.message;
  std::string all;
  for (const std::string& line : verify(function)) all += line + "\n";
  return all;
}

#define EXPECT_PROBLEM(text, body) EXPECT_NE((body).find(text), std::string::npos) << (body)

const char* const kStart = "bb0:\n  g1 = Param {index=0}\n  f2 = MoveConstF {value=1}\n";

std::string straight(const std::string& line, const std::string& exits = "") {
  return problems(std::string(kStart) + "  " + line + "\n  Return g1\n", exits);
}

TEST(LirVerifier, GoodCode) {
  EXPECT_EQ(straight("g3 = Add g1, 5 {width=8}"), "");
  EXPECT_EQ(
      problems(
          "bb0:\n  g1 = Param {index=0}\n  Jump bb1(g1, 4)\nbb1(g2, g3):\n  Jump bb1(g3, g2)\n"),
      "");
}

TEST(LirVerifier, Shape) {
  EXPECT_PROBLEM("is empty", problems("bb0:\n"));
  EXPECT_PROBLEM("terminator", problems("bb0:\n  Trap\n  Trap\n"));
  EXPECT_PROBLEM("terminator", problems("bb0:\n  g1 = Param {index=0}\n"));
  EXPECT_PROBLEM(
      "expected 2",
      problems(
          "bb0:\n  g1 = Param {index=0}\n  BranchCmp g1, 0, bb0 {cond=eq, width=8, likely=0}\n"));
  EXPECT_PROBLEM("back to the entry", problems("bb0:\n  Jump bb0\n"));
  EXPECT_PROBLEM("entry block has parameters", problems("bb0(g1):\n  Return g1\n"));
}

TEST(LirVerifier, Operands) {
  EXPECT_PROBLEM("expected 2", straight("g3 = Add g1 {width=8}"));
  EXPECT_PROBLEM("definitions", straight("Add g1, g1 {width=8}"));
  EXPECT_PROBLEM("wrong bank", straight("g3 = Add f2, 1 {width=8}"));
  EXPECT_PROBLEM("wrong bank", straight("f3 = Add g1, 1 {width=8}"));
  EXPECT_PROBLEM("must be a register", straight("g3 = Neg 5 {width=8}"));
  EXPECT_PROBLEM("must not be a slot", straight("g3 = Neg slot0 {width=8}"));
  EXPECT_PROBLEM("slot out of range", straight("g3 = Move slot0"));
  EXPECT_PROBLEM("memory operand", straight("g3 = Load g1 {width=8, sign=false}"));
  EXPECT_PROBLEM("no memory operand", straight("g3 = Add g1, [g1] {width=8}"));
  EXPECT_PROBLEM("ignore its result", straight("_ = Neg g1 {width=8}"));
}

TEST(LirVerifier, Ssa) {
  EXPECT_PROBLEM("defined twice", straight("g1 = Neg g1 {width=8}"));
  EXPECT_PROBLEM("not defined anywhere", straight("g3 = Neg g9 {width=8}"));
  EXPECT_PROBLEM("does not reach", straight("g3 = Neg g4 {width=8}\n  g4 = Neg g1 {width=8}"));
  EXPECT_PROBLEM("does not reach", straight("g3 = Neg g3 {width=8}"));
  EXPECT_PROBLEM("does not reach", problems(std::string(kStart) +
                                            "  BranchCmp g1, 0, bb1, bb2 {cond=eq, width=8, "
                                            "likely=0}\nbb1:\n  g5 = Neg g1 {width=8}\n  Jump bb3\n"
                                            "bb2:\n  Jump bb3\nbb3:\n  Return g5\n"));
}

TEST(LirVerifier, BlockParameters) {
  EXPECT_PROBLEM("1 arguments for 2", problems("bb0:\n  Jump bb1(4)\nbb1(g2, g3):\n  Return g2\n"));
  EXPECT_PROBLEM("other bank", problems("bb0:\n  Jump bb1(4)\nbb1(f2):\n  Trap\n"));
  EXPECT_PROBLEM("only Jump", problems(std::string(kStart) +
                                       "  BranchCmp g1, 0, bb1, bb2 {cond=eq, width=8, "
                                       "likely=0}\nbb1(g5):\n  Return g5\nbb2:\n  Trap\n"));
}

TEST(LirVerifier, Parameters) {
  EXPECT_PROBLEM("fewer parameters", problems("bb0:\n  g1 = Param {index=2}\n  Return g1\n"));
  EXPECT_PROBLEM("read twice",
                 problems("bb0:\n  g1 = Param {index=0}\n  g2 = Param {index=0}\n  Return g1\n"));
  EXPECT_PROBLEM("not at the top", straight("g3 = Param {index=1}"));
}

TEST(LirVerifier, Attributes) {
  EXPECT_PROBLEM("width 3", straight("g3 = Add g1, 1 {width=3}"));
  EXPECT_PROBLEM("width 1", straight("g3 = Add g1, 1 {width=1}"));
  EXPECT_EQ(straight("Store [g1], 1 {width=1}"), "");
  EXPECT_PROBLEM("bad condition", straight("g3 = SetCmpF f2, f2 {cond=ult}"));
  EXPECT_PROBLEM("outgoing", straight("StoreOut g1 {index=1}"));
  EXPECT_EQ(straight("StoreOut g1 {index=0}"), "");
}

TEST(LirVerifier, Exits) {
  const char* one =
      "exit 0 {deopt Stress line=0 frame(offset=1 raise=1 stack=[#0, #1:double] locals=[]) "
      "drops=[]}\n";
  EXPECT_EQ(straight("ExitCmp g1, 0, g1, f2 {cond=eq, width=8, exit=0}", one), "");
  EXPECT_PROBLEM("no such exit", straight("ExitCmp g1, 0 {cond=eq, width=8, exit=0}"));
  EXPECT_PROBLEM("1 values, its exit names 2",
                 straight("ExitCmp g1, 0, g1 {cond=eq, width=8, exit=0}", one));
  EXPECT_PROBLEM("another bank", straight("ExitCmp g1, 0, g1, g1 {cond=eq, width=8, exit=0}", one));
  EXPECT_PROBLEM("belongs to another",
                 straight("ExitCmp g1, 0, g1, f2 {cond=eq, width=8, exit=0}\n"
                          "  ExitCmp g1, 1, g1, f2 {cond=eq, width=8, exit=0}",
                          one));
  EXPECT_PROBLEM(
      "in place",
      straight(
          "ExitCmp g1, 0, g1 {cond=eq, width=8, exit=0}",
          "exit 0 {deopt Stress line=0 frame(offset=1 raise=1 stack=[#1] locals=[]) drops=[]}\n"));
  const char* const kTwice =
      "exit 0 {deopt Stress line=0 frame(offset=1 raise=1 stack=[#1] locals=[]) "
      "drops=[#1:owned]}\n";
  EXPECT_PROBLEM("value 1 in place 1",
                 straight("ExitCmp g1, 0, g1, g1 {cond=eq, width=8, exit=0}", kTwice));
  const char* const kReleasedFirst =
      "exit 0 {raise Raised line=0 frame(offset=1 raise=1 stack=[#1] locals=[]) "
      "drops=[#0:owned]}\n";
  EXPECT_EQ(straight("ExitCmp g1, 0, g1, g1 {cond=eq, width=8, exit=0}", kReleasedFirst), "");
  EXPECT_PROBLEM(
      "does not own",
      straight(
          "ExitCmp g1, 0, g1 {cond=eq, width=8, exit=0}",
          "exit 0 {deopt Stress line=0 frame(offset=1 raise=1 stack=[] locals=[]) drops=[#0]}\n"));
  EXPECT_PROBLEM("no frame", straight("ExitCmp g1, 0 {cond=eq, width=8, exit=0}",
                                      "exit 0 {deopt Stress line=0 drops=[]}\n"));
}

TEST(LirVerifier, HelperCalls) {
  EXPECT_EQ(straight("g3 = Call g1, g1 {helper=load_attr}"), "");
  EXPECT_PROBLEM("takes 2 arguments", straight("g3 = Call g1 {helper=load_attr}"));
  EXPECT_PROBLEM("argument 1 has the wrong bank", straight("g3 = Call g1, f2 {helper=load_attr}"));
  EXPECT_PROBLEM("result has the wrong bank", straight("f3 = CallF g1, g1 {helper=load_attr}"));
}

// What is wrong may not even print.
TEST(LirVerifier, JumpToNowhere) { EXPECT_PROBLEM("has 0 targets", problems("bb0:\n  Jump\n")); }

TEST(LirVerifier, ErrorsBelowTheirPlace) {
  Function function;
  ParseError error{};
  ASSERT_TRUE(parse("fun f params=0 outgoing=0 {\nbb0(g2):\n  g1 = Move 1\n  Jump\n}\n", &function,
                    &error));
  std::string text = print(function, diagnose(function));
  EXPECT_EQ(text,
            "fun f params=0 outgoing=0 {\nbb0(g2):\n  g1 = Move 1\n  Jump bb?\n"
            "  // error: Jump: has 0 targets, expected 1\n}\n");
  EXPECT_EQ(print(function, {}), print(function));
}

TEST(LirVerifier, DoubleInAnAddress) {
  Function function;
  ParseError error{};
  ASSERT_TRUE(parse("fun f params=0 outgoing=0 {\nbb0:\n  f1 = MoveConstF {value=1}\n  Trap\n}\n",
                    &function, &error));
  Operand base = Operand::vreg(1, Bank::kFp), mem[] = {Operand::mem(base, 0)},
          def[] = {function.newVReg(Bank::kGp)};
  Instr* load = function.make(Op::kLoad, def, mem);
  load->attr[0] = 8;
  Function::insertBefore(function.blocks()[0]->last, load);
  ASSERT_EQ(verify(function).size(), 1u);
  EXPECT_PROBLEM("base is a double", verify(function)[0]);
}

}  // namespace
}  // namespace tephra::lir
