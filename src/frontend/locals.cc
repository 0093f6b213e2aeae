// Locals, cells, constants and plain stack moves.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

void GraphBuilder::doNop() {}

void GraphBuilder::doResume() { b_.CheckPeriodic(false, before()); }

void GraphBuilder::doLoadConst() { push(constant(in_->arg)); }

void GraphBuilder::doPushNull() { push(b_.ConstNull()); }
void GraphBuilder::doPopTop() { pop(); }
void GraphBuilder::doCopy() { pushHeld(peek(in_->arg)); }

void GraphBuilder::doSwap() {
  if (isHeld(1) != isHeld(in_->arg)) {
    for (uint32_t depth : {1U, in_->arg}) {
      const auto height = static_cast<uint32_t>(s_.stack.size() - depth);
      if (s_.held.erase(height) == 0) s_.held.insert(height);
    }
  }
  std::swap(peek(1), peek(in_->arg));
}

void GraphBuilder::loadLocal(bool held) {
  Instr*& local = s_.locals[in_->arg];
  if (!local) local = b_.LoadHome(in_->arg);
  if (local->type == kTypeNull) return deoptHere(ExitReason::kUnboundLocal);
  guardNotNull(local, ExitReason::kUnboundLocal);  // refines the local too
  held ? pushHeld(local) : push(local);
}

void GraphBuilder::doLoadFast() { loadLocal(in_->arg2 != 0); }
void GraphBuilder::doLoadFastCheck() { loadLocal(true); }

// The reference moves from the home to the stack; NULL is a value here.
void GraphBuilder::doLoadFastAndClear() {
  Instr*& local = s_.locals[in_->arg];
  if (!local) local = b_.LoadHome(in_->arg);
  push(local);
  uint8_t& known = s_.known[in_->arg];
  local = b_.ConstNull();
  if (known != kHoldsNull) b_.StoreHome(local, in_->arg, known);
  known = kHoldsNull;
}

void GraphBuilder::doStoreFast() {
  Instr* value = pop();
  uint8_t& known = s_.known[in_->arg];
  bool null_to_null = known == kHoldsNull && value->type == kTypeNull;
  if (!null_to_null) b_.StoreHome(value, in_->arg, known);
  if (known != kHoldsNull) replaces(s_.locals[in_->arg]);
  known = value->type == kTypeNull ? kHoldsNull : mayBeNull(value) ? kHoldsEither : kHoldsObject;
  s_.locals[in_->arg] = value;
}

void GraphBuilder::doDeleteFast() {
  Instr*& local = s_.locals[in_->arg];
  if (!local) local = b_.LoadHome(in_->arg);
  if (local->type == kTypeNull) return deoptHere(ExitReason::kUnboundLocal);
  guardNotNull(local, ExitReason::kUnboundLocal);
  replaces(local);
  local = b_.ConstNull();
  b_.StoreHome(local, in_->arg, s_.known[in_->arg]);
  s_.known[in_->arg] = kHoldsNull;
}

void GraphBuilder::doMakeCell() {
  Instr*& local = s_.locals[in_->arg];
  if (!local) local = s_.known[in_->arg] == kHoldsNull ? b_.ConstNull() : b_.LoadHome(in_->arg);
  Instr* cell = b_.MakeCell(local, before());
  cell->type = Type::object(kMaskCell);
  b_.StoreHome(cell, in_->arg, s_.known[in_->arg]);
  local = cell;
  s_.known[in_->arg] = kHoldsObject;
}

void GraphBuilder::doCopyFreeVars() {
  uint32_t slots = static_cast<uint32_t>(unit_.locals.size());
  for (uint32_t i = 0; i < in_->arg; ++i) {
    uint32_t slot = slots - in_->arg + i;
    Instr* cell = b_.LoadClosureCell(running_function_, i);
    cell->type = Type::object(kMaskCell);
    b_.StoreHome(cell, slot, kHoldsNull);
    s_.locals[slot] = cell;
    s_.known[slot] = kHoldsObject;
  }
}

void GraphBuilder::doLoadDeref() {
  Instr*& cell = s_.locals[in_->arg];
  guardNotNull(cell, ExitReason::kUnboundLocal);
  push(guardNotNull(b_.LoadCell(cell), ExitReason::kUnboundLocal));
}

void GraphBuilder::doStoreDeref() {
  Instr*& cell = s_.locals[in_->arg];
  guardNotNull(cell, ExitReason::kUnboundLocal);
  replaces(b_.ExchangeCell(cell, pop()));
}

void GraphBuilder::doDeleteDeref() {
  Instr*& cell = s_.locals[in_->arg];
  guardNotNull(cell, ExitReason::kUnboundLocal);
  guardNotNull(b_.LoadCell(cell), ExitReason::kUnboundLocal);
  replaces(b_.ExchangeCell(cell, b_.ConstNull()));
}

}  // namespace tephra::frontend
