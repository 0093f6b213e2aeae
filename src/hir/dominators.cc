#include "hir/dominators.h"

#include <algorithm>

namespace tephra::hir {

Dominators::Dominators(const Function& function)
    : order_(function.numBlocks(), kUnreached),
      idom_(function.numBlocks(), nullptr),
      position_(function.numValues(), 0) {
  std::vector<char> seen(function.numBlocks(), 0);
  std::vector<std::pair<Block*, size_t>> stack{{function.entry(), 0}};
  seen[function.entry()->id] = 1;
  while (!stack.empty()) {
    auto& [block, next] = stack.back();
    if (next < block->succs().size()) {
      Block* succ = block->succs()[next++];
      if (!seen[succ->id]) {
        seen[succ->id] = 1;
        stack.push_back({succ, 0});
      }
    } else {
      rpo_.push_back(block);
      stack.pop_back();
    }
  }
  std::reverse(rpo_.begin(), rpo_.end());
  for (size_t i = 0; i < rpo_.size(); ++i) order_[rpo_[i]->id] = static_cast<uint32_t>(i);
  idom_[function.entry()->id] = function.entry();
  for (bool changed = true; changed;) {
    changed = false;
    for (Block* block : rpo_) {
      if (block == function.entry()) continue;
      Block* best = nullptr;
      for (Block* pred : block->preds) {
        if (!reachable(pred) || !idom_[pred->id]) continue;
        best = best ? intersect(best, pred) : pred;
      }
      if (best != idom_[block->id]) {
        idom_[block->id] = best;
        changed = true;
      }
    }
  }
  for (const Block* block : function.blocks()) {
    uint32_t place = 0;
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      if (instr->id < position_.size()) position_[instr->id] = place++;
    }
  }
}

Block* Dominators::intersect(Block* a, Block* b) const {
  while (a != b) {
    while (order_[a->id] > order_[b->id]) a = idom_[a->id];
    while (order_[b->id] > order_[a->id]) b = idom_[b->id];
  }
  return a;
}

bool Dominators::dominates(const Block* above, const Block* below) const {
  const Block* block = below;
  while (order_[block->id] > order_[above->id]) block = idom_[block->id];
  return block == above;
}

bool Dominators::dominates(const Instr* def, const Instr* use) const {
  if (def->block != use->block) return dominates(def->block, use->block);
  return position_[def->id] < position_[use->id];
}

}  // namespace tephra::hir
