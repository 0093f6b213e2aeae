// SSA construction on the fly (Braun et al. 2013). Forward merges see all their inputs; a loop
// header gets a phi for each stack value and each live local that the loop writes, with the type of
// the loop's entry. Where a back edge brings something wider, the build is repeated from there.
#include <algorithm>

#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

namespace {

bool sameConstant(const Instr* a, const Instr* b) {
  bool constant = a->op == Op::kConstObject || a->op == Op::kConstNull || a->op == Op::kConstNone;
  return constant && a->op == b->op && a->attr[0] == b->attr[0];
}

// The guards' results between a value's root and itself, root first.
std::vector<Instr*> aliasChain(Instr* value) {
  std::vector<Instr*> chain{value};
  while (value->info().ownership == Ownership::kAlias) chain.push_back(value = value->operands[0]);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

// The best-typed value that all inputs are guarded versions of, or null.
Instr* commonValue(const std::vector<Instr*>& inputs) {
  bool all_same =
      std::all_of(inputs.begin(), inputs.end(), [&](Instr* v) { return v == inputs[0]; });
  if (all_same) return inputs[0];
  std::vector<Instr*> common = aliasChain(inputs[0]);
  for (Instr* input : inputs) {
    std::vector<Instr*> chain = aliasChain(input);
    size_t n = 0;
    while (n < common.size() && n < chain.size() && common[n] == chain[n]) ++n;
    common.resize(n);
    if (n == 0) return nullptr;
  }
  return common.back();
}

Type joinTypes(const std::vector<Instr*>& inputs) {
  Type type = inputs[0]->type;
  for (Instr* input : inputs) type = type.join(input->type);
  return type;
}

}  // namespace

void GraphBuilder::startBlock(uint32_t index) {
  BlockInfo& info = info_[index];
  info.started = true;
  b_.setBlock(info.hir);
  b_.setOffset(unit_.code[cfg_.blocks[index].start].lasti);
  before_ = nullptr;
  group_ = nullptr;
  any_done_ = replaced_ = fused_ = false;
  if (info.adopted) {
    s_ = std::move(info.incoming[0].state);
    return;
  }
  mergeInto(index, info);
  info.incoming.clear();
}

void GraphBuilder::mergeInto(uint32_t index, BlockInfo& info) {
  const CfgBlock& block = cfg_.blocks[index];
  info.hir->is_loop_header = block.loop_header;
  size_t slots = unit_.locals.size();
  info.depth = info.incoming[0].state.stack.size();
  for (const Incoming& in : info.incoming) {
    if (in.state.stack.size() != info.depth) return refuse(BailoutReason::kIrreducibleStack, "");
  }
  State merged;
  merged.locals.assign(slots, nullptr);
  merged.known.assign(slots, kHoldsNull);
  for (uint32_t slot = 0; slot < slots; ++slot) {
    bool in_loop = block.loop_header && block.loop_set.has(slot);
    uint8_t known = info.incoming[0].state.known[slot];
    Values inputs;
    for (const Incoming& in : info.incoming) {
      if (in.state.known[slot] != known) known = kHoldsEither;
      if (in.state.locals[slot]) inputs.push_back(in.state.locals[slot]);
    }
    bool widened = widening_.either.count({index, slot}) != 0;
    if (in_loop && (known == kHoldsNull || widened)) known = kHoldsEither;
    merged.known[slot] = known;
    if (!block.live_in.has(slot) || inputs.size() != info.incoming.size()) continue;
    merged.locals[slot] = mergePlace(index, info, slot, inputs, in_loop);
  }
  for (uint32_t i = 0; i < info.depth; ++i) {
    Values inputs;
    for (const Incoming& in : info.incoming) {
      inputs.push_back(in.state.stack[i]);
      if (in.state.held.count(i) != 0) merged.held.insert(i);
    }
    merged.stack.push_back(mergePlace(index, info, kStackPlace + i, inputs, block.loop_header));
  }
  info.known = merged.known;
  s_ = std::move(merged);
}

// The value of one place at a merge. in_loop: a back edge may bring another value.
Instr* GraphBuilder::mergePlace(uint32_t index, BlockInfo& info, uint32_t place,
                                const Values& inputs, bool in_loop) {
  if (!in_loop) {
    if (Instr* common = commonValue(inputs)) return common;
    bool constant = std::all_of(inputs.begin(), inputs.end(),
                                [&](Instr* v) { return sameConstant(v, inputs[0]); });
    bool header = cfg_.blocks[index].loop_header;
    // A loop that does not write the place: its entry's value, made a phi of equal inputs below.
    if (constant && !header) {
      // Phis come first in a block, so a merged constant is made at the end of the entry block.
      hir::Builder at_entry(function_.get());
      at_entry.setInsertBefore(function_->entry()->last);
      Instr* first = inputs[0];
      Instr* made = first->op == Op::kConstNull ? at_entry.ConstNull()
                    : first->op == Op::kConstNone
                        ? at_entry.ConstNone()
                        : at_entry.ConstObject(static_cast<ObjRef>(first->attr[0]));
      made->type = first->type;
      return made;
    }
  }
  Type type = joinTypes(inputs);
  bool header = cfg_.blocks[index].loop_header;
  if (header) type = in_loop ? headerType(index, place, type) : type;
  Instr* phi = b_.Phi(inputs, type);
  if (header) info.phis.push_back({phi, place, inputs});
  return phi;
}

// The type that a loop phi begins with.
Type GraphBuilder::headerType(uint32_t index, uint32_t place, Type entry) const {
  auto known = widening_.types.find({index, place});
  if (known != widening_.types.end()) return known->second.join(entry);
  bool maybe_null = entry.couldBe(kMaskNull);
  if (maybe_null || !options_.loop_types) return maybe_null ? kTypeOptObject : kTypeObject;
  return entry;
}

// A back edge into a block that has begun: its phis get one more input each.
void GraphBuilder::closeLoop(uint32_t index, BlockInfo& info) {
  if (s_.stack.size() != info.depth) return refuse(BailoutReason::kIrreducibleStack, "");
  for (HeaderPhi& record : info.phis) {
    Instr* value = record.place >= kStackPlace ? s_.stack[record.place - kStackPlace]
                                               : s_.locals[record.place];
    record.inputs.push_back(value);
    if (value->type.isSubtypeOf(record.phi->type)) continue;
    Type wide = value->type.join(record.phi->type);
    constexpr int kPatience = 3;
    if (widening_.round >= kPatience) wide = wide.couldBe(kMaskNull) ? kTypeOptObject : kTypeObject;
    auto [at, fresh] = widening_.types.try_emplace({index, record.place}, wide);
    if (!fresh) at->second = at->second.join(wide);
    widened_ = true;
  }
  for (uint32_t slot = 0; slot < info.known.size(); ++slot) {
    if (info.known[slot] == kHoldsEither || info.known[slot] == s_.known[slot]) continue;
    widening_.either[{index, slot}] = true;
    widened_ = true;
  }
}

// Ends the open block with a jump to `block`; or goes on as it where nobody else comes there.
void GraphBuilder::jumpTo(uint32_t block) {
  BlockInfo& info = info_[block];
  ended_ = true;
  size_t ways = cfg_.blocks[block].preds.size() + (block == 0 ? 1 : 0);
  Block* from = b_.block();
  if (ways == 1 && !info.hir) {
    info.hir = from;
    info.adopted = true;
    info.incoming.push_back({from, s_});
    return;
  }
  if (!info.hir) info.hir = function_->newBlock();
  b_.Jump()->targets[0] = info.hir;
  info.hir->preds.push_back(from);
  if (info.started) {
    closeLoop(block, info);
  } else {
    info.incoming.push_back({from, s_});
  }
}

void GraphBuilder::sealPhis() {
  for (BlockInfo& info : info_) {
    for (HeaderPhi& record : info.phis) function_->setOperands(record.phi, record.inputs);
  }
}

// Removes phis that stand for one value: guarded versions of the phi itself do not count.
void GraphBuilder::dropTrivialPhis() {
  std::vector<Instr*> replacement(function_->numValues(), nullptr);
  auto resolve = [&](Instr* v) {
    while (replacement[v->id]) v = replacement[v->id];
    return v;
  };
  auto soleInput = [&](Instr* phi) -> Instr* {
    Values inputs;
    for (Instr* operand : phi->operands) {
      Instr* v = resolve(operand);
      Instr* root = v;
      while (root != phi && root->info().ownership == Ownership::kAlias)
        root = resolve(root->operands[0]);
      if (root == phi) continue;
      if (std::find(inputs.begin(), inputs.end(), v) == inputs.end()) inputs.push_back(v);
    }
    return inputs.size() == 1 ? inputs[0] : nullptr;
  };
  Values phis;
  for (Block* block : function_->blocks()) {
    for (Instr* i = block->first; i && i->op == Op::kPhi; i = i->next) phis.push_back(i);
  }
  bool changed = true;
  while (changed) {
    changed = false;
    for (Instr*& phi : phis) {
      if (!phi) continue;
      Instr* sole = soleInput(phi);
      // A narrower type that guards inside the loop rely on must not be lost.
      if (!sole || !sole->type.isSubtypeOf(phi->type)) continue;
      replacement[phi->id] = sole;
      Function::remove(phi);
      phi = nullptr;
      changed = true;
    }
  }
  function_->replaceAllUses(replacement);
}

}  // namespace tephra::frontend
