#include "frontend/cfg.h"

#include <algorithm>

namespace tephra::frontend {

Flow flowOf(Canonical op) {
  switch (op) {
    case Canonical::kJump:
    case Canonical::kJumpBackward: return Flow::kJump;
    case Canonical::kPopJumpIfTrue:
    case Canonical::kPopJumpIfFalse:
    case Canonical::kPopJumpIfNone:
    case Canonical::kPopJumpIfNotNone:
    case Canonical::kForIter: return Flow::kConditional;
    case Canonical::kReturn:
    case Canonical::kRaiseVarargs:
    // Handlers' operations; where normal flow reaches one, compiled code ends in a deoptimisation.
    case Canonical::kReraise:
    case Canonical::kPushExcInfo:
    case Canonical::kPopExcept:
    case Canonical::kCheckExcMatch:
    case Canonical::kCheckEgMatch:
    case Canonical::kWithExceptStart: return Flow::kEnd;
    default: return Flow::kNext;
  }
}

uint32_t localRead(const CanonicalInstr& in) {
  switch (in.op) {
    case Canonical::kLoadFast:
    case Canonical::kLoadFastCheck:
    case Canonical::kLoadFastAndClear:
    case Canonical::kDeleteFast:
    case Canonical::kMakeCell:
    case Canonical::kLoadDeref:
    case Canonical::kStoreDeref:
    case Canonical::kDeleteDeref: return in.arg;
    default: return kNoSlot;
  }
}

uint32_t localWritten(const CanonicalInstr& in) {
  switch (in.op) {
    case Canonical::kStoreFast:
    case Canonical::kDeleteFast:
    case Canonical::kLoadFastAndClear:
    case Canonical::kMakeCell: return in.arg;
    default: return kNoSlot;
  }
}

namespace {

std::vector<uint32_t> successorsOf(const CodeUnit& unit, uint32_t index) {
  const CanonicalInstr& in = unit.code[index];
  switch (flowOf(in.op)) {
    case Flow::kNext: return {index + 1};
    case Flow::kJump: return {in.arg};
    case Flow::kConditional: return {index + 1, in.arg};
    case Flow::kEnd: return {};
  }
  return {};
}

struct Discovery {
  std::vector<bool> reachable, leader;
};

// Marks what normal flow reaches. False when it runs off the end.
bool discover(const CodeUnit& unit, Discovery& found) {
  size_t size = unit.code.size();
  found.reachable.assign(size, false);
  found.leader.assign(size, false);
  if (size == 0) return false;
  std::vector<uint32_t> work{0};
  found.leader[0] = true;
  while (!work.empty()) {
    uint32_t index = work.back();
    work.pop_back();
    if (found.reachable[index]) continue;
    found.reachable[index] = true;
    bool ends_block = flowOf(unit.code[index].op) != Flow::kNext;
    for (uint32_t next : successorsOf(unit, index)) {
      if (next >= size) return false;
      if (ends_block) found.leader[next] = true;
      work.push_back(next);
    }
  }
  return true;
}

// Blocks reached from `start`, in reverse post-order of an explicit depth-first walk.
std::vector<uint32_t> reversePostOrder(const CodeUnit& unit, const Discovery& found) {
  auto endOf = [&](uint32_t start) {
    uint32_t i = start;
    while (flowOf(unit.code[i].op) == Flow::kNext && !found.leader[i + 1]) ++i;
    return i;
  };
  struct Visit {
    uint32_t start;
    std::vector<uint32_t> succs;
    size_t next = 0;
  };
  std::vector<bool> seen(unit.code.size(), false);
  std::vector<uint32_t> order;
  std::vector<Visit> stack;
  auto enter = [&](uint32_t start) {
    seen[start] = true;
    Visit visit{start, successorsOf(unit, endOf(start))};
    // The target first, so that the fall-through comes first in reverse post-order: a loop's body
    // before what follows the loop.
    std::reverse(visit.succs.begin(), visit.succs.end());
    stack.push_back(std::move(visit));
  };
  enter(0);
  while (!stack.empty()) {
    Visit& top = stack.back();
    if (top.next < top.succs.size()) {
      uint32_t succ = top.succs[top.next++];
      if (!seen[succ]) enter(succ);
    } else {
      order.push_back(top.start);
      stack.pop_back();
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

void computeLiveness(const CodeUnit& unit, Cfg& cfg);  // liveness.cc
void computeLoops(const CodeUnit& unit, Cfg& cfg);     // liveness.cc

Result<Cfg> buildCfg(const CodeUnit& unit) {
  Discovery found;
  if (!discover(unit, found)) {
    return Bailout{BailoutReason::kUnsupportedOperation, "control runs off the end"};
  }
  Cfg cfg;
  cfg.block_at.assign(unit.code.size(), kNoBlock);
  for (uint32_t start : reversePostOrder(unit, found)) {
    CfgBlock block;
    block.start = start;
    uint32_t i = start;
    while (flowOf(unit.code[i].op) == Flow::kNext && !found.leader[i + 1]) ++i;
    block.end = i + 1;
    cfg.block_at[start] = static_cast<uint32_t>(cfg.blocks.size());
    cfg.blocks.push_back(std::move(block));
  }
  for (uint32_t b = 0; b < cfg.blocks.size(); ++b) {
    for (uint32_t succ : successorsOf(unit, cfg.blocks[b].end - 1)) {
      uint32_t target = cfg.block_at[succ];
      cfg.blocks[b].succs.push_back(target);
      cfg.blocks[target].preds.push_back(b);
      if (target <= b) cfg.blocks[target].loop_header = true;
    }
  }
  computeLiveness(unit, cfg);
  computeLoops(unit, cfg);
  return cfg;
}

}  // namespace tephra::frontend
