// Which locals a block may read before writing them (phis of the others are pruned), and which
// locals a loop writes (the others need no phi at its header).
#include <algorithm>

#include "frontend/cfg.h"

namespace tephra::frontend {

bool SlotSet::unite(const SlotSet& other) {
  bool changed = false;
  for (size_t i = 0; i < words_.size(); ++i) {
    uint64_t merged = words_[i] | other.words_[i];
    changed |= merged != words_[i];
    words_[i] = merged;
  }
  return changed;
}

void SlotSet::subtract(const SlotSet& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
}

namespace {

// CopyFreeVars fills the last `arg` slots.
template <typename F>
void forEachWritten(const CodeUnit& unit, const CanonicalInstr& in, F f) {
  if (uint32_t slot = localWritten(in); slot != kNoSlot) f(slot);
  if (in.op == Canonical::kCopyFreeVars) {
    uint32_t count = static_cast<uint32_t>(unit.locals.size());
    for (uint32_t i = 0; i < in.arg && i < count; ++i) f(count - in.arg + i);
  }
}

}  // namespace

void computeLiveness(const CodeUnit& unit, Cfg& cfg) {
  size_t slots = unit.locals.size();
  std::vector<SlotSet> gen(cfg.blocks.size(), SlotSet(slots)), kill = gen;
  cfg.written = SlotSet(slots);
  for (size_t b = 0; b < cfg.blocks.size(); ++b) {
    CfgBlock& block = cfg.blocks[b];
    for (uint32_t i = block.start; i < block.end; ++i) {
      uint32_t read = localRead(unit.code[i]);
      if (read != kNoSlot && !kill[b].has(read)) gen[b].add(read);
      forEachWritten(unit, unit.code[i], [&](uint32_t slot) {
        kill[b].add(slot);
        cfg.written.add(slot);
      });
    }
    block.live_in = gen[b];
  }
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t b = cfg.blocks.size(); b-- > 0;) {
      for (uint32_t succ : cfg.blocks[b].succs) {
        SlotSet through = cfg.blocks[succ].live_in;
        through.subtract(kill[b]);
        changed |= cfg.blocks[b].live_in.unite(through);
      }
    }
  }
}

void computeLoops(const CodeUnit& unit, Cfg& cfg) {
  size_t slots = unit.locals.size();
  for (uint32_t h = 0; h < cfg.blocks.size(); ++h) {
    CfgBlock& header = cfg.blocks[h];
    if (!header.loop_header) continue;
    header.loop_set = SlotSet(slots);
    // The natural loop: back from each back edge, up to the header. (With irreducible flow this
    // finds more blocks than the loop has, which is safe.)
    std::vector<bool> in_loop(cfg.blocks.size(), false);
    in_loop[h] = true;
    std::vector<uint32_t> work;
    for (uint32_t pred : header.preds) {
      if (pred >= h) work.push_back(pred);
    }
    while (!work.empty()) {
      uint32_t b = work.back();
      work.pop_back();
      if (in_loop[b]) continue;
      in_loop[b] = true;
      for (uint32_t pred : cfg.blocks[b].preds) work.push_back(pred);
    }
    for (uint32_t b = 0; b < cfg.blocks.size(); ++b) {
      if (!in_loop[b]) continue;
      for (uint32_t i = cfg.blocks[b].start; i < cfg.blocks[b].end; ++i) {
        forEachWritten(unit, unit.code[i], [&](uint32_t slot) { header.loop_set.add(slot); });
      }
    }
  }
}

}  // namespace tephra::frontend
