// Purpose: the class behind refcount_insertion, shared by its three source files: the driver and
// the ordinary operations (refcount_insertion.cc), homes (refcount_homes.cc), edges
// (refcount_edges.cc). Invariant: the transfer functions run twice with the same decisions: with
// emit_ false until the states are stable, then once with emit_ true.
#pragma once

#include <vector>

#include "hir/builder.h"
#include "passes/refcount_state.h"
#include "passes/root_liveness.h"

namespace tephra::passes {

class RefcountInsertion {
 public:
  explicit RefcountInsertion(hir::Function& function);
  bool run();

 private:
  // A reference to give back as soon as nothing must follow the operation at once.
  struct Release {
    hir::Instr* root;
    hir::Instr* name;      // the operand to use; the root itself or an alias
    uint32_t mask;         // what it can be
    bool harmless;         // releasing it cannot run code or free another object
    const hir::Instr* at;  // the instruction at which the interpreter releases it
  };

  // --- operations (refcount_insertion.cc)
  void transferBlock(hir::Block* block, RefState* state);
  void transfer(hir::Instr* instr, RefState* state);
  void ordinary(hir::Instr* instr, RefState* state);
  void observeRelease(hir::Instr* instr, RefState* state);
  void replaceNumber(hir::Instr* instr, RefState* state);
  void removeUnused();
  void promoteFor(hir::Instr* instr, RefState* state);
  void giveOperands(hir::Instr* instr, RefState* state);
  bool mayLend(const hir::Instr* root, const RefState& state) const;
  static bool namedByState(const hir::Instr* root, const hir::Instr* instr);
  bool holdsArguments(const hir::Instr* instr) const;
  void holdArguments(hir::Instr* instr, RefState* state, std::vector<hir::Instr*>* extra);
  void endOnEdges(hir::Instr* instr, RefState* state, const std::vector<hir::Instr*>& consumed,
                  const std::vector<hir::Instr*>& extra);
  void recordExit(hir::Instr* instr, const RefState& state, const std::vector<hir::Instr*>& extra);
  void defineResult(hir::Instr* instr, RefState* state) const;
  void releaseDead(hir::Instr* instr, RefState* state);
  void flush(hir::Instr* before, RefState* state);
  void promoteAll(hir::Instr* before, RefState* state);
  bool dies(const hir::Instr* root, const hir::Instr* at) const;
  bool countless(const hir::Instr* root, const RefState& state) const;
  void emitIncref(hir::Instr* root, const RefState& state, hir::Instr* before);
  void emitDecref(const Release& release, hir::Instr* before);
  // `at`: the instruction at which it ends.
  Release releaseOf(hir::Instr* root, const hir::Instr* at, const RefState& state) const;

  // --- homes (refcount_homes.cc)
  void pushFrame(RefState* state);
  void pushInlinedFrame(hir::Instr* instr, RefState* state);
  void storeHome(hir::Instr* instr, RefState* state);
  // Of the row: the first homes are the root's.
  bool isParameter(size_t home) const;
  bool mayBeLent(size_t home) const;
  void storeAgain(hir::Instr* instr, RefState* state);
  void releaseOldContent(hir::Instr* store, const HomeContent& old, RefState* state);
  bool takeOver(hir::Instr* store, const HomeContent& old, RefState* state);
  void loadHome(hir::Instr* instr, RefState* state);
  void leaveFrame(hir::Instr* instr, RefState* state);
  void dropFromAux(hir::Instr* leave, const std::vector<size_t>& handed, const RefState& state);

  // --- edges (refcount_edges.cc)
  RefState joinPreds(hir::Block* block) const;
  RefState edgeState(const hir::Block* to, size_t index) const;
  void alongEdge(const hir::Block* from, int which, RefState* state) const;
  void addEdgeReleases(const hir::Block* from, int which, const RefState& state,
                       std::vector<Release>* releases) const;
  void joinHomes(const hir::Block* block, const std::vector<RefState>& in, RefState* out) const;
  void joinNarrowed(const hir::Block* block, const std::vector<RefState>& in, RefState* out) const;
  void joinOwnership(const hir::Block* block, const std::vector<RefState>& in, RefState* out) const;
  bool dangerousEdge(const hir::Block* to, size_t index, const RefState& from) const;
  void emitEdges();
  void emitEdge(hir::Block* from, int which);

  hir::Function& function_;
  RootLiveness liveness_;
  RootKinds kinds_;
  HomeRow row_;
  const PyLayout* layout_;  // null: no unit
  bool tagged_;             // frames hold tagged references: a caller may lend
  // Of the root scope, by slot: LoadArg of the parameter, if there is one; some StoreHome names it.
  std::vector<hir::Instr*> args_;
  std::vector<bool> stored_;
  std::vector<RefState> in_, out_;  // by block id
  // By block id, of the operation with a handler that ends it: what only one of its ways does.
  struct Raising {
    std::vector<hir::Instr*> consumed;  // by the operation, if it does not raise
    std::vector<hir::Instr*> extra;     // references for it, left over if it raises
    std::vector<Release> behind;        // owed behind it, if it does not raise
  };
  std::vector<Raising> raising_;
  std::vector<Release> pending_;
  bool unseen_before_ = false;  // state->unseen before the releases that have come last
  bool emit_ = false;
  bool changed_ = false;
  bool dropped_ = false;  // some ObserveRelease was
};

}  // namespace tephra::passes
