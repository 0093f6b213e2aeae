// Control flow in refcount_insertion: what holds where ways meet, and the references that edges
// take or release so that it does.
#include <algorithm>

#include "passes/refcount_impl.h"

namespace tephra::passes {

using hir::Block;
using hir::Instr;
using hir::Op;

namespace {

// The number among from's targets of the edge that is `index` among to's preds.
int targetOf(const Block* to, size_t index) {
  const Block* from = to->preds[index];
  for (int which = 0; which < static_cast<int>(from->succs().size()); ++which) {
    if (from->succs()[which] == to && hir::predIndex(from, which) == index) return which;
  }
  TEPHRA_CHECK(false, "preds and targets must agree");
}

HomeContent intersection(const HomeContent& a, const HomeContent& b) {
  HomeContent both;
  for (Instr* root : a) {
    if (std::find(b.begin(), b.end(), root) != b.end()) both.push_back(root);
  }
  return both;
}

}  // namespace

RefState RefcountInsertion::edgeState(const Block* to, size_t index) const {
  const Block* from = to->preds[index];
  RefState state = out_[from->id];
  if (state.reached) alongEdge(from, targetOf(to, index), &state);
  return state;
}

void RefcountInsertion::alongEdge(const Block* from, int which, RefState* state) const {
  narrowOnEdge(from->last, which, state);
  if (from->last->handler() == nullptr || hir::raisesAlong(from, which)) return;
  for (Instr* root : raising_[from->id].consumed) state->owned.reset(root->id);
  defineResult(from->last, state);
}

// What the operation that ends `from` leaves to release on this way.
void RefcountInsertion::addEdgeReleases(const Block* from, int which, const RefState& state,
                                        std::vector<Release>* releases) const {
  if (from->last->handler() == nullptr) return;
  const Raising& raising = raising_[from->id];
  if (!hir::raisesAlong(from, which)) {
    releases->insert(releases->end(), raising.behind.begin(), raising.behind.end());
    return;
  }
  for (Instr* root : raising.extra) {  // whoever else has it keeps it
    releases->push_back(releaseOf(root, from->last, state));
    releases->back().harmless = true;
  }
}

RefState RefcountInsertion::joinPreds(Block* block) const {
  RefState state;
  state.owned = state.borrowed = Bits(function_.numValues());
  state.live = liveness_.liveIn(block);
  state.homes.assign(row_.size(), {});
  state.home_masks.assign(row_.size(), hir::kMaskOptObject);
  std::vector<RefState> in;
  for (size_t i = 0; i < block->preds.size(); ++i) in.push_back(edgeState(block, i));
  state.reached = block->preds.empty() ||
                  std::any_of(in.begin(), in.end(), [](const RefState& s) { return s.reached; });
  if (block->preds.empty()) return state;
  for (size_t i = 0; i < in.size(); ++i) {
    state.unseen |= in[i].reached && (in[i].unseen || dangerousEdge(block, i, in[i]));
  }
  joinHomes(block, in, &state);
  joinNarrowed(block, in, &state);
  joinOwnership(block, in, &state);
  return state;
}

// A home holds what it holds on all edges, and a phi if it holds the phi's input on each edge.
void RefcountInsertion::joinHomes(const Block* block, const std::vector<RefState>& in,
                                  RefState* out) const {
  for (size_t home = 0; home < row_.size(); ++home) {
    HomeContent common;
    bool first = true;
    out->home_masks[home] = 0;
    for (const RefState& state : in) {
      if (!state.reached) continue;
      out->home_masks[home] |= state.home_masks[home];
      common = first ? state.homes[home] : intersection(common, state.homes[home]);
      first = false;
    }
    // The block's own phis are new values here; the old ones of a loop's last round are gone.
    std::erase_if(common,
                  [&](Instr* root) { return root->op == Op::kPhi && root->block == block; });
    for (Instr* phi = block->first; phi && phi->op == Op::kPhi; phi = phi->next) {
      if (!phi->type.isObject() || !out->live.test(phi->id)) continue;
      bool holds = true;
      for (size_t i = 0; i < in.size() && holds; ++i) {
        holds = !in[i].reached || in[i].holds(home, hir::rootOf(phi->operands[i]));
      }
      if (holds) common.push_back(phi);
    }
    std::sort(common.begin(), common.end(), [](Instr* a, Instr* b) { return a->id < b->id; });
    out->homes[home] = std::move(common);
  }
}

void RefcountInsertion::joinNarrowed(const Block* block, const std::vector<RefState>& in,
                                     RefState* out) const {
  out->live.forEach([&](uint32_t id) {
    Instr* root = liveness_.valueOf(id);
    bool own_phi = root->op == Op::kPhi && root->block == block;
    Narrow joined{0, nullptr};
    bool first = true;
    for (size_t i = 0; i < in.size(); ++i) {
      if (!in[i].reached) continue;
      Instr* source = own_phi ? hir::rootOf(root->operands[i]) : root;
      joined.mask |= in[i].maskOf(source);
      Instr* name = own_phi ? nullptr : in[i].nameOf(root);
      joined.name = first || joined.name == name ? name : nullptr;
      first = false;
    }
    if (joined.name == root) joined.name = nullptr;
    joined.mask &= root->type.mask;
    if (joined.mask != root->type.mask || joined.name) out->narrowed[id] = joined;
  });
}

// Some owned value dies on the edge, and its end may run code or free other objects.
bool RefcountInsertion::dangerousEdge(const Block* to, size_t index, const RefState& from) const {
  Bits live = liveness_.liveOnEdge(to, index);
  bool dangerous = false;
  from.owned.forEach([&](uint32_t id) {
    if (live.test(id)) return;
    dangerous |= !releaseOf(liveness_.valueOf(id), to->preds[index]->last, from).harmless;
  });
  if (dangerous || to->preds[index]->last->handler() == nullptr) return dangerous;
  std::vector<Release> more;
  addEdgeReleases(to->preds[index], targetOf(to, index), from, &more);
  return std::any_of(more.begin(), more.end(), [](const Release& r) { return !r.harmless; });
}

void RefcountInsertion::joinOwnership(const Block* block, const std::vector<RefState>& in,
                                      RefState* out) const {
  bool dangerous = false;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i].reached) dangerous |= dangerousEdge(block, i, in[i]);
  }
  out->live.forEach([&](uint32_t id) {
    Instr* root = liveness_.valueOf(id);
    if (kinds_.uncounted(root) || out->homeOf(root) >= 0) return;
    bool own_phi = root->op == Op::kPhi && root->block == block;
    bool borrowed = !dangerous;
    for (size_t i = 0; i < in.size() && borrowed; ++i) {
      if (!in[i].reached) continue;
      Instr* source = own_phi ? hir::rootOf(root->operands[i]) : root;
      borrowed = in[i].borrowed.test(source->id) || (own_phi && kinds_.uncounted(source));
    }
    (borrowed ? out->borrowed : out->owned).set(id);
  });
}

void RefcountInsertion::emitEdges() {
  std::vector<Block*> blocks = function_.blocks();
  for (Block* from : blocks) {
    int succs = static_cast<int>(from->succs().size());
    for (int which = 0; which < succs; ++which) emitEdge(from, which);
  }
  function_.recomputeCfg();
}

void RefcountInsertion::emitEdge(Block* from, int which) {
  Block* to = from->succs()[which];
  size_t index = hir::predIndex(from, which);
  RefState state = out_[from->id];
  alongEdge(from, which, &state);
  const RefState& target = in_[to->id];
  std::vector<Instr*> increfs, moved;
  std::vector<Release> releases;
  for (Instr* phi = to->first; phi && phi->op == Op::kPhi; phi = phi->next) {
    if (!target.owned.test(phi->id)) continue;
    Instr* input = hir::rootOf(phi->operands[index]);
    bool still_owned = target.owned.test(input->id) && input->block != to;
    bool free_to_move = state.owned.test(input->id) && !still_owned &&
                        std::find(moved.begin(), moved.end(), input) == moved.end();
    (free_to_move ? moved : increfs).push_back(input);
  }
  target.owned.forEach([&](uint32_t id) {
    Instr* root = liveness_.valueOf(id);
    bool own_phi = root->op == Op::kPhi && root->block == to;
    if (!own_phi && !state.owned.test(id)) increfs.push_back(root);
  });
  state.owned.forEach([&](uint32_t id) {
    Instr* root = liveness_.valueOf(id);
    bool own_phi = root->op == Op::kPhi && root->block == to;
    bool keeps = target.owned.test(id) && !own_phi;
    bool was_moved = std::find(moved.begin(), moved.end(), root) != moved.end();
    if (!keeps && !was_moved) releases.push_back(releaseOf(root, from->last, state));
  });
  addEdgeReleases(from, which, state, &releases);
  std::erase_if(increfs, [&](Instr* root) { return countless(root, state); });
  std::erase_if(releases, [](const Release& r) { return (r.mask & ~kMaskImmortal) == 0; });
  if (increfs.empty() && releases.empty()) return;
  Instr* before;
  if (from->succs().size() == 1 && from->last->handler() == nullptr) {
    before = from->last;
  } else if (to->preds.size() == 1) {
    before = to->first;
    while (before->op == Op::kPhi || before->op == Op::kCatchException ||
           hir::isPartner(before->op))
      before = before->next;
    // Several edges' worth of operations never meet here: the block has one pred.
  } else {
    before = function_.splitEdge(from, which)->last;
  }
  for (Instr* root : increfs) emitIncref(root, state, before);
  // As the interpreter pops them, from the top of the stack, where the younger values are.
  std::reverse(releases.begin(), releases.end());
  for (const Release& release : releases) emitDecref(release, before);
}

}  // namespace tephra::passes
