// The interpreter's frame: pushed and popped by stubs that all functions share, so that
// each function has a call instead of some 300 bytes. Field values are those of CPython's
// _PyFrame_Initialize; what is out of the ordinary the runtime does (tephra_push_frame_slow).
#include "metadata/frame_shape.h"
#include "target/x86_64/emit.h"
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

using asmjit::Label;

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

class FrameStubs {
 public:
  FrameStubs(Assembly& as, const StubInput& input, const UnwindConvention& convention)
      : as_(as), a_(as.a), py_(*input.layout), in_(input), convention_(convention) {}

  // function in rdi, FrameShape in r11; rax = the frame or NULL. Beside them r10 is overwritten.
  void push() {
    slow_ = as_.newLabel();
    filled_ = as_.newLabel();
    Label counted = as_.newLabel();
    checks();
    reserve(counted);
    as_.bind(filled_);
    fill();
    link();
    a_.ret();
    as_.countNoMore();
    as_.bind(counted);
    a_.inc(x86::ptr(kThread, py_.ts_py_recursion_remaining, 4));
    as_.bind(slow_);
    callRuntime();
  }

  // r11 is overwritten. `release` ends the object there.
  void pop(const std::function<void()>& release) {
    const int32_t fields[] = {py_.frame_func, py_.frame_code};
    Label alive[2], last[2], ends = as_.newLabel();
    for (int i = 0; i < 2; ++i) {
      alive[i] = as_.newLabel();
      last[i] = as_.newLabel();
      a_.mov(kShape, x86::ptr(kFrame, fields[i], 8));
      x86::Mem count = x86::ptr(kShape, py_.ob_refcnt, 4);
      a_.cmp(count, 0);
      as_.jumpIf(x86::CondCode::kSign, alive[i]);  // immortal
      a_.dec(count);
      as_.jumpIf(x86::CondCode::kZero, last[i]);
      as_.bind(alive[i]);
    }
    a_.mov(x86::ptr(kThread, py_.ts_datastack_top, 8), kFrame);
    a_.ret();
    as_.countNoMore();
    for (int i = 0; i < 2; ++i) {
      as_.bind(last[i]);
      pushFrameRecord(as_, convention_);  // the stack is aligned again
      a_.call(ends);
      a_.pop(x86::rbp);
      as_.unwind(convention_.entry);
      as_.jump(alive[i]);
    }
    as_.bind(ends);
    release();
  }

 private:
  void checks() {
    if (py_.interp_eval_frame != 0) {  // PEP 523
      as_.loadImmediate(kMade, py_.interp + static_cast<uint64_t>(py_.interp_eval_frame));
      a_.cmp(x86::qword_ptr(kMade), 0);
      as_.jumpIf(x86::CondCode::kNotEqual, slow_);
    }
    a_.cmp(x86::rsp, threadLocal(py_.tls_stack_limit));
    as_.jumpIf(x86::CondCode::kUnsignedLT, slow_);
  }

  // As _PyThreadState_PushFrame: there must be more than the frame needs.
  void reserve(Label counted) {
    a_.mov(kMade, x86::ptr(kThread, py_.ts_datastack_top, 8));
    a_.mov(kTemporary, TEPHRA_SHAPE(bytes));
    a_.add(kTemporary, kMade);
    a_.cmp(x86::ptr(kThread, py_.ts_datastack_limit, 8), kTemporary);
    as_.jumpIf(x86::CondCode::kUnsignedLE, slow_);
    a_.dec(x86::ptr(kThread, py_.ts_py_recursion_remaining, 4));
    as_.jumpIf(x86::CondCode::kSign, counted);
    a_.mov(x86::ptr(kThread, py_.ts_datastack_top, 8), kTemporary);
  }

  void fill() {
    auto field = [this](int32_t offset) { return x86::ptr(kMade, offset, 8); };
    a_.mov(kTemporary, TEPHRA_SHAPE(code));
    a_.mov(field(py_.frame_code), kTemporary);
    if (py_.frame_owns_code_and_func) {
      increment(kTemporary);
      increment(x86::rdi);
      a_.mov(field(py_.frame_func), x86::rdi);
    } else {  // |1: no reference held, the caller keeps both alive
      a_.lea(kTemporary, x86::ptr(x86::rdi, 1));
      a_.mov(field(py_.frame_func), kTemporary);
    }
    // From the function: right for every closure of the code.
    a_.mov(kTemporary, x86::ptr(x86::rdi, py_.function_globals, 8));
    a_.mov(field(py_.frame_globals), kTemporary);
    a_.mov(kTemporary, x86::ptr(x86::rdi, py_.function_builtins, 8));
    a_.mov(field(py_.frame_builtins), kTemporary);
    a_.mov(kTemporary, TEPHRA_SHAPE(position));
    a_.mov(field(py_.frame_instr), kTemporary);
    a_.mov(kTemporary, TEPHRA_SHAPE(stack));
    if (py_.stack_pointer_is_pointer) a_.add(kTemporary, kMade);
    a_.mov(field(py_.frame_stack), kTemporary);
    if (py_.stack_pointer_is_pointer) {
      a_.mov(x86::ptr(kMade, py_.frame_return_offset, 4), int32_t{py_.frame_owner_thread} << 16);
    }
    a_.xor_(kTemporary.r32(), kTemporary.r32());
    a_.mov(field(py_.frame_locals), kTemporary);
    a_.mov(field(py_.frame_frame_obj), kTemporary);
  }

  void link() {
    x86::Mem current = currentFrame(a_, py_, kShape);
    a_.mov(kTemporary, current);
    a_.mov(x86::ptr(kMade, py_.frame_previous, 8), kTemporary);
    a_.mov(current, kMade);
  }

  void increment(const x86::Gp& object) {
    x86::Mem count = x86::ptr(object, py_.ob_refcnt, 4);
    Label immortal = as_.newLabel();
    a_.cmp(count, -1);
    as_.jumpIf(x86::CondCode::kEqual, immortal);
    a_.inc(count);
    as_.bind(immortal);
  }

  // All registers are kept but the result's and the scratch register.
  void callRuntime() {
    constexpr uint8_t kKept[] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9, kR11, kR10};
    pushFrameRecord(as_, convention_);
    for (uint8_t reg : kKept) a_.push(x86::gpq(reg));
    a_.mov(x86::rsi, x86::rdi);
    a_.mov(x86::rdi, kThread);
    a_.mov(x86::rdx, kShape);
    as_.call(in_.addresses->helper(Helper::push_frame_slow));
    for (size_t i = std::size(kKept); i-- > 0;) a_.pop(x86::gpq(kKept[i]));
    a_.pop(x86::rbp);
    as_.unwind(convention_.entry);
    a_.test(kMade, kMade);
    as_.jumpIf(x86::CondCode::kNotZero, filled_);
    a_.ret();
  }

  Assembly& as_;
  x86::Assembler& a_;
  const PyLayout& py_;
  const StubInput& in_;
  const UnwindConvention& convention_;
  Label slow_, filled_;
};

}  // namespace

void pushFrameStub(Assembly& as, const StubInput& input, const UnwindConvention& convention) {
  FrameStubs(as, input, convention).push();
}
void popFrameStub(Assembly& as, const StubInput& input, const UnwindConvention& convention,
                  const std::function<void()>& release) {
  FrameStubs(as, input, convention).pop(release);
}

// --- the sites

// Inline, for 30 bytes at each return: with a stub for this, too, fib was a tenth slower (x86-64).
void FunctionEmitter::unlinkFrame(const Instr& instr) {
  constexpr int32_t kLargestChunkHeader = 64;  // no second frame is so near
  const PyLayout& py = *in_.layout;
  Label slow = blockLabel(instr.targets[0]);
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
  edge(instr, 1);
  jumpToBlock(instr.targets[1]);
}

// Leaves where somebody has the frame, events are pending or instrumentation is another one.
void FunctionEmitter::look(const Look& what, Label leave) {
  const PyLayout& py = *in_.layout;
  const x86::Gp scratch = x86::gpq(kScratchGp);
  if (what.frame) {
    a_.cmp(x86::ptr(kFrame, py.frame_frame_obj, 8), 0);
    as_.jumpIf(x86::CondCode::kNotEqual, leave);
  }
  if (!py.eval_breaker_in_tstate) {
    a_.mov(scratch, x86::ptr(kThread, py.ts_interp, 8));
    if (what.pending) {
      a_.cmp(x86::ptr(scratch, py.interp_eval_breaker, 4), 0);
      as_.jumpIf(x86::CondCode::kNotEqual, leave);
    }
    a_.mov(scratch, x86::ptr(scratch, py.interp_monitoring_version, 8));
    a_.cmp(scratch, as_.version(static_cast<uint64_t>(what.version), 8));
  } else if (what.pending) {  // one word tells both
    a_.mov(scratch, as_.version(static_cast<uint64_t>(what.version), 8));
    a_.cmp(x86::ptr(kThread, py.ts_eval_breaker, 8), scratch);
  } else {
    // The version is the word's bits 8 and up; CPython sets at most 32 bits of the word, so the
    // four bytes after the first hold it all.
    a_.mov(scratch.r32(), as_.version(static_cast<uint32_t>(what.version >> 8), 4));
    a_.cmp(x86::ptr(kThread, py.ts_eval_breaker + 1, 4), scratch.r32());
  }
  as_.jumpIf(x86::CondCode::kNotEqual, leave);
}

void FunctionEmitter::branchLook(const Instr& instr) {
  look({instr.attr[1] != 0, true, instr.i64(0)}, blockLabel(instr.targets[0]));
  edge(instr, 1);
  jumpToBlock(instr.targets[1]);
}

void FunctionEmitter::frameInstr(const Instr& instr) {
  switch (instr.op) {
    case lir::Op::kPushFrame:
      as_.loadImmediate(kShape, reinterpret_cast<uint64_t>(&in_.metadata->shape));
      as_.call(in_.push_thunk);
      as_.tallier.addStub("PushFrameStub", in_.tally.push_stub);
      return;
    default:
      if (!in_.layout->frame_owns_code_and_func) {
        a_.mov(x86::ptr(kThread, in_.layout->ts_datastack_top, 8), kFrame);
        return;
      }
      as_.call(in_.pop_thunk);
      as_.tallier.addStub("PopFrameStub", in_.tally.pop_stub);
  }
}

}  // namespace tephra::x86_64
