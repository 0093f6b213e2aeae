#include "passes/dce.h"

#include "passes/bits.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;

namespace {

// It must stay whether somebody uses its result or not.
bool isRoot(const Instr* instr) {
  const hir::OpInfo& info = instr->info();
  if (!info.removable || instr->isTerminator()) return true;
  return info.orders_ends && hir::bothMayEnd(instr->operands[0]->type, instr->operands[1]->type);
}

}  // namespace

bool dce(hir::Function& function, PassContext&) {
  Bits used(function.numValues());
  std::vector<Instr*> work;
  auto mark = [&](Instr* instr) {
    if (used.test(instr->id)) return;
    used.set(instr->id);
    work.push_back(instr);
  };
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      if (isRoot(instr)) mark(instr);
    }
  }
  while (!work.empty()) {
    Instr* instr = work.back();
    work.pop_back();
    for (Instr* operand : instr->operands) mark(operand);
  }
  bool changed = false;
  for (Block* block : function.blocks()) {
    for (Instr *instr = block->first, *next; instr; instr = next) {
      next = instr->next;
      if (used.test(instr->id)) continue;
      hir::Function::remove(instr);
      changed = true;
    }
  }
  return changed;
}

}  // namespace tephra::passes
