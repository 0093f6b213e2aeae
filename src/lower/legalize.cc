// Immediates and addresses that the machine has no form for become registers. Lowering proper is
// the same for every target; this is the only place that asks.
#include "lower/lower.h"

namespace tephra::lower {

using lir::Operand;

namespace {

class Legalizer {
 public:
  Legalizer(lir::Function* function, const Target& target)
      : function_(*function), target_(target) {}

  void instr(lir::Instr* at) {
    auto declared = at->info().uses;
    for (size_t i = 0; i < at->uses.size(); ++i) {
      Operand& use = at->uses[i];
      lir::Policy policy = declared[i < declared.size() ? i : declared.size() - 1].policy;
      if (use.isMem()) {
        address(at, &use);
      } else if (use.isImm() && !fits(*at, i, policy)) {
        use = emit(at, lir::Op::kMove, {use});
      }
    }
  }

 private:
  bool fits(const lir::Instr& at, size_t index, lir::Policy policy) {
    if (at.op == lir::Op::kMove) return true;
    if (policy == lir::Policy::kGpReg || policy == lir::Policy::kFpReg) return false;
    return target_.immediateFits(at, static_cast<int>(index), at.uses[index].immValue());
  }

  // One step at a time: the index joins the base, then the displacement.
  void address(lir::Instr* at, Operand* use) {
    if (target_.addressFits(*at, *use)) return;
    if (use->index_kind != Operand::kNone) {
      Operand base = Operand::mem(part(use->base_kind, use->base), 0,
                                  part(use->index_kind, use->index), use->scale);
      *use = Operand::mem(emit(at, lir::Op::kLea, {base}), use->disp);
      if (target_.addressFits(*at, *use)) return;
    }
    Operand disp = emit(at, lir::Op::kMove, {Operand::imm(use->disp)});
    if (use->base_kind == Operand::kNone) {
      *use = Operand::mem(disp, 0);
      return;
    }
    Operand base = part(use->base_kind, use->base);
    *use = Operand::mem(base, 0, disp, 0);
    if (target_.addressFits(*at, *use)) return;
    *use = Operand::mem(emit(at, lir::Op::kLea, {*use}), 0);
  }

  static Operand part(uint8_t kind, uint32_t base) {
    Operand operand = Operand::vreg(base, lir::Bank::kGp);
    operand.kind = static_cast<Operand::Kind>(kind);
    return operand;
  }

  Operand emit(lir::Instr* before, lir::Op op, std::initializer_list<Operand> uses) {
    const Operand def[] = {function_.newVReg(lir::Bank::kGp)};
    lir::Instr* made = function_.make(op, def, std::span<const Operand>(uses.begin(), uses.size()));
    made->stemLike(*before);
    lir::Function::insertBefore(before, made);
    return def[0];
  }

  lir::Function& function_;
  const Target& target_;
};

}  // namespace

void legalize(lir::Function* function, const Target& target) {
  Legalizer legalizer(function, target);
  for (lir::Block* block : function->blocks()) {
    for (lir::Instr* i = block->first; i; i = i->next) legalizer.instr(i);
  }
}

}  // namespace tephra::lower
