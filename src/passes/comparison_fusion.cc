#include "passes/comparison_fusion.h"

#include <utility>

#include "hir/builder.h"

namespace tephra::passes {

using hir::Block;
using hir::CmpKind;
using hir::Instr;
using hir::Op;

namespace {

class Fusion {
 public:
  explicit Fusion(hir::Function& function) : function_(function), builder_(&function) {}

  bool run() {
    countUses();
    std::vector<Instr*>& replacement = replacement_;
    replacement.assign(function_.numValues(), nullptr);
    std::vector<Instr*> dead;
    for (Block* block : function_.blocks()) {
      for (Instr *instr = block->first, *next; instr; instr = next) {
        next = instr->next;
        for (Instr*& operand : instr->operands) operand = resolve(operand);
        changed_ |= negation(instr);
        Instr* value = fused(instr);
        if (!value) continue;
        if (replacement.size() < function_.numValues()) replacement.resize(function_.numValues());
        replacement[instr->id] = value;
        dead.push_back(instr);
      }
    }
    if (dead.empty()) return changed_;
    replacement.resize(function_.numValues());
    function_.replaceAllUses(replacement);
    bool dropped_handler = false;
    for (Instr* instr : dead) dropped_handler |= function_.removeOrJump(instr);
    if (dropped_handler) function_.recomputeCfg();
    return true;
  }

 private:
  Instr* resolve(Instr* value) const {
    while (value->id < replacement_.size() && replacement_[value->id])
      value = replacement_[value->id];
    return value;
  }

  void countUses() {
    uses_.assign(function_.numValues(), 0);
    for (Block* block : function_.blocks()) {
      for (Instr* instr = block->first; instr; instr = instr->next) {
        for (Instr* operand : instr->operands) ++uses_[operand->id];
      }
    }
  }

  // Branches and guards on a negation ask the opposite of the value itself.
  bool negation(Instr* instr) {
    bool changed = false;
    while (!instr->operands.empty() && instr->operands[0]->op == Op::kBoolNot) {
      if (instr->op == Op::kBranch) {
        if (instr->targets[0] == instr->targets[1]) break;  // its phis tell the edges apart
        std::swap(instr->targets[0], instr->targets[1]);
        constexpr uint64_t kOpposite[] = {0, 2, 1};
        instr->attr[0] = kOpposite[instr->attr[0]];
      } else if (instr->op == Op::kGuardTrue || instr->op == Op::kGuardFalse) {
        instr->op = instr->op == Op::kGuardTrue ? Op::kGuardFalse : Op::kGuardTrue;
      } else {
        break;
      }
      instr->operands[0] = instr->operands[0]->operands[0];
      changed = true;
    }
    return changed;
  }

  Instr* fused(Instr* instr) {
    builder_.setInsertBefore(instr);
    builder_.setPlace(instr);
    switch (instr->op) {
      case Op::kIsTruthy: return truth(instr);
      case Op::kCompareBool:
        return direct(instr->operands[0], instr->operands[1], static_cast<CmpKind>(instr->attr[0]));
      case Op::kCompare: {
        Instr* answer =
            direct(instr->operands[0], instr->operands[1], static_cast<CmpKind>(instr->attr[0]));
        return answer ? builder_.BoxBool(answer) : nullptr;
      }
      case Op::kPtrEqual: return identity(instr->operands[0], instr->operands[1]);
      default: return nullptr;  // no comparison
    }
  }

  // IsTruthy right behind the Compare whose result nobody else uses.
  Instr* truth(Instr* instr) {
    Instr* compare = instr->operands[0];
    if (compare->op == Op::kBoxBool) return compare->operands[0];
    if (compare->op != Op::kCompare || uses_[compare->id] != 1) return nullptr;
    Instr* before = instr->prev;
    while (before && before->op == Op::kFrameState) before = before->prev;
    // What it raises goes to a handler: the one of the IsTruthy would be another edge.
    if (before != compare || instr->handler() != nullptr) return nullptr;
    // In the Compare's place; the Compare itself is gone with its only use.
    builder_.setInsertBefore(compare);
    builder_.setPlace(compare);
    Instr* answer = builder_.CompareBool(compare->operands[0], compare->operands[1],
                                         static_cast<CmpKind>(compare->attr[0]), compare->state());
    hir::Function::remove(compare);
    return answer;
  }

  // A comparison of exact types whose answer needs no call; operands must be known, not guessed.
  Instr* direct(Instr* left, Instr* right, CmpKind cmp) {
    Instr *a = hir::rootOf(left), *b = hir::rootOf(right);
    if (a->op == Op::kBoxInt && b->op == Op::kBoxInt) {
      return builder_.IntCompare(a->operands[0], b->operands[0], cmp);
    }
    if (left->type.is(hir::kMaskFloat) && right->type.is(hir::kMaskFloat)) {
      Instr* second = builder_.UnboxFloat(right);  // one order with every compiler
      return builder_.DoubleCompare(builder_.UnboxFloat(left), second, cmp);
    }
    bool equality = cmp == CmpKind::kEq || cmp == CmpKind::kNe;
    Instr* answer = nullptr;
    if (equality && left->type.is(hir::kMaskStr) && right->type.is(hir::kMaskStr)) {
      answer = builder_.StrEqual(left, right);
    } else if (equality && (left->type.is(hir::kMaskNoneType | hir::kMaskPyBool) &&
                            right->type.is(hir::kMaskNoneType | hir::kMaskPyBool))) {
      answer = identity(left, right);  // singletons
      if (!answer) answer = builder_.PtrEqual(left, right);
    }
    return answer && cmp == CmpKind::kNe ? builder_.BoolNot(answer) : answer;
  }

  // x is True, x is False where x is a bool that was made from a truth value.
  Instr* identity(Instr* left, Instr* right) {
    for (int side = 0; side < 2; ++side) {
      Instr* boxed = hir::rootOf(side == 0 ? left : right);
      Instr* constant = hir::rootOf(side == 0 ? right : left);
      if (boxed->op != Op::kBoxBool || constant->op != Op::kConstObject) continue;
      const ObjectInfo* info = function_.object(constant, constant->attr[0]);
      if (info == nullptr || info->type_mask != hir::kMaskPyBool) continue;
      Instr* truth = boxed->operands[0];
      return info->int_value ? truth : builder_.BoolNot(truth);
    }
    return nullptr;
  }

  hir::Function& function_;
  hir::Builder builder_;
  std::vector<uint32_t> uses_;  // of the values that were there at first
  std::vector<Instr*> replacement_;
  bool changed_ = false;
};

}  // namespace

bool comparison_fusion(hir::Function& function, PassContext&) { return Fusion(function).run(); }

}  // namespace tephra::passes
