// Purpose: stack slots for registers that live on the stack somewhere, shared by those that are
// never alive together, and the choice between storing once at the definition and at each way to
// the stack. Slots are given greedily by start of life (holes are not used: slots are cheap); a
// block parameter and its arguments get the same one where they can, so that no slot is copied to
// another.
#include <algorithm>
#include <functional>
#include <queue>

#include "regalloc/resolution.h"

namespace tephra::regalloc {
namespace {

bool livesInSlot(const VRegInfo& v) {
  if (v.constant) return false;
  for (const Interval* piece = v.first; piece; piece = piece->next) {
    if (piece->reg < 0) return true;
  }
  return false;
}

int endOfLife(const VRegInfo& v) {
  const Interval* piece = v.first;
  while (piece->next) piece = piece->next;
  return piece->end();
}

}  // namespace

void Resolution::assignSlots() {
  std::vector<uint32_t> order;
  for (uint32_t v = 1; v < a_.vregs.size(); ++v) {
    if (a_.vregs[v].first && livesInSlot(a_.vregs[v])) order.push_back(v);
  }
  std::stable_sort(order.begin(), order.end(), [&](uint32_t x, uint32_t y) {
    return a_.vregs[x].first->start() < a_.vregs[y].first->start();
  });
  std::vector<int> busy_until;  // by slot
  // Ends of what is in slots, and slots that may be free; the least on top.
  std::priority_queue<std::pair<int, int>, std::vector<std::pair<int, int>>, std::greater<>> ends;
  std::priority_queue<int, std::vector<int>, std::greater<>> maybe_free;
  std::vector<int> wish(a_.vregs.size(), -1);  // by parameter: slot of it or of an argument
  for (uint32_t id : order) {
    VRegInfo& v = a_.vregs[id];
    int start = gapAt(v.first->start()), end = endOfLife(v);
    auto isFree = [&](int slot) {
      return slot >= 0 && busy_until[static_cast<size_t>(slot)] <= start;
    };
    int slot = -1;
    if (v.is_param && isFree(wish[id]))
      slot = wish[id];
    else if (v.param && isFree(wish[v.param]))
      slot = wish[v.param];
    else if (v.copy_of && isFree(a_.vregs[v.copy_of].slot))
      slot = a_.vregs[v.copy_of].slot;
    for (; !ends.empty() && ends.top().first <= start; ends.pop())
      maybe_free.push(ends.top().second);
    for (; slot < 0 && !maybe_free.empty(); maybe_free.pop()) {
      if (isFree(maybe_free.top())) slot = maybe_free.top();
    }
    if (slot < 0) {
      slot = static_cast<int>(busy_until.size());
      busy_until.push_back(0);
    }
    busy_until[static_cast<size_t>(slot)] = end;
    ends.emplace(end, slot);
    v.slot = slot;
    if (v.is_param) wish[id] = slot;
    if (v.param && wish[v.param] < 0) wish[v.param] = slot;
  }
  a_.function.num_slots = static_cast<uint32_t>(busy_until.size());
}

void Resolution::chooseStores() {
  std::vector<uint64_t> cost(a_.vregs.size(), 0);
  forEachTransition([&](uint32_t v, const Interval* from, const Interval* to, uint32_t frequency) {
    if (from->reg >= 0 && to->reg < 0) cost[v] += frequency;
  });
  for (uint32_t id = 1; id < a_.vregs.size(); ++id) {
    VRegInfo& v = a_.vregs[id];
    if (!v.first || v.slot < 0) continue;
    // Written by the definition itself, or more cheaply there than on the ways to the stack.
    uint32_t at_def = a_.blocks[static_cast<size_t>(v.def_block)].frequency;
    v.slot_from_def = v.first->reg < 0 || at_def <= cost[id];
  }
}

}  // namespace tephra::regalloc
