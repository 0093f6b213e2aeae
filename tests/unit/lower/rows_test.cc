// Every `call:` row of ops.tbl is lowered with operands made from its row. (That each row has a
// lowering the linker sees to.)
#include "hir/builder.h"
#include "metadata/helpers.h"
#include "support.h"

namespace tephra::lower_test {
namespace {

// f(a0, a1, a2, a3, a4): one instruction of the row between the parameters and the return.
void build(hir::Function* function, hir::Op op) {
  hir::Builder b(function, function->newBlock());
  const hir::OpInfo& info = hir::opInfo(op);
  b.PushFrame();
  std::vector<hir::Instr*> operands;
  for (size_t k = 0; k < info.operands.size(); ++k) {
    hir::Instr* argument = b.LoadArg(static_cast<uint32_t>(k));
    if (info.operands[k].type.isObject())
      argument->type = info.operands[k].type.meet(hir::kTypeObject);
    operands.push_back(argument);
  }
  hir::Instr* state = b.FrameState(operands, {}, 5, 5, static_cast<uint32_t>(operands.size()));
  if (info.hasExits()) operands.push_back(state);
  hir::Instr* instr = function->make(op, operands);
  for (size_t k = 0; k < info.attrs.size(); ++k)
    instr->attr[k] = info.attrs[k].kind == hir::AttrKind::kObj ? 0 : k + 1;
  hir::Function::append(b.block(), instr);
  hir::Instr* result = b.ConstObject(kNone);
  b.LeaveFrame();
  b.Return(result);
}

TEST(LowerRows, HelperCalls) {
  int rows = 0;
  for (int op = 0; op < kRows; ++op) {
    const hir::OpInfo& info = hir::opInfo(static_cast<hir::Op>(op));
    // An exception must be set where one is caught.
    const bool catches = op == static_cast<int>(hir::Op::kCatchException);
    if (!info.helper || catches) continue;
    ++rows;
    for (const Combination& on : combinations()) {
      SCOPED_TRACE(info.name);
      CodeUnit unit = fakeUnit(*on.layout, 5);
      hir::Function function(&unit);
      build(&function, static_cast<hir::Op>(op));
      for (const std::string& problem : hir::verify(function)) ADD_FAILURE() << problem;
      std::string text = lowered(function, on);
      const HelperInfo& helper = helperInfo(*info.helper);
      EXPECT_NE(text.find(std::string("helper=") + helper.name + "}"), std::string::npos) << text;
      bool raises = text.find("raise Raised") != std::string::npos;
      EXPECT_EQ(raises, helper.error != HelperError::kNone) << text;
    }
  }
  EXPECT_GT(rows, 50);
}

size_t countOf(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// Slot 0 is never written: its home may hold what the caller lends, and the tag says so. Slot 1 is.
TEST(LowerRows, HomesOfUnwrittenParametersAreReleasedUnlessLent) {
  const char* text =
      "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:Object = LoadArg {index=1}\n  "
      "PushFrame\n"
      "  v3:OptObject = TakeHome {slot=1}\n  XDecref v3\n  Incref v0\n"
      "  StoreHome v0 {slot=1, old=0}\n  Incref v0\n  LeaveFrame aux[0, 2]\n  Return v0\n}\n";
  for (const Combination& on : combinations()) {
    const std::string lir = lowered(text, on);
    const bool tagged = on.layout->frame_holds_stack_refs;
    EXPECT_EQ(countOf(lir, "DecrefRef "), tagged ? 1u : 0u) << lir;
    // The home of slot 1 owns from the beginning: a lent argument takes a reference there.
    EXPECT_EQ(countOf(lir, "Incref "), tagged ? 3u : 2u) << lir;
  }
}

// A callee of unknown kind is told what is lent.
TEST(LowerRows, LentArgumentsAreNamed) {
  const std::string text =
      "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:State = FrameState {offset=1, "
      "raise_offset=1, nstack=0}\n"
      "  v2:Object = Call v0, v0, v1 {kwnames=none}";
  for (const Combination& on : combinations()) {
    const std::string given = lowered(text + "\n  Return v2\n}\n", on);
    const std::string lent = lowered(text + " lent(0, 1)\n  Return v2\n}\n", on);
    EXPECT_NE(given.find(", 1, 0, 0 {helper="), std::string::npos) << given;
    EXPECT_NE(lent.find(", 1, 0, 3 {helper="), std::string::npos) << lent;  // callable, argument 0
  }
}

TEST(LowerRows, RefusesWhatItCannotLower) {
  std::string text =
      "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:State = FrameState {offset=1, "
      "raise_offset=1, nstack=0}\n"
      "  v2:Object = CallBuiltin v0, v0, v1 {address=4096, self=#7, convention=0}\n  Return "
      "v2\n}\n";
  EXPECT_EQ(lowered(text, combinations()[0]), "bailout: argument count of a C function\n");
}

}  // namespace
}  // namespace tephra::lower_test
