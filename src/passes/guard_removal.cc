#include "passes/guard_removal.h"

#include <algorithm>
#include <optional>

#include "base/version_set.h"
#include "passes/refcount_state.h"
#include "passes/root_liveness.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Type;

namespace {

// What undoes a proof when it is written; nothing where the proof lasts for ever.
hir::AliasSets restsOn(const Instr* guard) {
  const bool keeps_class =
      guard->op == Op::kGuardType &&
      !Type::decode(guard->attr[0]).couldBe(hir::kMaskOther | hir::kMaskModule | hir::kMaskType);
  return keeps_class ? 0 : guard->info().reads;
}

// The versions that a guard of a class, or of its keys, lets through.
VersionSet versionsOf(const Instr* guard) {
  VersionSet set;
  if (guard->op == Op::kGuardTypeVersions || guard->op == Op::kGuardHeapKeysVersions)
    set = {static_cast<uint32_t>(guard->attr[0]), guard->attr[1]};
  else
    set.add(static_cast<uint32_t>(guard->attr[0]));
  return set;
}

bool isOfClass(Op op) { return op == Op::kGuardTypeVersion || op == Op::kGuardTypeVersions; }
bool isOfHeapKeys(Op op) {
  return op == Op::kGuardHeapKeysVersion || op == Op::kGuardHeapKeysVersions;
}

// What `earlier` proved covers what `guard` asks, the place aside.
bool covers(const hir::Function& function, const Instr* earlier, const Instr* guard) {
  const bool of_frame = (guard->info().reads & hir::alias::kAnyFrame) != 0;
  if (of_frame && earlier->scope != guard->scope) return false;
  std::span<Instr*> a = earlier->inputs(), b = guard->inputs();
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    bool object = a[i]->type.isObject();
    if (object ? hir::rootOf(a[i]) != hir::rootOf(b[i]) : a[i] != b[i]) return false;
  }
  bool null_check = guard->op == Op::kGuardNotNull || guard->op == Op::kCheckExpected;
  if (null_check) return earlier->op == Op::kGuardNotNull || earlier->op == Op::kCheckExpected;
  if ((isOfClass(earlier->op) && isOfClass(guard->op)) ||
      (isOfHeapKeys(earlier->op) && isOfHeapKeys(guard->op))) {
    return versionsOf(earlier).isSubsetOf(versionsOf(guard));
  }
  if (earlier->op != guard->op) return false;
  if (guard->op == Op::kGuardType) {
    return Type::decode(earlier->attr[0]).isSubtypeOf(Type::decode(guard->attr[0]));
  }
  std::span<const hir::AttrInfo> attrs = guard->info().attrs;
  for (size_t i = 0; i < attrs.size(); ++i) {
    const uint64_t proved = earlier->attr[i], asked = guard->attr[i];
    const bool same = attrs[i].kind == hir::AttrKind::kObj
                          ? function.sameObject(earlier, proved, guard, asked)
                          : proved == asked || attrs[i].kind == hir::AttrKind::kReason;
    if (!same) return false;
  }
  return true;
}

// Where the end of an object may run arbitrary code: the Decrefs that refcount_insertion will
// place.
class Finalizers {
 public:
  explicit Finalizers(const hir::Function& function) : liveness_(function), kinds_(function) {
    for (const Block* block : function.blocks()) {
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        if (instr->op != Op::kStoreHome || harmless(instr->operands[0])) continue;
        if (slots_.size() <= instr->attr[0]) slots_.resize(instr->attr[0] + 1, false);
        slots_[instr->attr[0]] = true;
      }
    }
  }

  // Something may end right after `instr`.
  bool at(const Instr* instr) const {
    if (instr->op == Op::kStoreHome && instr->attr[1] != 0) {
      // A parameter's object outlives the call, so only what the function stores itself can end.
      if (instr->attr[0] < slots_.size() && slots_[instr->attr[0]]) return true;
    }
    for (Instr* root : liveness_.diesAt(instr)) {
      uint32_t mask = root->type.mask;
      for (Instr* operand : instr->operands) {
        if (operand->type.isObject() && hir::rootOf(operand) == root) mask &= operand->type.mask;
      }
      bool stored = instr->op == Op::kStoreHome || instr->op == Op::kReturn;
      if (stored || kinds_.uncounted(root) || (mask & ~kMaskHarmless) == 0) continue;
      if (!neverCounted(root, instr)) return true;
    }
    return false;
  }

  bool onEdge(const Block* from, int which) const {
    const Block* to = from->succs()[which];
    Bits live = liveness_.liveOnEdge(to, hir::predIndex(from, which));
    bool ends = false;
    for (int other = 0; other < static_cast<int>(from->succs().size()); ++other) {
      const Block* beside = from->succs()[other];
      liveness_.liveOnEdge(beside, hir::predIndex(from, other)).forEach([&](uint32_t id) {
        const Instr* root = liveness_.valueOf(id);
        ends |= !live.test(id) && !kinds_.uncounted(root) && !harmless(root);
      });
    }
    return ends;
  }

 private:
  bool harmless(const Instr* value) const {
    return (value->type.mask & ~kMaskHarmless) == 0 ||
           kinds_.uncounted(hir::rootOf(const_cast<Instr*>(value)));
  }

  // Read from memory and gone before anything that would have made it take a reference.
  static bool neverCounted(const Instr* root, const Instr* end) {
    if (root->info().ownership != hir::Ownership::kBorrowed || root->block != end->block)
      return false;
    for (const Instr* instr = root->next; instr && instr != end->next; instr = instr->next) {
      if (instr->info().writes & (hir::alias::kAnyHeap | hir::alias::kHome)) return false;
    }
    return true;
  }

  RootLiveness liveness_;
  RootKinds kinds_;
  std::vector<bool> slots_;  // homes whose stored content may have a finalizer
};

// Forward "available guards": the meet over preds is what all of them have.
class Remover {
 public:
  explicit Remover(hir::Function& function) : function_(function), finalizers_(function) {}

  bool run() {
    out_.assign(function_.numBlocks(), std::nullopt);
    for (bool again = true; again;) {
      again = false;
      for (Block* block : function_.blocks()) {
        std::vector<Instr*> available = atStart(block);
        for (Instr* instr = block->first; instr; instr = instr->next) after(instr, &available);
        if (out_[block->id] == available) continue;
        out_[block->id] = available;
        again = true;
      }
    }
    return remove();
  }

 private:
  std::vector<Instr*> atStart(const Block* block) const {
    std::vector<Instr*> available;
    bool first = true;
    for (const Block* pred : block->preds) {
      const std::optional<std::vector<Instr*>>& from = out_[pred->id];
      if (!from) continue;  // not seen yet: everything is available there
      bool ends = false;
      for (int which = 0; which < static_cast<int>(pred->succs().size()); ++which) {
        if (pred->succs()[which] == block) ends |= finalizers_.onEdge(pred, which);
      }
      std::vector<Instr*> on_edge = *from;
      if (pred->last->handler() == block) std::erase(on_edge, pred->last);  // it has failed
      if (ends) breakProofs(&on_edge, hir::alias::kAll);
      if (first) {
        available = on_edge;
      } else {
        std::erase_if(available, [&](Instr* guard) {
          return std::find(on_edge.begin(), on_edge.end(), guard) == on_edge.end();
        });
      }
      first = false;
    }
    return available;
  }

  static void breakProofs(std::vector<Instr*>* available, hir::AliasSets written) {
    std::erase_if(*available, [&](Instr* guard) { return (restsOn(guard) & written) != 0; });
  }

  // A write breaks what rests on any part of the heap; breaking only what rests on info.writes
  // would let more proofs live.
  void after(Instr* instr, std::vector<Instr*>* available) const {
    const hir::OpInfo& info = instr->info();
    if (info.guard && std::find(available->begin(), available->end(), instr) == available->end()) {
      available->push_back(instr);
    }
    if (info.runs_python || info.drops_old || finalizers_.at(instr)) {
      breakProofs(available, hir::alias::kAll);
    } else if (info.writesHeap()) {
      breakProofs(available, hir::alias::kAnyHeap);
    }
  }

  bool remove() {
    std::vector<Instr*> replacement(function_.numValues(), nullptr);
    std::vector<Instr*> dead;
    for (Block* block : function_.blocks()) {
      std::vector<Instr*> available = atStart(block);
      for (Instr* instr = block->first; instr; instr = instr->next) {
        if (instr->info().guard) {
          // One at which an object ends stays: that would end before it, among other guards.
          Instr* earlier = finalizers_.at(instr) ? nullptr : findCover(available, instr);
          if (earlier) {
            if (instr->type.isObject()) replacement[instr->id] = earlier;
            dead.push_back(instr);
            continue;
          }
        }
        after(instr, &available);
      }
    }
    if (dead.empty()) return false;
    function_.replaceAllUses(replacement);
    bool dropped_handler = false;
    for (Instr* instr : dead) dropped_handler |= function_.removeOrJump(instr);
    if (dropped_handler) function_.recomputeCfg();
    return true;
  }

  Instr* findCover(const std::vector<Instr*>& available, const Instr* guard) const {
    for (Instr* earlier : available) {
      if (earlier == guard || !covers(function_, earlier, guard)) continue;
      // An alias that knows less than this one would weaken the users' types.
      bool narrow_enough =
          !guard->type.isObject() || function_.typeFor(guard, earlier).isSubtypeOf(guard->type);
      if (narrow_enough) return earlier;
    }
    return nullptr;
  }

  hir::Function& function_;
  Finalizers finalizers_;
  std::vector<std::optional<std::vector<Instr*>>> out_;
};

}  // namespace

bool guard_removal(hir::Function& function, PassContext&) { return Remover(function).run(); }

}  // namespace tephra::passes
