// Purpose: the dominator tree of a function's blocks.
// Invariant: only reachable blocks have an immediate dominator; block ids are unique and below
// Function::numBlocks(); the answer holds until the graph changes. Nothing else is assumed, so the
// verifier may ask about broken functions whose edges are sound.
// Source: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm", 2001.
#pragma once

#include <vector>

#include "hir/ir.h"

namespace tephra::hir {

class Dominators {
 public:
  explicit Dominators(const Function& function);

  bool reachable(const Block* block) const { return order_[block->id] != kUnreached; }
  // Both reachable; a block dominates itself.
  bool dominates(const Block* above, const Block* below) const;
  // `def` is executed before `use` on every path (a phi's inputs are used at the end of the preds).
  bool dominates(const Instr* def, const Instr* use) const;
  Block* immediate(const Block* block) const { return idom_[block->id]; }
  const std::vector<Block*>& reversePostOrder() const { return rpo_; }

 private:
  static constexpr uint32_t kUnreached = 0xFFFFFFFF;
  Block* intersect(Block* a, Block* b) const;

  std::vector<Block*> rpo_;
  std::vector<uint32_t> order_;     // by block id
  std::vector<Block*> idom_;        // by block id; the entry's is itself
  std::vector<uint32_t> position_;  // by value id: place in its block
};

}  // namespace tephra::hir
