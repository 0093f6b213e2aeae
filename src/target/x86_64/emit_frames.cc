// The interpreter's frame: pushed and popped by stubs that all functions share, so that each
// function has a call instead of some 300 bytes.
#include "metadata/frame_shape.h"
#include "target/x86_64/emit_stubs.h"
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

namespace {

const x86::Gp kThread = x86::gpq(kThreadReg), kFrame = x86::gpq(kFrameReg);
const x86::Gp kShape = x86::gpq(kScratchGp), kMade = x86::rax, kTemporary = x86::r10;

x86::Mem shapeField(size_t offset) { return x86::ptr(kShape, static_cast<int32_t>(offset), 8); }
#define TEPHRA_SHAPE(field) shapeField(offsetof(FrameShape, field))

// In the thread state, or in what that points to, by `holder` then.
x86::Mem currentFrame(x86::Assembler& a, const PyLayout& py, const x86::Gp& holder) {
  if (!py.current_frame_in_cframe) return x86::ptr(kThread, py.ts_current_frame, 8);
  a.mov(holder, x86::ptr(kThread, py.ts_cframe, 8));
  return x86::ptr(holder, py.ts_current_frame, 8);
}

}  // namespace

// PushFrame: function in rdi, FrameShape in r11; rax = the frame or NULL. Beside them r10 is
// overwritten.

void StubEmitter::checkEvaluatorAndStack() {
  const PyLayout& py = *in_.layout;
  if (py.interp_eval_frame != 0) {  // PEP 523
    as_.loadImmediate(kMade, py.interp + static_cast<uint64_t>(py.interp_eval_frame));
    a_.cmp(x86::qword_ptr(kMade), 0);
    as_.jumpIf(x86::CondCode::kNotEqual, slow_);
  }
  a_.cmp(x86::rsp, threadLocal(py.tls_stack_limit));
  as_.jumpIf(x86::CondCode::kUnsignedLT, slow_);
}

// As _PyThreadState_PushFrame: there must be more than the frame needs.
void StubEmitter::reserve() {
  const PyLayout& py = *in_.layout;
  a_.mov(kMade, x86::ptr(kThread, py.ts_datastack_top, 8));
  a_.mov(kTemporary, TEPHRA_SHAPE(bytes));
  a_.add(kTemporary, kMade);
  a_.cmp(x86::ptr(kThread, py.ts_datastack_limit, 8), kTemporary);
  as_.jumpIf(x86::CondCode::kUnsignedLE, slow_);
  a_.dec(x86::ptr(kThread, py.ts_py_recursion_remaining, 4));
  as_.jumpIf(x86::CondCode::kSign, counted_);
  a_.mov(x86::ptr(kThread, py.ts_datastack_top, 8), kTemporary);
}

void StubEmitter::fill() {
  const PyLayout& py = *in_.layout;
  auto field = [](int32_t offset) { return x86::ptr(kMade, offset, 8); };
  a_.mov(kTemporary, TEPHRA_SHAPE(code));
  a_.mov(field(py.frame_code), kTemporary);
  if (py.frame_owns_code_and_func) {
    increment(kTemporary);
    increment(x86::rdi);
    a_.mov(field(py.frame_func), x86::rdi);
  } else {  // |1: no reference held, the caller keeps both alive
    a_.lea(kTemporary, x86::ptr(x86::rdi, 1));
    a_.mov(field(py.frame_func), kTemporary);
  }
  // From the function: right for every closure of the code.
  a_.mov(kTemporary, x86::ptr(x86::rdi, py.function_globals, 8));
  a_.mov(field(py.frame_globals), kTemporary);
  a_.mov(kTemporary, x86::ptr(x86::rdi, py.function_builtins, 8));
  a_.mov(field(py.frame_builtins), kTemporary);
  a_.mov(kTemporary, TEPHRA_SHAPE(position));
  a_.mov(field(py.frame_instr), kTemporary);
  a_.mov(kTemporary, TEPHRA_SHAPE(stack));
  if (py.stack_pointer_is_pointer) a_.add(kTemporary, kMade);
  a_.mov(field(py.frame_stack), kTemporary);
  if (py.stack_pointer_is_pointer) {
    a_.mov(x86::ptr(kMade, py.frame_return_offset, 4), int32_t{py.frame_owner_thread} << 16);
  }
  a_.xor_(kTemporary.r32(), kTemporary.r32());
  a_.mov(field(py.frame_locals), kTemporary);
  a_.mov(field(py.frame_frame_obj), kTemporary);
}

void StubEmitter::link() {
  const PyLayout& py = *in_.layout;
  x86::Mem current = currentFrame(a_, py, kShape);
  a_.mov(kTemporary, current);
  a_.mov(x86::ptr(kMade, py.frame_previous, 8), kTemporary);
  a_.mov(current, kMade);
}

void StubEmitter::uncount() { a_.inc(x86::ptr(kThread, in_.layout->ts_py_recursion_remaining, 4)); }

void StubEmitter::increment(const x86::Gp& object) {
  const PyLayout& py = *in_.layout;
  x86::Mem count = x86::ptr(object, py.ob_refcnt, 4);
  Label immortal = as_.newLabel();
  a_.cmp(count, -1);
  as_.jumpIf(x86::CondCode::kEqual, immortal);
  a_.inc(count);
  as_.bind(immortal);
}

// All registers are kept but the result's and the scratch register.
void StubEmitter::callRuntime() {
  constexpr uint8_t kKept[] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9, kR11, kR10};
  pushFrameRecord(as_, convention_);
  for (uint8_t reg : kKept) a_.push(x86::gpq(reg));
  a_.mov(x86::rsi, x86::rdi);
  a_.mov(x86::rdi, kThread);
  a_.mov(x86::rdx, kShape);
  as_.call(in_.addresses->helper(Helper::push_frame_slow));
  for (size_t i = std::size(kKept); i-- > 0;) a_.pop(x86::gpq(kKept[i]));
  popFrameRecord(as_, convention_);
  a_.test(kMade, kMade);
  as_.jumpIf(x86::CondCode::kNotZero, filled_);
  a_.ret();
}

// PopFrame: r11 is overwritten.

Condition StubEmitter::releaseField(int32_t offset, const Label& alive) {
  x86::Mem count = x86::ptr(kShape, in_.layout->ob_refcnt, 4);
  a_.mov(kShape, x86::ptr(kFrame, offset, 8));
  a_.cmp(count, 0);
  as_.jumpIf(x86::CondCode::kSign, alive);  // immortal
  a_.dec(count);
  return flags(x86::CondCode::kZero);
}

void StubEmitter::freeFrame() {
  a_.mov(x86::ptr(kThread, in_.layout->ts_datastack_top, 8), kFrame);
}

void StubEmitter::callInside(const Label& piece) {
  pushFrameRecord(as_, convention_);
  a_.call(piece);
  popFrameRecord(as_, convention_);
}

// --- the sites

// Inline, for 30 bytes at each return: with a stub for this, too, fib was a tenth slower (x86-64).
void FunctionEmitter::unlinkFrame(const Label& slow) {
  constexpr int32_t kLargestChunkHeader = 64;  // no second frame is so near
  const PyLayout& py = *in_.layout;
  if (py.frame_keeps_locals) {
    a_.mov(kTemporary, x86::ptr(kFrame, py.frame_locals, 8));
    a_.or_(kTemporary, x86::ptr(kFrame, py.frame_frame_obj, 8));
  } else {
    a_.cmp(x86::ptr(kFrame, py.frame_frame_obj, 8), 0);
  }
  as_.jumpIf(x86::CondCode::kNotEqual, slow);
  a_.mov(kTemporary, kFrame);
  a_.sub(kTemporary, x86::ptr(kThread, py.ts_datastack_chunk, 8));
  a_.cmp(kTemporary, kLargestChunkHeader);
  as_.jumpIf(x86::CondCode::kUnsignedLT, slow);
  a_.inc(x86::ptr(kThread, py.ts_py_recursion_remaining, 4));
  a_.mov(kTemporary, x86::ptr(kFrame, py.frame_previous, 8));
  a_.mov(currentFrame(a_, py, x86::gpq(kScratchGp)), kTemporary);
}

}  // namespace tephra::x86_64
