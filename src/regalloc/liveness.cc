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
      info.frequency = info.cold ? kColdFrequency + depth : kHotFrequency << (3 * depth);
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

// By use (Brandner, Boissinot, Darte, Dupont de Dinechin and Rastello, "Computing Liveness Sets for
// SSA-Form Programs", 2011): from each block that uses a register and does not define it, backwards
// to the definition. The work is that of writing the sets down.
class LivenessFinder {
 public:
  explicit LivenessFinder(Allocation& a)
      : a_(a), defined_in_(a.function.numVRegs(), -1), users_(a.function.numVRegs()) {}

  void run() {
    for (size_t b = 0; b < a_.blocks.size(); ++b) {
      for (const Operand& param : a_.blocks[b].block->params) define(param, b);
      for (const Instr* i = a_.blocks[b].block->first; i; i = i->next) {
        for (const Operand& def : i->defs) define(def, b);
      }
    }
    for (size_t b = 0; b < a_.blocks.size(); ++b) {
      for (const Instr* i = a_.blocks[b].block->first; i; i = i->next) {
        for (const Operand& use : i->uses) forEachUsedVReg(use, [&](uint32_t v) { used(v, b); });
      }
    }
    for (uint32_t v = 0; v < users_.size(); ++v) {
      for (uint32_t next = users_[v]; next != 0; next = uses_[next - 1].next)
        liveInto(v, uses_[next - 1].block);
    }
  }

 private:
  struct Use {
    uint32_t block, next;  // the next one of the register, plus 1; 0: none
  };

  void define(const Operand& operand, size_t block) {
    if (operand.isVReg()) defined_in_[operand.base] = static_cast<int>(block);
  }

  void used(uint32_t v, size_t block) {
    if (defined_in_[v] == static_cast<int>(block)) return;
    const uint32_t before = users_[v];
    if (before != 0 && uses_[before - 1].block == block) return;
    uses_.push_back({static_cast<uint32_t>(block), before});
    users_[v] = static_cast<uint32_t>(uses_.size());
  }

  void liveInto(uint32_t v, uint32_t use) {
    work_.push_back(use);
    while (!work_.empty()) {
      BlockInfo& info = a_.blocks[work_.back()];
      work_.pop_back();
      // Registers come in order: if the set has this one, then last.
      if (!info.live_in.empty() && info.live_in.back() == v) continue;
      info.live_in.push_back(v);
      for (const Block* pred : info.block->preds) {
        const auto p = static_cast<size_t>(a_.block_index[pred->id]);
        if (defined_in_[v] != static_cast<int>(p)) work_.push_back(static_cast<uint32_t>(p));
      }
    }
  }

  Allocation& a_;
  std::vector<int> defined_in_;  // by register: block
  std::vector<uint32_t> users_;  // by register: its last use in uses_, plus 1
  std::vector<Use> uses_;
  std::vector<uint32_t> work_;
};

}  // namespace

void numberAndFindLiveness(Allocation& a) {
  {
    lir::Cfg cfg(a.function);
    dropUnreachable(a.function, cfg);
    lir::computePredecessors(a.function);
    orderBlocks(a, cfg);
  }
  number(a);
  LivenessFinder(a).run();
}

}  // namespace tephra::regalloc
