#include "lir/cfg.h"

#include <algorithm>

namespace tephra::lir {

void computePredecessors(Function& function) {
  for (Block* block : function.blocks()) block->preds.clear();
  for (Block* block : function.blocks()) {
    if (!block->last) continue;
    for (int i = 0; i < block->last->numTargets(); ++i) {
      block->last->targets[i]->preds.push_back(block);
    }
  }
}

Cfg::Cfg(const Function& function) {
  if (function.blocks().empty()) return;
  findOrder(function, nullptr);
  findDominators();
  findLoops();
  // Where loops exist, order again with the way out of a loop after its body.
  if (std::any_of(depth_.begin(), depth_.end(), [](uint32_t d) { return d != 0; })) {
    std::vector<uint32_t> depth_by_id(index_.size(), 0);
    for (size_t i = 0; i < order_.size(); ++i) depth_by_id[order_[i]->id] = depth_[i];
    findOrder(function, &depth_by_id);
    findDominators();
    findLoops();
  }
}

void Cfg::findOrder(const Function& function, const std::vector<uint32_t>* depth_by_id) {
  uint32_t max_id = 0;
  for (Block* block : function.blocks()) max_id = std::max(max_id, block->id);
  index_.assign(max_id + 1, -1);
  order_.clear();
  std::vector<uint8_t> seen(max_id + 1, 0);
  struct Step {
    Block* block;
    int next;
  };
  std::vector<Step> stack{{function.blocks()[0], 0}};
  seen[function.blocks()[0]->id] = 1;
  while (!stack.empty()) {
    Block* block = stack.back().block;
    Instr* last = block->last;
    int count = last ? last->numTargets() : 0;
    if (stack.back().next == count) {
      order_.push_back(block);
      stack.pop_back();
      continue;
    }
    // What is visited first comes last: the second target, unless the first leaves a loop.
    bool first_first = false;
    if (count == 2 && depth_by_id) {
      first_first = (*depth_by_id)[last->targets[0]->id] < (*depth_by_id)[last->targets[1]->id];
    }
    int step = stack.back().next++;
    Block* next = last->targets[first_first ? step : count - 1 - step];
    if (!seen[next->id]) {
      seen[next->id] = 1;
      stack.push_back({next, 0});
    }
  }
  std::reverse(order_.begin(), order_.end());
  for (size_t i = 0; i < order_.size(); ++i) index_[order_[i]->id] = static_cast<int>(i);
}

void Cfg::findDominators() {
  size_t count = order_.size();
  preds_.assign(count, {});
  for (size_t i = 0; i < count; ++i) {
    Instr* last = order_[i]->last;
    for (int t = 0; last && t < last->numTargets(); ++t) {
      preds_[static_cast<size_t>(indexOf(last->targets[t]))].push_back(static_cast<int>(i));
    }
  }
  idom_.assign(count, -1);
  idom_[0] = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 1; i < count; ++i) {
      int best = -1;
      for (int pred : preds_[i]) {
        if (idom_[static_cast<size_t>(pred)] < 0) continue;
        int other = pred;
        while (best >= 0 && best != other) {
          while (other > best) other = idom_[static_cast<size_t>(other)];
          while (best > other) best = idom_[static_cast<size_t>(best)];
        }
        best = other;
      }
      if (best != idom_[i]) {
        idom_[i] = best;
        changed = true;
      }
    }
  }
  // Parents come before children in order_, so subtree sizes and numbers need no walk.
  std::vector<int> size(count, 1);
  for (size_t i = count; i-- > 1;) size[static_cast<size_t>(idom_[i])] += size[i];
  enter_.assign(count, 0);
  leave_.assign(count, 0);
  std::vector<int> next(count, 1);
  leave_[0] = size[0];
  for (size_t i = 1; i < count; ++i) {
    size_t parent = static_cast<size_t>(idom_[i]);
    enter_[i] = enter_[parent] + next[parent];
    next[parent] += size[i];
    leave_[i] = enter_[i] + size[i];
  }
}

bool Cfg::dominates(const Block* a, const Block* b) const {
  size_t ia = static_cast<size_t>(indexOf(a)), ib = static_cast<size_t>(indexOf(b));
  return enter_[ia] <= enter_[ib] && leave_[ib] <= leave_[ia];
}

void Cfg::findLoops() {
  size_t count = order_.size();
  depth_.assign(count, 0);
  std::vector<int> member(count, -1);  // the last loop header that claimed this block
  std::vector<int> work;
  for (size_t header = 0; header < count; ++header) {
    work.clear();
    for (int pred : preds_[header]) {
      if (dominates(order_[header], order_[static_cast<size_t>(pred)])) work.push_back(pred);
    }
    if (work.empty()) continue;
    int mark = static_cast<int>(header);
    member[header] = mark;
    ++depth_[header];
    while (!work.empty()) {
      size_t at = static_cast<size_t>(work.back());
      work.pop_back();
      if (member[at] == mark) continue;
      member[at] = mark;
      ++depth_[at];
      work.insert(work.end(), preds_[at].begin(), preds_[at].end());
    }
  }
}

}  // namespace tephra::lir
