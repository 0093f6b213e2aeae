#include "passes/unboxed_states.h"

#include <algorithm>

#include "passes/bits.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

// An exit can make them: it finds int, double or truth value where the machine has it.
bool isMadeByExits(const Instr* root) { return hir::isBox(root) || root->op == Op::kBoxBool; }

// Does the state that calls this one, or one further out, name the object, too?
bool namedFurtherOut(const Instr* state, const Instr* root) {
  while (!state->aux.empty() && state->aux.back() == hir::kParentState) {
    state = state->operands.back();
    for (Instr* value : state->operands) {
      if (value->type.isObject() && hir::rootOf(value) == root) return true;
    }
  }
  return false;
}

// Boxes (by the id of their roots) that an operation, a phi or two places of one chain of states
// use.
Bits seenBoxes(const hir::Function& function) {
  Bits seen(function.numValues());
  for (const Block* block : function.blocks()) {
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      // An alias is no use of its own: whoever uses it is asked.
      if (instr->info().ownership == hir::Ownership::kAlias) continue;
      auto operands = instr->operands;
      for (size_t i = 0; i < operands.size(); ++i) {
        if (!operands[i]->type.isObject()) continue;
        const Instr* root = hir::rootOf(operands[i]);
        if (!isMadeByExits(root)) continue;
        bool again = std::any_of(
            operands.begin(), operands.begin() + static_cast<long>(i),
            [&](Instr* other) { return other->type.isObject() && hir::rootOf(other) == root; });
        if (instr->op != Op::kFrameState || again || namedFurtherOut(instr, root))
          seen.set(root->id);
      }
    }
  }
  return seen;
}

}  // namespace

bool unboxed_states(hir::Function& function, PassContext&) {
  Bits seen = seenBoxes(function);
  bool changed = false;
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      if (instr->op != Op::kFrameState) continue;
      for (Instr*& value : instr->operands) {
        if (!value->type.isObject()) continue;
        Instr* root = hir::rootOf(value);
        if (!isMadeByExits(root) || seen.test(root->id)) continue;
        value = root->operands[0];
        changed = true;
      }
    }
  }
  return changed;
}

}  // namespace tephra::passes
