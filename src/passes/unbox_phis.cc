#include "passes/unbox_phis.h"

#include "hir/builder.h"
#include "passes/bits.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

// One run per kind of number.
class Unboxer {
 public:
  Unboxer(hir::Function& function, bool ints)
      : function_(function),
        ints_(ints),
        builder_(&function),
        able_(function.numValues()),
        wanted_(function.numValues()),
        unboxed_(function.numValues(), nullptr) {}

  bool run() {
    collect();
    if (unboxings_.empty()) return false;
    makePhis();
    std::vector<Instr*> replacement(function_.numValues(), nullptr);
    for (Instr* instr : unboxings_) {
      replacement[instr->id] = unboxed_[hir::rootOf(instr->operands[0])->id];
    }
    function_.replaceAllUses(replacement);
    for (Instr* instr : unboxings_) hir::Function::remove(instr);
    return true;
  }

 private:
  Op unboxOp() const { return ints_ ? Op::kUnboxInt : Op::kUnboxFloat; }
  Op boxOp() const { return ints_ ? Op::kBoxInt : Op::kBoxFloat; }

  const ObjectInfo* constant(const Instr* root) const {
    if (root->op != Op::kConstObject) return nullptr;
    const ObjectInfo* info = function_.object(root, root->attr[0]);
    if (info == nullptr) return nullptr;
    bool usable = ints_ ? info->type_mask == hir::kMaskInt && info->is_word_int
                        : info->type_mask == hir::kMaskFloat;
    return usable ? info : nullptr;
  }

  bool usable(const Instr* input) const {
    const Instr* root = hir::rootOf(const_cast<Instr*>(input));
    if (root->op == Op::kPhi && able_.test(root->id)) return true;
    return root->op == boxOp() || constant(root) || (!ints_ && input->type.is(hir::kMaskFloat));
  }

  void collect() {
    std::vector<Instr*> phis;
    for (Block* block : function_.blocks()) {
      for (Instr* phi = block->first; phi && phi->op == Op::kPhi; phi = phi->next) {
        if (!phi->type.isObject()) continue;
        phis.push_back(phi);
        able_.set(phi->id);
      }
    }
    for (bool again = true; again;) {
      again = false;
      for (Instr* phi : phis) {
        if (!able_.test(phi->id)) continue;
        for (Instr* input : phi->operands) {
          if (usable(input)) continue;
          able_.reset(phi->id);
          again = true;
          break;
        }
      }
    }
    std::vector<Instr*> work;
    auto want = [&](Instr* root) {
      if (root->op != Op::kPhi || !able_.test(root->id) || wanted_.test(root->id)) return;
      wanted_.set(root->id);
      work.push_back(root);
    };
    for (Block* block : function_.blocks()) {
      for (Instr* instr = block->first; instr; instr = instr->next) {
        if (instr->op != unboxOp()) continue;
        Instr* root = hir::rootOf(instr->operands[0]);
        if (root->op != Op::kPhi || !able_.test(root->id)) continue;
        unboxings_.push_back(instr);
        want(root);
      }
    }
    while (!work.empty()) {
      Instr* phi = work.back();
      work.pop_back();
      order_.push_back(phi);
      for (Instr* input : phi->operands) want(hir::rootOf(input));
    }
  }

  void makePhis() {
    hir::Type type = ints_ ? hir::kTypeInt64 : hir::kTypeDouble;
    for (Instr* phi : order_) {
      builder_.setInsertBefore(phi);
      builder_.setPlace(phi);
      unboxed_[phi->id] = builder_.Phi(phi->operands, type);  // inputs follow
    }
    for (Instr* phi : order_) {
      std::vector<Instr*> inputs;
      for (size_t i = 0; i < phi->operands.size(); ++i) {
        inputs.push_back(unboxedInput(phi->operands[i], phi->block->preds[i]));
      }
      function_.setOperands(unboxed_[phi->id], inputs);
    }
  }

  Instr* unboxedInput(Instr* input, Block* pred) {
    Instr* root = hir::rootOf(input);
    if (root->op == Op::kPhi && wanted_.test(root->id)) return unboxed_[root->id];
    if (root->op == boxOp()) return root->operands[0];
    builder_.setInsertBefore(pred->last);
    builder_.setPlace(pred->last);
    if (const ObjectInfo* info = constant(root)) {
      return ints_ ? builder_.ConstInt(info->int_value) : builder_.ConstDouble(info->float_value);
    }
    return builder_.UnboxFloat(input);
  }

  hir::Function& function_;
  bool ints_;
  hir::Builder builder_;
  Bits able_, wanted_;
  std::vector<Instr*> unboxings_;
  std::vector<Instr*> order_;
  std::vector<Instr*> unboxed_;  // by id of the boxed phi
};

}  // namespace

bool unbox_phis(hir::Function& function, PassContext&) {
  bool ints = Unboxer(function, true).run();
  bool floats = Unboxer(function, false).run();
  return ints || floats;
}

}  // namespace tephra::passes
