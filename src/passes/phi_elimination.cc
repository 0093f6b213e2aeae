#include "passes/phi_elimination.h"

#include <algorithm>

#include "hir/dominators.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

class Eliminator {
 public:
  explicit Eliminator(hir::Function& function)
      : function_(function), dominators_(function), replacement_(function.numValues(), nullptr) {}

  bool run() {
    bool changed = false;
    for (bool again = true; again;) {
      again = false;
      for (Block* block : function_.blocks()) again |= visit(block);
      changed |= again;
    }
    if (!changed) return false;
    function_.replaceAllUses(replacement_);
    for (Block* block : function_.blocks()) {
      for (Instr *phi = block->first, *next; phi && phi->op == Op::kPhi; phi = next) {
        next = phi->next;
        if (replacement_[phi->id]) hir::Function::remove(phi);
      }
    }
    return true;
  }

 private:
  Instr* resolve(Instr* value) const {
    while (replacement_[value->id]) value = replacement_[value->id];
    return value;
  }

  bool visit(Block* block) {
    bool changed = false;
    for (Instr* phi = block->first; phi && phi->op == Op::kPhi; phi = phi->next) {
      if (replacement_[phi->id]) continue;
      Instr* same = sameValue(phi);
      if (!same) same = sameRoot(phi);
      if (!same) same = twin(phi);
      if (!same) continue;
      replacement_[phi->id] = same;
      changed = true;
    }
    return changed;
  }

  // The one value that all inputs are, the phi itself aside.
  Instr* sameValue(Instr* phi) const {
    Instr* same = nullptr;
    for (Instr* input : phi->operands) {
      Instr* value = resolve(input);
      if (value == phi || value == same) continue;
      if (same) return nullptr;
      same = value;
    }
    return same && function_.typeFor(phi, same).isSubtypeOf(phi->type) ? same : nullptr;
  }

  Instr* sameRoot(Instr* phi) const {
    if (!phi->type.isObject()) return nullptr;
    Instr* same = nullptr;
    for (Instr* input : phi->operands) {
      Instr* root = resolve(input);
      while (root->info().ownership == hir::Ownership::kAlias) root = resolve(root->operands[0]);
      if (root == phi || root == same) continue;
      if (same) return nullptr;
      same = root;
    }
    bool sound = same && function_.typeFor(phi, same).isSubtypeOf(phi->type) &&
                 dominators_.dominates(same->block, phi->block);
    return sound ? same : nullptr;
  }

  // An earlier phi of the block with the same inputs.
  Instr* twin(Instr* phi) const {
    for (Instr* other = phi->block->first; other != phi; other = other->next) {
      if (replacement_[other->id] || !function_.typeFor(phi, other).isSubtypeOf(phi->type))
        continue;
      bool equal = true;
      for (size_t i = 0; i < phi->operands.size() && equal; ++i) {
        Instr* a = resolve(phi->operands[i]);
        Instr* b = resolve(other->operands[i]);
        equal = a == b || (a == phi && b == other);
      }
      if (equal) return other;
    }
    return nullptr;
  }

  hir::Function& function_;
  hir::Dominators dominators_;
  std::vector<Instr*> replacement_;
};

}  // namespace

bool phi_elimination(hir::Function& function, PassContext&) { return Eliminator(function).run(); }

}  // namespace tephra::passes
