// Purpose: the dataflow facts of refcount_insertion (see there) and the questions about values that
// it and other passes ask. Invariant: a root is in at most one of `owned` and `borrowed`, and in
// neither while a home backs it; all three speak of live roots only.
#pragma once

#include <map>
#include <vector>

#include "hir/ir.h"
#include "passes/bits.h"

namespace tephra::passes {

using hir::kMaskHarmless;
using hir::kMaskImmortal;

// What guards and branches have proven about a root, and the alias that carries the proof.
struct Narrow {
  uint32_t mask = hir::kMaskOptObject;
  hir::Instr* name = nullptr;
  bool operator==(const Narrow&) const = default;
};

// Roots that a home must hold, ascending by id; empty = unknown.
using HomeContent = std::vector<hir::Instr*>;

// The homes of all scopes in one row, those of a scope side by side by slot.
class HomeRow {
 public:
  explicit HomeRow(const hir::Function& function);
  size_t size() const { return first_.back(); }
  size_t first(uint32_t scope) const { return first_[scope]; }
  size_t end(uint32_t scope) const { return first_[scope + 1]; }
  size_t of(const hir::Instr* instr, uint32_t slot) const { return first_[instr->scope] + slot; }
  // The one that StoreHome, LoadHome or TakeHome names.
  size_t of(const hir::Instr* instr) const { return of(instr, instr->u32(0)); }

 private:
  std::vector<size_t> first_;
};

struct RefState {
  bool reached = false;
  bool unseen = false;  // a release may have run code and nothing has looked since
  Bits owned, borrowed, live;
  std::vector<HomeContent> homes;       // by their place in the row
  std::vector<uint32_t> home_masks;     // likewise: what the content can be
  std::map<uint32_t, Narrow> narrowed;  // by root id; absent = the root's own type

  bool operator==(const RefState&) const = default;

  bool holds(size_t home, const hir::Instr* root) const;
  // A home other than `except` that holds the root; -1 if there is none.
  int homeOf(const hir::Instr* root, int except = -1) const;
  uint32_t maskOf(const hir::Instr* root) const;
  hir::Instr* nameOf(hir::Instr* root) const;
  void narrow(hir::Instr* root, uint32_t mask, hir::Instr* name);
  void forget(const hir::Instr* root);  // dead
};

// Facts about roots that do not depend on the place.
class RootKinds {
 public:
  explicit RootKinds(const hir::Function& function);
  bool uncounted(const hir::Instr* root) const { return uncounted_.test(root->id); }
  // Its count never matters: NULL, None, True, False, immortal constants and phis of them.
  bool immortal(const hir::Instr* root) const { return immortal_.test(root->id); }
  // Uncounted while the frame lasts: a parameter that is never stored to, a phi that may be one.
  bool ofParameter(const hir::Instr* root) const { return of_parameter_.test(root->id); }

 private:
  Bits uncounted_, immortal_, of_parameter_;
};

// Narrows the state of an edge by what the branch's condition says about NULL.
void narrowOnEdge(const hir::Instr* branch, int which, RefState* state);

}  // namespace tephra::passes
