// Purpose: linear order, position numbers, live sets of blocks.
// Order: reverse post-order with hot blocks first, so that a cold block's calls come after all hot
// code and cost the hot code nothing. A block entered from cold blocks only counts as cold, which
// keeps every block behind its dominators.
#include <algorithm>

#include "regalloc/allocation.h"

namespace tephra::regalloc {
namespace {

void dropUnreachable(lir::Function& function, const lir::Cfg& cfg) {
  std::erase_if(function.blocks(), [&](Block* block) {
    if (cfg.reachable(block)) return false;
    delete block;
    return true;
  });
}

void orderBlocks(Allocation& a, const lir::Cfg& cfg) {
  const auto& order = cfg.order();
  std::vector<uint8_t> cold(order.size(), 0);
  for (size_t i = 1; i < order.size(); ++i) {
    bool warm_pred = false;
    for (Block* pred : order[i]->preds) {
      size_t p = static_cast<size_t>(cfg.indexOf(pred));
      warm_pred |= p < i && !cold[p];
    }
    cold[i] = order[i]->cold || !warm_pred;
  }
  uint32_t max_id = 0;
  for (Block* block : order) max_id = std::max(max_id, block->id);
  a.block_index.assign(max_id + 1, -1);
  a.blocks.reserve(order.size());
  for (uint8_t pass = 0; pass < 2; ++pass) {
    for (size_t i = 0; i < order.size(); ++i) {
      if (cold[i] != pass) continue;
      a.block_index[order[i]->id] = static_cast<int>(a.blocks.size());
      BlockInfo& info = a.blocks.emplace_back();
      info.block = order[i];
      info.cold = pass == 1;
      uint32_t depth = std::min(cfg.loopDepth(order[i]), 5u);
      info.frequency = info.cold ? 1 + depth : 64u << (3 * depth);
    }
  }
}

void number(Allocation& a) {
  int position = 0;
  a.cold_from = -1;
  for (size_t b = 0; b < a.blocks.size(); ++b) {
    BlockInfo& info = a.blocks[b];
    if (info.cold && a.cold_from < 0) a.cold_from = position;
    info.from = position;
    a.instr_at.push_back(nullptr);
    a.block_at.push_back(static_cast<int>(b));
    for (Instr* instr = info.block->first; instr; instr = instr->next) {
      position += 4;
      instr->id = static_cast<uint32_t>(position);
      a.instr_at.push_back(instr);
      a.block_at.push_back(static_cast<int>(b));
    }
    position += 4;
    info.to = position;
  }
  if (a.cold_from < 0) a.cold_from = position;
}

void findLiveness(Allocation& a) {
  size_t count = a.function.numVRegs();
  std::vector<BitSet> defined(a.blocks.size());
  for (size_t b = a.blocks.size(); b-- > 0;) {
    BlockInfo& info = a.blocks[b];
    BitSet live(count);
    defined[b] = BitSet(count);
    for (Instr* instr = info.block->last; instr; instr = instr->prev) {
      for (const Operand& def : instr->defs) {
        if (!def.isVReg()) continue;
        live.remove(def.base);
        defined[b].add(def.base);
      }
      for (const Operand& use : instr->uses) forEachUsedVReg(use, [&](uint32_t v) { live.add(v); });
    }
    for (const Operand& param : info.block->params) {
      live.remove(param.base);
      defined[b].add(param.base);
    }
    info.live_in = live;
    info.live_out = BitSet(count);
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t b = a.blocks.size(); b-- > 0;) {
      BlockInfo& info = a.blocks[b];
      Instr* last = info.block->last;
      for (int t = 0; t < last->numTargets(); ++t)
        info.live_out.addAll(a.infoOf(last->targets[t]).live_in);
      changed |= info.live_in.addAllExcept(info.live_out, defined[b]);
    }
  }
}

}  // namespace

void numberAndFindLiveness(Allocation& a) {
  {
    lir::Cfg cfg(a.function);
    dropUnreachable(a.function, cfg);
    lir::computePredecessors(a.function);
    orderBlocks(a, cfg);
  }
  number(a);
  findLiveness(a);
}

}  // namespace tephra::regalloc
