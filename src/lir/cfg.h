// Purpose: the shape of a function's control flow: reverse post-order, dominators, loops.
// Invariant in: every block ends in a terminator. Invariant out: valid until an edge changes.
// Dominators: Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001).
#pragma once

#include <cstdint>
#include <vector>

#include "lir/ir.h"

namespace tephra::lir {

// Sets Block::preds of all blocks, unreachable ones too; a branch with two equal targets gives two
// entries.
void computePredecessors(Function& function);

class Cfg {
 public:
  explicit Cfg(const Function& function);

  // Reachable blocks, each after its dominators. Loops are contiguous where the graph allows it.
  const std::vector<Block*>& order() const { return order_; }
  bool reachable(const Block* block) const { return indexOf(block) >= 0; }
  int indexOf(const Block* block) const {
    return block->id < index_.size() ? index_[block->id] : -1;
  }
  bool dominates(const Block* a, const Block* b) const;
  // Of a reachable block; null for the first one.
  const Block* immediateDominator(const Block* block) const {
    int place = indexOf(block);
    return place > 0 ? order_[static_cast<size_t>(idom_[static_cast<size_t>(place)])] : nullptr;
  }
  // Of natural loops; 0 outside all loops. Independent of Block::loop_depth.
  uint32_t loopDepth(const Block* block) const {
    return depth_[static_cast<size_t>(indexOf(block))];
  }

 private:
  void findOrder(const Function& function, const std::vector<uint32_t>* depth_by_id);
  void findDominators();
  void findLoops();

  std::vector<Block*> order_;
  std::vector<int> index_;               // by block id: place in order_, -1 = unreachable
  std::vector<std::vector<int>> preds_;  // by place
  std::vector<int> idom_;                // by place
  std::vector<int> enter_, leave_;       // by place: numbers of a walk over the dominator tree
  std::vector<uint32_t> depth_;          // by place
};

}  // namespace tephra::lir
