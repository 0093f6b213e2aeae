#include "passes/refcount_insertion.h"

#include <algorithm>
#include <utility>

#include "hir/death_order.h"

#include "passes/refcount_impl.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Ownership;

RefcountInsertion::RefcountInsertion(hir::Function& function)
    : function_(function),
      liveness_(function),
      kinds_(function),
      row_(function),
      layout_(function.unit() ? function.unit()->layout : nullptr),
      tagged_(layout_ && layout_->frame_holds_stack_refs) {
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      bool explicit_counts = instr->op == Op::kTakeHome || instr->op == Op::kIncref ||
                             instr->op == Op::kXIncref || instr->op == Op::kDecref ||
                             instr->op == Op::kXDecref;
      TEPHRA_CHECK(!explicit_counts, "reference counts are inserted once");
      if (instr->op == Op::kStoreHome && instr->scope == hir::kRootScope) {
        if (stored_.size() <= instr->attr[0]) stored_.resize(instr->attr[0] + 1, false);
        stored_[instr->attr[0]] = true;
      }
      if (instr->op != Op::kLoadArg) continue;
      if (args_.size() <= instr->attr[0]) args_.resize(instr->attr[0] + 1);
      args_[instr->attr[0]] = instr;
    }
  }
}

bool RefcountInsertion::run() {
  in_.assign(function_.numBlocks(), RefState());
  out_.assign(function_.numBlocks(), RefState());
  raising_.assign(function_.numBlocks(), Raising());
  int rounds = 0;
  for (bool again = true; again;) {
    again = false;
    TEPHRA_CHECK(++rounds < 1000, "the dataflow of reference counts must converge");
    for (Block* block : function_.blocks()) {
      RefState state = joinPreds(block);
      if (in_[block->id].reached && state == in_[block->id]) continue;
      in_[block->id] = state;
      transferBlock(block, &state);
      out_[block->id] = std::move(state);
      again = true;
    }
  }
  emit_ = true;
  std::vector<Block*> blocks = function_.blocks();
  for (Block* block : blocks) {
    RefState state = in_[block->id];
    transferBlock(block, &state);
  }
  emitEdges();
  if (dropped_) removeUnused();
  return changed_;
}

void RefcountInsertion::transferBlock(Block* block, RefState* state) {
  pending_.clear();
  unseen_before_ = state->unseen;
  for (Instr *instr = block->first, *next; instr; instr = next) {
    next = instr->next;
    if (instr->op == Op::kPhi) continue;
    if (!hir::isPartner(instr->op)) flush(instr, state);
    if (instr->op == Op::kFrameState) continue;
    transfer(instr, state);
    if (!instr->info().drops_old) unseen_before_ = state->unseen;
  }
}

void RefcountInsertion::transfer(Instr* instr, RefState* state) {
  if (instr->info().drops_old) return replaceNumber(instr, state);
  switch (instr->op) {
    case Op::kPushFrame: return pushFrame(state);
    case Op::kPushInlinedFrame: return pushInlinedFrame(instr, state);
    case Op::kStoreHome: return storeHome(instr, state);
    case Op::kLoadHome: return loadHome(instr, state);
    case Op::kLeaveFrame: return leaveFrame(instr, state);
    case Op::kObserveRelease: return observeRelease(instr, state);
    case Op::kGuardUnobserved: state->unseen = false; break;
    case Op::kCheckPeriodic:
      if (instr->attr[0]) state->unseen = false;  // it looks around first
      break;
    default: break;
  }
  ordinary(instr, state);  // the row says it all
}

// It stays where something may have run code since the last look.
void RefcountInsertion::observeRelease(Instr* instr, RefState* state) {
  bool needed = state->unseen;
  if (needed) recordExit(instr, *state, {});
  state->unseen = false;
  releaseDead(instr, state);
  if (!emit_) return;
  if (needed) instr->attr[0] = unseen_before_;
  changed_ = true;
  if (needed) return;
  hir::Function::remove(instr);
  dropped_ = true;
}

// States that only looks without a purpose have named, and truth values that only those named.
void RefcountInsertion::removeUnused() {
  std::vector<uint32_t> uses(function_.numValues(), 0);
  for (const Block* block : function_.blocks()) {
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      for (const Instr* operand : instr->operands) ++uses[operand->id];
    }
  }
  const std::vector<Block*>& blocks = function_.blocks();
  for (auto at = blocks.rbegin(); at != blocks.rend(); ++at) {
    for (Instr *instr = (*at)->last, *prev; instr; instr = prev) {
      prev = instr->prev;
      bool removable = instr->op == Op::kFrameState || instr->op == Op::kBoxBool;
      if (!removable || uses[instr->id] != 0) continue;
      for (const Instr* operand : instr->operands) --uses[operand->id];
      hir::Function::remove(instr);
    }
  }
}

// What was in the number's place may be any object; the operation looks behind its release itself
// if nothing else is released here.
void RefcountInsertion::replaceNumber(Instr* instr, RefState* state) {
  unseen_before_ = state->unseen;
  ordinary(instr, state);
  state->unseen = true;
  unseen_before_ |= !pending_.empty();
}

bool RefcountInsertion::dies(const Instr* root, const Instr* at) const {
  const std::vector<Instr*>& dead = liveness_.diesAt(at);
  return std::find(dead.begin(), dead.end(), root) != dead.end();
}

// Taking or giving a reference of it would be no operation.
bool RefcountInsertion::countless(const Instr* root, const RefState& state) const {
  return kinds_.immortal(root) || (state.maskOf(root) & ~kMaskImmortal) == 0;
}

void RefcountInsertion::emitIncref(Instr* root, const RefState& state, Instr* before) {
  if (!emit_ || countless(root, state)) return;
  Instr* name = state.nameOf(root);
  bool maybe_null = name->type.couldBe(hir::kMaskNull);
  Instr* incref = function_.make(maybe_null ? Op::kXIncref : Op::kIncref, {{name}});
  incref->placeLike(before);
  hir::Function::insertBefore(before, incref);
  changed_ = true;
}

void RefcountInsertion::emitDecref(const Release& release, Instr* before) {
  if (!emit_ || (release.mask & ~kMaskImmortal) == 0) return;
  bool maybe_null = release.name->type.couldBe(hir::kMaskNull);
  Instr* decref = function_.make(maybe_null ? Op::kXDecref : Op::kDecref, {{release.name}});
  decref->placeLike(release.at);
  hir::Function::insertBefore(before, decref);
  changed_ = true;
}

RefcountInsertion::Release RefcountInsertion::releaseOf(Instr* root, const Instr* at,
                                                        const RefState& state) const {
  uint32_t mask = kinds_.immortal(root) ? hir::kMaskNull : state.maskOf(root);
  return {root, state.nameOf(root), mask, (mask & ~kMaskHarmless) == 0, at};
}

// Borrowed values get a reference before something that may release memory.
void RefcountInsertion::promoteAll(Instr* before, RefState* state) {
  Bits borrowed = state->borrowed;
  borrowed.forEach([&](uint32_t id) {
    state->borrowed.reset(id);
    state->owned.set(id);
  });
  if (!emit_ || !borrowed.any()) return;
  // Roots are found by id through the live values of the block; ids are dense, so search once.
  std::vector<Instr*> roots;
  borrowed.forEach([&](uint32_t id) { roots.push_back(liveness_.valueOf(id)); });
  for (Instr* root : roots) emitIncref(root, *state, before);
}

void RefcountInsertion::promoteFor(Instr* instr, RefState* state) {
  if (instr->info().runs_python) return promoteAll(instr, state);
  if (!instr->info().writesHeap()) return;
  // It releases nothing itself, it only makes memory forget: what ends here needs no reference.
  std::vector<uint32_t> promoted;
  state->borrowed.forEach([&](uint32_t id) {
    if (!dies(liveness_.valueOf(id), instr)) promoted.push_back(id);
  });
  for (uint32_t id : promoted) {
    state->borrowed.reset(id);
    state->owned.set(id);
    emitIncref(liveness_.valueOf(id), *state, instr);
  }
}

void RefcountInsertion::ordinary(Instr* instr, RefState* state) {
  promoteFor(instr, state);
  giveOperands(instr, state);
  // References for stolen operands: the register's own one at its last use, or where homes take it
  // and hold the object from then on; else new ones.
  const bool homes_hold = instr->op == Op::kPushInlinedFrame;
  std::vector<Instr*> extra, consumed;
  std::span<Instr*> inputs = instr->inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!instr->isStolen(i) || !inputs[i]->type.isObject()) continue;
    Instr* root = hir::rootOf(inputs[i]);
    bool first = std::find(consumed.begin(), consumed.end(), root) == consumed.end();
    if (first && state->owned.test(root->id) && (homes_hold || dies(root, instr))) {
      consumed.push_back(root);
    } else if (!countless(root, *state)) {
      emitIncref(root, *state, instr);
      extra.push_back(root);
    }
  }
  if (holdsArguments(instr)) holdArguments(instr, state, &extra);
  if (instr->hasState()) recordExit(instr, *state, extra);
  if (instr->handler() != nullptr) return endOnEdges(instr, state, consumed, extra);
  for (Instr* root : consumed) state->owned.reset(root->id);
  defineResult(instr, state);
  releaseDead(instr, state);
}

// The state of the block's end is that of the way on which it raises: nothing that it takes is
// taken, and there is no result. What dies here is released on the edges.
void RefcountInsertion::endOnEdges(Instr* instr, RefState* state,
                                   const std::vector<Instr*>& consumed,
                                   const std::vector<Instr*>& extra) {
  raising_[instr->block->id] = {consumed, extra, std::exchange(pending_, {})};
  for (Instr* root : liveness_.diesAt(instr)) {
    if (!state->owned.test(root->id)) state->forget(root);
  }
}

// Given operands leave the register file before the operation: the register's own reference at the
// last use, none where the caller lends, else a new one.
void RefcountInsertion::giveOperands(Instr* instr, RefState* state) {
  uint64_t lent = 0;
  std::span<Instr*> inputs = instr->inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!instr->isGiven(i) || !inputs[i]->type.isObject()) continue;
    Instr* root = hir::rootOf(inputs[i]);
    const bool immortal = countless(root, *state);
    if (!immortal && state->owned.test(root->id) && dies(root, instr) &&
        !namedByState(root, instr)) {
      state->owned.reset(root->id);
    } else if (i < kMaxLent && tagged_ && (immortal || mayLend(root, *state))) {
      lent |= uint64_t{1} << i;
    } else {
      emitIncref(root, *state, instr);
    }
  }
  if (emit_) instr->lent = lent;
}

// The interpreter lends a local to a callee where the compiler has proved that it outlives the call
// (LOAD_FAST_BORROW). Here a local's home or the caller's caller keeps it alive.
bool RefcountInsertion::mayLend(const Instr* root, const RefState& state) const {
  return (root->op == Op::kLoadArg && kinds_.uncounted(root)) || state.homeOf(root) >= 0;
}

bool RefcountInsertion::namedByState(const Instr* root, const Instr* instr) {
  std::vector<Instr*> used;
  if (const Instr* exit = instr->state()) rootsUsed(exit, &used);
  return std::find(used.begin(), used.end(), root) != used.end();
}

// A C function may look at reference counts: where the interpreter's value stack always owns what
// lies on it, so must the registers. Methods of builtin classes do not look.
bool RefcountInsertion::holdsArguments(const Instr* instr) const {
  return instr->op == Op::kCallBuiltin && function_.unit() && !tagged_ &&
         instr->u32(1) != hir::kNoObject;
}

void RefcountInsertion::holdArguments(Instr* instr, RefState* state, std::vector<Instr*>* extra) {
  std::vector<Instr*> own;
  for (Instr* input : instr->inputs().subspan(1)) {
    Instr* root = hir::rootOf(input);
    if (!input->type.isObject() || countless(root, *state)) continue;
    bool first = std::find(own.begin(), own.end(), root) == own.end();
    if (first && state->owned.test(root->id) && dies(root, instr)) {
      own.push_back(root);
      continue;
    }
    emitIncref(root, *state, instr);
    extra->push_back(root);
    pending_.push_back(releaseOf(root, instr, *state));
    pending_.back().harmless |= kinds_.uncounted(root) || state->homeOf(root) >= 0;
  }
}

void RefcountInsertion::recordExit(Instr* instr, const RefState& state,
                                   const std::vector<Instr*>& extra) {
  if (!emit_) return;
  // These exits are taken with NULL: there is no object to own.
  Instr* null = instr->op == Op::kCheckExpected || instr->op == Op::kGuardNotNull
                    ? hir::rootOf(instr->operands[0])
                    : nullptr;
  std::vector<Instr*> owned;
  state.owned.forEach([&](uint32_t id) {
    Instr* root = liveness_.valueOf(id);
    if (root != null && !countless(root, state)) owned.push_back(root);
  });
  owned.insert(owned.end(), extra.begin(), extra.end());
  std::stable_sort(owned.begin(), owned.end(), [](Instr* a, Instr* b) { return a->id < b->id; });
  hir::sortConstruction(instr, layout_, &owned);
  instr->exit_owned = function_.arena().copy(std::span<Instr* const>(owned));
  changed_ |= !owned.empty();
}

void RefcountInsertion::defineResult(Instr* instr, RefState* state) const {
  if (!instr->type.isObject()) return;
  if (instr->info().ownership == Ownership::kAlias) {
    Instr* root = hir::rootOf(instr);
    if (state->live.test(root->id)) state->narrow(root, instr->type.mask, instr);
    return;
  }
  state->live.set(instr->id);
  switch (instr->info().ownership) {
    case Ownership::kNew: state->owned.set(instr->id); break;
    case Ownership::kBorrowed: state->borrowed.set(instr->id); break;
    case Ownership::kUncounted: break;
    case Ownership::kNone:
    case Ownership::kAlias: break;
  }
}

void RefcountInsertion::releaseDead(Instr* instr, RefState* state) {
  std::vector<Instr*> dying = liveness_.diesAt(instr);
  hir::sortDeaths(instr, layout_, &dying);
  for (Instr* root : dying) {
    // Behind a terminator there is nothing: its exit took what was owned.
    if (state->owned.test(root->id) && !instr->isTerminator()) {
      pending_.push_back(releaseOf(root, instr, *state));
    }
    state->forget(root);
  }
}

void RefcountInsertion::flush(Instr* before, RefState* state) {
  if (pending_.empty()) return;
  bool dangerous =
      std::any_of(pending_.begin(), pending_.end(), [](const Release& r) { return !r.harmless; });
  if (dangerous) promoteAll(before, state);
  state->unseen |= dangerous;
  for (const Release& release : pending_) emitDecref(release, before);
  pending_.clear();
}

bool refcount_insertion(hir::Function& function, PassContext&) {
  return RefcountInsertion(function).run();
}

}  // namespace tephra::passes
