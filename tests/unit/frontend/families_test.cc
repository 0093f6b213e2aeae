// Operation families: with feedback, without it, and in both call layouts.
#include <optional>

#include "tests/unit/frontend/assembler.h"

namespace tephra::frontend::test {
namespace {

using hir::Op;

std::string head(const std::string& version, const std::string& args = "args=2 locals=a,b") {
  return "unit f " + args + " version=" + version + "\n";
}

// One binary operation on both parameters.
Built binary(const std::string& kind, int op, const FrontendOptions& options = {}) {
  std::string fb = kind.empty() ? "" : "feedback t " + kind + "\n";
  std::string use = kind.empty() ? "" : " !t";
  return Built(head("3.14") + fb + "LoadFast 0\nLoadFast 1\nBinaryOp " + std::to_string(op) + use +
                   "\nReturn\n",
               options);
}

TEST(FrontendArithmetic, Kinds) {
  EXPECT_EQ(binary("BinaryFloat", 5).count("DoubleMul"), 1);
  EXPECT_EQ(binary("BinaryFloat", 11).count("DoubleDiv"), 1);
  EXPECT_EQ(binary("BinaryInt", 10).count("IntSub"), 1);
  EXPECT_EQ(binary("BinaryInt", 23).count("IntSub"), 1);  // in place
  EXPECT_EQ(binary("BinaryInt", 7).count("IntOr"), 1);
  EXPECT_EQ(binary("BinaryInt", 11).count("DoubleDiv"), 1);  // true division of exact ints
  EXPECT_EQ(binary("BinaryInt", 11).count("GuardTrue"), 4);
  EXPECT_EQ(binary("BinaryInt", 8).count("BinaryOp"), 1);  // a power may be no int
  EXPECT_EQ(binary("BinaryIntFloat", 0).count("IntToDouble"), 1);
  EXPECT_EQ(binary("BinaryStr", 0).count("StrConcat"), 1);
  EXPECT_EQ(binary("", 0).count("BinaryOp"), 1);
  FrontendOptions off;
  off.arithmetic = false;
  EXPECT_EQ(binary("BinaryInt", 0, off).count("BinaryOp"), 1);
}

// Without feedback: shifts are of ints, an int's partner is one; sums only where the caches failed.
TEST(FrontendArithmetic, Guesses) {
  auto with_int = [](int kind, const std::string& feedback = "", FrontendOptions options = {}) {
    std::string fb = feedback.empty() ? "" : "feedback t " + feedback + "\n";
    return Built(head("3.14") + "object three int 3\n" + fb +
                     "LoadFast 0\nLoadConst @three\nBinaryOp " + std::to_string(kind) +
                     (feedback.empty() ? "" : " !t") + "\nReturn\n",
                 options);
  };
  EXPECT_EQ(binary("", 3).count("IntShl"), 1);
  EXPECT_EQ(binary("", 9).count("IntShr"), 1);
  EXPECT_EQ(binary("", 1).count("BinaryOp"), 1);  // & of sets, flags, bools, ints
  EXPECT_EQ(with_int(1).count("IntAnd"), 1);
  EXPECT_EQ(with_int(2).count("IntFloorDiv"), 1);
  EXPECT_EQ(with_int(6).count("IntMod"), 1);
  EXPECT_EQ(with_int(0).count("BinaryOp"), 1);
  EXPECT_EQ(with_int(0, "Megamorphic").count("IntAdd"), 1);
  EXPECT_EQ(with_int(11).count("BinaryOp"), 1);
  FrontendOptions off;
  off.guess_ints = false;
  EXPECT_EQ(binary("", 3, off).count("BinaryOp"), 1);
  EXPECT_EQ(with_int(1, "", off).count("BinaryOp"), 1);
}

TEST(FrontendArithmetic, UnboxedValuesArePassedOn) {
  Built f(head("3.14") + R"(
feedback t BinaryFloat
LoadFast 0
LoadFast 1
BinaryOp 5 !t
LoadFast 0
BinaryOp 0 !t
UnaryNegative
Return
)");
  EXPECT_EQ(f.count("UnboxFloat"), 2);
  EXPECT_EQ(f.count("GuardType"), 2);
  EXPECT_EQ(f.count("DoubleNeg"), 1);
}

TEST(FrontendArithmetic, TypesFlowWithoutFeedback) {
  Built f(head("3.14") + R"(
object three int 3
feedback t BinaryInt
LoadFast 0
LoadFast 1
BinaryOp 0 !t
LoadConst @three
BinaryOp 6
UnaryNegative
Return
)");
  EXPECT_EQ(f.count("IntMod"), 1);
  EXPECT_EQ(f.count("ConstInt"), 1);
  EXPECT_EQ(f.count("IntNeg"), 1);
}

TEST(FrontendArithmetic, ContradictoryFeedbackIsIgnored) {
  Built f(head("3.14") + R"(
object x float 1.5
feedback t BinaryInt
LoadConst @x
LoadFast 1
BinaryOp 0 !t
Return
)");
  EXPECT_EQ(f.count("BinaryOp") + f.count("DoubleAdd"), 1);
}

TEST(FrontendCompare, JumpUsesTheUnboxedTruth) {
  Built f(head("3.14") + R"(
feedback t CompareInt
LoadFast 0
LoadFast 1
Compare 0 1 !t
PopJumpIfFalse L1
LoadFast 0
Return
L1: LoadFast 1
Return
)");
  const hir::Instr* branch = f.find("Branch");
  EXPECT_EQ(branch->operands[0]->op, Op::kIntCompare);
  EXPECT_EQ(f.count("IsTruthy"), 0);
}

TEST(FrontendCompare, Kinds) {
  auto compare = [](const std::string& kind, int cmp, int to_bool) {
    std::string fb = kind.empty() ? "" : "feedback t " + kind + "\n";
    return Built(head("3.14") + fb + "LoadFast 0\nLoadFast 1\nCompare " + std::to_string(cmp) +
                 " " + std::to_string(to_bool) + (kind.empty() ? "" : " !t") + "\nReturn\n");
  };
  EXPECT_EQ(compare("CompareFloat", 4, 0).count("DoubleCompare"), 1);
  EXPECT_EQ(compare("CompareStr", 2, 0).count("StrEqual"), 1);
  EXPECT_EQ(compare("CompareStr", 3, 0).count("BoolNot"), 1);
  EXPECT_EQ(compare("CompareStr", 0, 0).count("Compare"), 1);
  EXPECT_EQ(compare("", 0, 1).count("CompareBool"), 1);
  EXPECT_EQ(compare("", 0, 0).count("Compare"), 1);
}

TEST(FrontendCompare, IdentityContainsNone) {
  Built f(head("3.14") + R"(
LoadFast 0
LoadFast 1
IsOp 1
PopTop
LoadFast 0
LoadFast 1
ContainsOp 1
PopJumpIfTrue L1
LoadFast 0
PopJumpIfNone L1
LoadFast 1
PopJumpIfNotNone L1
LoadFast 0
Return
L1: LoadFast 1
Return
)");
  EXPECT_EQ(f.count("PtrEqual"), 3);
  EXPECT_EQ(f.count("Contains"), 1);
  EXPECT_EQ(f.count("BoolNot"), 2);
}

TEST(FrontendTruth, Kinds) {
  auto test = [](const std::string& kind) {
    return Built(head("3.14") + "feedback t " + kind +
                 " type_version=9\nLoadFast 0\nToBool !t\nUnaryNot\nReturn\n");
  };
  EXPECT_EQ(test("BoolBool").count("UnboxBool"), 1);
  EXPECT_EQ(test("BoolInt").count("IntCompare"), 1);
  EXPECT_EQ(test("BoolList").count("LoadVarSize"), 1);
  EXPECT_EQ(test("BoolAlwaysTrue").count("GuardTypeVersion"), 1);
  EXPECT_EQ(test("BoolNone").count("IsTruthy"), 1);
}

Built attribute(const std::string& feedback, const std::string& op = "LoadAttr",
                const std::string& version = "3.14", const FrontendOptions& options = {}) {
  return Built(head(version) + R"(
object name str attr
object list class list address=0x1000
object cls class C address=0x77
object fn function m argcount=1 entry=1
object fn2 function m2 argcount=2 entry=1
object k other thing
feedback t )" + feedback +
                   "\nLoadFast 0\n" + op + " @name !t\n" + (op == "LoadMethod" ? "Call 0\n" : "") +
                   "Return\n",
               options);
}

TEST(FrontendAttributes, Loads) {
  Built instance = attribute("AttrInstance type_version=5 index=2");
  EXPECT_EQ(instance.find("GuardTypeVersion")->attr[0], 5u);
  EXPECT_EQ(instance.find("LoadInlineValue")->attr[0], 2u);
  EXPECT_EQ(instance.count("GuardUnobserved"), 0);
  Built slot = attribute("AttrSlot type_version=5 index=24");
  EXPECT_EQ(slot.find("LoadField")->attr[0], 24u);
  EXPECT_EQ(slot.count("GuardNotNull"), 1);
  Built module = attribute("AttrModule keys_version=5 index=3 object=fn");
  EXPECT_EQ(module.count("GuardModuleKeysVersion"), 1);
  EXPECT_EQ(module.count("GuardIs"), 1);
  Built cls = attribute("AttrClass type_version=5 object=k type=cls");
  EXPECT_EQ(cls.count("GuardClassVersion"), 1);
  EXPECT_EQ(cls.count("GuardIs"), 1);
  EXPECT_EQ(attribute("AttrClass type_version=5 object=k").count("LoadAttr"), 1);
  Built property = attribute("AttrProperty type_version=5 object=fn");
  EXPECT_EQ(property.count("CallDirect"), 1);
  EXPECT_EQ(property.count("GuardUnobserved"), 1);
  EXPECT_EQ(attribute("AttrNondescriptor type_version=5 object=k").count("LoadAttr"), 0);
  EXPECT_EQ(attribute("AttrWithHint type_version=5 index=1").count("LoadAttr"), 1);
  FrontendOptions off;
  off.attributes = false;
  EXPECT_EQ(
      attribute("AttrSlot type_version=5 index=24", "LoadAttr", "3.14", off).count("LoadAttr"), 1);
}

TEST(FrontendAttributes, AFailedShapeTellsOfAllSitesOfTheValue) {
  auto loads = [](const FrontendOptions& options) {
    return Built(head("3.14") +
                     "object name str attr\nfeedback t AttrInstance type_version=5 index=2\n"
                     "LoadFast 0\nLoadAttr @name !t\nLoadFast 0\nLoadAttr @name !t\nBinaryOp 0\n"
                     "LoadFast 1\nLoadAttr @name !t\nBinaryOp 0\nReturn\n",
                 options);
  };
  EXPECT_EQ(loads({}).count("LoadInlineValue"), 3);
  for (ExitReason reason : {ExitReason::kTypeVersionChanged, ExitReason::kDictMaterialised}) {
    FrontendOptions learned;
    learned.refused.insert({2, reason});
    EXPECT_EQ(loads(learned).count("LoadAttr"), 2);         // of the first parameter
    EXPECT_EQ(loads(learned).count("LoadInlineValue"), 1);  // of the second
  }
  FrontendOptions other;
  other.refused.insert({2, ExitReason::kNullAttribute});
  EXPECT_EQ(loads(other).count("LoadAttr"), 1);
}

TEST(FrontendAttributes, MethodsInBothLayouts) {
  for (const char* version : {"3.12", "3.14"}) {
    Built known = attribute("MethodNoDict type_version=5 object=fn", "LoadMethod", version);
    EXPECT_EQ(known.count("CallDirect"), 1);
    EXPECT_EQ(known.find("CallDirect")->inputs().size(), 2u);
    Built values = attribute("MethodWithValues type_version=5 keys_version=6 object=fn",
                             "LoadMethod", version);
    EXPECT_EQ(values.count("GuardHeapKeysVersion"), 1);
    EXPECT_EQ(values.count("CallDirect"), 1);
    Built wrong = attribute("MethodNoDict type_version=5 object=fn2", "LoadMethod", version);
    EXPECT_EQ(wrong.count("Call"), 1);
    Built field = attribute("AttrInstance type_version=5 index=1", "LoadMethod", version);
    EXPECT_EQ(field.find("Call")->inputs().size(), 1u);
    Built unknown = attribute("AttrWithHint type_version=5", "LoadMethod", version);
    EXPECT_EQ(unknown.count("CallMaybeMethod"), 1);
    // The state shows the two slots in the version's order.
    const hir::Instr* state = unknown.find("GuardUnobserved")->state();
    ASSERT_EQ(state->attr[2], 2u);
    bool null_first = std::string(version) == "3.12";
    EXPECT_EQ(state->operands[null_first ? 1 : 0]->op, Op::kLoadMethod);
    EXPECT_EQ(state->operands[null_first ? 0 : 1]->op, Op::kLoadMethodSelf);
    EXPECT_EQ(unknown.find("CallMaybeMethod")->operands[0]->op, Op::kLoadMethod);
  }
}

TEST(FrontendAttributes, BuiltinClassesAreToldByType) {
  Built f = attribute("MethodNoDict type_version=5 object=fn type=list", "LoadMethod");
  EXPECT_EQ(f.count("GuardType"), 1);
  EXPECT_EQ(f.count("GuardTypeVersion"), 0);
}

TEST(FrontendAttributes, StoresAndDeletes) {
  auto store = [](const std::string& feedback) {
    return Built(head("3.14") + "object name str attr\nfeedback t " + feedback +
                 "\nLoadFast 0\nLoadFast 1\nStoreAttr @name !t\nLoadFast 1\nDeleteAttr "
                 "@name\nLoadFast 0\nReturn\n");
  };
  EXPECT_EQ(store("AttrInstance type_version=5 index=1").count("StoreInlineValue"), 1);
  Built slot = store("AttrSlot type_version=5 index=16");
  EXPECT_EQ(slot.count("ExchangeField"), 1);
  EXPECT_EQ(slot.find("ExchangeField")->operands[1]->op, Op::kLoadArg);
  EXPECT_EQ(store("AttrWithHint type_version=5").count("StoreAttr"), 1);
}

TEST(FrontendAttributes, Super) {
  for (const char* version : {"3.12", "3.14"}) {
    Built f(head(version, "args=3 locals=a,b,c") + R"(
object name str attr
LoadFast 0
LoadFast 1
LoadFast 2
LoadSuperAttr @name 3
LoadFast 0
Call 1
PopTop
LoadFast 0
LoadFast 1
LoadFast 2
LoadSuperAttr @name 2
Return
)");
    EXPECT_EQ(f.find("LoadSuperMethod")->attr[1], 1u);
    EXPECT_EQ(f.count("CallMaybeMethod"), 1);
    EXPECT_EQ(f.count("LoadSuperAttr"), 1);
  }
}

TEST(FrontendGlobals, Kinds) {
  const std::string objects = R"(
object name str len
object fn function g argcount=0 entry=1
object k other thing
)";
  auto global = [&](const std::string& feedback, const FrontendOptions& options = {}) {
    return Built(
        head("3.14") + objects + "feedback t " + feedback + "\nLoadGlobal @name 0 !t\nReturn\n",
        options);
  };
  Built module = global("GlobalModule keys_version=4 index=7 offset=120 object=fn");
  EXPECT_EQ(module.count("GuardDictKeysVersion"), 1);
  EXPECT_EQ(module.find("LoadDictEntry")->attr[0], 120u);
  EXPECT_EQ(module.count("GuardIs"), 1);
  Built builtin =
      global("GlobalBuiltin keys_version=4 keys_version2=5 index=7 offset=120 object=fn");
  EXPECT_EQ(builtin.count("GuardDictKeysVersion"), 2);
  // A value that does not look stable is loaded every time.
  EXPECT_EQ(global("GlobalModule keys_version=4 index=7 offset=120 object=k").count("GuardIs"), 0);
  FrontendOptions learned;
  learned.refused.insert({0, ExitReason::kIdentityChanged});
  Built again = global("GlobalModule keys_version=4 index=7 offset=120 object=fn", learned);
  EXPECT_EQ(again.count("GuardIs"), 0);
  EXPECT_EQ(again.count("LoadDictEntry"), 1);
  EXPECT_EQ(global("GlobalModule keys_version=4 index=7").count("LoadGlobal"), 1);  // stale
  learned.refused = {{0, ExitReason::kKeysVersionChanged}};
  EXPECT_EQ(global("GlobalModule keys_version=4 index=7 offset=120 object=fn", learned)
                .count("LoadGlobal"),
            1);
  Built stores(head("3.14") + objects +
               "LoadFast 0\nStoreGlobal @name\nDeleteGlobal @name\nLoadFast 0\nReturn\n");
  EXPECT_EQ(stores.count("GuardUnobserved"), 2);
}

// Calls the object `callee` found as a global with two parameters.
Built call(const std::string& version, const std::string& callee, int args,
           const FrontendOptions& options = {}, const std::string& keywords = "") {
  std::string code = head(version) + "object name str g\nobject names tuple\nobject g " + callee +
                     "\nfeedback t GlobalModule keys_version=4 index=7 offset=120 object=g\n" +
                     "LoadGlobal @name 1 !t\n";
  for (int i = 0; i < args; ++i) code += "LoadFast " + std::to_string(i) + "\n";
  return Built(code + "Call " + std::to_string(args) + keywords + "\nReturn\n", options);
}

TEST(FrontendCalls, KnownCallees) {
  for (const char* version : {"3.12", "3.14"}) {
    EXPECT_EQ(call(version, "function g argcount=2 entry=1", 2).count("CallDirect"), 1);
    EXPECT_EQ(call(version, "function g argcount=2 entry=1", 1).count("Call"), 1);
    EXPECT_EQ(call(version, "function g argcount=2", 2).count("Call"), 1);  // no entry cell
    EXPECT_EQ(call(version, "function g argcount=2 entry=1", 2, {}, " @names").count("Call"), 1);
    EXPECT_EQ(call(version, "builtin len cfunc=1 flags=8", 1).count("GetLen"), 1);
    EXPECT_EQ(call(version, "builtin isinstance cfunc=1 flags=0x80", 2).count("IsInstance"), 1);
    Built o = call(version, "builtin abs cfunc=99 flags=8", 1);
    EXPECT_EQ(o.find("CallBuiltin")->attr[0], 99u);
    EXPECT_EQ(o.find("CallBuiltin")->attr[2], 1u);
    EXPECT_EQ(call(version, "builtin max cfunc=99 flags=0x82", 2).find("CallBuiltin")->attr[2], 3u);
    EXPECT_EQ(call(version, "builtin print cfunc=99 flags=3", 2).count("Call"), 1);
    FrontendOptions off;
    off.direct_calls = off.builtins = false;
    EXPECT_EQ(call(version, "builtin abs cfunc=99 flags=8", 1, off).count("Call"), 1);
    Built range = call(version, "class range address=0x1300", 1);
    EXPECT_EQ(range.find("Call")->type, hir::Type::object(hir::kMaskRange));
  }
}

TEST(FrontendCalls, MethodDescriptors) {
  for (const char* version : {"3.12", "3.14"}) {
    auto method = [&](const std::string& callee, int args) {
      std::string code =
          head(version) +
          "object name str m\nobject list class list address=0x1000\nobject m method " + callee +
          "\nfeedback t MethodNoDict type_version=4 object=m type=list\nLoadFast 0\nLoadMethod "
          "@name !t\n";
      for (int i = 0; i < args; ++i) code += "LoadFast 1\n";
      return Built(code + "Call " + std::to_string(args) + "\nReturn\n");
    };
    Built append = method("list.append cfunc=5 flags=8", 1);
    EXPECT_EQ(append.count("ListAppend"), 1);
    EXPECT_EQ(append.count("ConstNone"), 1);
    Built pop = method("list.pop cfunc=5 flags=0x80", 0);
    EXPECT_EQ(pop.find("CallBuiltin")->attr[1], kNoRef);
    EXPECT_EQ(pop.find("CallBuiltin")->inputs().size(), 2u);
    EXPECT_EQ(method("deque.append cfunc=5 flags=8", 1).count("Call"), 1);
  }
}

TEST(FrontendCalls, CalleeFromTheCache) {
  const std::string text = head("3.14") + R"(
object g function g argcount=1 entry=1
feedback t CallPyExact object=g
LoadFast 0
PushNull
LoadFast 1
Call 1 !t
Return
)";
  Built f(text);
  EXPECT_EQ(f.count("GuardIs"), 1);
  EXPECT_EQ(f.count("CallDirect"), 1);
  FrontendOptions learned;
  learned.refused.insert({6, ExitReason::kIdentityChanged});
  EXPECT_EQ(Built(text, learned).count("Call"), 1);
}

TEST(FrontendCalls, KeywordsAndStars) {
  Built kw(head("3.14") + R"(
object names tuple
LoadFast 0
PushNull
LoadFast 1
LoadConst @names
CallKw 1
PopTop
LoadFast 0
PushNull
LoadFast 1
LoadFast 0
CallKw 1
PopTop
LoadFast 0
PushNull
LoadFast 1
PushNull
CallEx 1
Return
)");
  EXPECT_EQ(kw.find("Call")->attr[0], kw.source->object("names"));
  EXPECT_EQ(kw.count("CallKw"), 1);
  EXPECT_EQ(kw.count("CallEx"), 1);
  Built ex(head("3.12") + "PushNull\nLoadFast 0\nLoadFast 1\nCallEx 0\nReturn\n");
  EXPECT_EQ(ex.find("CallEx")->operands[0]->attr[0], 0u);
}

TEST(FrontendContainers, Items) {
  auto item = [](const std::string& feedback) {
    return Built(head("3.14") + "object g function g argcount=2 entry=1\nfeedback t " + feedback +
                 "\nLoadFast 0\nLoadFast 1\nGetItem !t\nReturn\n");
  };
  EXPECT_EQ(item("ItemListInt").count("LoadListItem"), 1);
  EXPECT_EQ(item("ItemTupleInt").count("LoadTupleItem"), 1);
  EXPECT_EQ(item("ItemDict").count("DictGetItem"), 1);
  EXPECT_EQ(item("ItemFunction type_version=3 object=g").count("CallDirect"), 1);
  EXPECT_EQ(item("ItemFunction type_version=3").count("GetItem"), 1);
  auto store = [](const std::string& feedback) {
    return Built(head("3.14") + "feedback t " + feedback +
                 "\nLoadFast 0\nLoadFast 0\nLoadFast 1\nSetItem !t\nLoadFast 0\nReturn\n");
  };
  EXPECT_EQ(store("StoreListInt").count("StoreListItem"), 1);
  EXPECT_EQ(store("StoreDict").count("DictSetItem"), 1);
  EXPECT_EQ(store("BoolNone").count("SetItem"), 1);
}

TEST(FrontendContainers, Displays) {
  Built f(head("3.14") + R"(
object keys tuple
LoadFast 0
LoadFast 1
BuildList 2
LoadFast 0
ListExtend 1
CallIntrinsic1 6
PopTop
LoadFast 0
LoadFast 1
BuildMap 1
LoadFast 0
LoadFast 1
MapAdd 1
LoadFast 0
DictUpdate 1
PopTop
LoadFast 0
LoadFast 1
LoadConst @keys
BuildConstKeyMap 2
PopTop
LoadFast 0
BuildSet 1
LoadFast 1
SetAdd 1
LoadFast 1
SetUpdate 1
PopTop
LoadFast 0
LoadFast 1
BuildSlice 2
LoadFast 0
BinaryOp 0
Return
)");
  EXPECT_EQ(f.count("ListToTuple"), 1);
  EXPECT_EQ(f.count("MakeMap"), 2);
  EXPECT_EQ(f.count("LoadTupleItemAt"), 2);
  EXPECT_EQ(f.count("GuardType"), 0);
  EXPECT_EQ(f.find("MakeSlice")->operands[2]->op, Op::kConstNone);
}

TEST(FrontendContainers, DictMergeFindsTheCallable) {
  for (const char* version : {"3.12", "3.14"}) {
    bool null_first = std::string(version) == "3.12";
    std::string pair = null_first ? "PushNull\nLoadFast 0\n" : "LoadFast 0\nPushNull\n";
    Built f(head(version) + pair +
            "LoadFast 1\nBuildMap 0\nLoadFast 1\nDictMerge 1\nCallEx 1\nReturn\n");
    EXPECT_EQ(f.find("DictMerge")->operands[2]->op, Op::kLoadArg);
    EXPECT_EQ(f.find("DictMerge")->operands[2]->attr[0], 0u);
    EXPECT_EQ(f.find("CallEx")->operands[0]->attr[0], 0u);
  }
}

TEST(FrontendContainers, Unpacking) {
  auto unpack = [](const std::string& feedback) {
    return Built(
        head("3.14", "args=1 locals=a,b,c") + "feedback t " + feedback +
        "\nLoadFast 0\nUnpackSequence 2 !t\nStoreFast 1\nStoreFast 2\nLoadFast 1\nReturn\n");
  };
  Built tuple = unpack("UnpackTwoTuple");
  EXPECT_EQ(tuple.find("GuardTrue")->attr[0], static_cast<uint64_t>(ExitReason::kShapeChanged));
  // The first item is on top, so slot 1 gets item 0.
  EXPECT_EQ(tuple.find("StoreHome")->operands[0]->attr[0], 0u);
  EXPECT_EQ(unpack("UnpackList").count("LoadListItemAt"), 2);
  Built generic = unpack("BoolNone");
  EXPECT_EQ(generic.count("UnpackedItem"), 2);
  EXPECT_EQ(generic.find("StoreHome")->operands[0]->attr[0], 0u);
  Built star(
      head("3.14", "args=1 locals=a,b,c,d") +
      "LoadFast 0\nUnpackEx 1 1\nStoreFast 1\nStoreFast 2\nStoreFast 3\nLoadFast 2\nReturn\n");
  EXPECT_EQ(star.count("UnpackedItem"), 3);
  EXPECT_EQ(star.find("Return")->operands[0]->type, hir::kTypeList);
}

TEST(FrontendContainers, Matching) {
  Built f(head("3.14") + R"(
object names tuple
LoadFast 0
MatchMapping
PopJumpIfFalse L1
MatchSequence
PopJumpIfFalse L1
GetLen
PopTop
LoadConst @names
MatchKeys
PopTop
PopTop
LoadFast 1
LoadConst @names
MatchClass 0
Return
L1: Return
)");
  EXPECT_EQ(f.count("MatchKeys"), 1);
  EXPECT_EQ(f.count("MatchClass"), 1);
  EXPECT_EQ(f.count("GuardUnobserved"), 3);
}

TEST(FrontendLoops, Sequences) {
  auto loop = [](const std::string& feedback, const std::string& version,
                 const FrontendOptions& o = {}) {
    std::string pops = version == "3.12" ? "1" : "0";
    return Built(head(version) + "feedback t " + feedback +
                     "\nLoadFast 0\nGetIter\nL1: ForIter L2 " + pops +
                     " !t\nPopTop\nJumpBackward L1\nL2: " + (version == "3.12" ? "" : "PopTop\n") +
                     "LoadFast 0\nReturn\n",
                 o);
  };
  for (const char* version : {"3.12", "3.14"}) {
    Built list = loop("ForList", version);
    EXPECT_EQ(list.count("ListIterNext"), 1);
    EXPECT_EQ(list.count("IterExhaust"), 1);
    EXPECT_EQ(list.find("GuardUnobserved", 1)->state()->attr[2],
              version == std::string("3.12") ? 0u : 1u);
    EXPECT_EQ(loop("ForTuple", version).count("TupleIterNext"), 1);
    EXPECT_EQ(loop("ForRange", version).count("RangeIterNext"), 1);
    EXPECT_EQ(loop("ForGen", version).count("IterNext"), 1);
    FrontendOptions off;
    off.iteration = false;
    EXPECT_EQ(loop("ForRange", version, off).count("IterNext"), 1);
  }
}

TEST(FrontendFunctions, MakeFunctionOfBothVersions) {
  Built old(head("3.12") + R"(
object code other code
LoadFast 0
BuildTuple 1
LoadFast 1
BuildTuple 1
LoadConst @code
MakeFunction 9
Return
)");
  ASSERT_EQ(old.count("SetFunctionAttribute"), 2);
  EXPECT_EQ(old.find("SetFunctionAttribute", 0)->attr[0], 8u);  // the closure lies on top
  EXPECT_EQ(old.find("SetFunctionAttribute", 1)->attr[0], 1u);
  EXPECT_EQ(old.count("FinishFunction"), 1);
  Built now(head("3.14") +
            "object code other code\nLoadFast 0\nLoadConst @code\nMakeFunction "
            "0\nSetFunctionAttribute 8\nReturn\n");
  EXPECT_EQ(now.find("SetFunctionAttribute")->operands[0]->op, Op::kMakeFunction);
}

// A function of two parameters, the second with a default, made and called with `count` arguments.
Built callOfMade(const std::string& version, int count, const FrontendOptions& options = {}) {
  std::string make = version == "3.12" ? "LoadConst @defaults\nLoadConst @code\nMakeFunction 1\n"
                                       : "LoadConst @defaults\nLoadConst @code\nMakeFunction 0\n"
                                         "SetFunctionAttribute 1\n";
  std::string code = head(version) +
                     "object code code g argcount=2 entry=1\nobject defaults tuple items=1\n" +
                     make + "PushNull\n";
  if (version == "3.12") code = code.substr(0, code.size() - 9) + "PushNull\nSwap 2\n";
  for (int i = 0; i < count; ++i) code += "LoadFast " + std::to_string(i) + "\n";
  return Built(code + "Call " + std::to_string(count) + "\nReturn\n", options);
}

TEST(FrontendFunctions, WhatIsMadeHereIsCalledDirectly) {
  for (const char* version : {"3.12", "3.14"}) {
    Built both = callOfMade(version, 2), left_out = callOfMade(version, 1);
    EXPECT_EQ(both.count("CallDirect"), 1);
    EXPECT_EQ(both.count("GuardFunctionCode"), 0);  // its vectorcall is compared
    EXPECT_EQ(left_out.count("CallDirect"), 1);
    EXPECT_EQ(left_out.count("GuardFunctionCode"), 1);
    EXPECT_EQ(left_out.count("GuardFieldIs"), 1);
    EXPECT_EQ(left_out.find("LoadTupleItemAt")->attr[0], 0u);
    EXPECT_EQ(callOfMade(version, 0).count("Call"), 1);
    FrontendOptions off;
    off.direct_calls = false;
    EXPECT_EQ(callOfMade(version, 2, off).count("Call"), 1);
  }
}

TEST(FrontendFunctions, ImportsStringsWith) {
  Built f(head("3.14") + R"(
object name str os
LoadFast 0
LoadFast 1
ImportName @name
ImportFrom @name
PopTop
PopTop
LoadFast 0
FormatSimple
LoadFast 0
LoadFast 1
FormatWithSpec
LoadFast 0
ConvertValue 2
BuildString 3
PopTop
LoadFast 0
Copy 1
LoadSpecial 1
Swap 2
Swap 3
LoadSpecial 0
Call 0
PopTop
PopTop
PopTop
LoadBuildClass
PopTop
LoadFast 0
LoadFast 1
BuildInterpolation 2
LoadFast 1
BuildTemplate
Return
)");
  EXPECT_EQ(f.count("LoadSpecial"), 2);
  EXPECT_EQ(f.count("CallMaybeMethod"), 1);
  EXPECT_EQ(f.count("FormatValue"), 2);
  EXPECT_EQ(f.count("BuildTemplate"), 1);
  Built with(
      head("3.12") +
      "LoadFast 0\nBeforeWith\nPopTop\nPopTop\nLoadFast 0\nLoadFast 1\nFormatValue 2 1\nReturn\n");
  EXPECT_EQ(with.find("GuardUnobserved")->state()->operands[0]->op, Op::kBeforeWith);
  EXPECT_EQ(with.find("FormatValue")->attr[0], 2u);
}

}  // namespace
}  // namespace tephra::frontend::test
