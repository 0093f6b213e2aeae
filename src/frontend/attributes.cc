// Attributes and methods: behind a type version where the interpreter's cache names one.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

// The callable part of a call, with the NULL beside it, in the version's order.
void GraphBuilder::pushCallable(Instr* callable) {
  Instr* null = b_.ConstNull();
  push(layout_.method_null_first ? null : callable);
  push(layout_.method_null_first ? callable : null);
}

// Both versions keep an unbound method below its self.
void GraphBuilder::pushMethod(Instr* method, Instr* self) {
  push(method);
  owner_held_ ? pushHeld(self) : push(self);
}

// The value of object.name, or null for the generic operation. Nothing has happened then.
hir::Instr* GraphBuilder::speculateAttr(Instr* object) {
  const FeedbackInfo& fb = feedback();
  if (fb.kind == Feedback::kAttrModule) return moduleAttr(object);
  if (!ofOneShape(object) || !may(options_.attributes)) return nullptr;
  switch (fb.kind) {
    case Feedback::kAttrInstance:
      if (!fb.type_version) return nullptr;
      return b_.LoadInlineValue(guardVersion(object, fb), static_cast<uint32_t>(fb.index),
                                before());
    case Feedback::kAttrSlot: {
      if (!fb.type_version) return nullptr;
      Instr* owner = guardVersion(object, fb);
      return guardNotNull(b_.LoadField(owner, fb.index), ExitReason::kNullAttribute);
    }
    case Feedback::kAttrClass: return classAttr(object);
    case Feedback::kAttrProperty: return propertyAttr(object);
    case Feedback::kAttrNondescriptor:
    case Feedback::kAttrNondescriptorValues: {
      bool values = fb.kind == Feedback::kAttrNondescriptorValues;
      if (fb.object == kNoRef || !fb.type_version || (values && !fb.keys_version)) return nullptr;
      Instr* owner = guardVersion(object, fb);
      if (values) guardHeapKeys(owner, fb);
      return constant(fb.object);
    }
    default: return nullptr;
  }
}

hir::Instr* GraphBuilder::moduleAttr(Instr* object) {
  const FeedbackInfo& fb = feedback();
  if (!options_.attributes || refused(ExitReason::kTypeChanged)) return nullptr;
  ObjRef known = kNoRef;
  if (fb.constant && constantInfo(object, &known) && known == fb.type) {
    guardType(object, kMaskModule);
    return constantEntry(known);
  }
  if (entryRefused()) return nullptr;
  if (!fb.keys_version || !canBe(object, kMaskModule)) return nullptr;
  Instr* module = guardType(object, kMaskModule);
  b_.GuardModuleKeysVersion(module, fb.keys_version, before());
  return guardedEntry(b_.LoadModuleEntry(module, static_cast<uint32_t>(fb.index)));
}

// An attribute read from a class object itself.
hir::Instr* GraphBuilder::classAttr(Instr* object) {
  const FeedbackInfo& fb = feedback();
  if (fb.object == kNoRef || !fb.type_version) return nullptr;
  ObjRef known = kNoRef;
  const ObjectInfo* owner = constantInfo(object, &known);
  if (fb.type == kNoRef && !(owner && owner->type_mask == kMaskType)) return nullptr;
  Instr* cls = fb.type == kNoRef ? object : guardIs(object, fb.type);
  b_.GuardClassVersion(cls, fb.type_version, before());
  return constant(fb.object);
}

hir::Instr* GraphBuilder::propertyAttr(Instr* object) {
  const FeedbackInfo& fb = feedback();
  const ObjectInfo* getter = info(fb.object);
  if (!getter || !fb.type_version || !(getter->type_mask & kMaskFunction)) return nullptr;
  Instr* self = guardVersion(object, fb);
  Instr* callable = constant(fb.object);
  if (Instr* direct = callFunction(fb.object, callable, {self})) return direct;
  return any(b_.Call(callable, Values{self}, kNoRef, calling()));
}

void GraphBuilder::doLoadAttr() {
  Instr* object = pop();
  Instr* value = speculateAttr(object);
  push(value ? value : any(b_.LoadAttr(object, in_->arg, before())));
}

// Pushes the method and its self; false for the generic look-up.
bool GraphBuilder::speculateMethod(Instr* object) {
  const FeedbackInfo& fb = feedback();
  bool with_values = fb.kind == Feedback::kMethodWithValues;
  bool lazy = fb.kind == Feedback::kMethodLazyDict;
  if (!with_values && !lazy && fb.kind != Feedback::kMethodNoDict) return false;
  if (!ofOneShape(object) || !may(options_.methods)) return false;
  if (fb.object == kNoRef || !fb.type_version) return false;
  if (with_values && !fb.keys_version) return false;
  if (lazy && fb.offset == 0) return false;  // where the dict pointer lies is not known
  Instr* self = guardVersion(object, fb);
  if (with_values) self = guardHeapKeys(self, fb);
  if (lazy) b_.GuardNull(b_.LoadField(self, fb.offset), before());
  pushMethod(constant(fb.object), self);
  return true;
}

void GraphBuilder::doLoadMethod() {
  owner_held_ = isHeld(1);
  Instr* object = pop();
  if (speculateMethod(object)) return;
  if (Instr* value = speculateAttr(object)) return pushCallable(value);
  Instr* solid = any(b_.LoadMethod(object, in_->arg, before()));
  Instr* nullable = b_.LoadMethodSelf(solid);
  push(layout_.method_null_first ? nullable : solid);
  push(layout_.method_null_first ? solid : nullable);
}

// False for the generic operation. The old value of the attribute dies.
bool GraphBuilder::speculateStore(Instr* object, Instr* value, ObjRef name) {
  const FeedbackInfo& fb = feedback();
  if (!ofOneShape(object) || !may(options_.attributes) || !fb.type_version) return false;
  if (fb.kind == Feedback::kAttrInstance) {
    Instr* owner = guardVersion(object, fb);
    replaces(b_.StoreInlineValue(owner, value, static_cast<uint32_t>(fb.index), name, before()));
    return true;
  }
  if (fb.kind == Feedback::kAttrSlot) {
    Instr* owner = guardVersion(object, fb);
    replaces(b_.ExchangeField(owner, value, fb.index));
    return true;
  }
  return false;
}

void GraphBuilder::doStoreAttr() {
  Instr* object = pop();
  Instr* value = pop();
  if (speculateStore(object, value, in_->arg)) return;
  any(b_.StoreAttr(object, value, in_->arg, before()));
}

void GraphBuilder::doDeleteAttr() {
  Instr* object = pop();
  any(b_.DeleteAttr(object, in_->arg, before()));
}

void GraphBuilder::doLoadSuperAttr() {
  Instr* self = pop();
  Instr* type = pop();
  Instr* super = pop();
  bool method = in_->arg2 & 1;
  uint32_t two_arguments = (in_->arg2 >> 1) & 1;
  if (!method) {
    return push(any(b_.LoadSuperAttr(super, type, self, in_->arg, two_arguments, before())));
  }
  Instr* solid = any(b_.LoadSuperMethod(super, type, self, in_->arg, two_arguments, before()));
  Instr* nullable = b_.LoadMethodSelf(solid);
  push(layout_.method_null_first ? nullable : solid);
  push(layout_.method_null_first ? solid : nullable);
}

// 3.14's `with`: always [callable, self or NULL].
void GraphBuilder::doLoadSpecial() {
  Instr* solid = any(b_.LoadSpecial(pop(), in_->arg, before()));
  push(solid);
  push(b_.LoadMethodSelf(solid));
}

void GraphBuilder::doBeforeWith() {
  Instr* exit = any(b_.BeforeWith(pop(), before()));
  push(exit);
  push(b_.UnpackedItem(0));
}

}  // namespace tephra::frontend
