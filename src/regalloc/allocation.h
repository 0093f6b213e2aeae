// Purpose: what the steps of one allocation share. Each step fills its part; regalloc.cc lists
// them.
#pragma once

#include <string>
#include <vector>

#include "lir/cfg.h"
#include "lir/ir.h"
#include "regalloc/interval.h"
#include "regalloc/regalloc.h"
#include "target/target.h"

namespace tephra::regalloc {

using lir::Bank;
using lir::Block;
using lir::Instr;
using lir::Op;
using lir::Operand;

class BitSet {
 public:
  explicit BitSet(size_t bits = 0) : words_((bits + 63) / 64, 0) {}
  bool has(uint32_t i) const { return words_[i / 64] >> (i % 64) & 1; }
  void add(uint32_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  template <typename F>
  void forEach(F f) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t bits = words_[w]; bits; bits &= bits - 1) {
        f(static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(bits))));
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
};

// Guesses of how often a block outside of loops runs.
inline constexpr uint32_t kColdFrequency = 1, kHotFrequency = 64;

struct BlockInfo {
  Block* block = nullptr;
  int from = 0, to = 0;           // positions; instructions start at from + 4
  bool cold = false;              // marked, or reached from cold blocks only
  uint32_t frequency = 1;         // guess, for costs
  std::vector<uint32_t> live_in;  // registers, ascending
};

struct VRegInfo {
  Interval* first = nullptr;  // null: never used (or not defined)
  Instr* constant = nullptr;  // defined by this constant instruction: never stored, made again
  int def_block = -1;         // place in Allocation::blocks
  int slot = -1;
  bool slot_from_def = false;  // the slot is written at the definition and valid ever after
  bool is_param = false;
  int8_t def_hint = -1;
  int8_t suggested = -1;  // parameter: the register of it or of one of its arguments
  uint32_t copy_of = 0;   // made from this one by a move in front of the instruction
  uint32_t param = 0;     // is an argument of this block parameter
};

struct Allocation {
  Allocation(lir::Function& f, const Target& t, const AllocationOptions& o)
      : function(f), target(t), options(o) {}

  lir::Function& function;
  const Target& target;
  const AllocationOptions& options;
  Arena arena;
  std::string error;  // set: allocation failed

  // numbering and liveness
  std::vector<BlockInfo> blocks;  // linear order: hot blocks, then cold ones
  std::vector<int> block_index;   // by block id
  std::vector<Instr*> instr_at;   // by position / 4; null where a block starts
  std::vector<int> block_at;      // by position / 4: place in `blocks`
  int cold_from = 0;              // position at which the cold blocks start

  // constraints, as the target says, with the allocator's own rules put in
  std::vector<OperandConstraint> constraints;
  std::vector<uint32_t> first_constraint;  // by position / 4

  // intervals
  std::vector<VRegInfo> vregs;
  std::vector<Range> fixed[2][64];  // by bank and register: not to be had there

  const BlockInfo& infoOf(const Block* block) const {
    return blocks[static_cast<size_t>(block_index[block->id])];
  }
  const BlockInfo& blockInfoAt(int position) const {
    return blocks[static_cast<size_t>(block_at[static_cast<size_t>(position) / 4])];
  }
  std::span<const OperandConstraint> constraintsOf(const Instr* instr) const {
    return {constraints.data() + first_constraint[instr->id / 4],
            instr->defs.size() + instr->uses.size()};
  }
};

// A copy between registers: allocation turns it into a move between instructions and drops it.
inline bool isCopy(const Instr& instr) {
  if (instr.op != Op::kMove && instr.op != Op::kMoveF) return false;
  return instr.defs[0].isVReg() &&
         (instr.uses[0].isVReg() || instr.uses[0].kind == Operand::kPinned);
}
inline bool isConstant(const Instr& instr) {
  return (instr.op == Op::kMove && instr.uses[0].isImm() && instr.defs[0].isVReg()) ||
         instr.op == Op::kMoveConstF;
}

// Constraint of an operand that takes part in allocation, once reuse of fixed inputs is resolved.
inline bool isFixedDef(std::span<const OperandConstraint> all, const Instr& instr, size_t def,
                       uint8_t* reg) {
  const OperandConstraint& c = all[def];
  const OperandConstraint& from =
      c.kind == OperandConstraint::kReuseInput ? all[instr.defs.size() + c.reg] : c;
  if (from.kind != OperandConstraint::kFixed) return false;
  *reg = from.reg;
  return true;
}

// Is use `use` put into the register of a def that reuses it? Gives that def, or -1. The same
// virtual register in a second plain operand shares it, as in `d = a + a`.
int reusingDef(const Instr& instr, std::span<const OperandConstraint> all, size_t use);

template <typename F>
void forEachUsedVReg(const Operand& operand, F f) {
  if (operand.isVReg()) f(operand.base);
  if (operand.isMem()) {
    if (operand.base_kind == Operand::kVReg) f(operand.base);
    if (operand.index_kind == Operand::kVReg) f(operand.index);
  }
}

void legalise(Allocation& a);  // operands that the target's constraints cannot take as they are
void numberAndFindLiveness(Allocation& a);
void buildIntervals(Allocation& a);
void linearScan(Allocation& a);
void resolve(Allocation& a);  // slots, operands, moves
void removeRedundantMoves(lir::Function& function, const Target& target);

}  // namespace tephra::regalloc
