// The operations on homes in refcount_insertion: what a home holds and who owns its reference.
#include <algorithm>

#include "passes/refcount_impl.h"

namespace tephra::passes {

using hir::Instr;
using hir::Op;

void RefcountInsertion::pushFrame(RefState* state) {
  // Each home owns a reference from now on, but for an unwritten parameter's that the caller lends.
  for (size_t slot = 0; slot < row_.end(hir::kRootScope); ++slot) {
    state->homes[slot].clear();
    state->home_masks[slot] = isParameter(slot) ? hir::kMaskObject : hir::kMaskNull;
    if (slot < args_.size() && args_[slot]) state->homes[slot] = {args_[slot]};
  }
}

// The frame owns all that it holds; the arguments are what its first homes hold.
void RefcountInsertion::pushInlinedFrame(Instr* instr, RefState* state) {
  std::vector<std::pair<Instr*, uint32_t>> arguments;
  for (Instr* value : instr->inputs().subspan(1)) {
    Instr* root = hir::rootOf(value);
    arguments.emplace_back(root, state->maskOf(root));
  }
  ordinary(instr, state);
  for (size_t home = row_.first(instr->scope); home < row_.end(instr->scope); ++home) {
    const size_t slot = home - row_.first(instr->scope);
    state->homes[home].clear();
    state->home_masks[home] = hir::kMaskNull;
    if (slot >= arguments.size()) continue;
    state->homes[home] = {arguments[slot].first};
    state->home_masks[home] = arguments[slot].second;
    state->borrowed.reset(arguments[slot].first->id);
  }
}

bool RefcountInsertion::isParameter(size_t home) const {
  if (home >= row_.end(hir::kRootScope)) return false;
  const CodeUnit* unit = function_.unit();
  return (unit && home < unit->total_args) || (home < args_.size() && args_[home]);
}

// The home of a parameter that is never written may hold what is the caller's.
bool RefcountInsertion::mayBeLent(size_t home) const {
  return tagged_ && isParameter(home) && !(home < stored_.size() && stored_[home]);
}

// The old content is still needed and no other home holds it: the register takes the reference
// over.
bool RefcountInsertion::takeOver(Instr* store, const HomeContent& old, RefState* state) {
  const int home = static_cast<int>(row_.of(store));
  bool taken = false;
  for (Instr* root : old) {
    bool counted = !kinds_.uncounted(root);
    if (!counted || !state->live.test(root->id) || dies(root, store)) continue;
    if (state->homeOf(root, home) >= 0) continue;
    if (taken) emitIncref(root, *state, store);  // a second name of the same object
    state->owned.set(root->id);
    taken = true;
  }
  return taken;
}

void RefcountInsertion::releaseOldContent(Instr* store, const HomeContent& old, RefState* state) {
  const size_t home = row_.of(store);
  uint32_t mask = state->home_masks[home];
  if (store->attr[1] == 1) mask &= hir::kMaskObject;
  bool harmless = false;
  for (Instr* root : old) {
    if (kinds_.immortal(root)) return;  // an immortal constant, or NULL: nothing to release
    mask &= state->maskOf(root);
    // Another home keeps the object alive.
    harmless |= state->homeOf(root, static_cast<int>(home)) >= 0;
  }
  if ((mask & ~kMaskImmortal) == 0) return;
  harmless |= (mask & ~kMaskHarmless) == 0;
  Instr* take = nullptr;
  if (emit_) {
    take = function_.make(Op::kTakeHome, {}, hir::Type::object(mask));
    take->attr[0] = store->attr[0];
    take->placeLike(store);
    hir::Function::insertBefore(store, take);
  }
  pending_.push_back({take, take, mask, harmless, store});
}

// x = x. A local's store goes. A parameter's stays, with the counts of both contents: that there is
// a store is what makes its home own a reference that could have been lent.
void RefcountInsertion::storeAgain(Instr* instr, RefState* state) {
  const size_t home = row_.of(instr);
  Instr* root = hir::rootOf(instr->operands[0]);
  bool parameter = isParameter(home);
  if (parameter) {
    emitIncref(root, *state, instr);
    if (instr->attr[1] != 0) releaseOldContent(instr, state->homes[home], state);
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
  const size_t home = row_.of(instr);
  Instr* root = hir::rootOf(instr->operands[0]);
  if (state->holds(home, root)) return storeAgain(instr, state);
  uint32_t mask = kinds_.immortal(root) ? root->type.mask : state->maskOf(root);
  if (state->owned.test(root->id)) {
    state->owned.reset(root->id);  // the home owns it from now on
  } else {
    emitIncref(root, *state, instr);
    state->borrowed.reset(root->id);
  }
  HomeContent old = state->homes[home];
  // The new content: this root and whatever else other homes with the same object are known to
  // hold.
  HomeContent content{root};
  for (size_t other = 0; other < state->homes.size(); ++other) {
    if (other == home || !state->holds(other, root)) continue;
    for (Instr* same : state->homes[other]) {
      if (std::find(content.begin(), content.end(), same) == content.end()) content.push_back(same);
    }
  }
  std::sort(content.begin(), content.end(), [](Instr* a, Instr* b) { return a->id < b->id; });
  if (instr->attr[1] != 0 && !takeOver(instr, old, state)) {
    releaseOldContent(instr, old, state);
  }
  state->homes[home] = std::move(content);
  state->home_masks[home] = mask;
  if (dies(root, instr)) state->forget(root);
  if (emit_) {
    changed_ |= instr->attr[1] != 0;
    instr->attr[1] = 0;
  }
}

void RefcountInsertion::loadHome(Instr* instr, RefState* state) {
  if (dies(instr, instr)) return;
  state->live.set(instr->id);
  HomeContent& content = state->homes[row_.of(instr)];
  if (!state->holds(row_.of(instr), instr)) {
    content.push_back(instr);
    std::sort(content.begin(), content.end(), [](Instr* a, Instr* b) { return a->id < b->id; });
  }
}

// Homes whose content needs no release here any more are taken off the list.
void RefcountInsertion::dropFromAux(Instr* leave, const std::vector<size_t>& handed,
                                    const RefState& state) {
  std::vector<uint32_t> aux;
  for (uint32_t entry : leave->aux) {
    const size_t home = row_.of(leave, entry / 2);
    const HomeContent& content = state.homes[home];
    bool immortal = std::any_of(content.begin(), content.end(),
                                [&](Instr* root) { return countless(root, state); });
    bool handed_over = std::find(handed.begin(), handed.end(), home) != handed.end();
    uint32_t mask = state.home_masks[home];
    if (immortal || handed_over || (mask & ~kMaskImmortal) == 0) continue;
    bool never_null =
        !(mask & hir::kMaskNull) || std::any_of(content.begin(), content.end(), [&](Instr* root) {
          return (state.maskOf(root) & hir::kMaskNull) == 0;
        });
    aux.push_back(never_null ? entry & ~1u : entry);
  }
  changed_ |=
      aux.size() != leave->aux.size() || !std::equal(aux.begin(), aux.end(), leave->aux.begin());
  leave->aux = function_.arena().copy(std::span<const uint32_t>(aux));
}

void RefcountInsertion::leaveFrame(Instr* instr, RefState* state) {
  promoteAll(instr, state);
  std::vector<size_t> handed;
  const size_t first = row_.first(instr->scope), end = row_.end(instr->scope);
  auto releases = [&](size_t home) {
    return std::find(handed.begin(), handed.end(), home) == handed.end() &&
           std::any_of(instr->aux.begin(), instr->aux.end(),
                       [&](uint32_t entry) { return row_.of(instr, entry / 2) == home; });
  };
  // The frames further out stay, with what their homes hold and parameters that are lent.
  auto staysElsewhere = [&](Instr* root) {
    if (instr->scope == hir::kRootScope) return false;
    if (kinds_.ofParameter(root)) return true;
    const int home = state->homeOf(root);
    return home >= 0 && static_cast<size_t>(home) < first;
  };
  // Who is still needed takes over the reference of a home that would release it.
  std::vector<Instr*> live;
  state->live.forEach([&](uint32_t id) { live.push_back(liveness_.valueOf(id)); });
  for (Instr* root : live) {
    if (state->owned.test(root->id)) continue;
    if (kinds_.uncounted(root) && !kinds_.ofParameter(root)) continue;
    if (staysElsewhere(root)) continue;
    bool done = countless(root, *state);
    for (size_t home = first; home < end && !done; ++home) {
      if (!state->holds(home, root) || !releases(home) || mayBeLent(home)) continue;
      handed.push_back(home);
      done = true;
    }
    if (!done) emitIncref(root, *state, instr);
    state->owned.set(root->id);
  }
  if (emit_) dropFromAux(instr, handed, *state);
  for (size_t home = first; home < end; ++home) {
    state->homes[home].clear();
    state->home_masks[home] = hir::kMaskOptObject;
  }
}

}  // namespace tephra::passes
