#include "passes/refcount_state.h"

#include <algorithm>
#include <set>

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Ownership;

namespace {

// How many slots of its scope the operation speaks of.
size_t slotsNamed(const Instr* instr) {
  switch (instr->op) {
    case Op::kLoadArg:
    case Op::kStoreHome:
    case Op::kLoadHome:
    case Op::kTakeHome: return instr->attr[0] + 1;
    case Op::kPushInlinedFrame: return instr->inputs().size() - 1;
    case Op::kLeaveFrame: return instr->aux.empty() ? 0 : instr->aux.back() / 2 + 1;
    default: return 0;
  }
}

}  // namespace

HomeRow::HomeRow(const hir::Function& function) : first_(function.scopes().size() + 1, 0) {
  for (const Block* block : function.blocks()) {
    for (const Instr* instr = block->first; instr; instr = instr->next) {
      size_t& count = first_[instr->scope + size_t{1}];
      count = std::max(count, slotsNamed(instr));
    }
  }
  for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
}

bool RefState::holds(size_t home, const Instr* root) const {
  const HomeContent& content = homes[home];
  return std::find(content.begin(), content.end(), root) != content.end();
}

int RefState::homeOf(const Instr* root, int except) const {
  for (size_t slot = 0; slot < homes.size(); ++slot) {
    if (static_cast<int>(slot) != except && holds(slot, root)) return static_cast<int>(slot);
  }
  return -1;
}

uint32_t RefState::maskOf(const Instr* root) const {
  auto at = narrowed.find(root->id);
  return at == narrowed.end() ? root->type.mask : root->type.mask & at->second.mask;
}

Instr* RefState::nameOf(Instr* root) const {
  auto at = narrowed.find(root->id);
  return at == narrowed.end() || !at->second.name ? root : at->second.name;
}

void RefState::narrow(Instr* root, uint32_t mask, Instr* name) {
  Narrow& entry = narrowed[root->id];
  entry.mask &= mask;
  if (name) entry.name = name;
  // A home that holds it still does when nobody needs the value any more.
  for (size_t slot = 0; slot < homes.size(); ++slot) {
    if (holds(slot, root)) home_masks[slot] &= entry.mask;
  }
}

void RefState::forget(const Instr* root) {
  owned.reset(root->id);
  borrowed.reset(root->id);
  live.reset(root->id);
  narrowed.erase(root->id);
}

RootKinds::RootKinds(const hir::Function& function)
    : uncounted_(function.numValues()),
      immortal_(function.numValues()),
      of_parameter_(function.numValues()) {
  std::vector<Instr*> phis;
  std::set<uint64_t> stored;
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      const bool root_home = instr->op == Op::kStoreHome && instr->scope == hir::kRootScope;
      if (root_home) stored.insert(instr->attr[0]);
    }
  }
  for (Block* block : function.blocks()) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      if (!instr->type.isObject()) continue;
      bool immortal = instr->type.is(kMaskImmortal);
      if (instr->op == Op::kConstObject) {
        const ObjectInfo* info = function.object(instr, instr->attr[0]);
        immortal |= info != nullptr && info->immortal;
      }
      bool uncounted = instr->info().ownership == Ownership::kUncounted;
      if (instr->op == Op::kLoadArg) {
        // The home keeps it to the end, unless something else is stored there.
        uncounted = !stored.contains(instr->attr[0]);
        if (uncounted) of_parameter_.set(instr->id);
      }
      // Optimistic for phis: a cycle of phis is what its inputs from outside are.
      if (instr->op == Op::kPhi) {
        phis.push_back(instr);
        uncounted = immortal = true;
      }
      if (uncounted) uncounted_.set(instr->id);
      if (uncounted && immortal) immortal_.set(instr->id);
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (Instr* phi : phis) {
      for (Instr* input : phi->operands) {
        const Instr* root = hir::rootOf(input);
        if (!uncounted_.test(root->id) && uncounted_.test(phi->id)) {
          uncounted_.reset(phi->id);
          immortal_.reset(phi->id);
          changed = true;
        }
        if (of_parameter_.test(root->id) && !of_parameter_.test(phi->id)) {
          of_parameter_.set(phi->id);
          changed = true;
        }
        if (!immortal_.test(root->id) && immortal_.test(phi->id)) {
          immortal_.reset(phi->id);
          changed = true;
        }
      }
    }
  }
}

void narrowOnEdge(const Instr* branch, int which, RefState* state) {
  if (branch->op != Op::kBranch || branch->targets[0] == branch->targets[1]) return;
  const Instr* condition = branch->operands[0];
  bool truth = which == 0;
  while (condition->op == Op::kBoolNot) {
    condition = condition->operands[0];
    truth = !truth;
  }
  if (condition->op != Op::kPtrEqual) return;
  for (int side = 0; side < 2; ++side) {
    Instr* value = hir::rootOf(condition->operands[side]);
    if (hir::rootOf(condition->operands[1 - side])->op != Op::kConstNull) continue;
    if (!state->live.test(value->id)) continue;
    state->narrow(value, truth ? hir::kMaskNull : hir::kMaskObject, nullptr);
  }
}

}  // namespace tephra::passes
