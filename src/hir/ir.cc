#include "hir/ir.h"

#include <algorithm>

namespace tephra::hir {

const OperandInfo& operandInfo(const OpInfo& info, size_t input) {
  return info.operands[std::min(input, info.operands.size() - 1)];
}

bool Instr::isStolen(size_t input) const {
  return !info().operands.empty() && operandInfo(info(), input).stolen;
}

bool Instr::isGiven(size_t input) const {
  return !info().operands.empty() && operandInfo(info(), input).given;
}

size_t predIndex(const Block* from, int which) {
  std::span<Block* const> targets = from->succs();
  const Block* to = targets[static_cast<size_t>(which)];
  auto skip = std::count(targets.begin(), targets.begin() + which, to);
  const std::vector<Block*>& preds = to->preds;
  for (size_t i = 0; i < preds.size(); ++i) {
    if (preds[i] == from && skip-- == 0) return i;
  }
  TEPHRA_CHECK(false, "a terminator's target must list the block among its preds");
}

bool adoptsFrame(const Block* from, int which) {
  if (from->last == nullptr || from->last->op != Op::kEntries) return false;
  const auto kind = static_cast<EntryKind>(from->last->aux[2 * static_cast<size_t>(which)]);
  return kind == EntryKind::kLoop || kind == EntryKind::kHandler || kind == EntryKind::kResume;
}

bool raisesAlong(const Block* from, int which) {
  return from->last->handler() != nullptr &&
         static_cast<size_t>(which) + 1 == from->last->targets.size();
}

const Instr* before(const Instr* instr) {
  if (instr->prev != nullptr || instr->block->preds.size() != 1) return instr->prev;
  const Instr* last = instr->block->preds[0]->last;
  const bool went_on = last->handler() != nullptr && last->targets[0] == instr->block;
  return went_on && !last->info().terminator ? last : nullptr;
}

const Instr* behind(const Instr* instr) {
  const bool goes_on = instr->handler() != nullptr && !instr->info().terminator;
  return goes_on ? instr->targets[0]->first : instr->next;
}

Function::~Function() = default;

uint32_t Function::addScope(Scope scope) {
  TEPHRA_CHECK(scope.parent < scopes_.size(), "a scope's parent comes before it");
  scopes_.push_back(std::move(scope));
  return static_cast<uint32_t>(scopes_.size() - 1);
}

const ObjectInfo* Function::object(const Instr* instr, uint64_t ref) const {
  const CodeUnit* unit = scopeOf(instr).unit;
  return unit != nullptr && ref < unit->objects.size() ? &unit->objects[ref] : nullptr;
}

bool Function::sameObject(const Instr* a, uint64_t a_ref, const Instr* b, uint64_t b_ref) const {
  if (shareObjects(a, b)) return a_ref == b_ref;
  const ObjectInfo *first = object(a, a_ref), *second = object(b, b_ref);
  return first != nullptr && second != nullptr && first->address != 0 &&
         first->address == second->address;
}

Type Function::typeFor(const Instr* user, const Instr* value) const {
  Type type = value->type;
  if (!type.isNamed() || shareObjects(user, value)) return type;
  const CodeUnit* unit = scopeOf(user).unit;
  const uint32_t own = type.name();
  type.named = 0;
  for (uint32_t ref = 0; unit != nullptr && ref < unit->objects.size(); ++ref) {
    if (sameObject(value, own, user, ref)) type.named = ref + 1;
  }
  return type;
}

Block* Function::newBlock() {
  all_blocks_.push_back(std::make_unique<Block>());
  Block* block = all_blocks_.back().get();
  block->id = next_block_++;
  blocks_.push_back(block);
  return block;
}

Instr* Function::make(Op op, std::span<Instr* const> operands, Type type) {
  Instr* instr = arena_.make<Instr>();
  instr->op = op;
  instr->type = type;
  instr->id = next_id_++;
  setOperands(instr, operands);
  return instr;
}

void Function::setOperands(Instr* instr, std::span<Instr* const> operands) {
  std::span<Instr*> copy = arena_.array<Instr*>(operands.size());
  std::copy(operands.begin(), operands.end(), copy.begin());
  instr->operands = copy;
}

void Function::append(Block* block, Instr* instr) {
  instr->block = block;
  instr->prev = block->last;
  instr->next = nullptr;
  (block->last ? block->last->next : block->first) = instr;
  block->last = instr;
}

void Function::insertBefore(Instr* at, Instr* instr) {
  instr->block = at->block;
  instr->prev = at->prev;
  instr->next = at;
  (at->prev ? at->prev->next : at->block->first) = instr;
  at->prev = instr;
}

void Function::insertAfter(Instr* at, Instr* instr) {
  if (at->next) {
    insertBefore(at->next, instr);
  } else {
    append(at->block, instr);
  }
}

void Function::remove(Instr* instr) {
  Block* block = instr->block;
  (instr->prev ? instr->prev->next : block->first) = instr->next;
  (instr->next ? instr->next->prev : block->last) = instr->prev;
  instr->block = nullptr;
  instr->prev = instr->next = nullptr;
}

void Function::replaceAllUses(const std::vector<Instr*>& replacement) {
  auto follow = [&](Instr* value) {
    while (value->id < replacement.size() && replacement[value->id]) value = replacement[value->id];
    return value;
  };
  for (Block* block : blocks_) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      for (Instr*& operand : instr->operands) operand = follow(operand);
      for (Instr*& owned : instr->exit_owned) owned = follow(owned);
    }
  }
}

namespace {

// Blocks in reverse post-order, the likelier reading order first: the targets in their order.
std::vector<Block*> reversePostOrder(Block* entry, uint32_t block_count) {
  std::vector<Block*> order;
  std::vector<char> seen(block_count, 0);
  struct Item {
    Block* block;
    size_t left;
  };
  std::vector<Item> stack{{entry, entry->succs().size()}};
  seen[entry->id] = 1;
  while (!stack.empty()) {
    Item& top = stack.back();
    if (top.left == 0) {
      order.push_back(top.block);
      stack.pop_back();
      continue;
    }
    Block* succ = top.block->succs()[--top.left];
    if (seen[succ->id]) continue;
    seen[succ->id] = 1;
    stack.push_back({succ, succ->succs().size()});
  }
  std::reverse(order.begin(), order.end());
  return order;
}

// Which old preds stay: `edges` lists the preds that there really are, with multiplicity.
void fixPreds(Function& function, Block* block, std::vector<Block*> edges) {
  std::vector<size_t> kept;
  std::vector<Block*> preds;
  for (size_t i = 0; i < block->preds.size(); ++i) {
    auto at = std::find(edges.begin(), edges.end(), block->preds[i]);
    if (at == edges.end()) continue;
    edges.erase(at);
    kept.push_back(i);
    preds.push_back(block->preds[i]);
  }
  bool has_phis = block->first && block->first->op == Op::kPhi;
  TEPHRA_CHECK(edges.empty() || !has_phis, "an edge was added to a block with phis without inputs");
  preds.insert(preds.end(), edges.begin(), edges.end());
  if (has_phis && kept.size() != block->preds.size()) {
    for (Instr* phi = block->first; phi && phi->op == Op::kPhi; phi = phi->next) {
      std::vector<Instr*> inputs;
      for (size_t i : kept) inputs.push_back(phi->operands[i]);
      function.setOperands(phi, inputs);
    }
  }
  block->preds = std::move(preds);
}

}  // namespace

void Function::recomputeCfg() {
  std::vector<Block*> order = reversePostOrder(entry(), next_block_);
  std::vector<std::vector<Block*>> edges(next_block_);
  for (Block* block : order) {
    for (Block* succ : block->succs()) edges[succ->id].push_back(block);
  }
  for (Block* block : order) fixPreds(*this, block, edges[block->id]);
  // Dropped blocks keep ids beyond those in use so that ids stay unique.
  uint32_t id = 0;
  std::vector<char> used(next_block_, 0);
  for (Block* block : order) used[block->id] = 1;
  uint32_t beyond = static_cast<uint32_t>(order.size());
  for (const auto& block : all_blocks_) {
    if (!used[block->id]) block->id = beyond++;
  }
  for (Block* block : order) block->id = id++;
  for (Block* block : order) {
    block->is_loop_header = std::any_of(block->preds.begin(), block->preds.end(),
                                        [&](Block* pred) { return pred->id >= block->id; });
  }
  blocks_ = std::move(order);
}

void Function::removeEdge(Block* from, int which) {
  Block* to = from->last->targets[static_cast<size_t>(which)];
  size_t index = predIndex(from, which);
  to->preds.erase(to->preds.begin() + static_cast<ptrdiff_t>(index));
  for (Instr* phi = to->first; phi && phi->op == Op::kPhi; phi = phi->next) {
    std::vector<Instr*> inputs(phi->operands.begin(), phi->operands.end());
    inputs.erase(inputs.begin() + static_cast<ptrdiff_t>(index));
    setOperands(phi, inputs);
  }
}

bool Function::removeOrJump(Instr* instr) {
  const bool handled = instr->handler() != nullptr;
  Block* block = instr->block;
  if (handled) {
    TEPHRA_CHECK(!instr->info().terminator, "it goes on somewhere");
    removeEdge(block, static_cast<int>(instr->targets.size()) - 1);
  }
  remove(instr);
  if (!handled) return false;
  Instr* jump = make(Op::kJump, {});
  jump->placeLike(instr);
  jump->targets[0] = instr->targets[0];
  append(block, jump);
  return true;
}

Block* Function::splitEdge(Block* from, int which) {
  Block* to = from->last->targets[static_cast<size_t>(which)];
  size_t index = predIndex(from, which);
  Block* middle = newBlock();
  middle->cold = to->cold;
  Instr* jump = make(Op::kJump, {});
  jump->targets[0] = to;
  jump->placeLike(from->last);
  append(middle, jump);
  middle->preds.push_back(from);
  to->preds[index] = middle;
  from->last->targets[static_cast<size_t>(which)] = middle;
  return middle;
}

}  // namespace tephra::hir
