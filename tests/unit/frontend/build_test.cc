// Driver, prologue, control flow, SSA and locals.
#include <optional>

#include "tests/unit/frontend/assembler.h"

namespace tephra::frontend::test {
namespace {

using hir::Op;

const char* kAddTwo = R"(
unit add args=2 locals=a,b
feedback t BinaryInt
Resume 0
LoadFast 0
LoadFast 1
BinaryOp 0 !t
Return
)";

TEST(Frontend, PrologueAndReturn) {
  Built f(kAddTwo);
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("LoadArg"), 2);
  EXPECT_EQ(f.count("PushFrame"), 1);
  EXPECT_EQ(f.count("CheckPeriodic"), 1);
  EXPECT_EQ(f.count("GuardType"), 2);
  EXPECT_EQ(f.count("IntAdd"), 1);
  EXPECT_EQ(f.count("GuardUnobserved"), 0);
  EXPECT_EQ(f.find("LeaveFrame")->aux.size(), 2u);  // what the caller has handed over
  const hir::Instr* add = f.find("IntAdd");
  EXPECT_EQ(add->state()->u32(0), 6u);
  EXPECT_EQ(add->state()->u32(1), 6u);
  EXPECT_EQ(add->state()->u32(2), 2u);
}

TEST(Frontend, GenericHasNoSpeculation) {
  Built f(kAddTwo, FrontendOptions::generic());
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("GuardType"), 0);
  EXPECT_EQ(f.count("BinaryOp"), 1);
  ASSERT_EQ(f.count("GuardUnobserved"), 1);
  const hir::Instr* after = f.find("GuardUnobserved")->state();
  EXPECT_EQ(after->u32(0), 8u);  // goes on behind the operation,
  EXPECT_EQ(after->u32(1), 6u);  // which is to blame
  EXPECT_EQ(after->u32(2), 1u);
  EXPECT_EQ(after->operands[0]->op, Op::kBinaryOp);
}

TEST(Frontend, RefusedSiteIsGeneric) {
  FrontendOptions options;
  options.refused.insert({6, ExitReason::kIntTooLarge});
  EXPECT_EQ(Built(kAddTwo, options).count("BinaryOp"), 1);
  options.refused = {{8, ExitReason::kIntTooLarge}};
  EXPECT_EQ(Built(kAddTwo, options).count("BinaryOp"), 0);
}

TEST(Frontend, MergesNeedPhisOnlyForLiveLocals) {
  Built f(R"(
unit f args=1 locals=a,b,c
object one int 1
object two int 2
LoadFast 0
ToBool
PopJumpIfFalse L1
LoadConst @one
StoreFast 1
LoadConst @one
StoreFast 2
Jump L2
L1: LoadConst @two
StoreFast 1
LoadConst @two
StoreFast 2
L2: LoadFast 1
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("Phi"), 1);
  EXPECT_EQ(f.find("Phi")->type, hir::kTypeInt);
  EXPECT_EQ(f.count("StoreHome"), 4);
  // b and c are objects on both ways.
  EXPECT_EQ(f.find("LeaveFrame")->aux.size(), 3u);
  EXPECT_EQ(f.find("LeaveFrame")->aux[1], 2u);
}

TEST(Frontend, MaybeUnboundLocal) {
  Built f(R"(
unit f args=1 locals=a,b
LoadFast 0
ToBool
PopJumpIfFalse L1
LoadFast 0
StoreFast 1
L1: LoadFastCheck 1
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("GuardNotNull"), 1);
  EXPECT_EQ(f.find("GuardNotNull")->attr[0], static_cast<uint64_t>(ExitReason::kUnboundLocal));
  // What homes hold is told by stores alone.
  EXPECT_EQ(f.find("LeaveFrame")->aux[1], 3u);
}

TEST(Frontend, CertainlyUnboundLocalLeaves) {
  Built f(R"(
unit f args=0 locals=a
LoadFastCheck 0
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("Deopt"), 1);
  EXPECT_EQ(f.count("Return"), 0);
}

TEST(Frontend, DeleteAndStoreKnowTheOldContent) {
  Built f(R"(
unit f args=1 locals=a,b
LoadFast 0
StoreFast 1
LoadFast 0
StoreFast 1
DeleteFast 1
LoadFast 0
StoreFast 0
LoadFast 0
Return
)");
  ASSERT_TRUE(f.ok());
  ASSERT_EQ(f.count("StoreHome"), 4);
  EXPECT_EQ(f.find("StoreHome", 0)->attr[1], 0u);
  EXPECT_EQ(f.find("StoreHome", 1)->attr[1], 1u);
  EXPECT_EQ(f.find("StoreHome", 2)->attr[1], 1u);
  EXPECT_EQ(f.find("StoreHome", 2)->operands[0]->op, Op::kConstNull);
  EXPECT_EQ(f.find("StoreHome", 3)->attr[1], 1u);
  ASSERT_EQ(f.find("LeaveFrame")->aux.size(), 1u);  // b is unbound, a is a written parameter
  EXPECT_EQ(f.find("LeaveFrame")->aux[0], 0u);
}

const char* kSumLoop = R"(
unit total args=1 locals=n,s,i
object zero int 0
feedback r ForRange
feedback t BinaryInt
Resume 0
LoadConst @zero
StoreFast 1
LoadFast 0
GetIter
L1: ForIter L2 0 !r
StoreFast 2
LoadFast 1
LoadFast 2
BinaryOp 13 !t
StoreFast 1
JumpBackward L1
L2: PopTop
LoadFast 1
Return
)";

TEST(Frontend, RangeLoopKeepsTypes) {
  Built f(kSumLoop);
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("RangeIterNext"), 1);
  ASSERT_EQ(f.count("Phi"), 1);  // s alone; the iterator's phi was trivial
  EXPECT_EQ(f.find("Phi")->type, hir::kTypeInt);
  EXPECT_EQ(f.count("GuardType"), 1);  // the iterator
  EXPECT_EQ(f.count("UnboxInt"), 1);   // s; i's number is there already
  EXPECT_EQ(f.count("CheckPeriodic"), 2);
  EXPECT_TRUE(f.find("Phi")->block->is_loop_header);
}

TEST(Frontend, LoopTypesWiden) {
  // s begins as None and becomes something else.
  Built f(R"(
unit f args=1 locals=n,s
object none none
object five int 5
LoadConst @none
StoreFast 1
LoadFast 0
GetIter
L1: ForIter L2 0
PopTop
LoadFast 1
PopTop
LoadConst @five
StoreFast 1
JumpBackward L1
L2: PopTop
LoadFast 1
Return
)");
  ASSERT_TRUE(f.ok());
  ASSERT_EQ(f.count("Phi"), 1);
  EXPECT_EQ(f.find("Phi")->type, hir::Type::object(hir::kMaskInt | hir::kMaskNoneType));
}

TEST(Frontend, StackValuesAtMerges) {
  Built f(R"(
unit f args=3 locals=a,b,c
LoadFast 0
ToBool
PopJumpIfFalse L1
LoadFast 1
Jump L2
L1: LoadFast 2
L2: Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("Phi"), 1);
  EXPECT_EQ(f.count("IsTruthy"), 1);
}

TEST(Frontend, UnevenStackIsRefused) {
  Built f(R"(
unit f args=3 locals=a,b,c
LoadFast 0
ToBool
PopJumpIfFalse L2
LoadFast 1
L2: LoadFast 0
Return
)");
  ASSERT_FALSE(f.ok());
  EXPECT_EQ(f.bailout->reason, BailoutReason::kIrreducibleStack);
}

TEST(Frontend, UnsupportedOnlyWhereReached) {
  Built f("unit f args=0 locals=a\nUnsupported 42\nReturn\n");
  ASSERT_FALSE(f.ok());
  EXPECT_EQ(f.bailout->reason, BailoutReason::kUnsupportedOperation);
  Built g("unit f args=1 locals=a\nLoadFast 0\nReturn\nUnsupported 42\nReraise 0\n");
  EXPECT_TRUE(g.ok());
}

TEST(Frontend, TruthThatRunsCodeIsObservedOnBothWays) {
  Built f(R"(
unit f args=1 locals=a version=3.12
LoadFast 0
PopJumpIfTrue L1
LoadFast 0
Return
L1: LoadFast 0
Return
)");
  ASSERT_TRUE(f.ok());
  ASSERT_EQ(f.count("GuardUnobserved"), 2);
  std::set<uint64_t> places{f.find("GuardUnobserved", 0)->state()->attr[0],
                            f.find("GuardUnobserved", 1)->state()->attr[0]};
  EXPECT_EQ(places, (std::set<uint64_t>{4, 8}));
}

TEST(Frontend, PiecesShareTheStateBeforeTheFirst) {
  // LOAD_FAST_LOAD_FAST whose second half may be unbound: the state has neither value.
  Built f(R"(
unit f args=1 locals=a,b
LoadFast 0
ToBool
PopJumpIfFalse L1
LoadFast 0
StoreFast 1
L1: LoadFast 0
+ LoadFast 1
BuildTuple 2
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.find("GuardNotNull")->state()->attr[2], 0u);
  EXPECT_EQ(f.find("GuardNotNull")->state()->attr[0], 10u);
}

TEST(Frontend, ObservationWaitsForTheLastPiece) {
  Built f(R"(
unit f args=0 locals=a
object name str len
LoadGlobal @name 0
+ PushNull
Call 0
Return
)");
  ASSERT_TRUE(f.ok());
  const hir::Instr* state = f.find("GuardUnobserved")->state();
  EXPECT_EQ(state->attr[0], 2u);
  EXPECT_EQ(state->attr[2], 2u);
}

TEST(Frontend, ComprehensionLocals) {
  // [x for x in a] with x saved and restored around it.
  Built f(R"(
unit f args=1 locals=a,x
feedback l ForList
Resume 0
LoadFast 0
GetIter
LoadFastAndClear 1
Swap 2
BuildList 0
Swap 2
L1: ForIter L2 0 !l
StoreFast 1
LoadFast 1
ListAppend 2
JumpBackward L1
L2: PopTop
Swap 2
StoreFast 1
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("ListIterNext"), 1);
  EXPECT_EQ(f.count("IterExhaust"), 1);
  EXPECT_EQ(f.count("ListAppend"), 1);
  EXPECT_EQ(f.count("GuardType"), 1);  // the iterator; the list's type is known through the loop
  EXPECT_EQ(f.count("Phi"), 0);
}

TEST(Frontend, Cells) {
  Built f(R"(
unit f args=1 locals=a,c,free
CopyFreeVars 1
MakeCell 0
MakeCell 1
Resume 0
LoadDeref 0
StoreDeref 1
LoadDeref 2
PopTop
DeleteDeref 1
LoadFast 1
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("MakeCell"), 2);
  EXPECT_EQ(f.count("LoadClosureCell"), 1);
  EXPECT_EQ(f.count("ExchangeCell"), 2);
  ASSERT_EQ(f.count("StoreHome"), 3);
  EXPECT_EQ(f.find("StoreHome", 1)->attr[1], 1u);  // the parameter's old content
  EXPECT_EQ(f.find("StoreHome", 2)->attr[1], 0u);
  EXPECT_EQ(f.find("LeaveFrame")->aux.size(), 3u);
}

TEST(Frontend, IteratorIsDroppedAsTheVersionDoes) {
  Built f(R"(
unit f args=1 locals=a version=3.12
LoadFast 0
GetIter
L1: ForIter L2 1
PopTop
JumpBackward L1
L2: LoadFast 0
Return
)");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("IterNext"), 1);
  EXPECT_EQ(f.count("Refine"), 1);
  EXPECT_EQ(f.count("Phi"), 0);
}

TEST(Frontend, RaiseEndsTheFunction) {
  Built f("unit f args=1 locals=a\nLoadFast 0\nRaiseVarargs 1\n");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("Raise"), 1);
  EXPECT_EQ(f.find("Raise")->operands[1]->op, Op::kConstNull);
}

TEST(Frontend, HandlerOperationsLeave) {
  Built f("unit f args=1 locals=a\nLoadFast 0\nReraise 0\n");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f.count("Deopt"), 1);
}

TEST(Frontend, TextRoundTrip) {
  Built f(kSumLoop);
  ASSERT_TRUE(f.ok());
  hir::Function copy(&f.source->unit);
  hir::ParseError error;
  ASSERT_TRUE(hir::parse(f.printed, &copy, &error)) << error.line << ": " << error.message;
  EXPECT_EQ(hir::print(copy), f.printed);
}

}  // namespace
}  // namespace tephra::frontend::test
