#include "passes/cfg_clean.h"

#include <algorithm>

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

bool hasPhis(const Block* block) { return block->first && block->first->op == Op::kPhi; }

bool sameInputs(const Block* block, size_t a, size_t b) {
  for (Instr* phi = block->first; phi && phi->op == Op::kPhi; phi = phi->next) {
    if (phi->operands[a] != phi->operands[b]) return false;
  }
  return true;
}

// Branch on a constant, or to one block both ways with the same phi inputs.
bool foldBranch(hir::Function& function, Block* block) {
  Instr* branch = block->last;
  if (!branch || branch->op != Op::kBranch) return false;
  size_t drop;
  if (branch->operands[0]->op == Op::kConstBool) {
    drop = branch->operands[0]->attr[0] ? 1 : 0;
  } else if (branch->targets[0] == branch->targets[1] &&
             sameInputs(branch->targets[0], hir::predIndex(block, 0), hir::predIndex(block, 1))) {
    drop = 1;
  } else {
    return false;
  }
  function.removeEdge(block, static_cast<int>(drop));
  branch->targets[0] = branch->targets[1 - drop];
  branch->targets[1] = nullptr;
  branch->op = Op::kJump;
  branch->attr[0] = 0;
  branch->operands = {};
  return true;
}

// block -> Jump -> succ, with no other way into succ: one block.
bool joinWithSucc(hir::Function& function, Block* block) {
  if (!block->last || block->last->op != Op::kJump) return false;
  Block* succ = block->last->targets[0];
  if (succ == block || succ == function.entry() || succ->preds.size() != 1) return false;
  if (hasPhis(succ)) return false;  // phi_elimination takes them away first
  hir::Function::remove(block->last);
  while (Instr* instr = succ->first) {
    hir::Function::remove(instr);
    hir::Function::append(block, instr);
  }
  for (Block* next : block->succs())
    std::replace(next->preds.begin(), next->preds.end(), succ, block);
  block->cold = block->cold && succ->cold;
  succ->preds.clear();
  std::erase(function.blocks(), succ);
  return true;
}

// A block that is nothing but a jump: its preds go to the target themselves.
bool skipEmpty(hir::Function& function, Block* block) {
  if (block == function.entry() || block->first != block->last || !block->last) return false;
  if (block->last->op != Op::kJump) return false;
  Block* to = block->last->targets[0];
  if (to == block || hasPhis(to) || block->preds.empty()) return false;
  for (Block* pred : block->preds) {
    // Two edges of one branch to one block would only be harder to tell apart.
    std::span<Block* const> succs = pred->succs();
    if (pred == block || std::find(succs.begin(), succs.end(), to) != succs.end()) return false;
    if (std::count(block->preds.begin(), block->preds.end(), pred) != 1) return false;
    // They want a block of their own to go on in.
    if (pred->last->op == Op::kEntries || pred->last->handler() != nullptr) return false;
  }
  auto at = std::find(to->preds.begin(), to->preds.end(), block);
  at = to->preds.erase(at);
  to->preds.insert(at, block->preds.begin(), block->preds.end());
  for (Block* pred : block->preds) {
    for (Block*& target : pred->last->targets) {
      if (target == block) target = to;
    }
  }
  block->preds.clear();
  std::erase(function.blocks(), block);
  return true;
}

// Everything that recomputeCfg may change; phis follow the preds.
struct Shape {
  const Block* block;
  uint32_t id;
  bool is_loop_header;
  std::vector<Block*> preds;
  bool operator==(const Shape&) const = default;
};

std::vector<Shape> shape(const hir::Function& function) {
  std::vector<Shape> blocks;
  for (const Block* block : function.blocks()) {
    blocks.push_back({block, block->id, block->is_loop_header, block->preds});
  }
  return blocks;
}

}  // namespace

bool cfg_clean(hir::Function& function, PassContext&) {
  bool changed = false;
  std::vector<Shape> before = shape(function);
  for (Block* block : function.blocks()) changed |= foldBranch(function, block);
  function.recomputeCfg();
  for (bool again = true; again;) {
    again = false;
    std::vector<Block*> blocks = function.blocks();
    for (Block* block : blocks) {
      if (block != function.entry() && block->preds.empty()) continue;  // joined already
      if (!block->last) continue;
      while (joinWithSucc(function, block)) again = true;
      if (skipEmpty(function, block)) again = true;
    }
    changed |= again;
  }
  function.recomputeCfg();
  return changed || before != shape(function);
}

}  // namespace tephra::passes
