#include "passes/number_stores.h"

#include <algorithm>
#include <optional>

#include "passes/root_liveness.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

// Which operand of a store that may take a number is the new content; -1: no such store.
int storedOperand(const Instr* instr) {
  const hir::OpInfo& info = instr->info();
  if (!info.number_form) return -1;
  auto stolen = std::find_if(info.operands.begin(), info.operands.end(),
                             [](const hir::OperandInfo& each) { return each.stolen; });
  return static_cast<int>(stolen - info.operands.begin());
}

class Stores {
 public:
  explicit Stores(hir::Function& function) : function_(function) {
    uses_.resize(function.numValues(), 0);
    store_of_.resize(function.numValues(), nullptr);
    order_.resize(function.numValues(), 0);
    for (Block* block : function.blocks()) {
      uint32_t at = 0;
      for (Instr* instr = block->first; instr; instr = instr->next) note(instr, at++);
    }
  }

  bool rewrite() {
    for (const Block* block : function_.blocks()) {
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        if (instr->hasState()) checkState(instr);
      }
    }
    bool changed = false;
    for (uint32_t id = 0; id < store_of_.size(); ++id) {
      Instr* store = store_of_[id];
      if (!store || uses_[id] != 1 || uses_[store->id] != 0 || ownerEndsFirst(store)) continue;
      // Who releases the old content looks at the frame behind it.
      if (function_.scopeOf(store).frame == FrameOrigin::kAbsent) continue;
      Instr* box = hir::rootOf(store->operands[static_cast<size_t>(storedOperand(store))]);
      replace(store, box->operands[0]);
      changed = true;
    }
    return changed;
  }

 private:
  // Where the interpreter releases the instance or list before what the number takes the place of.
  bool ownerEndsFirst(const Instr* store) {
    const CodeUnit* unit = function_.unit();
    if (!unit || !unit->layout || !unit->layout->inputs_released_from_top) return false;
    const Instr* owner = hir::rootOf(store->operands[0]);
    if (owner->info().ownership != hir::Ownership::kNew) return false;
    if (!liveness_) liveness_.emplace(function_);
    const std::vector<Instr*>& dying = liveness_->diesAt(store);
    return std::find(dying.begin(), dying.end(), owner) != dying.end();
  }

  void note(Instr* instr, uint32_t at) {
    order_[instr->id] = at;
    if (instr->op ==
        Op::kFrameState) {  // it names objects, but no old content of a rewritten store
      for (Instr* value : instr->operands) {
        Instr* root = hir::rootOf(value);
        if (storedOperand(root) >= 0) ++uses_[root->id];
      }
      return;
    }
    if (instr->info().ownership == hir::Ownership::kAlias) {
      // No use of its own: whoever uses it is asked. But a store's old content must have none.
      Instr* root = hir::rootOf(instr);
      if (storedOperand(root) >= 0) ++uses_[root->id];
      return;
    }
    int stored = storedOperand(instr);
    for (size_t i = 0; i < instr->operands.size(); ++i) {
      if (!instr->operands[i]->type.isObject()) continue;
      Instr* root = hir::rootOf(instr->operands[i]);
      ++uses_[root->id];
      bool here = static_cast<int>(i) == stored && hir::isBox(root) && root->block == instr->block;
      if (here) store_of_[root->id] = instr;
    }
  }

  // A state of an exit that may be taken after the store must name the very object.
  void checkState(const Instr* user) {
    for (const Instr* state = user->state(); state;) {
      const Instr* parent = nullptr;
      for (Instr* value : state->operands) {
        if (value->op == Op::kFrameState) parent = value;
        if (!value->type.isObject()) continue;
        Instr*& store = store_of_[hir::rootOf(value)->id];
        if (!store) continue;
        bool before = user->block == store->block && order_[user->id] <= order_[store->id];
        if (!before) store = nullptr;
      }
      state = parent;
    }
  }

  void replace(Instr* store, Instr* number) {
    std::vector<Instr*> operands(store->operands.begin(), store->operands.end());
    operands[static_cast<size_t>(storedOperand(store))] = number;
    Instr* made = function_.make(*store->info().number_form, operands);
    std::copy(std::begin(store->attr), std::end(store->attr), std::begin(made->attr));
    made->placeLike(store);
    hir::Function::insertBefore(store, made);
    hir::Function::remove(store);
  }

  hir::Function& function_;
  std::optional<RootLiveness> liveness_;
  std::vector<uint32_t> uses_;    // by root: operands of operations
  std::vector<uint32_t> order_;   // place in the block
  std::vector<Instr*> store_of_;  // by box; null: none, or a state forbids it
};

}  // namespace

bool number_stores(hir::Function& function, PassContext&) { return Stores(function).rewrite(); }

}  // namespace tephra::passes
