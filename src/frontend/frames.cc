// The value stack, frame states, guards and constants.
#include <algorithm>
#include <array>

#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

hir::Instr* GraphBuilder::pop() {
  TEPHRA_CHECK(!s_.stack.empty(), "canonical code pops from an empty stack");
  Instr* value = s_.stack.back();
  s_.stack.pop_back();
  return value;
}

void GraphBuilder::push(Instr* value) {
  s_.held.erase(s_.held.lower_bound(static_cast<uint32_t>(s_.stack.size())), s_.held.end());
  s_.stack.push_back(value);
}

// Only where frames hold tagged references does the interpreter's stack borrow at all.
void GraphBuilder::pushHeld(Instr* value) {
  push(value);
  if (layout_.frame_holds_stack_refs) s_.held.insert(static_cast<uint32_t>(s_.stack.size() - 1));
}

bool GraphBuilder::isHeld(size_t depth) const {
  return s_.held.count(static_cast<uint32_t>(s_.stack.size() - depth)) != 0;
}

// A call's arguments: a callee may see how many references there are.
GraphBuilder::Values GraphBuilder::popArguments(size_t count) {
  constexpr uint32_t kUncounted = kMaskImmortal | kMaskInt | kMaskFloat;  // or copied at will
  for (size_t depth = count; depth > 0; --depth) {
    Instr*& value = peek(static_cast<uint32_t>(depth));
    if (!isHeld(depth) || mayBeNull(value) || !canBe(value, ~kUncounted)) continue;
    Instr* own = b_.Hold(value);
    own->type = value->type;
    value = own;
  }
  return popMany(count);
}

GraphBuilder::Values GraphBuilder::popMany(size_t count) {
  TEPHRA_CHECK(s_.stack.size() >= count, "canonical code pops from an empty stack");
  Values values(s_.stack.end() - static_cast<ptrdiff_t>(count), s_.stack.end());
  s_.stack.resize(s_.stack.size() - count);
  return values;
}

hir::Instr*& GraphBuilder::peek(uint32_t depth) {
  TEPHRA_CHECK(depth >= 1 && depth <= s_.stack.size(), "stack depth out of range");
  return s_.stack[s_.stack.size() - depth];
}

// The state in which the interpreter would execute the current instruction (from its first piece).
// Legal for a deoptimisation only before the instruction's first side effect.
hir::Instr* GraphBuilder::before() {
  if (before_ && before_block_ == b_.block()) return before_;
  before_block_ = b_.block();
  before_ = b_.FrameState(group_stack_, {}, group_->offset, group_->lasti,
                          static_cast<uint32_t>(group_stack_.size()));
  return before_;
}

// The state in which a call raises: what it was given is gone, as in the interpreter.
hir::Instr* GraphBuilder::calling() {
  return b_.FrameState(s_.stack, {}, group_->offset, group_->lasti,
                       static_cast<uint32_t>(s_.stack.size()));
}

// The state behind the current instruction, going on at `offset`.
hir::Instr* GraphBuilder::after(uint32_t offset) {
  return b_.FrameState(s_.stack, {}, offset, in_->lasti, static_cast<uint32_t>(s_.stack.size()));
}

void GraphBuilder::observe(uint32_t offset) {
  b_.GuardUnobserved(after(offset));
  any_done_ = false;
}

void GraphBuilder::observeCall(uint32_t offset) {
  b_.CheckPeriodic(true, after(offset));
  any_done_ = false;
}

// The end of the value may run code (a finaliser, the callback of a weak reference).
bool GraphBuilder::mayEnd(const Instr* value) const {
  if (!value) return true;
  if (!canBe(value, ~kMaskHarmless)) return false;
  const Instr* root = origin(value);
  return root->op == Op::kLoadArg || root->info().ownership != Ownership::kUncounted;
}

// May the instruction release the last reference of something? What it has popped counts where
// neither the stack nor a local has it still.
bool GraphBuilder::releases() const {
  if (replaced_) return true;
  auto held = [](const Values& places, const Instr* root) {
    return std::any_of(places.begin(), places.end(),
                       [&](Instr* place) { return place && rootOf(place) == root; });
  };
  return std::any_of(group_stack_.begin(), group_stack_.end(), [&](Instr* value) {
    const Instr* root = rootOf(value);
    return mayEnd(value) && !held(s_.stack, root) && !held(s_.locals, root);
  });
}

// Where the instruction goes on at `offset`: what it ran may have switched on tools or have changed
// the frame. Which of its releases remain, only passes/refcount_insertion knows.
void GraphBuilder::observeAfter(uint32_t offset) {
  replaced_ = releases();
  if (fused_ && !any_done_) return;  // behind the next one
  if (any_done_) {
    servesEvents() ? observeCall(offset) : observe(offset);
  } else if (options_.observe_releases && replaced_) {
    b_.ObserveRelease(false, after(offset));
  }
  replaced_ = false;
}

void GraphBuilder::deoptHere(ExitReason reason) {
  b_.Deopt(reason, before());
  ended_ = true;
}

bool GraphBuilder::refused(ExitReason reason) const {
  const Refusals& all = options_.refused;
  return !all.empty() && (all.count({in_->offset, reason}) || all.count({in_->lasti, reason}));
}

bool GraphBuilder::siteRefused() const {
  static constexpr std::array kReasons = {
      ExitReason::kTypeChanged,        ExitReason::kTypeVersionChanged,
      ExitReason::kKeysVersionChanged, ExitReason::kIdentityChanged,
      ExitReason::kCodeChanged,        ExitReason::kNullAttribute,
      ExitReason::kDictMaterialised,   ExitReason::kIntTooLarge,
      ExitReason::kIntOverflow,        ExitReason::kDivideByZero,
      ExitReason::kIndexOutOfRange,    ExitReason::kShapeChanged,
      ExitReason::kUnsupported};
  for (ExitReason reason : kReasons) {
    if (refused(reason)) return true;
  }
  return false;
}

// Where one guard of a value's class, or of its having no dict yet, failed too often, others of the
// same value would, one after the other, each at the price of another compilation; but for those
// that let several classes through.
bool GraphBuilder::ofOneShape(const Instr* value) {
  const bool failed =
      refused(ExitReason::kTypeVersionChanged) || refused(ExitReason::kDictMaterialised);
  if (failed) several_shapes_.insert(origin(value));
  const bool wide = !failed && feedback().versions.bits != 0;
  return wide || several_shapes_.count(origin(value)) == 0;
}

bool GraphBuilder::entryRefused() const {
  return refused(ExitReason::kKeysVersionChanged) || refused(ExitReason::kNullAttribute);
}

// `better` is a guarded version of some value: everything on the stack and in locals that is the
// same object profits.
void GraphBuilder::refine(Instr* better) {
  Instr* root = rootOf(better);
  auto improve = [&](Instr*& place) {
    if (place && place != better && rootOf(place) == root &&
        better->type.isSubtypeOf(place->type)) {
      place = better;
    }
  };
  for (Instr*& place : s_.stack) improve(place);
  for (Instr*& place : s_.locals) improve(place);
}

hir::Instr* GraphBuilder::guardType(Instr* value, uint32_t mask) {
  if (value->type.is(mask)) return value;
  Instr* guard = b_.GuardType(value, Type::object(mask), before());
  guard->type = value->type.meet(Type::object(mask));
  refine(guard);
  return guard;
}

hir::Instr* GraphBuilder::guardNotNull(Instr* value, ExitReason reason) {
  if (!mayBeNull(value)) return value;
  Instr* guard = b_.GuardNotNull(value, reason, before());
  guard->type = value->type.meet(kTypeObject);
  refine(guard);
  return guard;
}

hir::Instr* GraphBuilder::guardIs(Instr* value, ObjRef object) {
  ObjRef known = kNoRef;
  if (constantInfo(value, &known) && known == object) return value;
  Instr* guard = b_.GuardIs(value, object, before());
  const uint32_t mask = lastingMask(unit_.objects[object].type_mask);
  if (value->type.meet(Type::object(mask)).mask) guard->type = value->type.meet(Type::object(mask));
  refine(guard);
  return guard;
}

// The class that the feedback saw. Instances of exact builtin classes are told by type, which later
// operations can use; such classes cannot change.
hir::Instr* GraphBuilder::guardVersion(Instr* value, const FeedbackInfo& fb) {
  uint32_t mask = exactMask(fb.type);
  if (mask && canBe(value, mask)) return guardType(value, mask);
  Instr* guard = fb.versions.bits == 0
                     ? b_.GuardTypeVersion(value, fb.type_version, before())
                     : b_.GuardTypeVersions(value, fb.versions.first, fb.versions.bits, before());
  guard->type = value->type;
  return guard;
}

hir::Instr* GraphBuilder::guardHeapKeys(Instr* value, const FeedbackInfo& fb) {
  const VersionSet& several = fb.keys_versions;
  if (fb.versions.bits == 0) return b_.GuardHeapKeysVersion(value, fb.keys_version, before());
  return b_.GuardHeapKeysVersions(value, several.first, several.bits, before());
}

hir::Instr* GraphBuilder::guardFlag(Instr* condition, ExitReason reason) {
  return b_.GuardTrue(condition, reason, before());
}

// Of an object that is not held for the code only where a guard has just shown that it lives.
hir::Instr* GraphBuilder::constant(ObjRef object) {
  const ObjectInfo& info = unit_.objects[object];
  if (info.type_mask == kMaskNoneType) return b_.ConstNone();
  const bool held = info.keep == Keep::kAlways || info.keep == Keep::kHold;
  Instr* value = held ? b_.ConstObject(object) : b_.WeakObject(object);
  const uint32_t mask = lastingMask(info.type_mask);
  if (mask) value->type = Type::object(mask);
  return value;
}

const hir::Instr* GraphBuilder::origin(const Instr* value) {
  while (value->info().ownership == Ownership::kAlias) value = value->operands[0];
  return value;
}

// What is known of a value that is certainly one object: a constant, or guarded to be one.
const ObjectInfo* GraphBuilder::constantInfo(Instr* value, ObjRef* ref) const {
  while (true) {
    if (value->op == Op::kConstObject || value->op == Op::kWeakObject ||
        value->op == Op::kGuardIs) {
      ObjRef object = static_cast<ObjRef>(value->attr[0]);
      if (ref) *ref = object;
      return &unit_.objects[object];
    }
    if (value->info().ownership != Ownership::kAlias) return nullptr;
    value = value->operands[0];
  }
}

uint32_t GraphBuilder::exactMask(ObjRef type) const {
  if (type == kNoRef) return 0;
  uint64_t at = unit_.objects[type].address;
  if (at == 0) return 0;
  const std::pair<uint64_t, uint32_t> classes[] = {
      {layout_.int_type, kMaskInt},     {layout_.float_type, kMaskFloat},
      {layout_.str_type, kMaskStr},     {layout_.list_type, kMaskList},
      {layout_.tuple_type, kMaskTuple}, {layout_.dict_type, kMaskDict},
      {layout_.set_type, kMaskSet},     {layout_.frozenset_type, kMaskFrozenSet},
      {layout_.bytes_type, kMaskBytes}, {layout_.bool_type, kMaskPyBool}};
  for (const auto& [address, mask] : classes) {
    if (address == at) return mask;
  }
  return 0;
}

}  // namespace tephra::frontend
