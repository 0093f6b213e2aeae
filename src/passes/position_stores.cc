#include "passes/position_stores.h"

#include "passes/refcount_state.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

constexpr int64_t kUnreached = -2;  // no path seen yet: agrees with everything
constexpr int64_t kUnknown = -1;    // paths disagree, or nothing was stored

int64_t meet(int64_t a, int64_t b) {
  if (a == kUnreached) return b;
  if (b == kUnreached) return a;
  return a == b ? a : kUnknown;
}

bool isRelease(const Instr* instr) { return instr->op == Op::kDecref || instr->op == Op::kXDecref; }

enum class Need : uint8_t {
  kNone,
  kRarely,  // out of line only, where the operation stores it itself
  kAlways,
};

Need needOf(const Instr* instr) {
  switch (instr->op) {
    case Op::kDecref:
    case Op::kXDecref:
      return (instr->operands[0]->type.mask & ~kMaskHarmless) != 0 ? Need::kRarely : Need::kNone;
    case Op::kDecrefAt:
    case Op::kXDecrefAt:
    case Op::kCheckPeriodic:
    case Op::kLeaveFrame: return Need::kRarely;
    case Op::kBoxInt:
    case Op::kBoxFloat: return Need::kNone;
    default:
      return (instr->info().effects & (hir::kAny | hir::kAlloc)) != 0 ? Need::kAlways : Need::kNone;
  }
}

int64_t after(const Instr* instr, int64_t position) {
  if (instr->op == Op::kSetPosition) return instr->u32(0);
  if (instr->op == Op::kPushFrame) return kUnknown;
  switch (needOf(instr)) {
    case Need::kNone: return position;
    case Need::kRarely: return position == instr->offset ? position : kUnknown;
    case Need::kAlways: return instr->offset;
  }
  return kUnknown;
}

}  // namespace

bool position_stores(hir::Function& function, PassContext&) {
  std::vector<int64_t> out(function.numBlocks(), kUnreached);
  auto positionAt = [&](const Block* block) {
    int64_t position = block->preds.empty() ? kUnknown : kUnreached;
    for (const Block* pred : block->preds) position = meet(position, out[pred->id]);
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
      Need need = position == instr->offset ? Need::kNone : needOf(instr);
      if (need == Need::kRarely && isRelease(instr)) {
        instr->op = instr->op == Op::kDecref ? Op::kDecrefAt : Op::kXDecrefAt;
        changed = true;
      } else if (need == Need::kAlways) {
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
