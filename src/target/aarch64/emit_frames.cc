// The interpreter's frame: pushed and popped by stubs that all functions share, so that
// each function has a call instead of some 250 bytes. Field values are those of CPython's
// _PyFrame_Initialize; what is out of the ordinary the runtime does (tephra_push_frame_slow).
#include "metadata/frame_shape.h"
#include "target/aarch64/emit.h"
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

class FrameStubs {
 public:
  FrameStubs(Assembly& as, const StubInput& input, const UnwindConvention& convention)
      : as_(as), a_(as.a), py_(*input.layout), in_(input), convention_(convention) {}

  // function in x0, FrameShape in x10; x9 = the frame or NULL. x11, x12, x16, x17 are overwritten.
  void push() {
    slow_ = as_.newLabel();
    filled_ = as_.newLabel();
    Label counted = as_.newLabel();
    checks();
    reserve(counted);
    as_.bind(filled_);
    fill();
    link();
    a_.ret(a64::x30);
    as_.countNoMore();
    as_.bind(counted);  // the decrement was not stored
    as_.bind(slow_);
    callRuntime();
  }

  // x16 and x17 are overwritten. `release` ends the object in x16.
  void pop(const std::function<void()>& release) {
    const int32_t fields[] = {py_.frame_func, py_.frame_code};
    Label alive[2], last[2], ends = as_.newLabel();
    for (int i = 0; i < 2; ++i) {
      alive[i] = as_.newLabel();
      last[i] = as_.newLabel();
      a_.ldr(x(kScratchGp), at(kFrameReg, fields[i]));
      a_.ldr(w(kScratchGp2), at(kScratchGp, py_.ob_refcnt));
      as_.jumpIf(Condition::ofBit(kScratchGp2, 31, true), alive[i]);  // immortal
      a_.sub(w(kScratchGp2), w(kScratchGp2), 1);
      a_.str(w(kScratchGp2), at(kScratchGp, py_.ob_refcnt));
      as_.jumpIf(Condition::zero(kScratchGp2, false, false), last[i]);
      as_.bind(alive[i]);
    }
    a_.str(x(kFrameReg), at(kThreadReg, py_.ts_datastack_top));
    a_.ret(a64::x30);
    as_.countNoMore();
    for (int i = 0; i < 2; ++i) {
      as_.bind(last[i]);
      a_.str(a64::x30, a64::ptr_pre(a64::sp, -16));
      UnwindState state = convention_.entry;
      state.cfa_offset += 16;
      state.saved.push_back({kLinkRegister, -16});
      as_.unwind(state);
      as_.callLabel(ends);
      a_.ldr(a64::x30, a64::ptr_post(a64::sp, 16));
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
      a_.ldr(x(kMade), at(kMade, 0));
      as_.jumpIf(Condition::zero(kMade, true, true), slow_);
    }
    loadThreadLocal(as_, kMade, py_.tls_stack_limit);
    a_.cmp(a64::sp, x(kMade));
    as_.jumpIf(Condition::flags(Cc::kLo), slow_);
  }

  // As _PyThreadState_PushFrame: there must be more than the frame needs.
  void reserve(Label counted) {
    a_.ldr(x(kMade), at(kThreadReg, py_.ts_datastack_top));
    a_.ldr(x(kNext), TEPHRA_SHAPE(bytes));
    a_.add(x(kNext), x(kNext), x(kMade));
    a_.ldr(x(kOther), at(kThreadReg, py_.ts_datastack_limit));
    a_.cmp(x(kOther), x(kNext));
    as_.jumpIf(Condition::flags(Cc::kLs), slow_);
    a_.ldr(w(kOther), at(kThreadReg, py_.ts_py_recursion_remaining));
    a_.sub(w(kOther), w(kOther), 1);
    as_.jumpIf(Condition::ofBit(kOther, 31, true), counted);
    a_.str(w(kOther), at(kThreadReg, py_.ts_py_recursion_remaining));
    a_.str(x(kNext), at(kThreadReg, py_.ts_datastack_top));
  }

  void fill() {
    auto store = [this](uint8_t reg, int32_t offset) { a_.str(x(reg), at(kMade, offset)); };
    a_.ldr(x(kNext), TEPHRA_SHAPE(code));
    store(kNext, py_.frame_code);
    if (py_.frame_owns_code_and_func) {
      increment(kNext);
      increment(0);
      store(0, py_.frame_func);
    } else {  // |1: no reference held, the caller keeps both alive
      a_.add(x(kNext), a64::x0, 1);
      store(kNext, py_.frame_func);
    }
    // From the function: right for every closure of the code.
    a_.ldr(x(kNext), at(0, py_.function_globals));
    a_.ldr(x(kOther), at(0, py_.function_builtins));
    store(kNext, py_.frame_globals);
    store(kOther, py_.frame_builtins);
    a_.ldr(x(kNext), TEPHRA_SHAPE(position));
    a_.ldr(x(kOther), TEPHRA_SHAPE(stack));
    if (py_.stack_pointer_is_pointer) a_.add(x(kOther), x(kOther), x(kMade));
    store(kNext, py_.frame_instr);
    store(kOther, py_.frame_stack);
    if (py_.stack_pointer_is_pointer) {
      as_.loadImmediate(kNext, uint64_t{py_.frame_owner_thread} << 16);
      a_.str(w(kNext), at(kMade, py_.frame_return_offset));
    }
    a_.str(a64::xzr, at(kMade, py_.frame_locals));
    a_.str(a64::xzr, at(kMade, py_.frame_frame_obj));
  }

  void link() {
    a64::Mem current = currentFrame(a_, py_);
    a_.ldr(x(kNext), current);
    a_.str(x(kNext), at(kMade, py_.frame_previous));
    a_.str(x(kMade), current);
  }

  void increment(uint8_t object) {
    Label immortal = as_.newLabel();
    a_.ldr(w(kScratchGp), at(object, py_.ob_refcnt));
    a_.adds(w(kScratchGp), w(kScratchGp), 1);
    as_.jumpIf(Condition::flags(Cc::kEq), immortal);
    a_.str(w(kScratchGp), at(object, py_.ob_refcnt));
    as_.bind(immortal);
  }

  // All registers are kept but the result's and those that PushFrame overwrites anyway.
  void callRuntime() {
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

  Assembly& as_;
  a64::Assembler& a_;
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
  constexpr uint64_t kLargestChunkHeader = 64;  // no second frame is so near
  const PyLayout& py = *in_.layout;
  Label slow = blockLabel(instr.targets[0]);
  a_.ldr(x(kScratchGp), at(kFrameReg, py.frame_frame_obj));
  if (py.frame_keeps_locals) {
    a_.ldr(x(kScratchGp2), at(kFrameReg, py.frame_locals));
    a_.orr(x(kScratchGp), x(kScratchGp), x(kScratchGp2));
  }
  as_.jumpIf(Condition::zero(kScratchGp, true, true), slow);
  a_.ldr(x(kScratchGp), at(kThreadReg, py.ts_datastack_chunk));
  a_.sub(x(kScratchGp), x(kFrameReg), x(kScratchGp));
  a_.cmp(x(kScratchGp), kLargestChunkHeader);
  as_.jumpIf(Condition::flags(Cc::kLo), slow);
  a_.ldr(w(kScratchGp), at(kThreadReg, py.ts_py_recursion_remaining));
  a_.add(w(kScratchGp), w(kScratchGp), 1);
  a_.str(w(kScratchGp), at(kThreadReg, py.ts_py_recursion_remaining));
  a_.ldr(x(kScratchGp2), at(kFrameReg, py.frame_previous));
  a_.str(x(kScratchGp2), currentFrame(a_, py));
  edge(instr, 1);
  jumpToBlock(instr.targets[1]);
}

// Leaves where somebody has the frame, events are pending or instrumentation is another one.
void FunctionEmitter::look(const Look& what, Label leave) {
  const PyLayout& py = *in_.layout;
  const uint8_t seen = kScratchGp, expected = kScratchGp2;
  if (what.frame) {
    a_.ldr(x(seen), at(kFrameReg, py.frame_frame_obj));
    as_.jumpIf(Condition::zero(seen, true, true), leave);
  }
  if (!py.eval_breaker_in_tstate) {
    a_.ldr(x(seen), at(kThreadReg, py.ts_interp));
    if (what.pending) {
      a_.ldr(w(expected), at(seen, py.interp_eval_breaker));
      as_.jumpIf(Condition::zero(expected, false, true), leave);
    }
    a_.ldr(x(seen), at(seen, py.interp_monitoring_version));
    as_.loadVersion(expected, static_cast<uint64_t>(what.version), 8);
    a_.cmp(x(seen), x(expected));
  } else if (what.pending) {  // one word tells both
    a_.ldr(x(seen), at(kThreadReg, py.ts_eval_breaker));
    as_.loadVersion(expected, static_cast<uint64_t>(what.version), 8);
    a_.cmp(x(seen), x(expected));
  } else {
    // The version is the word's bits 8 and up; CPython sets at most 32 bits of the word, so the
    // four bytes after the first hold it all.
    a_.ldr(w(seen), at(kThreadReg, py.ts_eval_breaker + 1));
    as_.loadVersion(expected, static_cast<uint32_t>(what.version >> 8), 4);
    a_.cmp(w(seen), w(expected));
  }
  as_.jumpIf(Condition::flags(Cc::kNe), leave);
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
        a_.str(x(kFrameReg), at(kThreadReg, in_.layout->ts_datastack_top));
        return;
      }
      as_.call(in_.pop_thunk);
      as_.tallier.addStub("PopFrameStub", in_.tally.pop_stub);
  }
}

}  // namespace tephra::aarch64
