// Both machines' descriptions keep the promises of target/target.h, on every host.
#include <gtest/gtest.h>

#include "lir/ir.h"
#include "target/aarch64/registers.h"
#include "target/target.h"

namespace tephra {
namespace {

using lir::Bank;
using lir::Instr;

class Description : public ::testing::TestWithParam<const Target*> {};
INSTANTIATE_TEST_SUITE_P(Targets, Description, ::testing::Values(&x86_64Target(), &aarch64Target()),
                         [](const auto& info) { return std::string(info.param->name()); });

TEST_P(Description, RolesOfRegistersAreApart) {
  const Target& target = *GetParam();
  for (Bank bank : {Bank::kGp, Bank::kFp}) {
    RegSet allocatable = target.allocatable(bank), arguments = 0;
    EXPECT_EQ(allocatable, target.callerSaved(bank) | target.calleeSaved(bank));
    EXPECT_EQ(target.callerSaved(bank) & target.calleeSaved(bank), 0u);
    EXPECT_EQ(allocatable >> target.scratch(bank) & 1, 0u);
    for (uint8_t reg : target.argumentRegisters(bank)) arguments |= RegSet{1} << reg;
    EXPECT_EQ(arguments & ~target.callerSaved(bank), 0u);
    EXPECT_EQ(arguments >> target.scratch(bank) & 1, 0u);
    EXPECT_TRUE(target.callerSaved(bank) >> target.returnRegister(bank) & 1);
    for (int i = 0; i < target.numRegisters(bank); ++i)
      EXPECT_NE(std::string(target.registerName(bank, i)), "");
  }
  for (lir::Pinned pinned : {lir::Pinned::kThread, lir::Pinned::kFrame}) {
    EXPECT_EQ(target.allocatable(Bank::kGp) >> target.pinned(pinned) & 1, 0u);
    EXPECT_NE(target.pinned(pinned), target.scratch(Bank::kGp));
  }
  EXPECT_NE(target.pinned(lir::Pinned::kThread), target.pinned(lir::Pinned::kFrame));
}

TEST_P(Description, PlatformRegisterIsNeverTouched) {
  RegSet allocatable = GetParam()->allocatable(Bank::kGp);
  EXPECT_TRUE(GetParam()->arch() != Arch::kAArch64 || (allocatable >> 18 & 1) == 0);
}

// Each row once, with a virtual register for each operand that takes one.
Instr* makeInstr(lir::Function* function, lir::Op op, int variadic) {
  const lir::OpInfo& info = lir::opInfo(op);
  auto operand = [&](const lir::OperandInfo& one) {
    if (one.policy == lir::Policy::kMem) return lir::Operand::mem(function->newVReg(Bank::kGp), 16);
    return function->newVReg(one.policy == lir::Policy::kFpReg ? Bank::kFp : Bank::kGp);
  };
  std::vector<lir::Operand> defs, uses;
  for (const auto& one : info.defs) defs.push_back(operand(one));
  for (const auto& one : info.uses) {
    for (int i = 0; i < (one.variadic ? variadic : 1); ++i) uses.push_back(operand(one));
  }
  return function->make(op, defs, uses);
}

TEST_P(Description, EveryOperationHasSatisfiableConstraints) {
  const Target& target = *GetParam();
  for (int i = 0; i <= static_cast<int>(lir::Op::kDecrefAt); ++i) {
    lir::Function function;
    Instr* instr = makeInstr(&function, static_cast<lir::Op>(i), 3);
    std::vector<OperandConstraint> out;
    target.constraints(*instr, &out);
    ASSERT_EQ(out.size(), instr->defs.size() + instr->uses.size()) << instr->info().name;
    RegSet fixed_defs = 0, fixed_uses = 0;
    for (size_t k = 0; k < out.size(); ++k) {
      bool def = k < instr->defs.size();
      const lir::Operand& operand = def ? instr->defs[k] : instr->uses[k - instr->defs.size()];
      if (out[k].kind == OperandConstraint::kReuseInput) {
        ASSERT_TRUE(def);
        ASSERT_LT(out[k].reg, instr->uses.size());
        EXPECT_EQ(instr->uses[out[k].reg].bank, operand.bank);
        EXPECT_FALSE(out[instr->defs.size() + out[k].reg].late) << instr->info().name;
      }
      if (out[k].kind != OperandConstraint::kFixed) continue;
      EXPECT_TRUE(target.allocatable(operand.bank) >> out[k].reg & 1) << instr->info().name;
      RegSet one = RegSet{1} << out[k].reg << (operand.bank == Bank::kFp ? 32 : 0);
      EXPECT_EQ((def ? fixed_defs : fixed_uses) & one, 0u) << instr->info().name;
      (def ? fixed_defs : fixed_uses) |= one;
    }
    for (Bank bank : {Bank::kGp, Bank::kFp}) {
      EXPECT_EQ(target.clobbers(*instr, bank) & ~target.callerSaved(bank), 0u);
      bool frame = instr->op == lir::Op::kPushFrame || instr->op == lir::Op::kUnlinkFrame;
      EXPECT_TRUE(instr->info().is_call || frame || target.clobbers(*instr, bank) == 0);
    }
  }
}

TEST_P(Description, CallsClobberAllButTheResult) {
  const Target& target = *GetParam();
  lir::Function function;
  Instr* call = makeInstr(&function, lir::Op::kCall, 2);
  EXPECT_EQ(target.clobbers(*call, Bank::kGp),
            target.callerSaved(Bank::kGp) & ~(RegSet{1} << target.returnRegister(Bank::kGp)));
  EXPECT_EQ(target.clobbers(*call, Bank::kFp), target.callerSaved(Bank::kFp));
  call->defs[0] = lir::Operand();
  EXPECT_EQ(target.clobbers(*call, Bank::kGp), target.callerSaved(Bank::kGp));
}

TEST_P(Description, ConstantsAndPinnedRegistersStayAsTheyAre) {
  const Target& target = *GetParam();
  lir::Function function;
  Instr* call = makeInstr(&function, lir::Op::kCall, 3);
  call->uses[0] = lir::Operand::pinned(lir::Pinned::kThread);
  call->uses[1] = lir::Operand::imm(INT64_MIN);
  std::vector<OperandConstraint> out;
  target.constraints(*call, &out);
  EXPECT_EQ(out[1].kind, OperandConstraint::kImmediate);
  EXPECT_EQ(out[2].kind, OperandConstraint::kImmediate);
  EXPECT_EQ(out[3].kind, OperandConstraint::kFixed);
  EXPECT_EQ(out[3].reg, target.argumentRegisters(Bank::kGp)[2]);
  EXPECT_TRUE(target.immediateFits(*call, 1, INT64_MIN));
}

TEST(DescriptionX86, Immediates) {
  lir::Function function;
  Instr* add = makeInstr(&function, lir::Op::kAdd, 0);
  add->attr[0] = 8;
  EXPECT_TRUE(x86_64Target().immediateFits(*add, 1, INT32_MIN));
  EXPECT_FALSE(x86_64Target().immediateFits(*add, 1, INT64_C(0xFFFFFFFF)));
  add->attr[0] = 4;
  EXPECT_TRUE(x86_64Target().immediateFits(*add, 1, INT64_C(0xFFFFFFFF)));
  Instr* exit = makeInstr(&function, lir::Op::kAddExit, 1);
  EXPECT_FALSE(x86_64Target().immediateFits(*exit, 1, INT64_C(1) << 31));
  EXPECT_TRUE(x86_64Target().immediateFits(*exit, 2, INT64_C(1) << 31));  // a value of the exit
}

TEST(DescriptionX86, TwoOperandFormsReuseTheirInput) {
  lir::Function function;
  std::vector<OperandConstraint> out;
  Instr* sub = makeInstr(&function, lir::Op::kSub, 0);
  x86_64Target().constraints(*sub, &out);
  EXPECT_EQ(out[0].kind, OperandConstraint::kReuseInput);
  EXPECT_TRUE(out[2].late);
  sub->uses[1] = lir::Operand::imm(3);
  x86_64Target().constraints(*sub, &out);
  EXPECT_EQ(out[0].kind, OperandConstraint::kAnyRegister);
  Instr* shift = makeInstr(&function, lir::Op::kShl, 0);
  x86_64Target().constraints(*shift, &out);
  EXPECT_EQ(out[2].kind, OperandConstraint::kFixed);
  EXPECT_EQ(out[2].reg, 1);
}

TEST(DescriptionAArch64, LogicalImmediates) {
  using aarch64::isLogicalImmediate;
  for (uint64_t good :
       {UINT64_C(1), UINT64_C(0xFF), UINT64_C(0x5555555555555555), UINT64_C(0xFFFFFFFFFFFFFFFE),
        UINT64_C(0x8000000000000001), UINT64_C(0x00FF00FF00FF00FF), UINT64_C(0x3FFFC0)}) {
    EXPECT_TRUE(isLogicalImmediate(good, 64)) << good;
  }
  for (uint64_t bad :
       {UINT64_C(0), ~UINT64_C(0), UINT64_C(5), UINT64_C(0xFF00FF), UINT64_C(0x123456789)}) {
    EXPECT_FALSE(isLogicalImmediate(bad, 64)) << bad;
  }
  EXPECT_TRUE(isLogicalImmediate(0x00FF00FF, 32));  // the 16-bit element repeats
  EXPECT_FALSE(isLogicalImmediate(0x000F00FF, 32));
  EXPECT_TRUE(isLogicalImmediate(0xFFFFFFFE, 32));
  EXPECT_FALSE(isLogicalImmediate(0xFFFFFFFF, 32));
  // All of them: 5,334 distinct values of 64 bits.
  size_t count = 0;
  for (unsigned size = 2; size <= 64; size *= 2) {
    for (unsigned ones = 1; ones < size; ++ones) {
      for (unsigned rotation = 0; rotation < size; ++rotation) {
        uint64_t run = (UINT64_C(1) << ones) - 1,
                 element = rotation == 0 ? run : (run >> rotation | run << (size - rotation));
        if (size < 64) element &= (UINT64_C(1) << size) - 1;
        for (unsigned width = size; width < 64; width *= 2) element |= element << width;
        count += isLogicalImmediate(element, 64);
      }
    }
  }
  EXPECT_EQ(count, 5334u);
}

TEST(DescriptionAArch64, Addresses) {
  lir::Function function;
  Instr* load = makeInstr(&function, lir::Op::kLoad, 0);
  load->attr[0] = 8;
  auto base = function.newVReg(Bank::kGp), index = function.newVReg(Bank::kGp);
  auto fits = [&](lir::Operand address) { return aarch64Target().addressFits(*load, address); };
  EXPECT_TRUE(fits(lir::Operand::mem(base, 32760)));
  EXPECT_FALSE(fits(lir::Operand::mem(base, 32768)));
  EXPECT_FALSE(fits(lir::Operand::mem(base, 300 + 1)));
  EXPECT_TRUE(fits(lir::Operand::mem(base, -256)));
  EXPECT_FALSE(fits(lir::Operand::mem(base, -257)));
  EXPECT_TRUE(fits(lir::Operand::mem(base, 0, index, 3)));
  EXPECT_FALSE(fits(lir::Operand::mem(base, 0, index, 2)));
  EXPECT_FALSE(fits(lir::Operand::mem(base, 8, index, 3)));
  load->attr[0] = 1;
  EXPECT_TRUE(fits(lir::Operand::mem(base, 4095)));
  EXPECT_FALSE(fits(lir::Operand::mem(base, 4096)));
}

}  // namespace
}  // namespace tephra
