#include "passes/dce.h"

#include "passes/bits.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Ownership;

namespace {

// It must stay whether somebody uses its result or not.
bool isRoot(const Instr* instr) {
  if (instr->isTerminator() || hir::isPartner(instr->op)) return true;
  switch (instr->op) {
    case Op::kBoxInt:
    case Op::kBoxFloat:  // MemoryError for a box that nobody sees
      return false;
    // These leave only because they cannot answer; without a user of the answer there is no
    // question. Division, shifts and subscripts deoptimise in order to raise: they stay.
    case Op::kUnboxInt:
    case Op::kIntAdd:
    case Op::kIntSub:
    case Op::kIntMul:
    case Op::kIntNeg: return false;
    case Op::kPtrEqual: return hir::bothMayEnd(instr->operands[0]->type, instr->operands[1]->type);
    default: break;
  }
  if (instr->hasState()) return true;
  constexpr uint16_t kPure = hir::kReadsHeap | hir::kReadsHome;
  if (instr->info().effects & ~kPure) return true;
  return instr->type.rep == hir::Rep::kNone || instr->info().ownership == Ownership::kNew;
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
