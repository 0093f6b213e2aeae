#include "passes/simplify.h"

#include <algorithm>
#include <utility>

#include "hir/builder.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Type;

namespace {

class Simplifier {
 public:
  explicit Simplifier(hir::Function& function)
      : function_(function), builder_(&function), replacement_(function.numValues(), nullptr) {}

  bool run() {
    for (bool again = true; again;) {
      again = propagateTypes();
      again |= sweep();
      changed_ |= again;
    }
    return changed_;
  }

 private:
  // --- types
  bool propagateTypes() {
    bool changed = false;
    for (bool again = true; again;) {
      again = false;
      for (Block* block : function_.blocks()) {
        for (Instr* instr = block->first; instr; instr = instr->next) {
          if (!instr->type.isObject()) continue;
          Type type = instr->type.meet(typeOf(instr));
          if (type == instr->type || type.mask == 0) continue;  // no value at all: dead code
          instr->type = type;
          again = true;
        }
      }
      changed |= again;
    }
    return changed;
  }

  const ObjectInfo* objectInfo(const Instr* value) const {
    const Instr* root = hir::rootOf(const_cast<Instr*>(value));
    const bool known = root->op == Op::kConstObject || root->op == Op::kWeakObject;
    return known ? function_.object(root, root->attr[0]) : nullptr;
  }

  Type typeOf(const Instr* instr) const {
    Type type = instr->info().result;
    if (instr->op == Op::kPhi) {
      type = Type::object(0);
      for (const Instr* input : instr->operands) {
        if (input != instr) type = type.join(function_.typeFor(instr, input));
      }
      return type;
    }
    if (instr->op == Op::kConstObject || instr->op == Op::kWeakObject) {
      const ObjectInfo* info = objectInfo(instr);
      const uint32_t mask = info ? hir::lastingMask(info->type_mask) : 0;
      return mask ? Type::object(mask) : type;
    }
    if (instr->info().ownership != hir::Ownership::kAlias) return type;
    type = type.meet(function_.typeFor(instr, instr->operands[0]));
    if (instr->op == Op::kGuardType) type = type.meet(Type::decode(instr->attr[0]));
    if (instr->op == Op::kGuardIs) {
      const ObjectInfo* info = function_.object(instr, instr->attr[0]);
      const uint32_t mask = info ? hir::lastingMask(info->type_mask) : 0;
      if (mask) type = type.meet(Type::object(mask));
    }
    return type;
  }

  // --- one sweep
  bool sweep() {
    bool changed = false;
    bool replaced = false;
    for (Block* block : function_.blocks()) {
      for (Instr *instr = block->first, *next; instr; instr = next) {
        next = instr->next;
        for (Instr*& operand : instr->operands) operand = resolve(operand);
        if (removable(instr)) {
          remove(instr);
          changed = true;
          continue;
        }
        Instr* value = simplified(instr);
        if (!value || value == instr) continue;
        if (replacement_.size() < function_.numValues()) replacement_.resize(function_.numValues());
        replacement_[instr->id] = value;
        remove(instr);
        replaced = changed = true;
      }
    }
    if (replaced) function_.replaceAllUses(replacement_);
    std::fill(replacement_.begin(), replacement_.end(), nullptr);
    if (std::exchange(dropped_handler_, false)) function_.recomputeCfg();
    return changed;
  }

  void remove(Instr* instr) { dropped_handler_ |= function_.removeOrJump(instr); }

  Instr* resolve(Instr* value) const {
    while (value->id < replacement_.size() && replacement_[value->id])
      value = replacement_[value->id];
    return value;
  }

  // Guards without a result that always hold.
  bool removable(const Instr* instr) const {
    if (instr->op == Op::kGuardTrue || instr->op == Op::kGuardFalse) {
      const Instr* condition = instr->operands[0];
      return condition->op == Op::kConstBool && condition->attr[0] == (instr->op == Op::kGuardTrue);
    }
    return instr->op == Op::kGuardNull && instr->operands[0]->type.is(hir::kMaskNull);
  }

  // What `instr` always gives, or nullptr. New constants are placed before it.
  Instr* simplified(Instr* instr) {
    builder_.setInsertBefore(instr);
    builder_.setPlace(instr);
    switch (instr->op) {
      case Op::kGuardType:
      case Op::kGuardIs:
      case Op::kGuardNotNull:
      case Op::kCheckExpected: return guard(instr);
      case Op::kUnboxInt:
      case Op::kUnboxFloat:
      case Op::kUnboxBool: return unbox(instr);
      case Op::kBoxBool: return boxBool(instr);
      case Op::kBoolNot: return boolNot(instr);
      case Op::kIsTruthy: return truth(instr);
      case Op::kIntToDouble:
        if (instr->operands[0]->op != Op::kConstInt) return nullptr;
        return builder_.ConstDouble(static_cast<double>(instr->operands[0]->i64(0)));
      case Op::kIntCompare:
      case Op::kDoubleCompare: return compare(instr);
      case Op::kDoubleAdd:
      case Op::kDoubleSub:
      case Op::kDoubleMul:
      case Op::kDoubleDiv:
      case Op::kDoubleNeg: return doubles(instr);
      case Op::kPtrEqual: return pointers(instr);
      default: return integers(instr);  // everything else has no rule here
    }
  }

  Instr* guard(Instr* instr) {
    Instr* value = instr->operands[0];
    bool holds = false;
    if (instr->op == Op::kGuardType) {
      holds = value->type.isSubtypeOf(Type::decode(instr->attr[0]));
    } else if (instr->op == Op::kGuardIs) {
      const Instr* root = hir::rootOf(value);
      holds = (root->op == Op::kConstObject || root->op == Op::kWeakObject) &&
              function_.sameObject(root, root->attr[0], instr, instr->attr[0]);
    } else {
      holds = !value->type.couldBe(hir::kMaskNull);
    }
    return holds ? value : nullptr;
  }

  Instr* unbox(Instr* instr) {
    Instr* root = hir::rootOf(instr->operands[0]);
    Op box = instr->op == Op::kUnboxInt     ? Op::kBoxInt
             : instr->op == Op::kUnboxFloat ? Op::kBoxFloat
                                            : Op::kBoxBool;
    if (root->op == box) return root->operands[0];
    const ObjectInfo* info = objectInfo(root);
    if (!info) return nullptr;
    if (instr->op == Op::kUnboxInt && info->is_word_int && info->type_mask == hir::kMaskInt) {
      return builder_.ConstInt(info->int_value);
    }
    if (instr->op == Op::kUnboxFloat && info->type_mask == hir::kMaskFloat) {
      return builder_.ConstDouble(info->float_value);
    }
    if (instr->op == Op::kUnboxBool && info->type_mask == hir::kMaskPyBool) {
      return builder_.ConstBool(info->int_value != 0);
    }
    return nullptr;
  }

  Instr* boxBool(Instr* instr) {
    Instr* value = instr->operands[0];
    return value->op == Op::kUnboxBool && value->operands[0]->type.is(hir::kMaskPyBool)
               ? value->operands[0]
               : nullptr;
  }

  Instr* boolNot(Instr* instr) {
    Instr* value = instr->operands[0];
    if (value->op == Op::kBoolNot) return value->operands[0];
    if (value->op == Op::kConstBool) return builder_.ConstBool(!value->attr[0]);
    if (value->op != Op::kIntCompare) return nullptr;  // not for doubles: NaN
    constexpr hir::CmpKind kInverse[] = {hir::CmpKind::kGe, hir::CmpKind::kGt, hir::CmpKind::kNe,
                                         hir::CmpKind::kEq, hir::CmpKind::kLe, hir::CmpKind::kLt};
    return builder_.IntCompare(value->operands[0], value->operands[1], kInverse[value->attr[0]]);
  }

  Instr* truth(Instr* instr) {
    Instr* value = instr->operands[0];
    Instr* root = hir::rootOf(value);
    if (root->op == Op::kBoxBool) return root->operands[0];
    if (root->op == Op::kBoxInt) {
      return builder_.IntCompare(root->operands[0], builder_.ConstInt(0), hir::CmpKind::kNe);
    }
    if (root->op == Op::kBoxFloat) {
      return builder_.DoubleCompare(root->operands[0], builder_.ConstDouble(0), hir::CmpKind::kNe);
    }
    if (value->type.is(hir::kMaskNoneType)) return builder_.ConstBool(false);
    // Types whose objects are always true (no __bool__, no __len__).
    constexpr uint32_t kTrue = hir::kMaskFunction | hir::kMaskBuiltin | hir::kMaskMethodDescr |
                               hir::kMaskSlice | hir::kMaskCell | hir::kMaskBoundMethod |
                               hir::kMaskRangeIter | hir::kMaskListIter | hir::kMaskTupleIter;
    if (value->type.is(kTrue)) return builder_.ConstBool(true);
    if (const ObjectInfo* info = objectInfo(root)) {
      if (info->type_mask == hir::kMaskPyBool) return builder_.ConstBool(info->int_value != 0);
      if (info->type_mask == hir::kMaskInt && info->is_word_int) {
        return builder_.ConstBool(info->int_value != 0);
      }
      if (info->type_mask == hir::kMaskFloat) return builder_.ConstBool(info->float_value != 0);
    }
    if (value->type.is(hir::kMaskPyBool)) return builder_.UnboxBool(value);
    if (value->type.is(hir::kMaskFloat)) {
      Instr* zero = builder_.ConstDouble(0);
      return builder_.DoubleCompare(builder_.UnboxFloat(value), zero, hir::CmpKind::kNe);
    }
    if (value->type.is(hir::kMaskList | hir::kMaskTuple)) {
      Instr* zero = builder_.ConstInt(0);
      return builder_.IntCompare(builder_.LoadVarSize(value), zero, hir::CmpKind::kNe);
    }
    return nullptr;
  }

  Instr* compare(Instr* instr) {
    Instr *left = instr->operands[0], *right = instr->operands[1];
    auto cmp = static_cast<hir::CmpKind>(instr->attr[0]);
    if (left->op == Op::kConstInt && right->op == Op::kConstInt) {
      return builder_.ConstBool(foldCompare(cmp, left->i64(0), right->i64(0)));
    }
    if (left->op == Op::kConstDouble && right->op == Op::kConstDouble) {
      return builder_.ConstBool(foldCompare(cmp, left->f64(0), right->f64(0)));
    }
    return nullptr;
  }

  Instr* doubles(Instr* instr) {
    std::span<Instr*> in = instr->inputs();
    if (!std::all_of(in.begin(), in.end(), [](Instr* v) { return v->op == Op::kConstDouble; }))
      return nullptr;
    double left = in[0]->f64(0), right = in.size() > 1 ? in[1]->f64(0) : 0;
    switch (instr->op) {
      case Op::kDoubleAdd: return builder_.ConstDouble(left + right);
      case Op::kDoubleSub: return builder_.ConstDouble(left - right);
      case Op::kDoubleMul: return builder_.ConstDouble(left * right);
      case Op::kDoubleNeg: return builder_.ConstDouble(-left);
      case Op::kDoubleDiv: return right == 0 ? nullptr : builder_.ConstDouble(left / right);
      default: return nullptr;
    }
  }

  Instr* integers(Instr* instr) {
    std::span<Instr*> in = instr->inputs();
    if (instr->type.rep != hir::Rep::kInt64 || in.empty() || in.size() > 2) return nullptr;
    if (!std::all_of(in.begin(), in.end(), [](Instr* v) { return v->op == Op::kConstInt; }))
      return nullptr;
    int64_t out;
    bool known = foldInt(instr->op, in[0]->i64(0), in.size() > 1 ? in[1]->i64(0) : 0, &out);
    return known ? builder_.ConstInt(out) : nullptr;
  }

  Instr* pointers(Instr* instr) {
    Instr *left = hir::rootOf(instr->operands[0]), *right = hir::rootOf(instr->operands[1]);
    bool both_none = left->type.is(hir::kMaskNoneType) && right->type.is(hir::kMaskNoneType);
    bool both_null = left->type.is(hir::kMaskNull) && right->type.is(hir::kMaskNull);
    if (left == right || both_none || both_null) return builder_.ConstBool(true);
    const bool ordered = hir::bothMayEnd(instr->operands[0]->type, instr->operands[1]->type);
    if ((instr->operands[0]->type.mask & instr->operands[1]->type.mask) == 0 && !ordered) {
      return builder_.ConstBool(false);
    }
    if (left->op == Op::kConstObject && right->op == Op::kConstObject) {
      // Two numbers of one object do not happen: a unit adds each object once. Unequal numbers may
      // still be one object where they were added apart, so only equal ones decide.
      const bool same = function_.sameObject(left, left->attr[0], right, right->attr[0]);
      return same ? builder_.ConstBool(true) : nullptr;
    }
    return nullptr;
  }

  hir::Function& function_;
  hir::Builder builder_;
  std::vector<Instr*> replacement_;
  bool changed_ = false;
  bool dropped_handler_ = false;
};

}  // namespace

bool simplify(hir::Function& function, PassContext&) { return Simplifier(function).run(); }

}  // namespace tephra::passes
