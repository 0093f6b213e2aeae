#include "passes/position_stores.h"

#include "passes/refcount_state.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Position;

namespace {

// Positions: a scope that has a frame, and an offset in its bytecode. And what is none:
constexpr int64_t kUnreached = -2;  // no path seen yet: agrees with everything
constexpr int64_t kUnknown = -1;    // paths disagree, or nothing was stored

int64_t position(uint32_t scope, uint32_t offset) { return int64_t{scope} << 32 | offset; }

// Where the frame stands that `instr` runs in: a scope without one is within a call of its parent.
int64_t positionOf(const hir::Function& function, const Instr* instr) {
  const hir::Scope* scope = &function.scopeOf(instr);
  if (scope->frame != FrameOrigin::kAbsent) return position(instr->scope, instr->offset);
  while (function.scopes()[scope->parent].frame == FrameOrigin::kAbsent)
    scope = &function.scopes()[scope->parent];
  return position(scope->parent, scope->call_offset);
}

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

int64_t after(const hir::Function& function, const Instr* instr, int64_t before) {
  if (instr->op == Op::kSetPosition) return position(instr->scope, instr->u32(0));
  // Another frame is the innermost one behind it.
  const bool of_other = instr->op == Op::kPushFrame || instr->op == Op::kPushInlinedFrame ||
                        instr->op == Op::kLeaveFrame;
  if (of_other) return kUnknown;
  switch (needOf(instr)) {
    case Position::kNever: return before;
    case Position::kRarely: return before == positionOf(function, instr) ? before : kUnknown;
    case Position::kAlways: return positionOf(function, instr);
  }
  return kUnknown;
}

}  // namespace

bool position_stores(hir::Function& function, PassContext&) {
  std::vector<int64_t> out(function.numBlocks(), kUnreached);
  auto positionAt = [&](const Block* block) {
    int64_t known = block->preds.empty() ? kUnknown : kUnreached;
    for (const Block* pred : block->preds) {
      // A way that raises stores it itself.
      const bool raises = pred->last->handler() == block;
      known = meet(known, raises ? kUnknown : out[pred->id]);
    }
    return known;
  };
  for (bool again = true; again;) {
    again = false;
    for (Block* block : function.blocks()) {
      int64_t known = positionAt(block);
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        known = after(function, instr, known);
      }
      again |= out[block->id] != known;
      out[block->id] = known;
    }
  }
  bool changed = false;
  for (Block* block : function.blocks()) {
    int64_t known = positionAt(block);
    for (Instr* instr = block->first; instr; instr = instr->next) {
      const int64_t own = positionOf(function, instr);
      Position need = known == own ? Position::kNever : needOf(instr);
      if (need == Position::kRarely && instr->info().position_form) {
        instr->op = *instr->info().position_form;
        changed = true;
      } else if (need == Position::kAlways) {
        Instr* store = function.make(Op::kSetPosition, {});
        store->scope = static_cast<uint16_t>(own >> 32);
        store->attr[0] = store->offset = static_cast<uint32_t>(own);
        hir::Function::insertBefore(instr, store);
        changed = true;
      }
      known = after(function, instr, known);
    }
  }
  return changed;
}

}  // namespace tephra::passes
