// Each rule of the verifier, broken once: by text where text can say it, else by hand.
#include <gtest/gtest.h>

#include "hir/ir.h"

namespace tephra::hir {
namespace {

// One sound function that has a bit of everything.
const char* const kSound = R"(fun f {
bb0:
  v0:Object = LoadArg {index=0}
  v1:Object = LoadArg {index=1}
  v2:Bool = ConstBool {value=true}
  PushFrame
  v3:State = FrameState v0, v1 {offset=2, raise_offset=2, nstack=1} aux[1]
  v4:Int = GuardType v0, v3 {type=Int}
  v5:Object = LoadMethod v0, v3 {name=#0}
  v6:OptObject = LoadMethodSelf v5
  UnpackSequence v0, v3 {count=1}
  v7:Object = UnpackedItem {index=0}
  StoreHome v4 {slot=1, old=2}
  Branch v2, bb1, bb2 {likely=0}
bb1 (preds bb0):
  Jump bb3
bb2 (preds bb0):
  v8:Object = BinaryOp v0, v1, v3 {kind=add}
  Jump bb3
bb3 (preds bb1, bb2):
  v9:Object = Phi v0, v8
  LeaveFrame aux[2, 5]
  Return v9
}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

testing::AssertionResult finds(const Function& function, const std::string& expected) {
  std::string all;
  for (const std::string& error : verify(function)) {
    if (error.find(expected) != std::string::npos) return testing::AssertionSuccess();
    all += error + "\n";
  }
  return testing::AssertionFailure() << "expected '" << expected << "', found:\n" << all;
}

void parsed(const std::string& text, Function* function) {
  ParseError error{};
  ASSERT_TRUE(parse(text, function, &error)) << error.line << ": " << error.message;
}

Instr* find(Function& function, Op op) {
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      if (instr->op == op) return instr;
    }
  }
  return nullptr;
}

TEST(HirVerifier, AcceptsTheSoundFunction) {
  Function function(nullptr);
  parsed(kSound, &function);
  for (const std::string& error : verify(function)) ADD_FAILURE() << error;
}

struct Break {
  const char* from;
  const char* to;
  const char* expected;
};

// Two ways into a frame, and a function that is inlined without one.
constexpr const char* kScopes = R"(fun f {
scope 1 in 0 @10 absent inner
bb0:
  Entries bb1, bb2 aux[0, 0, 3, 24]
bb1 (preds bb0):
  v0:Object = LoadArg {index=0}
  PushFrame
  v1:State = FrameState {offset=12, raise_offset=10, nstack=0} @10
  v7:Function = ConstObject {obj=#0}
  v2:State = FrameState v0, v7, v1 {offset=2, raise_offset=2, nstack=1} aux[function, parent] @2/1
  v3:Int = GuardType v0, v2 {type=Int} @2/1
  LeaveFrame aux[0] @12
  Return v3 @12
bb2 (preds bb0):
  v4:OptObject = LoadHome {slot=0} @24
  v5:State = FrameState {offset=24, raise_offset=24, nstack=0} @24
  v6:Object = GuardNotNull v4, v5 {reason=UnboundLocal} @24
  LeaveFrame aux[0] @30
  Return v6 @30
}
)";

TEST(HirVerifier, EntriesAndScopesBrokenByText) {
  const Break breaks[] = {
      {"LeaveFrame", "LeaveFrame", ""},
      {"aux[0, 0, 3, 24]", "aux[0, 0, 3]", "does not give kind and offset for each target"},
      {"aux[0, 0, 3, 24]", "aux[0, 0, 9, 24]", "has an entry of no known kind"},
      {"aux[0, 0, 3, 24]", "aux[0, 0, 0, 24]", "no PushFrame before it"},
      {"  PushFrame\n", "", "no PushFrame before it"},
      {"  LeaveFrame aux[0] @12\n  Return v3 @12\nbb2 (preds bb0)",
       "  Jump bb2\nbb2 (preds bb0, bb1)", "enters a block that others jump to"},
      {"  Return v6 @30", "  Entries bb1 aux[0, 0]", "is not at the end of the root block"},
      {"v3:Int = GuardType v0, v2 {type=Int} @2/1", "v3:Int = GuardType v0, v2 {type=Int} @2",
       "its frame state is another scope's"},
      {"v3:Int = GuardType v0, v2", "v3:Int = GuardType v0, v1",
       "its frame state is another scope's"},
      {"v0, v7, v1 {offset=2, raise_offset=2, nstack=1} aux[function, parent]",
       "v0, v7 {offset=2, raise_offset=2, nstack=1} aux[function]",
       "an inlined state needs its parent's"},
      {"aux[function, parent] @2/1", "aux[function, parent] @2", "the root has no parent state"},
      {"v0, v7, v1 {offset=2, raise_offset=2, nstack=1} aux[function, parent]",
       "v0, v1 {offset=2, raise_offset=2, nstack=1} aux[parent]",
       "does not say whose function its frame, which is absent, is of"},
      {"nstack=0} @24", "nstack=0} aux[function] @24", "has 0 values, not nstack + aux"},
      {"v5:State = FrameState {offset=24, raise_offset=24, nstack=0}",
       "v5:State = FrameState v4 {offset=24, raise_offset=24, nstack=0} aux[function]",
       "names the function of a frame that is there"},
      {"scope 1 in 0 @10 absent inner\n",
       "scope 1 in 0 @10 absent inner\nscope 2 in 1 @3 pushed innermost\n",
       "scope 2 has a frame, the scope that calls it none"},
      {"LeaveFrame aux[0] @12", "SetPosition {offset=4} @4/1\n  LeaveFrame aux[0] @12",
       "may look at the frame of a scope that has none"},
      {"LeaveFrame aux[0] @12",
       "v20:List = Refine v0 {type=List}\n  v21:Int64 = ConstInt {value=0}\n"
       "  ReplaceListItem v20, v21, v21, v2 @4/1\n  LeaveFrame aux[0] @12",
       "may look at the frame of a scope that has none"},
  };
  for (const Break& broken : breaks) {
    SCOPED_TRACE(std::string(broken.from) + " -> " + broken.to);
    Function function(nullptr);
    parsed(replaced(kScopes, broken.from, broken.to), &function);
    if (*broken.expected) {
      EXPECT_TRUE(finds(function, broken.expected));
    } else {
      for (const std::string& error : verify(function)) ADD_FAILURE() << error;
    }
  }
}

constexpr const char* kPushed = R"(fun pushed {
scope 1 in 0 @10 pushed inner
scope 2 in 0 @20 absent other
bb0:
  v0:Object = LoadArg {index=0}
  v1:Bool = ConstBool {value=true}
  PushFrame
  v2:State = FrameState v0, v0 {offset=10, raise_offset=10, nstack=2} @10
  PushInlinedFrame v0, v0, v2 @0/1
  v3:OptObject = LoadHome {slot=0} @4/1
  Branch v1, bb1, bb2 {likely=0} @6/1
bb1 (preds bb0):
  LeaveFrame aux[0] @8/1
  Jump bb3 @8/1
bb2 (preds bb0):
  LeaveFrame aux[0] @12/1
  Jump bb3 @12/1
bb3 (preds bb1, bb2):
  LeaveFrame aux[0] @14
  Return v0 @14
}
)";

TEST(HirVerifier, FramesInFramesBrokenByText) {
  const Break breaks[] = {
      {"PushFrame\n", "PushFrame\n", ""},
      {"LoadHome {slot=0} @4/1", "LoadHome {slot=0} @4",
       "its scope's frame is not the innermost one"},
      {"  LeaveFrame aux[0] @12/1\n", "", "no PushFrame before it"},
      {"  LeaveFrame aux[0] @8/1\n", "  LeaveFrame aux[0] @8/1\n  LeaveFrame aux[0] @9/1\n",
       "its scope's frame is not the innermost one"},
      {"  PushInlinedFrame v0, v0, v2 @0/1\n",
       "  PushInlinedFrame v0, v0, v2 @0/1\n  PushInlinedFrame v0, v0, v2 @0/1\n",
       "the frame of the scope that calls it is not the innermost one"},
      {"  PushFrame\n", "", "the frame of the scope that calls it is not the innermost one"},
      {"v2 @0/1", "v2 @0/2", "its scope is none that is inlined with a frame"},
      {"nstack=2} @10", "nstack=2} @10/1", "its frame state is another scope's"},
  };
  for (const Break& broken : breaks) {
    SCOPED_TRACE(std::string(broken.from) + " -> " + broken.to);
    Function function(nullptr);
    parsed(replaced(kPushed, broken.from, broken.to), &function);
    if (*broken.expected) {
      EXPECT_TRUE(finds(function, broken.expected));
    } else {
      for (const std::string& error : verify(function)) ADD_FAILURE() << error;
    }
  }
}

constexpr const char* kHandlers = R"(fun handlers {
bb0:
  v0:Object = LoadArg {index=0}
  PushFrame
  v1:State = FrameState v0 {offset=4, raise_offset=4, nstack=1} @4
  v2:Object = UnaryOp v0, v1, bb1, bb2 {kind=neg} @4
bb1 (preds bb0):
  LeaveFrame aux[0] @6
  Return v2 @6
bb2 (preds bb0):
  v3:Object = CatchException @20
  LeaveFrame aux[0] @22
  Return v3 @22
}
)";

TEST(HirVerifier, HandlersBrokenByText) {
  const Break breaks[] = {
      {"UnaryOp", "UnaryOp", ""},
      {"v1, bb1, bb2", "v1, bb1", "has 1 targets, not 2"},
      {"Return v3", "Return v2", "v2 does not dominate this use"},
      {"  v3:Object = CatchException @20\n", "  v3:Object = ConstObject {obj=#1}\n",
       "an exception is set here: CatchException comes first"},
      {"  LeaveFrame aux[0] @6\n", "  LeaveFrame aux[0] @6\n  v4:Object = CatchException\n",
       "no exception is set here"},
      {"nstack=1} @4", "nstack=0} aux[0] @4", "its handler would find stale homes"},
      {"LeaveFrame aux[0] @6\n  Return v2 @6", "Jump bb2 @6",
       "whether an exception is set depends on the way"},
      {"  LeaveFrame aux[0] @22\n  Return v3 @22", "  Jump bb1 @22",
       "goes on in a block that is not its own"},
      {"bb1 (preds bb0):\n", "bb1 (preds bb0):\n  v5:Object = Phi v0\n", "a phi of one way"},
  };
  for (const Break& broken : breaks) {
    SCOPED_TRACE(std::string(broken.from) + " -> " + broken.to);
    Function function(nullptr);
    std::string text = replaced(kHandlers, broken.from, broken.to);
    if (text.find("Jump bb2") != std::string::npos)
      text = replaced(text, "bb2 (preds bb0)", "bb2 (preds bb0, bb1)");
    if (text.find("Jump bb1") != std::string::npos)
      text = replaced(text, "bb1 (preds bb0)", "bb1 (preds bb0, bb2)");
    parsed(text, &function);
    if (*broken.expected) {
      EXPECT_TRUE(finds(function, broken.expected));
    } else {
      for (const std::string& error : verify(function)) ADD_FAILURE() << error;
    }
  }
}

TEST(HirText, ScopesComeInOrder) {
  for (const auto& [from, to] : {std::pair{"scope 1 in 0", "scope 2 in 0"},
                                 {"scope 1 in 0", "scope 1 in 1"},
                                 {"absent", "vague"},
                                 {"@2/1", "@2/7"}}) {
    Function function(nullptr);
    ParseError error{};
    EXPECT_FALSE(parse(replaced(kScopes, from, to), &function, &error)) << to;
  }
}

TEST(HirVerifier, EachRuleBrokenByText) {
  const Break breaks[] = {
      {"v4:Int = GuardType v0, v3", "v4:Int = GuardType v3", "has 1 operands, its row 2"},
      {"GuardType v0, v3", "GuardType v0, v1", "its last operand is no FrameState"},
      {"BinaryOp v0, v1", "BinaryOp v0, v2", "operand 1 is Bool, not Object"},
      {"BinaryOp v0, v1", "BinaryOp v6, v1", "operand 0 is OptObject, not Object"},
      {"v4:Int = GuardType", "v4:Str = GuardType", "wider than the type that it guards"},
      {"v8:Object = BinaryOp", "v8:Int64 = BinaryOp", "its result is Int64, its row's Object"},
      {"v7:Object = Unp", "v7:OptObject = Unp", "its result is wider than its row's Object"},
      {"  StoreHome v4", "  v20:Object = StoreHome v4", "its result is Object, its row's Void"},
      {"Phi v0, v8", "Phi v0", "another number of inputs"},
      {"Phi v0, v8", "Phi v8, v0", "does not reach its edge"},
      {"v9:Object = Phi", "v9:Int = Phi", "input v0 is Object"},
      {"Return v9", "Return v8", "v8 does not dominate this use"},
      {"  v9:Object = Phi v0, v8\n  LeaveFrame aux[2, 5]\n",
       "  LeaveFrame aux[2, 5]\n  v9:Object = Phi v0, v8\n", "a phi after other instructions"},
      {"bb1 (preds bb0):\n  Jump bb3\n", "bb1 (preds bb0):\n", "does not end with a terminator"},
      {"  Return v9", "  Return v9\n  Return v9", "a terminator before the block's end"},
      {"bb2 (preds bb0)", "bb2 (preds bb1)", "preds that differ"},
      {"Branch v2, bb1, bb2", "Branch v2, bb1", "has 1 targets, not 2"},
      {"Return v9", "Return v9, bb1", "has 1 targets, not 0"},
      {"Branch v2, bb1, bb2 {likely=0}\nbb1 (preds bb0)", "Jump bb2\nbb1", "bb1 is not reachable"},
      {"nstack=1} aux[1]", "nstack=2} aux[1]", "not nstack + aux"},
      {"FrameState v0, v1 {offset=2, raise_offset=2, nstack=1} aux[1]",
       "FrameState v0, v1 {offset=2, raise_offset=2, nstack=0} aux[1, 1]",
       "overrides a home twice"},
      {"nstack=1} aux[1]", "nstack=1} aux[parent]", "its parent must be a FrameState"},
      {"LoadMethodSelf v5\n", "LoadMethodSelf v0\n", "does not follow its partner"},
      {"  UnpackSequence v0, v3 {count=1}\n", "", "does not follow its partner"},
      {"{likely=0}", "{likely=5}", "likely is out of range"},
      {"{type=Int}", "{type=Function#0}", "guards a type, not a name"},
      {"old=2}", "old=3}", "old is out of range"},
      {"LeaveFrame aux[2, 5]", "LeaveFrame aux[5, 2]", "not in slot order"},
      {"  PushFrame\n", "", "no PushFrame before it"},
      {"  PushFrame\n", "  PushFrame\n  PushFrame\n", "a second PushFrame"},
      {"bb1 (preds bb0):\n", "bb1 (preds bb0):\n  PushFrame\n", "PushFrame belongs to the entry"},
      {"Return v9", "Return v9 aux[1]", "has aux"},
      {"Return v9", "Return v9 owned(v9)", "owns at an exit but has none"},
      {"{type=Int}", "{type=Int} owned(v2)", "exit_owned must name roots"},
      {"{kind=add}", "{kind=add} owned(v9)", "does not dominate this exit"},
      {"v5:Object = LoadMethod v0", "v5:Object = LoadMethod v4", ""},
  };
  for (const Break& broken : breaks) {
    Function function(nullptr);
    parsed(replaced(kSound, broken.from, broken.to), &function);
    if (*broken.expected) {
      EXPECT_TRUE(finds(function, broken.expected)) << broken.from << " -> " << broken.to;
    } else {
      EXPECT_TRUE(verify(function).empty()) << verify(function)[0];
    }
  }
}

TEST(HirVerifier, RangesOfTheUnit) {
  CodeUnit unit;
  unit.total_args = 2;
  unit.locals.resize(3);
  unit.objects.resize(1);
  const Break breaks[] = {
      {"index=1", "index=2", "index is out of range"},
      {"name=#0", "name=#1", "name is out of range"},
      {"v0:Object = LoadArg", "v0:Other#1 = LoadArg", "the name of its type is out of range"},
      {"{type=Int}", "{type=Function#1}", "the name of its type is out of range"},
      {"slot=1", "slot=3", "slot is out of range"},
      {"nstack=1} aux[1]", "nstack=1} aux[3]", "aux slot is out of range"},
      {"LeaveFrame aux[2, 5]", "LeaveFrame aux[2, 6]", "aux slot is out of range"},
      {"v1:Object = LoadArg {index=1}", "v1:Object = ConstObject {obj=none}", "names no object"},
  };
  for (const Break& broken : breaks) {
    Function function(&unit);
    parsed(replaced(kSound, broken.from, broken.to), &function);
    EXPECT_TRUE(finds(function, broken.expected)) << broken.to;
  }
}

TEST(HirVerifier, BrokenByHand) {
  {
    Function function(nullptr);
    EXPECT_TRUE(finds(function, "needs an entry block"));
  }
  auto broken = [](void (*change)(Function&), const char* expected) {
    Function function(nullptr);
    parsed(kSound, &function);
    change(function);
    EXPECT_TRUE(finds(function, expected));
  };
  broken([](Function& f) { find(f, Op::kBinaryOp)->id = 0; }, "another instruction has its id");
  broken([](Function& f) { find(f, Op::kBinaryOp)->id = 9999; }, "its id is out of range");
  broken([](Function& f) { find(f, Op::kBinaryOp)->block = f.entry(); }, "block pointer is wrong");
  broken([](Function& f) { find(f, Op::kReturn)->prev = nullptr; }, "prev pointer is wrong");
  broken([](Function& f) { f.entry()->last = f.entry()->first; }, "last pointer is wrong");
  broken([](Function& f) { find(f, Op::kBinaryOp)->operands[0] = nullptr; }, "null operand");
  broken([](Function& f) { Function::remove(find(f, Op::kGuardType)); }, "in no block");
  broken([](Function& f) { f.blocks()[1]->id = 0; }, "another block has");
  broken([](Function& f) { find(f, Op::kBinaryOp)->attr[0] = 26; }, "kind is out of range");
  broken([](Function& f) { find(f, Op::kConstBool)->attr[0] = 2; }, "value is out of range");
  broken([](Function& f) { find(f, Op::kGuardType)->attr[0] = kTypeInt64.encode(); },
         "no object type");
  broken([](Function& f) { find(f, Op::kGuardType)->type.named = 4; }, "may be named, not Int#3");
  broken([](Function& f) { f.blocks().erase(f.blocks().begin() + 1); }, "was removed");
  broken([](Function& f) { f.entry()->preds.push_back(f.blocks()[1]); },
         "is the entry and has preds");
}

TEST(HirCfg, RecomputeDropsUnreachableBlocksAndPhiInputs) {
  Function function(nullptr);
  parsed(kSound, &function);
  Instr* branch = find(function, Op::kBranch);
  branch->op = Op::kJump;
  branch->operands = {};
  branch->targets[0] = function.blocks()[2];
  branch->targets[1] = nullptr;
  function.recomputeCfg();
  EXPECT_EQ(function.blocks().size(), 3u);
  Instr* phi = find(function, Op::kPhi);
  ASSERT_EQ(phi->operands.size(), 1u);
  EXPECT_EQ(phi->operands[0]->op, Op::kBinaryOp);
  EXPECT_TRUE(verify(function).empty());
}

TEST(HirCfg, SplitEdgeKeepsPhis) {
  Function function(nullptr);
  parsed(
      "fun f {\nbb0:\n v0:Bool = ConstBool\n v1:Object = LoadArg {index=0}\n"
      " v2:Object = LoadArg {index=1}\n Branch v0, bb1, bb1\n"
      "bb1:\n v3:Object = Phi v1, v2\n Return v3\n}\n",
      &function);
  Block* middle = function.splitEdge(function.entry(), 1);
  EXPECT_EQ(function.blocks()[1]->preds[1], middle);
  EXPECT_EQ(function.blocks()[1]->preds[0], function.entry());
  for (const std::string& error : verify(function)) ADD_FAILURE() << error;
}

// On the instruction and on the block, as comments to the parser.
TEST(HirVerifier, ErrorsBelowTheirPlace) {
  Function function(nullptr), again(nullptr);
  ParseError error{};
  ASSERT_TRUE(
      parse("fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  Return v0\n"
            "bb1 (preds bb0):\n  Return v0\n}\n",
            &function, &error));
  std::string text = print(function, diagnose(function));
  EXPECT_NE(text.find("bb1 (preds bb0):\n  // error: has preds that differ"), std::string::npos)
      << text;
  ASSERT_TRUE(parse(text, &again, &error)) << error.message;
  EXPECT_EQ(print(again), print(function));
  EXPECT_EQ(verify(function).size(), diagnose(function).size());
}

}  // namespace
}  // namespace tephra::hir
