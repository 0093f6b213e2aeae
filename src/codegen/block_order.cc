#include "codegen/block_order.h"

#include <algorithm>

namespace tephra {

using lir::Block;
using lir::Instr;
using lir::Op;

namespace {

bool isCold(const Block* block) {
  return block->cold || block->last->op == Op::kExit || block->last->op == Op::kTrap;
}

// The `likely` attribute of branches: 1 = targets[0], 2 = targets[1].
uint32_t likelyTarget(const Instr& branch) {
  const auto& attributes = branch.info().attrs;
  for (size_t i = 0; i < attributes.size(); ++i) {
    if (std::string_view(attributes[i].name) == "likely") return branch.u32(static_cast<int>(i));
  }
  return 0;
}

// The successor that should come next is visited last: in reverse post-order it follows directly.
// Leaving a loop is visited first, so that the rest of the loop stays together.
bool prefersFirst(const Block* block) {
  const Instr& branch = *block->last;
  const Block *a = branch.targets[0], *b = branch.targets[1];
  if (isCold(a) != isCold(b)) return isCold(b);
  if (a->loop_depth != b->loop_depth) return a->loop_depth > b->loop_depth;
  return likelyTarget(branch) == 1;
}

std::vector<Block*> reversePostOrder(const lir::Function& function) {
  std::vector<Block*> order;
  std::vector<bool> seen;
  auto mark = [&](const Block* block) {
    if (block->id >= seen.size()) seen.resize(block->id + 1);
    bool fresh = !seen[block->id];
    seen[block->id] = true;
    return fresh;
  };
  struct Visit {
    Block* block;
    size_t next;
  };
  std::vector<Visit> stack;
  Block* entry = function.blocks().front();
  mark(entry);
  stack.push_back({entry, 0});
  while (!stack.empty()) {
    Visit& visit = stack.back();
    Block* block = visit.block;
    size_t step = visit.next++;
    Block* successor = nullptr;
    const size_t count = block->last->targets.size();
    if (step < count) {
      // The preferred one last: of several entries the first, which most calls take.
      bool backwards =
          count == 2 && block->last->op != Op::kEntries ? prefersFirst(block) : count > 1;
      successor = block->last->targets[backwards ? count - 1 - step : step];
    } else {
      order.push_back(block);
      stack.pop_back();
    }
    if (successor != nullptr && mark(successor)) stack.push_back({successor, 0});
  }
  std::reverse(order.begin(), order.end());
  return order;
}

bool hasEdge(const Block* from, const Block* to) {
  const auto& targets = from->last->targets;
  return std::find(targets.begin(), targets.end(), to) != targets.end();
}

// Which blocks (by id) a later one of the order jumps back to.
std::vector<bool> jumpedBackTo(const std::vector<Block*>& order) {
  uint32_t ids = 0;
  for (const Block* block : order) ids = std::max(ids, block->id + 1);
  std::vector<bool> found(ids, false), passed(ids, false);
  for (const Block* block : order) {
    passed[block->id] = true;
    if (block->last->op != Op::kJump) continue;
    const uint32_t target = block->last->targets[0]->id;
    if (target < ids && passed[target]) found[target] = true;
  }
  return found;
}

// A loop that is tested at the top jumps twice in each iteration. Where its header does nothing but
// lead into the loop or out of it, and the loop's last block jumps back, the header goes to the
// bottom:
//   before: header(branch out), body ..., jump header      after: body ..., header(branch body)
// The way in jumps to it once.
void rotateLoops(std::vector<Block*>* order) {
  const std::vector<bool> is_header = jumpedBackTo(*order);
  for (size_t i = 1; i + 1 < order->size(); ++i) {
    Block* header = (*order)[i];
    const Instr& branch = *header->last;
    const bool leads_in_or_out = branch.targets.size() == 2 && header->loop_depth != 0;
    if (!leads_in_or_out || !is_header[header->id]) continue;
    size_t latch = 0;
    for (size_t j = i + 1; j < order->size() && (*order)[j]->loop_depth >= header->loop_depth;
         ++j) {
      if ((*order)[j]->last->op == Op::kJump && hasEdge((*order)[j], header)) latch = j;
    }
    if (latch == 0) continue;
    Block* body = (*order)[i + 1];
    const Block* out = branch.targets[0] == body ? branch.targets[1] : branch.targets[0];
    if (!hasEdge(header, body) || out->loop_depth >= header->loop_depth) continue;
    // The block before must not lose more than a fall-through into the header.
    if (!hasEdge((*order)[i - 1], header) && hasEdge((*order)[i - 1], body)) continue;
    std::rotate(order->begin() + static_cast<long>(i), order->begin() + static_cast<long>(i) + 1,
                order->begin() + static_cast<long>(latch) + 1);
    i = latch;
  }
}

}  // namespace

BlockOrder orderBlocks(const lir::Function& function) {
  BlockOrder result;
  for (Block* block : reversePostOrder(function)) {
    bool entry = block == function.blocks().front();
    (isCold(block) && !entry ? result.cold : result.hot).push_back(block);
  }
  rotateLoops(&result.hot);
  return result;
}

}  // namespace tephra
