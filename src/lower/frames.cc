// The interpreter frame: push, pop, homes, position, and the checks at observable points. The exact
// protocol is in docs/architecture.md; field values are those of CPython's _PyFrame_Initialize.
#include <algorithm>

#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

// tstate, or tstate->cframe: the struct that holds current_frame.
Operand frameHolder(Context& c) {
  return c.py.current_frame_in_cframe ? c.load(c.thread(), c.py.ts_cframe) : c.thread();
}

Operand argumentsInMemory(Context& c) {
  Operand array = c.argumentArray();
  if (array.kind != Operand::kNone) return array;
  for (uint32_t slot = 0; slot < c.unit.total_args; ++slot) c.storeOut(slot, c.argument(slot));
  return c.addressOut(0);
}

// The call, done by the interpreter.
void returnInterpreted(Context& c) {
  c.b.Return(c.call("call_interpreted",
                    {c.function_object, argumentsInMemory(c), c.imm(int64_t{c.unit.total_args})}));
}

// An exception is set, and there is no frame that would own the arguments.
void returnError(Context& c) {
  if (c.unit.total_args > 0)
    c.call("drop_arguments", {argumentsInMemory(c), c.imm(int64_t{c.unit.total_args})});
  c.b.Return(c.b.Move(c.imm(0)));
}

// Native stack and recursion limit. Before anything else is done: on failure there is no frame yet.
void checkLimits(Context& c) {
  Operand limit = c.b.LoadThreadLocal(c.py.tls_stack_limit);
  auto stack = c.splitIf(c.b.StackPointer(), limit, Cond::kULt, 8);
  c.b.setBlock(stack.cold);
  auto refused = c.splitIf(c.call("stack_check", {c.thread()}), c.imm(0), Cond::kLt, 8);
  lir::Block* go_on = refused.hot;
  c.b.setBlock(refused.cold);
  returnInterpreted(c);
  c.joinAt(stack.hot, go_on);

  Operand left = c.b.Sub(c.load(c.thread(), c.py.ts_py_recursion_remaining, 4, true), c.imm(1), 4);
  c.store(c.thread(), c.py.ts_py_recursion_remaining, left, 4);
  auto depth = c.splitIf(left, c.imm(0), Cond::kLt, 4);
  c.b.setBlock(depth.cold);
  refused = c.splitIf(c.call("recursion_error", {c.thread()}), c.imm(0), Cond::kLt, 8);
  go_on = refused.hot;
  c.b.setBlock(refused.cold);
  returnError(c);
  c.joinAt(depth.hot, go_on);
}

// PEP 523: while another tool evaluates frames (TorchDynamo, debuggers), calls are the
// interpreter's.
void stepAside(Context& c) {
  if (c.py.interp_eval_frame == 0) return;
  Operand evaluator = c.mem(c.imm(static_cast<int64_t>(c.py.interp) + c.py.interp_eval_frame), 0);
  auto foreign = c.splitIfMem(evaluator, c.imm(0), Cond::kNe, 8);
  c.b.setBlock(foreign.cold);
  returnInterpreted(c);
  c.b.setBlock(foreign.hot);
}

// Memory on the data stack, as _PyThreadState_PushFrame: there must be more than the frame needs.
Operand allocateFrame(Context& c) {
  const PyLayout& py = c.py;
  Operand top = c.load(c.thread(), py.ts_datastack_top);
  Operand end = c.b.Add(top, c.imm(8 * int64_t{c.unit.frame_size}), 8);
  auto full = c.splitIfMem(c.mem(c.thread(), py.ts_datastack_limit), end, Cond::kULe, 8);
  c.store(c.thread(), py.ts_datastack_top, end);
  c.b.setBlock(full.cold);
  Operand slow = c.call("push_frame_slow", {c.thread(), c.function_object});
  auto failed = c.splitIf(slow, c.imm(0), Cond::kEq, 8);
  lir::Block* got_it = failed.hot;
  c.b.setBlock(failed.cold);
  c.b.AddMem(c.mem(c.thread(), py.ts_py_recursion_remaining), c.imm(1), 4);
  returnError(c);
  return c.joinWith(full.hot, top, got_it, slow);
}

// stacktop or stackpointer, return_offset, owner, visited: neighbours, so as few stores as
// possible.
void storeSmallFields(Context& c, Operand frame) {
  const PyLayout& py = c.py;
  int64_t stack_top = static_cast<int64_t>(c.unit.locals.size());
  bool packed = py.frame_owner == py.frame_return_offset + 2 &&
                py.frame_localsplus >= py.frame_return_offset + 4 &&
                (py.frame_visited < 0 || py.frame_visited == py.frame_owner + 1);
  int64_t small = int64_t{py.frame_owner_thread} << 16;
  if (py.stack_pointer_is_pointer) {
    c.store(frame, py.frame_stack, c.b.Lea(c.mem(frame, py.frame_localsplus + 8 * stack_top)));
  } else if (packed && py.frame_return_offset == py.frame_stack + 4) {
    c.store(frame, py.frame_stack, c.imm(stack_top | small << 32));
    return;
  } else {
    c.store(frame, py.frame_stack, c.imm(stack_top), 4);
  }
  if (packed) {
    c.store(frame, py.frame_return_offset, c.imm(small), 4);
    return;
  }
  c.store(frame, py.frame_return_offset, c.imm(0), 2);
  c.store(frame, py.frame_owner, c.imm(py.frame_owner_thread), 1);
  if (py.frame_visited >= 0) c.store(frame, py.frame_visited, c.imm(0), 1);
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

void storeHomes(Context& c, Operand frame) {
  bool tagged = c.py.frame_holds_stack_refs;
  // Tagged NULL is a constant that AArch64 has to make, and a long one on x86-64.
  Operand null = c.imm(tagged ? 1 : 0);
  if (tagged && c.unit.locals.size() > c.unit.total_args + 1) null = c.b.Move(null);
  // Two at a time: neighbours are one load and one store on AArch64.
  uint32_t count = static_cast<uint32_t>(c.unit.locals.size());
  for (uint32_t first = 0; first < count; first += 2) {
    uint32_t end = std::min(first + 2, count);
    Operand values[2];
    for (uint32_t slot = first; slot < end; ++slot) {
      values[slot - first] = slot >= c.unit.total_args ? null
                             : c.mayBeLent(slot)       ? c.argument(slot)
                                                       : ownedArgument(c, slot);
    }
    for (uint32_t slot = first; slot < end; ++slot)
      c.store(frame, c.py.frame_localsplus + 8 * int64_t{slot}, values[slot - first]);
  }
}

void pushFrame(Context& c, const Instr&) {
  const PyLayout& py = c.py;
  stepAside(c);
  if (uint64_t counter = c.unit.call_counter) {
    c.b.AddMem(c.mem(c.imm(static_cast<int64_t>(counter)), 0), c.imm(1), 8);
  }
  checkLimits(c);
  Operand frame = allocateFrame(c);
  Operand function = c.function_object;
  // From the function: shorter than two addresses, and right for every closure of the code. What is
  // stored is made first, so that the stores go to neighbours in order.
  Operand globals = c.load(function, py.function_globals);
  Operand builtins = c.load(function, py.function_builtins);
  Operand holder = frameHolder(c);
  Operand previous = c.load(holder, py.ts_current_frame);
  Operand code = c.object(c.unit.code_object), held = function;
  if (py.frame_holds_stack_refs) {  // |1: no reference held, the caller keeps both alive
    code = c.imm(code.immValue() | 1);
    held = c.b.Add(function, c.imm(1), 8);
  } else if (py.frame_owns_code_and_func) {
    code = c.b.Move(code);
    c.b.Incref(code, false);
    c.b.Incref(function, false);
  }
  c.store(frame, py.frame_code, code);
  c.store(frame, py.frame_previous, previous);
  c.store(frame, py.frame_func, held);
  c.store(frame, py.frame_globals, globals);
  c.store(frame, py.frame_builtins, builtins);
  c.store(frame, py.frame_locals, c.imm(0));
  c.store(frame, py.frame_frame_obj, c.imm(0));
  c.store(frame, py.frame_instr, c.imm(static_cast<int64_t>(c.position(c.entryOffset()))));
  storeSmallFields(c, frame);
  storeHomes(c, frame);
  c.store(holder, py.ts_current_frame, frame);
  // From here on the pinned register is this frame; callers' values come back with the epilogue.
  const Operand pinned[] = {c.frame()}, source[] = {frame};
  lir::Instr* pin = c.out.make(lir::Op::kMove, pinned, source);
  lir::Function::append(c.b.block(), pin);
}

// NULL must be stored as 1 where homes are tagged.
Operand homeContent(Context& c, const Instr* value) {
  if (!c.py.frame_holds_stack_refs) return c.use(value);
  if (Context::isNull(value)) return c.imm(1);
  Operand plain = c.use(value);
  if (!value->type.couldBe(hir::kMaskNull) || plain.isImm()) return plain;
  return c.b.Or(plain, c.b.SetCmp(plain, c.imm(0), Cond::kEq, 8), 8);
}

void storeHome(Context& c, const Instr& i) {
  c.b.Store(c.home(i.u32(0)), homeContent(c, i.operands[0]), 8);
}

// LoadHome and TakeHome. An owned home that is not NULL holds the plain pointer.
void loadHome(Context& c, const Instr& i) {
  uint32_t slot = i.u32(0);
  Operand value = c.b.Load(c.home(slot), 8, false);
  bool may_be_tagged = c.mayBeLent(slot) || i.type.couldBe(hir::kMaskNull);
  if (c.py.frame_holds_stack_refs && may_be_tagged) value = c.b.And(value, c.imm(kTagMask), 8);
  c.define(&i, value);
}

void setPosition(Context& c, const Instr& i) { c.storePosition(i.u32(0)); }

void releaseHomes(Context& c, const Instr& i) {
  std::vector<uint32_t> homes(i.aux.begin(), i.aux.end());
  std::sort(homes.begin(), homes.end());
  if (c.py.locals_cleared_backwards) std::reverse(homes.begin(), homes.end());
  for (uint32_t entry : homes) {
    bool maybe_null = entry & 1;
    Operand value = c.b.Load(c.home(entry / 2), 8, false);
    if (c.mayBeLent(entry / 2) || (maybe_null && c.py.frame_holds_stack_refs)) {
      c.b.DecrefRef(value);
    } else {
      c.b.Decref(value, maybe_null);
    }
  }
  if (!c.py.frame_owns_code_and_func) return;
  c.b.Decref(c.load(c.frame(), c.py.frame_func), false);
  c.b.Decref(c.load(c.frame(), c.py.frame_code), false);
}

// Homes that aux does not name own nothing, but the helper's clearing releases every home: it takes
// references for them first, in one mask for the first 64.
void leaveObserved(Context& c, const Instr& i) {
  std::vector<uint64_t> unowned(c.unit.locals.size() / 64 + 1, 0);
  for (uint32_t slot = 0; slot < c.unit.locals.size(); ++slot)
    unowned[slot / 64] |= uint64_t{1} << slot % 64;
  for (uint32_t entry : i.aux) {
    if (entry / 2 < c.unit.locals.size()) unowned[entry / 128] &= ~(uint64_t{1} << entry / 2 % 64);
  }
  for (size_t word = 1; word < unowned.size(); ++word) {
    if (unowned[word] == 0) continue;
    c.call("own_homes", {c.frame(), c.imm(static_cast<int64_t>(64 * word)),
                         c.imm(static_cast<int64_t>(unowned[word]))});
  }
  c.call("leave_observed_frame", {c.thread(), c.frame(), c.imm(static_cast<int64_t>(unowned[0]))});
}

// As RETURN_VALUE: recursion count, unlink, clear, pop. A frame that somebody observes, and the
// first one of a data stack chunk (which is freed with it), go out of line.
void leaveFrame(Context& c, const Instr& i) {
  const PyLayout& py = c.py;
  constexpr int64_t kLargestChunkHeader =
      64;  // smaller than any frame, so no second frame is so near
  auto observed = c.splitIfMem(c.mem(c.frame(), py.frame_frame_obj), c.imm(0), Cond::kNe, 8);
  Operand chunk = c.load(c.thread(), py.ts_datastack_chunk);
  Operand from_chunk = c.b.Sub(c.b.Move(c.frame()), chunk, 8);
  auto first = c.splitIf(from_chunk, c.imm(kLargestChunkHeader), Cond::kULt, 8);

  c.b.AddMem(c.mem(c.thread(), py.ts_py_recursion_remaining), c.imm(1), 4);
  Operand previous = c.load(c.frame(), py.frame_previous);
  c.store(frameHolder(c), py.ts_current_frame, previous);
  releaseHomes(c, i);
  c.store(c.thread(), py.ts_datastack_top, c.frame());
  lir::Block* done = c.b.block();

  c.b.setBlock(observed.cold);
  lir::Block* slow = c.newBlock(true);
  c.jump(slow);
  c.b.setBlock(first.cold);
  c.jump(slow);
  c.b.setBlock(slow);
  c.storePosition(i.offset);  // a frame object that stays shows it
  leaveObserved(c, i);
  c.joinAt(done, slow);
}

// The instrumentation version alone, pending events left aside.
void deoptIfInstrumented(Context& c, const Instr& i) {
  const PyLayout& py = c.py;
  int64_t expected = static_cast<int64_t>(c.unit.instrumentation_version);
  if (py.eval_breaker_in_tstate) {
    // The version is the word's bits 8 and up; CPython sets at most 32 bits of the word, so the
    // four bytes after the first hold it all.
    c.deoptIfMem(i, c.mem(c.thread(), py.ts_eval_breaker + 1),
                 Operand::version(static_cast<int32_t>(expected >> 8)), Cond::kNe, 4,
                 ExitReason::kInstrumentationChanged);
  } else {
    Operand interp = c.load(c.thread(), py.ts_interp);
    c.deoptIfMem(i, c.mem(interp, py.interp_monitoring_version), Operand::version(expected),
                 Cond::kNe, 8, ExitReason::kInstrumentationChanged);
  }
}

void deoptIfObserved(Context& c, const Instr& i) {
  c.deoptIfMem(i, c.mem(c.frame(), c.py.frame_frame_obj), c.imm(0), Cond::kNe, 8,
               ExitReason::kFrameObserved);
}

void guardUnobserved(Context& c, const Instr& i) { c.lookAround(i); }

void checkPeriodic(Context& c, const Instr& i) {
  const PyLayout& py = c.py;
  Context::Split pending;
  if (py.eval_breaker_in_tstate) {  // one word tells both: one comparison
    Operand expected = Operand::version(static_cast<int64_t>(c.unit.instrumentation_version));
    pending = c.splitIfMem(c.mem(c.thread(), py.ts_eval_breaker), expected, Cond::kNe, 8);
  } else {
    Operand interp = c.load(c.thread(), py.ts_interp);
    pending = c.splitIfMem(c.mem(interp, py.interp_eval_breaker), c.imm(0), Cond::kNe, 4);
  }
  c.b.setBlock(pending.cold);
  c.storePosition(i.offset);
  c.callChecked(i, "handle_pending", {c.thread()});
  if (py.eval_breaker_in_tstate) deoptIfInstrumented(c, i);
  deoptIfObserved(c, i);
  c.joinAt(pending.hot, pending.cold);
  if (!py.eval_breaker_in_tstate) deoptIfInstrumented(c, i);
}

void stressExit(Context& c, const Instr& i) {
  Operand counter = c.mem(c.imm(i.i64(0)), 0);
  c.b.AddMem(counter, c.imm(-1), 8);
  c.deoptIfMem(i, counter, c.imm(0), Cond::kLt, 8, ExitReason::kStress);
}

}  // namespace

void Context::storePosition(uint32_t offset) {
  Position position = positionStore(offset);
  b.Store(position.at, position.value, position.width);
}

void Context::lookAround(const Instr& at) {
  deoptIfObserved(*this, at);
  deoptIfInstrumented(*this, at);
}

Lowerer frameLowerer(Op op) {
  switch (op) {
    case Op::kPushFrame: return pushFrame;
    case Op::kStoreHome: return storeHome;
    case Op::kLoadHome:
    case Op::kTakeHome: return loadHome;
    case Op::kSetPosition: return setPosition;
    case Op::kLeaveFrame: return leaveFrame;
    case Op::kGuardUnobserved: return guardUnobserved;
    case Op::kCheckPeriodic: return checkPeriodic;
    case Op::kStressExit: return stressExit;
    default: return nullptr;
  }
}

}  // namespace tephra::lower
