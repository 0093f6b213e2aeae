// Jumps, loops, return and raise; the operations of exception handlers.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

// Each way gets a block of its own, so no edge is critical; what Python code may have observed is
// checked there, as the interpreter goes on at different places.
void GraphBuilder::branch(Instr* condition, uint32_t likely, uint32_t when_true,
                          uint32_t when_false) {
  Instr* jump = b_.Branch(condition, likely);
  Block* from = b_.block();
  bool check = any_done_;
  State here = s_;
  uint32_t ways[2] = {when_true, when_false};
  for (int i = 0; i < 2; ++i) {
    Block* way = function_->newBlock();
    jump->targets[i] = way;
    way->preds.push_back(from);
    b_.setBlock(way);
    if (i == 1) s_ = std::move(here);
    any_done_ = check;
    observeAfter(offsetOf(ways[i]));
    jumpTo(ways[i]);
  }
}

void GraphBuilder::jumpIf(bool sense) {
  Instr* condition = truth(pop(), feedback());
  uint32_t target = targetBlock(), next = nextBlock();
  if (sense) return branch(condition, 0, target, next);
  branch(condition, 0, next, target);
}

void GraphBuilder::doPopJumpIfTrue() { jumpIf(true); }
void GraphBuilder::doPopJumpIfFalse() { jumpIf(false); }

void GraphBuilder::jumpIfNone(bool sense) {
  Instr* value = pop();
  uint32_t when_none = sense ? targetBlock() : nextBlock();
  uint32_t otherwise = sense ? nextBlock() : targetBlock();
  if (value->type.is(kMaskNoneType)) return jumpTo(when_none);
  if (!canBe(value, kMaskNoneType)) {
    observeAfter(offsetOf(otherwise));
    return jumpTo(otherwise);
  }
  branch(b_.PtrEqual(value, b_.ConstNone()), 0, when_none, otherwise);
}

void GraphBuilder::doPopJumpIfNone() { jumpIfNone(true); }
void GraphBuilder::doPopJumpIfNotNone() { jumpIfNone(false); }

void GraphBuilder::doJump() { jumpTo(targetBlock()); }

void GraphBuilder::doJumpBackward() {
  if (!in_->arg2) b_.CheckPeriodic(false, before());
  jumpTo(targetBlock());
}

// The element that a list, tuple or range iterator gives next; ends the block at the loop's end.
hir::Instr* GraphBuilder::iterate(uint32_t mask, uint32_t exit_block) {
  Instr* iterator = guardType(peek(1), mask);
  bool range = mask == kMaskRangeIter, list = mask == kMaskListIter;
  Instr* more = range  ? b_.RangeIterHasNext(iterator)
                : list ? b_.ListIterHasNext(iterator)
                       : b_.TupleIterHasNext(iterator);
  Instr* jump = b_.Branch(more, 1);
  Block* from = b_.block();
  Block* body = function_->newBlock();
  Block* end = function_->newBlock();
  jump->targets[0] = body;
  jump->targets[1] = end;
  body->preds.push_back(from);
  end->preds.push_back(from);
  State here = s_;
  b_.setBlock(end);
  if (in_->arg2) pop();
  if (!range) {
    b_.IterExhaust(iterator);
    observe(offsetOf(exit_block));
  }
  jumpTo(exit_block);
  s_ = std::move(here);
  b_.setBlock(body);
  if (range) return boxInt(b_.RangeIterNext(iterator));
  return list ? b_.ListIterNext(iterator) : b_.TupleIterNext(iterator);
}

void GraphBuilder::forIterGeneric(uint32_t exit_block) {
  Instr* item = any(b_.IterNext(peek(1), before()));
  Instr* jump = b_.Branch(b_.PtrEqual(item, b_.ConstNull()), 2);
  Block* from = b_.block();
  Block* end = function_->newBlock();
  Block* body = function_->newBlock();
  jump->targets[0] = end;
  jump->targets[1] = body;
  end->preds.push_back(from);
  body->preds.push_back(from);
  State here = s_;
  b_.setBlock(end);
  if (in_->arg2) pop();
  observe(offsetOf(exit_block));
  jumpTo(exit_block);
  s_ = std::move(here);
  b_.setBlock(body);
  push(b_.Refine(item, kTypeObject));
  observe(in_->next_offset);
  jumpTo(nextBlock());
}

void GraphBuilder::doForIter() {
  uint32_t exit_block = targetBlock();
  Instr* iterator = peek(1);
  uint32_t mask = 0;
  switch (feedback().kind) {
    case Feedback::kForRange: mask = kMaskRangeIter; break;
    case Feedback::kForList: mask = kMaskListIter; break;
    case Feedback::kForTuple: mask = kMaskTupleIter; break;
    default:
      for (uint32_t known : {kMaskRangeIter, kMaskListIter, kMaskTupleIter}) {
        if (iterator->type.is(known)) mask = known;
      }
  }
  if (!mask || !may(options_.iteration) || !canBe(iterator, mask))
    return forIterGeneric(exit_block);
  push(iterate(mask, exit_block));
  jumpTo(nextBlock());
}

void GraphBuilder::doReturn() {
  Instr* value = pop();
  leaves_.emplace_back(b_.LeaveFrame(), s_.known);
  b_.Return(value);
  ended_ = true;
}

void GraphBuilder::doRaiseVarargs() {
  Instr* cause = in_->arg == 2 ? pop() : b_.ConstNull();
  Instr* exception = in_->arg >= 1 ? pop() : b_.ConstNull();
  b_.Raise(exception, cause, before());
  ended_ = true;
}

// Handlers run in the interpreter; normal flow reaches these only in code that the compiler has
// copied in an unusual way.
void GraphBuilder::doReraise() { deoptHere(ExitReason::kUnsupported); }
void GraphBuilder::doPushExcInfo() { deoptHere(ExitReason::kUnsupported); }
void GraphBuilder::doPopExcept() { deoptHere(ExitReason::kUnsupported); }
void GraphBuilder::doCheckExcMatch() { deoptHere(ExitReason::kUnsupported); }
void GraphBuilder::doCheckEgMatch() { deoptHere(ExitReason::kUnsupported); }
void GraphBuilder::doWithExceptStart() { deoptHere(ExitReason::kUnsupported); }

}  // namespace tephra::frontend
