#include "regalloc/parallel_moves.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace tephra::regalloc {
namespace {

using lir::Bank;
using lir::Op;
using lir::Operand;

using Key = std::pair<int, uint64_t>;  // slot or bank, number
Key keyOf(const Operand& o) { return {o.isSlot() ? 2 : static_cast<int>(o.bank), o.base}; }

// Runs the sequence on places that hold their own name.
std::map<Key, uint64_t> execute(const std::vector<lir::Instr*>& sequence) {
  std::map<Key, uint64_t> now;
  auto value = [&](const Operand& o) {
    if (o.isImm()) return o.bits;
    Key key = keyOf(o);
    auto found = now.find(key);
    return found != now.end() ? found->second
                              : static_cast<uint64_t>(key.first) * 1000 + key.second;
  };
  for (lir::Instr* instr : sequence) {
    EXPECT_FALSE(!instr->uses.empty() && instr->uses[0].isSlot() && instr->defs[0].isSlot());
    EXPECT_FALSE(!instr->uses.empty() && instr->uses[0].isImm() && instr->defs[0].isSlot());
    now[keyOf(instr->defs[0])] =
        instr->op == Op::kMoveConstF ? instr->attr[0] : value(instr->uses[0]);
  }
  return now;
}

void check(const std::vector<ParallelMove>& moves, const Target& target) {
  lir::Function f;
  std::vector<lir::Instr*> sequence;
  sequenceMoves(moves, f, target, &sequence);
  std::string text;
  for (lir::Instr* instr : sequence) text += lir::print(*instr) + "\n";
  auto after = execute(sequence);
  std::map<Key, uint64_t> expected;
  for (const ParallelMove& move : moves) {
    Key from = keyOf(move.from.operand());
    expected[keyOf(move.to.operand())] =
        move.from.kind == Location::kConstant
            ? move.from.value
            : static_cast<uint64_t>(from.first) * 1000 + from.second;
  }
  for (auto& [key, value] : expected) {
    uint64_t there =
        after.count(key) ? after[key] : static_cast<uint64_t>(key.first) * 1000 + key.second;
    EXPECT_EQ(there, value) << text;
  }
  Key scratch[] = {{0, target.scratch(Bank::kGp)}, {1, target.scratch(Bank::kFp)}};
  for (auto& [key, value] : after) {
    if (key == scratch[0] || key == scratch[1]) continue;
    EXPECT_TRUE(expected.count(key)) << "writes a place that is no destination\n" << text;
  }
}

Location gp(uint32_t n) { return Location::reg(Bank::kGp, n); }
Location fp(uint32_t n) { return Location::reg(Bank::kFp, n); }
Location slot(uint32_t n, Bank bank = Bank::kGp) { return Location::slot(bank, n); }

TEST(ParallelMoves, Cycles) {
  for (const Target* target : {&x86_64Target(), &aarch64Target()}) {
    check({{gp(0), gp(1)}, {gp(1), gp(0)}}, *target);
    check({{gp(0), gp(1)}, {gp(1), gp(2)}, {gp(2), gp(0)}, {gp(3), gp(0)}}, *target);
    check({{slot(0), slot(1)}, {slot(1), slot(0)}}, *target);
    check({{slot(0), slot(1)},
           {slot(1), gp(0)},
           {gp(0), slot(0)},
           {slot(5), slot(6)},
           {slot(6), slot(5)}},
          *target);
    check({{fp(0), fp(1)},
           {fp(1), slot(3, Bank::kFp)},
           {slot(3, Bank::kFp), slot(4, Bank::kFp)},
           {slot(4, Bank::kFp), fp(0)}},
          *target);
    // One slot goes from a double to an integer: the cycle runs through both banks.
    check({{slot(1), gp(0)},
           {fp(0), slot(1, Bank::kFp)},
           {slot(2, Bank::kFp), fp(0)},
           {gp(0), slot(2)}},
          *target);
    check({{slot(1), Location::constant(Bank::kGp, 5)},
           {gp(1), slot(1)},
           {fp(2), Location::constant(Bank::kFp, 77)},
           {slot(2, Bank::kFp), Location::constant(Bank::kFp, 99)}},
          *target);
  }
}

TEST(ParallelMoves, Random) {
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<ParallelMove> moves;
    // Up to four places of each kind, each with one bank; destinations are distinct.
    std::vector<Location> gps, fps;
    for (uint32_t i = 0; i < 4; ++i)
      gps.push_back(gp(i)), fps.push_back(fp(i)), gps.push_back(slot(i)),
          fps.push_back(slot(4 + i, Bank::kFp));
    for (auto* places : {&gps, &fps}) {
      std::vector<Location> to = *places;
      std::shuffle(to.begin(), to.end(), random);
      to.resize(random() % (to.size() + 1));
      for (const Location& place : to) {
        Location from = (*places)[random() % places->size()];
        if (random() % 6 == 0) from = Location::constant(place.bank, 12345 + random() % 3);
        moves.push_back({place, from});
      }
    }
    check(moves, round % 2 ? x86_64Target() : aarch64Target());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tephra::regalloc
