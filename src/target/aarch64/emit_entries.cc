// The ways into a function from C, and the stubs that functions share.
#include "target/aarch64/emit.h"
#include "target/aarch64/emit_stubs.h"
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

namespace {

constexpr int32_t kRegisterFileBytes = sizeof(RegisterFile);
constexpr int32_t kFpOffset = offsetof(RegisterFile, fp);
static_assert(kRegisterFileBytes == 512 && kFpOffset == 256);

}  // namespace

// (function, bound) = x0, x1.
void FunctionEmitter::arrayEntry() {
  // The frame: the thread register of the caller, then two words for loadThread() and
  // initStackLimit().
  openFrame(as_, target_.unwinding(), 32);
  a_.str(x(kThreadReg), a64::ptr(a64::sp, 24));
  UnwindState state = target_.unwinding().frame;
  state.saved.push_back({target_.dwarfRegister(lir::Bank::kGp, kThreadReg), -24});
  as_.unwind(state);
  loadThread();
  initStackLimit();
  if (in_.total_args > 0 && in_.total_args <= kMaxRegisterParameters) {
    // The pointer itself, x1, is overwritten last.
    for (uint32_t i = in_.total_args; i-- > 0;) {
      bool two = i >= 1 && (in_.total_args - i) % 2 == 1 && i >= 1;
      if (two) {
        a_.ldp(x(kArgumentGp[i]), x(kArgumentGp[i + 1]),
               a64::ptr(a64::x1, static_cast<int32_t>(8 * (i - 1))));
        --i;
      } else {
        a_.ldr(x(kArgumentGp[i + 1]), a64::ptr(a64::x1, static_cast<int32_t>(8 * i)));
      }
    }
  }
  as_.callLabel(register_entry_);
  a_.ldr(x(kThreadReg), a64::ptr(a64::sp, 24));
  closeFrame(as_, target_.unwinding());
}

// (thread state, frame) = x0, x1.
void FunctionEmitter::enterWithFrame(const Label& inside) {
  openFrame(as_, target_.unwinding(), 16);
  a_.str(x(kThreadReg), a64::ptr(a64::sp, 8));
  UnwindState state = target_.unwinding().frame;
  state.saved.push_back({target_.dwarfRegister(lir::Bank::kGp, kThreadReg), -24});
  as_.unwind(state);
  a_.mov(x(kThreadReg), a64::x0);
  as_.callLabel(inside);
  a_.ldr(x(kThreadReg), a64::ptr(a64::sp, 8));
  closeFrame(as_, target_.unwinding());
}

void FunctionEmitter::pinFrame() { a_.mov(x(kFrameReg), a64::x1); }

void FunctionEmitter::loadThread() {
  const RuntimeAddresses& addresses = *in_.addresses;
  if (addresses.thread_state_tls != 0) {
    loadThreadLocal(as_, kThreadReg, addresses.thread_state_tls);
    return;
  }
  a_.stp(a64::x0, a64::x1, a64::ptr(a64::sp));
  as_.call(addresses.thread_state);
  a_.mov(x(kThreadReg), a64::x0);
  a_.ldp(a64::x0, a64::x1, a64::ptr(a64::sp));
}

Condition FunctionEmitter::stackLimitIsUnknown() {
  loadThreadLocal(as_, kScratchGp, in_.layout->tls_stack_limit);
  return Condition::zero(kScratchGp, true, false);
}

void FunctionEmitter::callKeepingArguments(uint64_t address) {
  a_.stp(a64::x0, a64::x1, a64::ptr(a64::sp));
  as_.call(address);
  a_.ldp(a64::x0, a64::x1, a64::ptr(a64::sp));
}

// --- stubs

// Preserves everything but the scratch registers; x16 holds the object. Compiled code uses the low
// halves of the vector registers only; those of d8 to d15 the callee preserves.
void StubEmitter::release(bool vectors) {
  constexpr int32_t kGeneral = 16 * 8, kVector = 24 * 8;
  openFrame(as_, convention_, kGeneral + (vectors ? kVector : 0));
  auto vectorAt = [](uint32_t pair) { return a64::ptr(a64::sp, kGeneral + 16 * int32_t(pair)); };
  auto vectorOf = [](uint32_t pair) { return pair < 4 ? 2 * pair : 8 + 2 * pair; };  // 0-7, 16-31
  for (uint32_t i = 0; i < 16; i += 2)
    a_.stp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  for (uint32_t pair = 0; vectors && pair < 12; ++pair)
    a_.stp(d(vectorOf(pair)), d(vectorOf(pair) + 1), vectorAt(pair));
  a_.mov(a64::x0, x(kScratchGp));
  as_.call(in_.addresses->dealloc);
  for (uint32_t pair = 0; vectors && pair < 12; ++pair)
    a_.ldp(d(vectorOf(pair)), d(vectorOf(pair) + 1), vectorAt(pair));
  for (uint32_t i = 0; i < 16; i += 2)
    a_.ldp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  closeFrame(as_, convention_);
}

// Called with the metadata in x16 and the exit's number in x17; returns tephra_take_exit's result,
// to be handed on by the function's epilogue. Or goes on where RegisterFile::resume says, with all
// registers as they were; by `ret`, which needs no landing pad.
void StubEmitter::exit() {
  a_.stp(a64::x29, a64::x30, a64::ptr_pre(a64::sp, -16));
  UnwindState state{convention_.stack_pointer, 16, convention_.frame.saved};
  as_.unwind(state);
  as_.addImmediate(kStackPointer, kStackPointer, -kRegisterFileBytes);
  state.cfa_offset += kRegisterFileBytes;
  as_.unwind(state);
  for (uint32_t i = 0; i < 30; i += 2)
    a_.stp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  static_assert(RegisterFile::kResume == 31);
  a_.stp(a64::x30, a64::xzr, a64::ptr(a64::sp, 8 * 30));
  for (uint32_t i = 0; i < 32; i += 2) {
    if (kFpOffset + static_cast<int32_t>(8 * i) <= 504)
      a_.stp(d(i), d(i + 1), a64::ptr(a64::sp, kFpOffset + static_cast<int32_t>(8 * i)));
  }
  a_.mov(a64::x0, x(kScratchGp));
  a_.mov(a64::w1, w(kScratchGp2));
  a_.mov(a64::x2, a64::sp);
  a_.mov(a64::x3, a64::x29);
  a_.mov(a64::x4, x(kFrameReg));
  a_.mov(a64::x5, x(kThreadReg));
  as_.addImmediate(kFramePointer, kStackPointer, kRegisterFileBytes);
  as_.unwind(convention_.frame);
  as_.call(in_.addresses->take_exit);
  Label resume = as_.newLabel();
  a_.ldr(x(kScratchGp), a64::ptr(a64::sp, 8 * RegisterFile::kResume));
  as_.jumpIf(Condition::zero(kScratchGp, true, true), resume);
  closeFrame(as_, convention_);
  as_.bind(resume);
  as_.countNoMore();
  as_.unwind(convention_.frame);
  for (uint32_t i = 0; i < 30; i += 2) {
    if (i != kScratchGp) a_.ldp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
    if (i == 28) as_.unwind(state);  // the frame pointer is the function's again
  }
  for (uint32_t i = 0; i < 32; i += 2)
    a_.ldp(d(i), d(i + 1), a64::ptr(a64::sp, kFpOffset + static_cast<int32_t>(8 * i)));
  as_.addImmediate(kStackPointer, kStackPointer, kRegisterFileBytes + 16);
  a_.ret(x(kScratchGp));
}

void StubEmitter::callUncompiled() {
  const uint32_t nargs = in_.nargs;
  openFrame(as_, convention_, (8 * nargs + 15) / 16 * 16);
  for (uint32_t i = 0; i < nargs; ++i)
    a_.str(x(kArgumentGp[i + 1]), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  a_.mov(a64::x1, a64::sp);
  as_.loadImmediate(2, nargs);
  as_.call(in_.addresses->call_uncompiled);
  closeFrame(as_, convention_);
}

void StubEmitter::goFar(uint64_t destination) {
  as_.loadImmediate(kScratchGp, destination);
  a_.br(x(kScratchGp));
}

Result<EmittedCode> emitStub(const Target& target, const StubInput& input) {
  Assembly assembly(input.reach, {}, false);
  return StubEmitter(input, target.unwinding(), assembly).emit();
}

}  // namespace tephra::aarch64
