#include "passes/root_liveness.h"

#include <algorithm>

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

void addValue(Instr* value, std::vector<Instr*>* out) {
  if (value->op == Op::kFrameState) {
    for (Instr* inner : value->operands) addValue(inner, out);
  } else if (value->type.isObject()) {
    out->push_back(hir::rootOf(value));
  }
}

}  // namespace

void rootsUsed(const Instr* instr, std::vector<Instr*>* out) {
  out->clear();
  if (instr->op == Op::kPhi || instr->op == Op::kFrameState) return;
  for (Instr* operand : instr->operands) addValue(operand, out);
}

RootLiveness::RootLiveness(const hir::Function& function)
    : count_(function.numValues()),
      live_in_(function.numBlocks(), Bits(count_)),
      dies_at_(count_),
      values_(count_, nullptr) {
  for (const Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) values_[instr->id] = instr;
  }
  const std::vector<Block*>& blocks = function.blocks();
  for (bool changed = true; changed;) {
    changed = false;
    for (auto at = blocks.rbegin(); at != blocks.rend(); ++at) {
      Bits before = live_in_[(*at)->id];
      scan(*at, false);
      changed |= !(before == live_in_[(*at)->id]);
    }
  }
  for (const Block* block : blocks) scan(block, true);
}

Bits RootLiveness::liveOnEdge(const Block* to, size_t index) const {
  Bits live = live_in_[to->id];
  std::vector<Instr*> inputs;
  for (Instr* phi = to->first; phi && phi->op == Op::kPhi; phi = phi->next) {
    if (!live.test(phi->id) || !phi->type.isObject()) continue;
    inputs.push_back(hir::rootOf(phi->operands[index]));
    live.reset(phi->id);
  }
  for (Instr* input : inputs) live.set(input->id);
  return live;
}

void RootLiveness::scan(const Block* block, bool record) {
  Bits live(count_);
  size_t succs = block->succs().size();
  for (size_t which = 0; which < succs; ++which) {
    live.add(liveOnEdge(block->succs()[which], hir::predIndex(block, static_cast<int>(which))));
  }
  std::vector<Instr*> used;
  for (Instr* instr = block->last; instr; instr = instr->prev) {
    if (instr->op == Op::kPhi) break;
    bool defines = instr->type.isObject() && hir::rootOf(instr) == instr;
    bool unused = defines && !live.test(instr->id);
    if (defines) live.reset(instr->id);
    rootsUsed(instr, &used);
    for (Instr* root : used) {
      if (live.test(root->id)) continue;
      live.set(root->id);
      if (record) dies_at_[instr->id].push_back(root);
    }
    if (record && unused) dies_at_[instr->id].push_back(instr);
  }
  live_in_[block->id] = live;
}

}  // namespace tephra::passes
