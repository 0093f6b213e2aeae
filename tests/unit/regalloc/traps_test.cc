// The register-allocation traps that an earlier back end fell into, by their numbers there.
#include <gtest/gtest.h>

#include <set>

#include "lir/builder.h"
#include "regalloc/checker.h"
#include "regalloc/regalloc.h"
#include "tests/unit/regalloc/interpreter.h"

namespace tephra::regalloc_test {
namespace {

using lir::Builder;
using lir::Function;

const Target* const kTargets[] = {&x86_64Target(), &aarch64Target()};

// Allocates, checks, and runs both sides; gives problems.
std::string allocateAndCompare(Function& f, const Target& target) {
  for (const std::string& problem : lir::verify(f)) return problem;
  auto expected = Interpreter(f, target, false).run(100);
  auto before = regalloc::takeSnapshot(f);
  auto result = regalloc::allocateRegisters(f, target);
  if (!result) return result.bailout().detail;
  for (const std::string& problem : regalloc::checkAllocation(before, f, target)) return problem;
  return Interpreter(f, target, true).run(100) == expected
             ? ""
             : "does something else\n" + lir::print(f);
}

uint32_t addExit(Function& f, size_t values) {
  ExitRecord record;
  ExitFrame frame;
  for (size_t i = 0; i < values; ++i) {
    ValueLocation location;
    location.where = ValueLocation::kSpill;
    location.offset = static_cast<int32_t>(i);
    frame.stack.push_back(location);
  }
  record.frames.push_back(frame);
  f.exits.push_back(record);
  return static_cast<uint32_t>(f.exits.size() - 1);
}

TEST(RegallocTraps, A2ArgumentsStayUntilTheyAreTaken) {
  for (const Target* target : kTargets) {
    Function f;
    f.name = "a2";
    f.num_params = 5;
    Builder b(&f, f.newBlock());
    // In an order that is not the registers', all alive to the end, so that each wants a register.
    std::vector<Operand> params;
    for (uint32_t i : {3u, 0u, 4u, 1u, 2u}) params.push_back(b.Param(i));
    Operand sum = b.Move(Operand::imm(1));
    for (int round = 0; round < 2; ++round) {
      for (const Operand& param : params) sum = b.Add(b.Shl(sum, param, 8), param, 8);
      b.CallAddress(params, 0x100);
    }
    b.Return(sum);
    EXPECT_EQ(allocateAndCompare(f, *target), "");
    // Nothing writes an argument register before the argument was taken from it.
    std::set<uint32_t> waiting(target->argumentRegisters(Bank::kGp).begin(),
                               target->argumentRegisters(Bank::kGp).begin() + 5);
    for (Instr* i = f.blocks()[0]->first; i && !waiting.empty(); i = i->next) {
      if (i->op == Op::kParam) {
        EXPECT_EQ(waiting.erase(i->defs[0].base), 1u);
      } else if (i->defs[0].isReg()) {
        EXPECT_FALSE(waiting.count(i->defs[0].base)) << lir::print(f);
      }
    }
  }
}

TEST(RegallocTraps, A3ScratchRegistersAreNobodysAndNeverArguments) {
  for (const Target* target : kTargets) {
    for (Bank bank : {Bank::kGp, Bank::kFp}) {
      uint8_t scratch = target->scratch(bank);
      EXPECT_FALSE(target->allocatable(bank) >> scratch & 1);
      for (uint8_t reg : target->argumentRegisters(bank)) EXPECT_NE(reg, scratch);
      EXPECT_NE(target->returnRegister(bank), scratch);
    }
    for (lir::Pinned which : {lir::Pinned::kThread, lir::Pinned::kFrame}) {
      EXPECT_FALSE(target->allocatable(Bank::kGp) >> target->pinned(which) & 1);
      EXPECT_NE(target->pinned(which), target->scratch(Bank::kGp));
    }
  }
}

TEST(RegallocTraps, A4SubWordValuesLiveAndSpillWhole) {
  for (const Target* target : kTargets) {
    Function f;
    f.name = "a4";
    f.num_params = 1;
    Builder b(&f, f.newBlock());
    Operand p = b.Param(0);
    std::vector<Operand> values;
    for (int i = 0; i < 24; ++i) values.push_back(b.Load(Operand::mem(p, i), 1u << (i % 3), i % 2));
    b.CallAddress({}, 0x100);
    for (int i = 0; i < 24; ++i)
      b.Store(Operand::mem(p, 64 + i), values[static_cast<size_t>(i)], 1u << (i % 3));
    b.Return(p);
    EXPECT_EQ(allocateAndCompare(f, *target), "");
    EXPECT_GT(f.num_slots, 8u);
  }
}

TEST(RegallocTraps, A5FramesOfManySlots) {
  for (const Target* target : kTargets) {
    for (size_t count : {700u, 9000u}) {  // frames beyond 4 KB and 64 KB
      Function f;
      f.name = "a5";
      f.num_params = 1;
      Builder b(&f, f.newBlock());
      Operand p = b.Param(0);
      std::vector<Operand> values;
      for (size_t i = 0; i < count; ++i)
        values.push_back(b.Load(Operand::mem(p, static_cast<int32_t>(i * 8)), 8, false));
      b.CallAddress(std::vector<Operand>{p}, 0x100);
      uint32_t exit = addExit(f, count);
      b.ExitCmp(p, Operand::imm(1), values, lir::Cond::kUGe, 8, exit);
      b.Return(p);
      EXPECT_EQ(allocateAndCompare(f, *target), "");
      EXPECT_GE(f.num_slots + 20, count);
    }
  }
}

TEST(RegallocTraps, A6PositionsAreStoredInOrderBeforeCalls) {
  for (const Target* target : kTargets) {
    Function f;
    f.name = "a6";
    f.num_params = 1;
    Builder b(&f, f.newBlock());
    Operand p = b.Param(0), frame = Operand::pinned(lir::Pinned::kFrame);
    for (int i = 0; i < 5; ++i) {
      b.Store(Operand::mem(frame, 56), b.Move(Operand::imm(0x7f0000001000 + i)), 8);
      p = b.CallAddress(std::vector<Operand>{p, p}, 0x100);
    }
    b.Return(p);
    EXPECT_EQ(allocateAndCompare(f, *target), "");
    std::vector<Op> order;
    for (Instr* i = f.blocks()[0]->first; i; i = i->next) {
      if (i->op == Op::kStore || i->op == Op::kCallAddress) order.push_back(i->op);
    }
    ASSERT_EQ(order.size(), 10u);
    for (size_t i = 0; i < 10; ++i) EXPECT_EQ(order[i], i % 2 ? Op::kCallAddress : Op::kStore);
  }
}

TEST(RegallocTraps, A7AndA9SlotsAndOutgoingWordsAreApart) {
  for (const Target* target : kTargets) {
    Function f;
    f.name = "a9";
    f.num_params = 2;
    f.outgoing_words = 4;
    Builder b(&f, f.newBlock());
    Operand p = b.Param(0), q = b.Param(1);
    std::vector<Operand> values;
    for (int i = 0; i < 20; ++i) values.push_back(b.Load(Operand::mem(p, i * 8), 8, false));
    for (uint32_t i = 0; i < 4; ++i) b.StoreOut(values[i], i);
    b.CallAddress(std::vector<Operand>{p, b.LeaOut(0), q}, 0x100);
    std::vector<Operand> out;
    for (uint32_t i = 0; i < 4; ++i) out.push_back(b.LoadOut(i));
    for (const Operand& value : values) out.push_back(value);
    uint32_t exit = addExit(f, out.size());
    b.ExitCmp(p, q, out, lir::Cond::kUGe, 8, exit);
    b.Return(p);
    EXPECT_EQ(allocateAndCompare(f, *target), "");
    EXPECT_EQ(f.outgoing_words, 4u);
    EXPECT_GT(f.num_slots, 4u);
  }
}

}  // namespace
}  // namespace tephra::regalloc_test
