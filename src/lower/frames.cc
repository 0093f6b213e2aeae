// The interpreter frame: push, pop, homes, position, and the checks at observable points. The exact
// protocol is in docs/architecture.md; field values are those of CPython's _PyFrame_Initialize.
#include <algorithm>

#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

Operand argumentsInMemory(Context& c) {
  Operand array = c.argumentArray();
  if (array.kind != Operand::kNone) return array;
  for (uint32_t slot = 0; slot < c.unit.total_args; ++slot) c.storeOut(slot, c.argument(slot));
  return c.addressOut(0);
}

// A home that is stored to owns what it holds.
Operand ownedArgument(Context& c, uint32_t slot) {
  Operand plain = c.parameter(slot);
  if (!c.py.frame_holds_stack_refs) return plain;
  auto owned = c.splitIf(c.b.And(c.argument(slot), c.imm(1), 8), c.imm(0), Cond::kEq, 8, false);
  c.b.Incref(plain, false);
  c.joinAt(owned.hot, owned.cold);
  return plain;
}

void storeHomes(Context& c, const Instr& push) {
  bool tagged = c.py.frame_holds_stack_refs;
  // Tagged NULL is a constant that AArch64 has to make; on x86-64 each makes its store longer.
  Operand null = c.imm(tagged ? 1 : 0);
  bool several = c.unit.locals.size() > c.unit.total_args + 1;
  if (several && (tagged || c.target.memoryOperands())) null = c.b.Move(null);
  // Two at a time: neighbours are one load and one store on AArch64.
  uint32_t count = static_cast<uint32_t>(c.unit.locals.size());
  for (uint32_t first = 0; first < count; first += 2) {
    uint32_t end = std::min(first + 2, count);
    Operand values[2];
    for (uint32_t slot = first; slot < end; ++slot) {
      values[slot - first] = slot >= c.unit.total_args ? null
                             : c.mayBeLent(push, slot) ? c.argument(slot)
                                                       : ownedArgument(c, slot);
    }
    for (uint32_t slot = first; slot < end; ++slot)
      c.b.Store(c.home(slot), values[slot - first], 8);
  }
}

// NULL must be stored as 1 where homes are tagged.
Operand homeContent(Context& c, const Instr* value) {
  if (!c.py.frame_holds_stack_refs) return c.use(value);
  if (Context::isNull(value)) return c.imm(1);
  Operand plain = c.use(value);
  if (!value->type.couldBe(hir::kMaskNull) || plain.isImm()) return plain;
  return c.b.Or(plain, c.b.SetCmp(plain, c.imm(0), Cond::kEq, 8), 8);
}

// An owned home that is not NULL holds the plain pointer.
void loadHome(Context& c, const Instr& i) {
  uint32_t slot = i.u32(0);
  Operand value = c.b.Load(c.home(slot), 8, false);
  bool may_be_tagged = c.mayBeLent(i, slot) || i.type.couldBe(hir::kMaskNull);
  if (c.py.frame_holds_stack_refs && may_be_tagged) value = c.b.And(value, c.imm(kTagMask), 8);
  c.define(&i, value);
}

void releaseHomes(Context& c, const Instr& i) {
  std::vector<uint32_t> homes(i.aux.begin(), i.aux.end());
  std::sort(homes.begin(), homes.end());
  if (c.py.locals_cleared_backwards) std::reverse(homes.begin(), homes.end());
  for (uint32_t entry : homes) {
    bool maybe_null = entry & 1;
    Operand value = c.b.Load(c.home(entry / 2), 8, false);
    if (c.mayBeLent(i, entry / 2) || (maybe_null && c.py.frame_holds_stack_refs)) {
      c.b.DecrefRef(value);
    } else {
      c.b.Decref(value, maybe_null);
    }
  }
}

// Homes that aux does not name own nothing, but the helper's clearing releases every home: it takes
// references for them first, in one mask for the first 64.
void leaveObserved(Context& c, const Instr& i) {
  const size_t count = c.unitOf(i).locals.size();
  std::vector<uint64_t> unowned(count / 64 + 1, 0);
  for (uint32_t slot = 0; slot < count; ++slot) unowned[slot / 64] |= uint64_t{1} << slot % 64;
  for (uint32_t entry : i.aux) {
    if (entry / 2 < count) unowned[entry / 128] &= ~(uint64_t{1} << entry / 2 % 64);
  }
  for (size_t word = 1; word < unowned.size(); ++word) {
    if (unowned[word] == 0) continue;
    c.call("own_homes", {c.frame(), c.imm(static_cast<int64_t>(64 * word)),
                         c.imm(static_cast<int64_t>(unowned[word]))});
  }
  c.call("leave_observed_frame", {c.thread(), c.frame(), c.imm(static_cast<int64_t>(unowned[0]))});
}

// From here on the pinned register is this frame; the callers' value comes back with the epilogue.
void pin(Context& c, Operand frame) {
  const Operand pinned[] = {c.frame()}, source[] = {frame};
  lir::Function::append(c.b.block(), c.out.make(lir::Op::kMove, pinned, source));
}

// It owns its code and function, for which the quick way has no room.
void leaveInlined(Context& c, const Instr& i) {
  Operand outer = c.load(c.frame(), c.py.frame_previous);
  c.storePosition(i, i.offset);
  leaveObserved(c, i);
  pin(c, outer);
}

}  // namespace

void lowerPushFrame(Context& c, const Instr& i) {
  if (uint64_t counter = c.unit.call_counter) {
    c.b.AddMem(c.mem(c.imm(static_cast<int64_t>(counter)), 0), c.imm(1), 8);
  }
  Operand frame = c.b.PushFrame(c.function_object, c.unit.frame_size,
                                static_cast<uint32_t>(c.unit.locals.size()),
                                static_cast<int64_t>(c.position(c.unit, c.entryOffset())));
  auto refused = c.splitIf(frame, c.imm(0), Cond::kEq, 8);
  c.b.setBlock(refused.cold);
  c.b.Return(c.call("frame_refused",
                    {c.function_object, argumentsInMemory(c), c.imm(int64_t{c.unit.total_args})}));
  c.b.setBlock(refused.hot);
  pin(c, frame);
  storeHomes(c, i);
}

void lowerPushInlinedFrame(Context& c, const Instr& i) {
  const CodeUnit& unit = c.unitOf(i);
  std::span<Instr* const> arguments = i.operands;
  arguments = arguments.subspan(1, arguments.size() - 2);
  Operand frame = c.call("push_inlined_frame",
                         {c.thread(), c.use(i.operands[0]), c.object(i, unit.code_object)});
  c.deoptIf(i, frame, c.imm(0), Cond::kEq, ExitReason::kUnsupported);
  pin(c, frame);
  for (uint32_t slot = 0; slot < arguments.size(); ++slot)
    c.b.Store(c.home(slot), homeContent(c, arguments[slot]), 8);
}

void lowerStoreHome(Context& c, const Instr& i) {
  c.b.Store(c.home(i.u32(0)), homeContent(c, i.operands[0]), 8);
}

void lowerLoadHome(Context& c, const Instr& i) { loadHome(c, i); }
void lowerTakeHome(Context& c, const Instr& i) { loadHome(c, i); }

void lowerSetPosition(Context& c, const Instr& i) { c.storePosition(i, i.u32(0)); }

// As RETURN_VALUE: recursion count, unlink, clear, pop. A frame that somebody observes, and the
// first one of a data stack chunk (which is freed with it), go out of line.
void lowerLeaveFrame(Context& c, const Instr& i) {
  if (i.scope != hir::kRootScope) return leaveInlined(c, i);
  Context::Split slow{c.newBlock(true), c.newBlock()};
  lir::Instr* unlink = c.b.UnlinkFrame();
  unlink->targets[0] = slow.cold;
  unlink->targets[1] = slow.hot;
  c.b.setBlock(slow.hot);
  releaseHomes(c, i);
  c.b.PopFrame();
  lir::Block* done = c.b.block();

  c.b.setBlock(slow.cold);
  c.storePosition(i, i.offset);  // a frame object that stays shows it
  leaveObserved(c, i);
  c.joinAt(done, slow.cold);
}

void lowerGuardUnobserved(Context& c, const Instr& i) { c.lookAround(i); }

// Whatever is found, events are served first: nothing happens where none are pending.
void lowerCheckPeriodic(Context& c, const Instr& i) {
  Exit look = c.makeLook(i);  // here: if it is forced, then whatever is found
  Context::Split found = c.splitIfSeen(i.attr[0] != 0);
  c.b.setBlock(found.cold);
  c.storePosition(i, i.offset);
  c.callChecked(i, "handle_pending", {c.thread()});
  c.lookAround(look);
  c.joinAt(found.hot, found.cold);
}

void lowerStressExit(Context& c, const Instr& i) {
  Operand counter = c.mem(c.imm(i.i64(0)), 0);
  c.b.AddMem(counter, c.imm(-1), 8);
  c.deoptIfMem(i, counter, c.imm(0), Cond::kLt, 8, ExitReason::kStress);
}

void Context::storePosition(const Instr& i, uint32_t offset) {
  Position position = positionStore(i, offset);
  b.Store(position.at, position.value, position.width);
}

Exit Context::makeLook(const Instr& at) {
  Exit exit = makeExit(at, ExitKind::kDeopt, ExitReason::kFrameObserved);
  out.exits[exit.index].looks = true;
  return exit;
}

void Context::lookAround(const Exit& exit) {
  b.ExitLook(exit.values, static_cast<int64_t>(unit.instrumentation_version), exit.index);
}

void Context::lookAround(const Instr& at) { lookAround(makeLook(at)); }

}  // namespace tephra::lower
