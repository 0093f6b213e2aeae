// The checker finds what is wrong: allocated code is broken on purpose, in every way that comes to
// mind and at random; whenever the code then does something else, the checker must have said so.
#include "regalloc/checker.h"

#include <gtest/gtest.h>

#include "regalloc/regalloc.h"
#include "tests/unit/regalloc/generator.h"
#include "tests/unit/regalloc/interpreter.h"
#include "tests/unit/regalloc/small_target.h"

namespace tephra::regalloc_test {
namespace {

using lir::Function;

struct Allocated {
  Function f;
  regalloc::FunctionSnapshot before;
  explicit Allocated(const std::string& text, const Target& target = x86_64Target()) {
    lir::ParseError error{};
    EXPECT_TRUE(lir::parse(text, &f, &error)) << error.message;
    before = regalloc::takeSnapshot(f);
    auto result = regalloc::allocateRegisters(f, target);
    EXPECT_TRUE(static_cast<bool>(result)) << (result ? "" : result.bailout().detail);
    EXPECT_TRUE(regalloc::checkAllocation(before, f, target).empty());
  }
  Instr* find(Op op) {
    for (lir::Block* block : f.blocks()) {
      for (Instr* i = block->first; i; i = i->next) {
        if (i->op == op) return i;
      }
    }
    return nullptr;
  }
  std::string problems(const Target& target = x86_64Target()) {
    std::string all;
    for (const std::string& line : regalloc::checkAllocation(before, f, target)) all += line + "\n";
    return all;
  }
};

const char* const kCall = R"(fun f params=2 outgoing=0 {
bb0:
  g1 = Param {index=0}
  g2 = Param {index=1}
  g3 = CallAddress g2, 5 {address=0x100}
  g4 = AddExit g1, g3, g2, g1 {exit=0}
  Return g4
exit 0 {deopt Stress line=0 frame(offset=0 raise=0 stack=[#0, #1] locals=[]) drops=[]}
}
)";

#define EXPECT_SAYS(text, code) EXPECT_NE((code).find(text), std::string::npos) << (code)

TEST(RegallocChecker, WrongRegister) {
  Allocated a(kCall);
  Instr* add = a.find(Op::kAddExit);
  add->uses[1].base = 2;
  EXPECT_SAYS("expected value 3", a.problems());
}

TEST(RegallocChecker, LostAcrossACall) {
  Allocated a(kCall);
  // What lives across the call is put into a register that the call overwrites.
  for (Instr* i = a.f.blocks()[0]->first; i; i = i->next) {
    for (auto operands : {i->defs, i->uses}) {
      for (Operand& o : operands) {
        if (o.isReg() && (x86_64Target().calleeSaved(Bank::kGp) >> o.base & 1)) o.base = 9;
      }
    }
  }
  EXPECT_SAYS("nothing known", a.problems());
}

TEST(RegallocChecker, ExitValueInTheResult) {
  Allocated a(kCall);
  Instr* add = a.find(Op::kAddExit);
  add->uses[3] = add->uses[2];
  EXPECT_SAYS("expected value 1", a.problems());
  add->uses[3] = add->defs[0];
  EXPECT_SAYS("overwritten before it is read", a.problems());
}

TEST(RegallocChecker, FixedAndReused) {
  Allocated a(kCall);
  a.find(Op::kReturn)->uses[0].base = 7;
  EXPECT_SAYS("not in its fixed register", a.problems());
  Allocated b(kCall);
  b.find(Op::kAddExit)->defs[0].base = 9;
  EXPECT_SAYS("does not share its input's register", b.problems());
}

TEST(RegallocChecker, Bookkeeping) {
  Allocated a(kCall);
  a.f.used_callee_saved[0] = 0;
  EXPECT_SAYS("callee-saved register that is not noted", a.problems());
  Allocated b(kCall);
  lir::Function::remove(b.find(Op::kCallAddress));
  EXPECT_SAYS("CallAddress was removed", b.problems());
  Allocated c(kCall);
  Operand def[] = {Operand::slot(7, Bank::kGp)}, use[] = {Operand::reg(0, Bank::kGp)};
  lir::Function::insertBefore(c.find(Op::kReturn), c.f.make(Op::kMove, def, use));
  EXPECT_SAYS("slot out of range", c.problems());
  Allocated d(kCall);
  Operand pinned[] = {Operand::reg(x86_64Target().pinned(lir::Pinned::kFrame), Bank::kGp)};
  lir::Function::insertBefore(d.find(Op::kReturn), d.f.make(Op::kMove, pinned, use));
  EXPECT_SAYS("pinned register", d.problems());
}

TEST(RegallocChecker, ScratchAcrossAnInstruction) {
  Allocated a(kCall);
  uint8_t scratch = x86_64Target().scratch(Bank::kGp);
  Instr* ret = a.find(Op::kReturn);
  Operand s[] = {Operand::reg(scratch, Bank::kGp)}, rax[] = {Operand::reg(0, Bank::kGp)},
          sum[] = {a.find(Op::kAddExit)->defs[0]};
  lir::Function::insertBefore(ret, a.f.make(Op::kMove, s, sum));
  lir::Function::insertBefore(ret, a.f.make(Op::kMove, rax, s));
  EXPECT_EQ(a.problems(), "");  // between two instructions it may carry a value
  Allocated b(kCall);
  Operand first[] = {b.find(Op::kAddExit)->uses[2]};
  Instr* call = b.find(Op::kCallAddress);
  lir::Function::insertBefore(call, b.f.make(Op::kMove, s, call->uses.subspan(0, 1)));
  lir::Function::insertBefore(b.find(Op::kAddExit), b.f.make(Op::kMove, first, s));
  EXPECT_SAYS("expected value 2, there is nothing known", b.problems());
}

// Changes one thing at random; false when there was nothing to change.
bool sabotage(Function& f, std::mt19937_64& random, std::string* what) {
  std::vector<Instr*> all;
  for (lir::Block* block : f.blocks()) {
    for (Instr* i = block->first; i; i = i->next) all.push_back(i);
  }
  Instr* instr = all[random() % all.size()];
  *what = lir::print(*instr);
  bool move = instr->op == Op::kMove || instr->op == Op::kMoveF;
  if (move && random() % 3 == 0) {
    lir::Function::remove(instr);
    return true;
  }
  std::vector<Operand*> places;
  for (auto operands : {instr->defs, instr->uses}) {
    for (Operand& o : operands) {
      if (o.isReg() || o.isSlot()) places.push_back(&o);
    }
  }
  if (places.empty()) return false;
  Operand* place = places[random() % places.size()];
  uint32_t other = place->isSlot() ? static_cast<uint32_t>(random() % f.num_slots)
                                   : static_cast<uint32_t>(random() % 4);
  if (other == place->base) return false;
  place->base = other;
  *what += "  ->  " + lir::print(*instr);
  return true;
}

TEST(RegallocChecker, FindsRandomSabotageThatMatters) {
  static const SmallTarget arm(aarch64Target(), 0b1111 | 1 << 19 | 1 << 20, 0b11 | 1 << 8);
  int mattered = 0, found = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    const Target& target = seed % 3 == 0 ? x86_64Target() : seed % 3 == 1 ? aarch64Target() : arm;
    Function f;
    Generator(&f, seed, {30, 2, 5}).run();
    auto before = regalloc::takeSnapshot(f);
    auto expected = Interpreter(f, target, false).run(100);
    ASSERT_TRUE(static_cast<bool>(regalloc::allocateRegisters(f, target)));
    std::mt19937_64 random(seed);
    std::string what;
    if (!sabotage(f, random, &what)) continue;
    bool seen = !regalloc::checkAllocation(before, f, target).empty();
    bool matters = Interpreter(f, target, true).run(100) != expected;
    found += seen;
    mattered += matters;
    EXPECT_TRUE(seen || !matters) << "seed " << seed << ": " << what;
  }
  EXPECT_GT(mattered, 500);
  printf("%d changes changed what the code does, %d were found\n", mattered, found);
}

}  // namespace
}  // namespace tephra::regalloc_test
