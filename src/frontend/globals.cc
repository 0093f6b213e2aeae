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

// Does the code itself store to the variable?
bool GraphBuilder::storesGlobal(ObjRef name) {
  if (!stored_globals_) {
    stored_globals_.emplace();
    for (const CanonicalInstr& instr : unit_.code) {
      if (instr.op == Canonical::kStoreGlobal || instr.op == Canonical::kDeleteGlobal)
        stored_globals_->insert(instr.arg);
    }
  }
  return stored_globals_->count(name) != 0;
}

// The value of an entry that somebody watches (FeedbackInfo::constant).
hir::Instr* GraphBuilder::constantEntry(ObjRef holder) {
  b_.AssumeEntry(holder, in_->arg);
  return constant(feedback().object);
}

// The value of an entry whose place a guard has proved: by identity, too, where it looks stable.
hir::Instr* GraphBuilder::guardedEntry(Instr* value) {
  const ObjRef object = feedback().object;
  if (options_.constant_globals && looksStable(object)) return guardIs(value, object);
  return guardNotNull(value, ExitReason::kNullAttribute);
}

hir::Instr* GraphBuilder::constantGlobal() {
  const FeedbackInfo& fb = feedback();
  const bool builtin = fb.kind == Feedback::kGlobalBuiltin;
  if (!fb.constant || unit_.globals == kNoRef || storesGlobal(in_->arg)) return nullptr;
  if (!builtin) return constantEntry(unit_.globals);
  if (unit_.builtins == kNoRef) return nullptr;
  b_.AssumeEntry(unit_.globals, in_->arg);  // there is none
  return constantEntry(unit_.builtins);
}

hir::Instr* GraphBuilder::speculateGlobal() {
  const FeedbackInfo& fb = feedback();
  bool builtin = fb.kind == Feedback::kGlobalBuiltin;
  if (!builtin && fb.kind != Feedback::kGlobalModule) return nullptr;
  if (!options_.globals) return nullptr;
  if (Instr* value = constantGlobal()) return value;
  if (entryRefused()) return nullptr;
  ObjRef dict_ref = builtin ? unit_.builtins : unit_.globals;
  if (dict_ref == kNoRef || unit_.globals == kNoRef || !fb.keys_version) return nullptr;
  if ((builtin && !fb.keys_version2) || fb.offset <= 0) return nullptr;
  Instr* dict = constant(unit_.globals);
  b_.GuardDictKeysVersion(dict, fb.keys_version, before());
  if (builtin) {
    dict = constant(unit_.builtins);
    b_.GuardDictKeysVersion(dict, fb.keys_version2, before());
  }
  return guardedEntry(b_.LoadDictEntry(dict, static_cast<uint32_t>(fb.offset)));
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
