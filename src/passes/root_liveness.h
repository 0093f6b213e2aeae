// Purpose: where the objects of a function die: liveness of roots (values that are no alias).
// Invariant: a FrameState is no use where it stands; each operation with an exit that names it uses
// its values. A phi uses its inputs at the end of the preds, and only if it is itself live.
#pragma once

#include <vector>

#include "hir/ir.h"
#include "passes/bits.h"

namespace tephra::passes {

class RootLiveness {
 public:
  explicit RootLiveness(const hir::Function& function);

  // Live behind the block's phis (live phis are in it).
  const Bits& liveIn(const hir::Block* block) const { return live_in_[block->id]; }
  // Live at the end of `from`, as far as its edge number `index` among to->preds is concerned.
  Bits liveOnEdge(const hir::Block* to, size_t index) const;
  // Roots whose last use on the way on is `instr`: operands left to right, then values of its frame
  // state, then its own result if nobody uses that.
  const std::vector<hir::Instr*>& diesAt(const hir::Instr* instr) const {
    return dies_at_[instr->id];
  }
  // The instruction with this id.
  hir::Instr* valueOf(uint32_t id) const { return values_[id]; }

 private:
  void scan(const hir::Block* block, bool record);

  size_t count_;
  std::vector<Bits> live_in_;                      // by block id
  std::vector<std::vector<hir::Instr*>> dies_at_;  // by value id
  std::vector<hir::Instr*> values_;                // by id
};

// The object roots that `instr` uses, with repetitions, operands first; phis and FrameStates: none.
void rootsUsed(const hir::Instr* instr, std::vector<hir::Instr*>* out);

}  // namespace tephra::passes
