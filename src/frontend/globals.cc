// Globals and builtins: entries of dicts whose keys versions are guarded; functions, classes,
// builtins and modules also by identity, so that calls of them are known.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

bool GraphBuilder::looksStable(ObjRef object) const {
  const ObjectInfo* known = info(object);
  if (!known || refused(ExitReason::kIdentityChanged)) return false;
  constexpr uint32_t kStable =
      kMaskFunction | kMaskType | kMaskBuiltin | kMaskModule | kMaskMethodDescr;
  if (known->keep == Keep::kNever) return false;  // its address may become another's unnoticed
  return known->type_mask != 0 && (known->type_mask & ~kStable) == 0;
}

hir::Instr* GraphBuilder::speculateGlobal() {
  const FeedbackInfo& fb = feedback();
  bool builtin = fb.kind == Feedback::kGlobalBuiltin;
  if (!builtin && fb.kind != Feedback::kGlobalModule) return nullptr;
  if (!options_.globals || entryRefused()) return nullptr;
  ObjRef dict_ref = builtin ? unit_.builtins : unit_.globals;
  if (dict_ref == kNoRef || unit_.globals == kNoRef || !fb.keys_version) return nullptr;
  if ((builtin && !fb.keys_version2) || fb.offset <= 0) return nullptr;
  Instr* dict = constant(unit_.globals);
  b_.GuardDictKeysVersion(dict, fb.keys_version, before());
  if (builtin) {
    dict = constant(unit_.builtins);
    b_.GuardDictKeysVersion(dict, fb.keys_version2, before());
  }
  Instr* value = b_.LoadDictEntry(dict, static_cast<uint32_t>(fb.offset));
  value = guardNotNull(value, ExitReason::kNullAttribute);
  if (options_.constant_globals && looksStable(fb.object)) return guardIs(value, fb.object);
  return value;
}

void GraphBuilder::doLoadGlobal() {
  Instr* value = speculateGlobal();
  if (!value) value = any(b_.LoadGlobal(in_->arg, before()));
  if (in_->arg2) return pushCallable(value);
  push(value);
}

void GraphBuilder::doStoreGlobal() { any(b_.StoreGlobal(pop(), in_->arg, before())); }
void GraphBuilder::doDeleteGlobal() { any(b_.DeleteGlobal(in_->arg, before())); }

}  // namespace tephra::frontend
