// Blocks and edges: order, loop depths, block parameters, and the walk over a function.
#include <algorithm>
#include <utility>

#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

// Post-order by an explicit stack (functions may be deep), successors through `next`.
template <typename BlockT, typename Successors>
std::vector<BlockT*> reversePostOrder(BlockT* entry, size_t num_ids, Successors successors) {
  std::vector<BlockT*> order;
  std::vector<bool> seen(num_ids, false);
  std::vector<std::pair<BlockT*, std::vector<BlockT*>>> stack;
  seen[entry->id] = true;
  stack.emplace_back(entry, successors(entry));
  while (!stack.empty()) {
    if (stack.back().second.empty()) {
      order.push_back(stack.back().first);
      stack.pop_back();
      continue;
    }
    BlockT* next = stack.back().second.back();
    stack.back().second.pop_back();
    if (seen[next->id]) continue;
    seen[next->id] = true;
    stack.emplace_back(next, successors(next));
  }
  std::reverse(order.begin(), order.end());
  return order;
}

// What is visited first comes last: colder and less deeply nested successors are visited first, so
// that loops stay together and the likely way falls through.
std::vector<lir::Block*> layoutSuccessors(lir::Block* block) {
  std::vector<lir::Block*> result;
  if (!block->last) return result;
  for (lir::Block* target : block->last->targets) {
    result.push_back(target);
  }
  std::stable_sort(result.begin(), result.end(), [](lir::Block* a, lir::Block* b) {
    if (a->cold != b->cold) return b->cold;
    return a->loop_depth > b->loop_depth;
  });
  return result;  // taken from the back
}

void orderBlocks(lir::Function* out) {
  std::vector<lir::Block*>& blocks = out->blocks();
  blocks = reversePostOrder(blocks.front(), blocks.size(), layoutSuccessors);
  for (size_t i = 0; i < blocks.size(); ++i) {
    blocks[i]->id = static_cast<uint32_t>(i);
    blocks[i]->preds.clear();
  }
  for (lir::Block* block : blocks) {
    for (lir::Block* target : block->last->targets) {
      target->preds.push_back(block);
    }
  }
}

}  // namespace

void Context::findLoopDepths() {
  depth_.assign(function.numBlocks(), 0);
  std::vector<size_t> position(function.numBlocks(), 0);
  for (size_t i = 0; i < order_.size(); ++i) position[order_[i]->id] = i;
  for (const hir::Block* header : order_) {
    std::vector<bool> in_loop(function.numBlocks(), false);
    std::vector<const hir::Block*> work;
    for (const hir::Block* pred : header->preds) {
      if (position[pred->id] >= position[header->id]) work.push_back(pred);
    }
    if (work.empty()) continue;
    in_loop[header->id] = true;
    ++depth_[header->id];
    while (!work.empty()) {
      const hir::Block* block = work.back();
      work.pop_back();
      if (in_loop[block->id]) continue;
      in_loop[block->id] = true;
      ++depth_[block->id];
      work.insert(work.end(), block->preds.begin(), block->preds.end());
    }
  }
}

void Context::countUses() {
  uses_.assign(function.numValues(), 0);
  single_user_.assign(function.numValues(), nullptr);
  for (const hir::Block* block : order_) {
    for (const Instr* i = block->first; i; i = i->next) {
      for (const Instr* operand : i->operands) {
        ++uses_[operand->id];
        single_user_[operand->id] = i;
      }
    }
  }
}

bool Context::mayDefer(const Instr* value, const Instr* user) const {
  if (!user || user->block != value->block) return false;
  bool tests = user->op == Op::kBranch || user->op == Op::kGuardTrue ||
               user->op == Op::kGuardFalse || (user->op == Op::kBoolNot && deferred_[user->id]);
  if (!tests) return false;
  if (!(value->info().reads & hir::alias::kAnyHeap)) return true;
  const Instr* end = user;
  while (end->op == Op::kBoolNot) end = single_user_[end->id];
  for (const Instr* i = value->next; i != end; i = i->next) {
    if (!i || i->info().writesHeap()) return false;
  }
  return true;
}

void Context::findDeferred() {
  deferred_.assign(function.numValues(), false);
  for (const hir::Block* block : order_) {
    for (const Instr* i = block->last; i; i = i->prev) {
      if (conditionMakerOf(i->op) && uses_[i->id] == 1)
        deferred_[i->id] = mayDefer(i, single_user_[i->id]);
    }
  }
}

// What must be known before the first instruction: which homes may be lent, how far apart positions
// are.
void Context::scan() {
  unwritten_.assign(unit.locals.size(), false);
  std::fill_n(unwritten_.begin(), std::min<size_t>(unit.total_args, unwritten_.size()), true);
  entry_offset_ = unit.first_traceable;
  short_positions_ = true;
  for (const hir::Block* block : order_) {
    for (const Instr* i = block->first; i; i = i->next) {
      if (position(unitOf(*i), i->offset) >> 32 != position(unit, 0) >> 32)
        short_positions_ = false;
      if (i->op == Op::kStoreHome || i->op == Op::kTakeHome) {
        const bool ours = i->scope == hir::kRootScope && i->u32(0) < unwritten_.size();
        if (ours) unwritten_[i->u32(0)] = false;
      } else if (i->op == Op::kMakeCell && i->offset < unitOf(*i).first_traceable) {
        entry_offset_ = 0;
      }
    }
  }
}

Context::Position Context::positionStore(const Instr& i, uint32_t offset) {
  int64_t value = static_cast<int64_t>(position(unitOf(i), offset));
  if (short_positions_) value = static_cast<int32_t>(value);
  return {mem(frame(), py.frame_instr), imm(value), short_positions_ ? 4u : 8u};
}

void Context::makeBlocks() {
  values_.assign(function.numValues(), Operand());
  blocks_.assign(function.numBlocks(), nullptr);
  lir::Block* entry = out.newBlock();
  bool own_entry = !function.entry()->preds.empty();
  for (const hir::Block* block : order_) {
    bool first = block == function.entry() && !own_entry;
    lir::Block* made = first ? entry : out.newBlock();
    blocks_[block->id] = made;
    made->cold = block->cold;
    made->loop_depth = depth_[block->id];
    for (const Instr* i = block->first; i && i->op == Op::kPhi; i = i->next) {
      Operand parameter = out.newVReg(i->type.rep == hir::Rep::kDouble ? Bank::kFp : Bank::kGp);
      made->params.push_back(parameter);
      define(i, parameter);
    }
  }
  // The register entry's convention: docs/architecture.md, "Entries".
  const hir::Instr* ways = function.entry()->first;
  b.setBlock(ways->op == Op::kEntries ? blockOf(ways->targets[0]) : entry);
  function_object = b.Param(0);
  arguments_.assign(unit.total_args, Operand());
  parameters_.assign(unit.total_args, Operand());
  if (unit.total_args <= kMaxRegisterParameters) {
    for (uint32_t i = 0; i < unit.total_args; ++i) arguments_[i] = b.Param(i + 1);
    out.num_params = unit.total_args + 1;
  } else {
    argument_array_ = b.Param(1);
    out.num_params = 2;
  }
  if (own_entry) jump(blocks_[function.entry()->id]);
}

Operands Context::phiArguments(const hir::Block* from, const hir::Block* to, size_t occurrence) {
  Operands args;
  size_t index = 0;
  for (; index < to->preds.size(); ++index) {
    if (to->preds[index] == from && occurrence-- == 0) break;
  }
  for (const Instr* i = to->first; i && i->op == Op::kPhi; i = i->next) {
    if (index >= i->operands.size()) {
      fail("phi without an input for a predecessor");
      return args;
    }
    args.push_back(use(i->operands[index]));
  }
  return args;
}

void Context::jumpTo(const hir::Block* from, const hir::Block* to, size_t occurrence) {
  Operands args = phiArguments(from, to, occurrence);
  b.Jump(args)->targets[0] = blockOf(to);
}

lir::Block* Context::edgeTarget(const hir::Block* from, const hir::Block* to, size_t occurrence) {
  if (to->preds.size() == 1 && blockOf(to)->params.empty()) return blockOf(to);
  lir::Block* before = b.block();
  lir::Block* edge = newBlock(to->cold);
  edge->loop_depth = std::min(depth_[from->id], depth_[to->id]);
  b.setBlock(edge);
  jumpTo(from, to, occurrence);
  b.setBlock(before);
  return edge;
}

void Context::lowerBlock(const hir::Block* block) {
  b.setBlock(blockOf(block));
  in_entry_ = block == function.entry();
  for (const Instr* i = block->first; i && !failed(); i = i->next) {
    if (deferred_[i->id]) continue;
    b.setPlace(i->offset, i->scope);
    b.setOrigin(static_cast<uint16_t>(static_cast<uint16_t>(i->op) + 1));
    lowererOf(i->op)(*this, *i);
    if (i->handler() != nullptr && !i->info().terminator && !failed())
      jumpTo(block, i->targets[0], 0);
  }
  if (!failed() && !block->terminator()) fail("block without terminator");
}

void Context::nameScopes() {
  if (function.scopes().size() == 1) return;
  for (const hir::Scope& scope : function.scopes()) {
    const bool known =
        scope.unit != nullptr && scope.unit->code_object < scope.unit->objects.size();
    out.scopes.push_back(
        {known ? scope.unit->objects[scope.unit->code_object].address : 0, scope.frame});
  }
}

bool Context::run() {
  nameScopes();
  order_ = reversePostOrder<const hir::Block>(
      function.entry(), function.numBlocks(), [](const hir::Block* block) {
        auto succs = block->succs();
        return std::vector<const hir::Block*>(succs.rbegin(), succs.rend());
      });
  out.name = function.name;
  findLoopDepths();
  countUses();
  findDeferred();
  scan();
  makeBlocks();
  for (const hir::Block* block : order_) {
    lowerBlock(block);
    if (failed()) return false;
  }
  orderBlocks(&out);
  return true;
}

}  // namespace tephra::lower
