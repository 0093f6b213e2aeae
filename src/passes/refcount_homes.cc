// The operations on homes in refcount_insertion: what a home holds and who owns its reference.
#include <algorithm>

#include "passes/refcount_impl.h"

namespace tephra::passes {

using hir::Instr;
using hir::Op;

void RefcountInsertion::pushFrame(RefState* state) {
  state->homes.assign(slots_, {});
  // Each home owns a reference from now on, but for an unwritten parameter's that the caller lends.
  for (size_t slot = 0; slot < slots_; ++slot) {
    bool parameter = isParameter(static_cast<uint32_t>(slot));
    state->home_masks[slot] = parameter ? hir::kMaskObject : hir::kMaskNull;
    if (slot < args_.size() && args_[slot]) state->homes[slot] = {args_[slot]};
  }
}

bool RefcountInsertion::isParameter(uint32_t slot) const {
  const CodeUnit* unit = function_.unit();
  return (unit && slot < unit->total_args) || (slot < args_.size() && args_[slot]);
}

// The home of a parameter that is never written may hold what is the caller's.
bool RefcountInsertion::mayBeLent(uint32_t slot) const {
  return tagged_ && isParameter(slot) && !(slot < stored_.size() && stored_[slot]);
}

// The old content is still needed and no other home holds it: the register takes the reference
// over.
bool RefcountInsertion::takeOver(Instr* store, uint32_t slot, const HomeContent& old,
                                 RefState* state) {
  bool taken = false;
  for (Instr* root : old) {
    bool counted = !kinds_.uncounted(root);
    if (!counted || !state->live.test(root->id) || dies(root, store)) continue;
    if (state->homeOf(root, static_cast<int>(slot)) >= 0) continue;
    if (taken) emitIncref(root, *state, store);  // a second name of the same object
    state->owned.set(root->id);
    taken = true;
  }
  return taken;
}

void RefcountInsertion::releaseOldContent(Instr* store, uint32_t slot, const HomeContent& old,
                                          RefState* state) {
  uint32_t mask = state->home_masks[slot];
  if (store->attr[1] == 1) mask &= hir::kMaskObject;
  bool harmless = false;
  for (Instr* root : old) {
    if (kinds_.immortal(root)) return;  // an immortal constant, or NULL: nothing to release
    mask &= state->maskOf(root);
    // Another home keeps the object alive.
    harmless |= state->homeOf(root, static_cast<int>(slot)) >= 0;
  }
  if ((mask & ~kMaskImmortal) == 0) return;
  harmless |= (mask & ~kMaskHarmless) == 0;
  Instr* take = nullptr;
  if (emit_) {
    take = function_.make(Op::kTakeHome, {}, hir::Type::object(mask));
    take->attr[0] = slot;
    take->placeLike(store);
    hir::Function::insertBefore(store, take);
  }
  pending_.push_back({take, take, mask, harmless, store});
}

// x = x. A local's store goes. A parameter's stays, with the counts of both contents: that there is
// a store is what makes its home own a reference that could have been lent.
void RefcountInsertion::storeAgain(Instr* instr, RefState* state) {
  uint32_t slot = instr->u32(0);
  Instr* root = hir::rootOf(instr->operands[0]);
  bool parameter = isParameter(slot);
  if (parameter) {
    emitIncref(root, *state, instr);
    if (instr->attr[1] != 0) releaseOldContent(instr, slot, state->homes[slot], state);
    if (!pending_.empty()) pending_.back().harmless = true;  // the home itself still holds it
  }
  if (dies(root, instr)) state->forget(root);
  if (!emit_) return;
  changed_ = true;
  if (parameter) {
    instr->attr[1] = 0;
  } else {
    hir::Function::remove(instr);
  }
}

void RefcountInsertion::storeHome(Instr* instr, RefState* state) {
  uint32_t slot = instr->u32(0);
  Instr* root = hir::rootOf(instr->operands[0]);
  if (state->holds(slot, root)) return storeAgain(instr, state);
  uint32_t mask = kinds_.immortal(root) ? root->type.mask : state->maskOf(root);
  if (state->owned.test(root->id)) {
    state->owned.reset(root->id);  // the home owns it from now on
  } else {
    emitIncref(root, *state, instr);
    state->borrowed.reset(root->id);
  }
  HomeContent old = state->homes[slot];
  // The new content: this root and whatever else other homes with the same object are known to
  // hold.
  HomeContent content{root};
  for (size_t other = 0; other < state->homes.size(); ++other) {
    if (other == slot || !state->holds(other, root)) continue;
    for (Instr* same : state->homes[other]) {
      if (std::find(content.begin(), content.end(), same) == content.end()) content.push_back(same);
    }
  }
  std::sort(content.begin(), content.end(), [](Instr* a, Instr* b) { return a->id < b->id; });
  if (instr->attr[1] != 0 && !takeOver(instr, slot, old, state)) {
    releaseOldContent(instr, slot, old, state);
  }
  state->homes[slot] = std::move(content);
  state->home_masks[slot] = mask;
  if (dies(root, instr)) state->forget(root);
  if (emit_) {
    changed_ |= instr->attr[1] != 0;
    instr->attr[1] = 0;
  }
}

void RefcountInsertion::loadHome(Instr* instr, RefState* state) {
  if (dies(instr, instr)) return;
  state->live.set(instr->id);
  HomeContent& content = state->homes[instr->u32(0)];
  if (!state->holds(instr->u32(0), instr)) {
    content.push_back(instr);
    std::sort(content.begin(), content.end(), [](Instr* a, Instr* b) { return a->id < b->id; });
  }
}

// Homes whose content needs no release here any more are taken off the list.
void RefcountInsertion::dropFromAux(Instr* leave, const std::vector<uint32_t>& handed,
                                    const RefState& state) {
  std::vector<uint32_t> aux;
  for (uint32_t entry : leave->aux) {
    uint32_t slot = entry / 2;
    const HomeContent& content = state.homes[slot];
    bool immortal = std::any_of(content.begin(), content.end(),
                                [&](Instr* root) { return countless(root, state); });
    bool handed_over = std::find(handed.begin(), handed.end(), slot) != handed.end();
    uint32_t mask = state.home_masks[slot];
    if (immortal || handed_over || (mask & ~kMaskImmortal) == 0) continue;
    bool never_null =
        !(mask & hir::kMaskNull) || std::any_of(content.begin(), content.end(), [&](Instr* root) {
          return (state.maskOf(root) & hir::kMaskNull) == 0;
        });
    aux.push_back(never_null ? slot * 2 : entry);
  }
  changed_ |=
      aux.size() != leave->aux.size() || !std::equal(aux.begin(), aux.end(), leave->aux.begin());
  leave->aux = function_.arena().copy(std::span<const uint32_t>(aux));
}

void RefcountInsertion::leaveFrame(Instr* instr, RefState* state) {
  promoteAll(instr, state);
  std::vector<uint32_t> handed;
  auto releases = [&](uint32_t slot) {
    return std::find(handed.begin(), handed.end(), slot) == handed.end() &&
           std::any_of(instr->aux.begin(), instr->aux.end(),
                       [&](uint32_t entry) { return entry / 2 == slot; });
  };
  // Who is still needed takes over the reference of a home that would release it.
  std::vector<Instr*> live;
  state->live.forEach([&](uint32_t id) { live.push_back(liveness_.valueOf(id)); });
  for (Instr* root : live) {
    if (state->owned.test(root->id)) continue;
    if (kinds_.uncounted(root) && !kinds_.ofParameter(root)) continue;
    bool done = countless(root, *state);
    for (uint32_t slot = 0; slot < slots_ && !done; ++slot) {
      if (!state->holds(slot, root) || !releases(slot) || mayBeLent(slot)) continue;
      handed.push_back(slot);
      done = true;
    }
    if (!done) emitIncref(root, *state, instr);
    state->owned.set(root->id);
  }
  if (emit_) dropFromAux(instr, handed, *state);
  state->homes.assign(slots_, {});
  state->home_masks.assign(slots_, hir::kMaskOptObject);
}

}  // namespace tephra::passes
