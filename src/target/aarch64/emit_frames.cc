// The interpreter's frame: pushed and popped by stubs that all functions share, so that each
// function has a call instead of some 250 bytes.
#include "metadata/frame_shape.h"
#include "target/aarch64/emit_stubs.h"
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

namespace {

constexpr uint8_t kMade = kFrameResult, kShape = kFrameShape, kNext = 11, kOther = 12;
static_assert(kPushFrameGp == (bit(kShape) | bit(kNext) | bit(kOther)));

a64::Mem at(uint8_t base, int64_t offset) {
  return a64::ptr(x(base), static_cast<int32_t>(offset));
}
#define TEPHRA_SHAPE(field) at(kShape, offsetof(FrameShape, field))

// In the thread state, or in what that points to, by x16 then.
a64::Mem currentFrame(a64::Assembler& a, const PyLayout& py) {
  if (!py.current_frame_in_cframe) return at(kThreadReg, py.ts_current_frame);
  a.ldr(x(kScratchGp), at(kThreadReg, py.ts_cframe));
  return at(kScratchGp, py.ts_current_frame);
}

}  // namespace

// PushFrame: function in x0, FrameShape in x10; x9 = the frame or NULL. x11, x12, x16, x17 are
// overwritten.

void StubEmitter::checkEvaluatorAndStack() {
  const PyLayout& py = *in_.layout;
  if (py.interp_eval_frame != 0) {  // PEP 523
    as_.loadImmediate(kMade, py.interp + static_cast<uint64_t>(py.interp_eval_frame));
    a_.ldr(x(kMade), at(kMade, 0));
    as_.jumpIf(Condition::zero(kMade, true, true), slow_);
  }
  loadThreadLocal(as_, kMade, py.tls_stack_limit);
  a_.cmp(a64::sp, x(kMade));
  as_.jumpIf(flags(Cc::kLo), slow_);
}

// As _PyThreadState_PushFrame: there must be more than the frame needs.
void StubEmitter::reserve() {
  const PyLayout& py = *in_.layout;
  a_.ldr(x(kMade), at(kThreadReg, py.ts_datastack_top));
  a_.ldr(x(kNext), TEPHRA_SHAPE(bytes));
  a_.add(x(kNext), x(kNext), x(kMade));
  a_.ldr(x(kOther), at(kThreadReg, py.ts_datastack_limit));
  a_.cmp(x(kOther), x(kNext));
  as_.jumpIf(flags(Cc::kLs), slow_);
  a_.ldr(w(kOther), at(kThreadReg, py.ts_py_recursion_remaining));
  a_.sub(w(kOther), w(kOther), 1);
  as_.jumpIf(Condition::ofBit(kOther, 31, true), counted_);
  a_.str(w(kOther), at(kThreadReg, py.ts_py_recursion_remaining));
  a_.str(x(kNext), at(kThreadReg, py.ts_datastack_top));
}

void StubEmitter::fill() {
  const PyLayout& py = *in_.layout;
  auto store = [this](uint8_t reg, int32_t offset) { a_.str(x(reg), at(kMade, offset)); };
  a_.ldr(x(kNext), TEPHRA_SHAPE(code));
  store(kNext, py.frame_code);
  if (py.frame_owns_code_and_func) {
    increment(kNext);
    increment(0);
    store(0, py.frame_func);
  } else {  // |1: no reference held, the caller keeps both alive
    a_.add(x(kNext), a64::x0, 1);
    store(kNext, py.frame_func);
  }
  // From the function: right for every closure of the code.
  a_.ldr(x(kNext), at(0, py.function_globals));
  a_.ldr(x(kOther), at(0, py.function_builtins));
  store(kNext, py.frame_globals);
  store(kOther, py.frame_builtins);
  a_.ldr(x(kNext), TEPHRA_SHAPE(position));
  a_.ldr(x(kOther), TEPHRA_SHAPE(stack));
  if (py.stack_pointer_is_pointer) a_.add(x(kOther), x(kOther), x(kMade));
  store(kNext, py.frame_instr);
  store(kOther, py.frame_stack);
  if (py.stack_pointer_is_pointer) {
    as_.loadImmediate(kNext, uint64_t{py.frame_owner_thread} << 16);
    a_.str(w(kNext), at(kMade, py.frame_return_offset));
  }
  a_.str(a64::xzr, at(kMade, py.frame_locals));
  a_.str(a64::xzr, at(kMade, py.frame_frame_obj));
}

void StubEmitter::link() {
  const PyLayout& py = *in_.layout;
  a64::Mem current = currentFrame(a_, py);
  a_.ldr(x(kNext), current);
  a_.str(x(kNext), at(kMade, py.frame_previous));
  a_.str(x(kMade), current);
}

void StubEmitter::uncount() {}  // the decrement was not stored

void StubEmitter::increment(uint8_t object) {
  a64::Mem count = at(object, in_.layout->ob_refcnt);
  Label immortal = as_.newLabel();
  a_.ldr(w(kScratchGp), count);
  a_.adds(w(kScratchGp), w(kScratchGp), 1);
  as_.jumpIf(flags(Cc::kEq), immortal);
  a_.str(w(kScratchGp), count);
  as_.bind(immortal);
}

// All registers are kept but the result's and those that PushFrame overwrites anyway.
void StubEmitter::callRuntime() {
  openFrame(as_, convention_, 16 * 8);
  for (uint32_t i = 0; i < 16; i += 2)
    a_.stp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  a_.mov(a64::x1, a64::x0);
  a_.mov(a64::x0, x(kThreadReg));
  a_.mov(a64::x2, x(kShape));
  as_.call(in_.addresses->helper(Helper::push_frame_slow));
  a_.mov(x(kScratchGp), a64::x0);
  for (uint32_t i = 0; i < 16; i += 2)
    a_.ldp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  a_.mov(x(kMade), x(kScratchGp));
  a_.mov(a64::sp, a64::x29);
  a_.ldp(a64::x29, a64::x30, a64::ptr_post(a64::sp, 16));
  as_.unwind(convention_.entry);
  as_.jumpIf(Condition::zero(kMade, true, true), filled_);
  a_.ret(a64::x30);
}

// PopFrame: x16 and x17 are overwritten.

Condition StubEmitter::releaseField(int32_t offset, const Label& alive) {
  a_.ldr(x(kScratchGp), at(kFrameReg, offset));
  a64::Mem count = at(kScratchGp, in_.layout->ob_refcnt);
  a_.ldr(w(kScratchGp2), count);
  as_.jumpIf(Condition::ofBit(kScratchGp2, 31, true), alive);  // immortal
  a_.sub(w(kScratchGp2), w(kScratchGp2), 1);
  a_.str(w(kScratchGp2), count);
  return Condition::zero(kScratchGp2, false, false);
}

void StubEmitter::freeFrame() {
  a_.str(x(kFrameReg), at(kThreadReg, in_.layout->ts_datastack_top));
}

void StubEmitter::callInside(const Label& piece) {
  a_.str(a64::x30, a64::ptr_pre(a64::sp, -16));
  UnwindState state = convention_.entry;
  state.cfa_offset += 16;
  state.saved.push_back({kLinkRegister, -16});
  as_.unwind(state);
  as_.callLabel(piece);
  a_.ldr(a64::x30, a64::ptr_post(a64::sp, 16));
  as_.unwind(convention_.entry);
}

// --- the sites

// Inline, for 30 bytes at each return: with a stub for this, too, fib was a tenth slower (x86-64).
void FunctionEmitter::unlinkFrame(const Label& slow) {
  constexpr uint64_t kLargestChunkHeader = 64;  // no second frame is so near
  const PyLayout& py = *in_.layout;
  a_.ldr(x(kScratchGp), at(kFrameReg, py.frame_frame_obj));
  if (py.frame_keeps_locals) {
    a_.ldr(x(kScratchGp2), at(kFrameReg, py.frame_locals));
    a_.orr(x(kScratchGp), x(kScratchGp), x(kScratchGp2));
  }
  as_.jumpIf(Condition::zero(kScratchGp, true, true), slow);
  a_.ldr(x(kScratchGp), at(kThreadReg, py.ts_datastack_chunk));
  a_.sub(x(kScratchGp), x(kFrameReg), x(kScratchGp));
  a_.cmp(x(kScratchGp), kLargestChunkHeader);
  as_.jumpIf(flags(Cc::kLo), slow);
  a_.ldr(w(kScratchGp), at(kThreadReg, py.ts_py_recursion_remaining));
  a_.add(w(kScratchGp), w(kScratchGp), 1);
  a_.str(w(kScratchGp), at(kThreadReg, py.ts_py_recursion_remaining));
  a_.ldr(x(kScratchGp2), at(kFrameReg, py.frame_previous));
  a_.str(x(kScratchGp2), currentFrame(a_, py));
}

}  // namespace tephra::aarch64
