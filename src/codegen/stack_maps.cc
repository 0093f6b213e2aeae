#include "codegen/stack_maps.h"

#include <algorithm>
#include <unordered_map>

namespace tephra {

using lir::Block;
using lir::Instr;
using lir::Operand;

namespace {

using SlotSet = std::vector<bool>;

bool isGpSlot(const Operand& operand) { return operand.isSlot() && operand.bank == lir::Bank::kGp; }

// From live behind the instruction to live before it.
void step(const Instr& instr, SlotSet* live) {
  for (const Operand& def : instr.defs) {
    if (isGpSlot(def)) (*live)[def.base] = false;
  }
  for (const Operand& use : instr.uses) {
    if (isGpSlot(use)) (*live)[use.base] = true;
  }
}

SlotSet liveOut(const Block* block, const std::vector<SlotSet>& live_in, uint32_t slots) {
  SlotSet live(slots, false);
  for (const Block* target : block->last->targets) {
    for (uint32_t i = 0; i < slots; ++i) live[i] = live[i] || live_in[target->id][i];
  }
  return live;
}

std::vector<SlotSet> solve(const lir::Function& function, uint32_t slots) {
  uint32_t highest = 0;
  for (const Block* block : function.blocks()) highest = std::max(highest, block->id);
  std::vector<SlotSet> live_in(highest + 1, SlotSet(slots, false));
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = function.blocks().size(); i-- > 0;) {
      const Block* block = function.blocks()[i];
      SlotSet live = liveOut(block, live_in, slots);
      for (const Instr* instr = block->last; instr != nullptr; instr = instr->prev)
        step(*instr, &live);
      changed |= live != live_in[block->id];
      live_in[block->id] = std::move(live);
    }
  }
  return live_in;
}

}  // namespace

std::vector<StackMap> makeStackMaps(const lir::Function& function, const NativeFrame& frame,
                                    const std::vector<EmittedCode::CallSite>& calls) {
  std::vector<StackMap> maps;
  std::unordered_map<const Instr*, size_t> index;
  for (const auto& call : calls) {
    index[call.instr] = maps.size();
    maps.push_back({call.return_offset, {}});
  }
  if (frame.num_slots == 0 || calls.empty()) return maps;
  std::vector<SlotSet> live_in = solve(function, frame.num_slots);
  for (const Block* block : function.blocks()) {
    SlotSet live = liveOut(block, live_in, frame.num_slots);
    for (const Instr* instr = block->last; instr != nullptr; instr = instr->prev) {
      auto found = index.find(instr);
      if (found != index.end()) {
        for (uint32_t i = 0; i < frame.num_slots; ++i) {
          if (live[i]) maps[found->second].slots.push_back(frame.slotOffset(i));
        }
      }
      step(*instr, &live);
    }
  }
  return maps;
}

}  // namespace tephra
