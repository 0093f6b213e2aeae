#include "passes/position_stores.h"

#include "passes/refcount_state.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Position;

namespace {

constexpr int64_t kUnreached = -2;  // no path seen yet: agrees with everything
constexpr int64_t kUnknown = -1;    // paths disagree, or nothing was stored

int64_t meet(int64_t a, int64_t b) {
  if (a == kUnreached) return b;
  if (b == kUnreached) return a;
  return a == b ? a : kUnknown;
}

// The release of what ends without running code looks at nothing.
Position needOf(const Instr* instr) {
  const hir::OpInfo& info = instr->info();
  const bool harmless = info.position_form && (instr->operands[0]->type.mask & ~kMaskHarmless) == 0;
  return harmless ? Position::kNever : info.position;
}

int64_t after(const Instr* instr, int64_t position) {
  if (instr->op == Op::kSetPosition) return instr->u32(0);
  // Another frame is the innermost one behind it.
  const bool of_other = instr->op == Op::kPushFrame || instr->op == Op::kPushInlinedFrame ||
                        instr->op == Op::kLeaveFrame;
  if (of_other) return kUnknown;
  switch (needOf(instr)) {
    case Position::kNever: return position;
    case Position::kRarely: return position == instr->offset ? position : kUnknown;
    case Position::kAlways: return instr->offset;
  }
  return kUnknown;
}

}  // namespace

bool position_stores(hir::Function& function, PassContext&) {
  std::vector<int64_t> out(function.numBlocks(), kUnreached);
  auto positionAt = [&](const Block* block) {
    int64_t position = block->preds.empty() ? kUnknown : kUnreached;
    for (const Block* pred : block->preds) {
      // A way that raises stores it itself.
      const bool raises = pred->last->handler() == block;
      position = meet(position, raises ? kUnknown : out[pred->id]);
    }
    return position;
  };
  for (bool again = true; again;) {
    again = false;
    for (Block* block : function.blocks()) {
      int64_t position = positionAt(block);
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        position = after(instr, position);
      }
      again |= out[block->id] != position;
      out[block->id] = position;
    }
  }
  bool changed = false;
  for (Block* block : function.blocks()) {
    int64_t position = positionAt(block);
    for (Instr* instr = block->first; instr; instr = instr->next) {
      Position need = position == instr->offset ? Position::kNever : needOf(instr);
      if (need == Position::kRarely && instr->info().position_form) {
        instr->op = *instr->info().position_form;
        changed = true;
      } else if (need == Position::kAlways) {
        Instr* store = function.make(Op::kSetPosition, {});
        store->attr[0] = instr->offset;
        store->placeLike(instr);
        hir::Function::insertBefore(instr, store);
        changed = true;
      }
      position = after(instr, position);
    }
  }
  return changed;
}

}  // namespace tephra::passes
