// The ways into a function from C, and the stubs that functions share.
#include "target/x86_64/emit.h"
#include "target/x86_64/emit_stubs.h"
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

namespace {

constexpr uint64_t kRegisterFileBytes = sizeof(RegisterFile);
static_assert(kRegisterFileBytes % 16 == 0 &&
              offsetof(RegisterFile, fp) == 8 * RegisterFile::kMaxRegisters);

}  // namespace

x86::Mem threadLocal(int64_t offset) {
  x86::Mem at = x86::ptr_abs(static_cast<uint64_t>(offset), 8);
  at.setSegment(x86::fs);
  return at;
}

// (function, bound) = rdi, rsi.
void FunctionEmitter::arrayEntry() {
  pushFrameRecord(as_, target_.unwinding());
  a_.push(x86::gpq(kThreadReg));
  UnwindState state = target_.unwinding().frame;
  state.saved.push_back({target_.dwarfRegister(lir::Bank::kGp, kThreadReg), -24});
  as_.unwind(state);
  loadThread();
  initStackLimit();
  if (in_.total_args > 0 && in_.total_args <= kMaxRegisterParameters) {
    for (uint32_t i = in_.total_args; i-- > 0;) {  // the pointer itself, rsi, is overwritten last
      a_.mov(x86::gpq(kArgumentGp[i + 1]), x86::ptr(x86::rsi, static_cast<int32_t>(8 * i)));
    }
  }
  as_.callLabel(register_entry_);
  a_.mov(x86::gpq(kThreadReg), x86::ptr(x86::rbp, -8));
  leaveAndReturn(as_, target_.unwinding());
}

// (thread state, frame) = rdi, rsi.
void FunctionEmitter::enterWithFrame(const Label& inside) {
  pushFrameRecord(as_, target_.unwinding());
  a_.push(x86::gpq(kThreadReg));
  a_.push(x86::rax);  // the stack pointer stays aligned
  UnwindState state = target_.unwinding().frame;
  state.saved.push_back({target_.dwarfRegister(lir::Bank::kGp, kThreadReg), -24});
  as_.unwind(state);
  a_.mov(x86::gpq(kThreadReg), x86::rdi);
  as_.callLabel(inside);
  a_.mov(x86::gpq(kThreadReg), x86::ptr(x86::rbp, -8));
  leaveAndReturn(as_, target_.unwinding());
}

void FunctionEmitter::pinFrame() { a_.mov(x86::gpq(kFrameReg), x86::rsi); }

// Leaves the stack pointer aligned for a call.
void FunctionEmitter::loadThread() {
  const RuntimeAddresses& addresses = *in_.addresses;
  if (addresses.thread_state_tls != 0) {
    a_.push(x86::rax);
    a_.mov(x86::gpq(kThreadReg), threadLocal(addresses.thread_state_tls));
    return;
  }
  a_.push(x86::rdi);
  a_.push(x86::rsi);
  a_.push(x86::rax);
  as_.call(addresses.thread_state);
  a_.mov(x86::gpq(kThreadReg), x86::rax);
  a_.mov(x86::rsi, x86::ptr(x86::rsp, 8));
  a_.mov(x86::rdi, x86::ptr(x86::rsp, 16));
}

Condition FunctionEmitter::stackLimitIsUnknown() {
  a_.cmp(threadLocal(in_.layout->tls_stack_limit), 0);
  return flags(x86::CondCode::kEqual);
}

void FunctionEmitter::callKeepingArguments(uint64_t address) {
  a_.push(x86::rdi);
  a_.push(x86::rsi);
  as_.call(address);
  a_.pop(x86::rsi);
  a_.pop(x86::rdi);
}

// --- stubs

// Preserves everything but the scratch register, which holds the object. Compiled code uses the low
// halves of the vector registers only.
void StubEmitter::release(bool vectors) {
  constexpr uint8_t kSaved[] = {kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9, kR10};
  constexpr int32_t kVectorBytes = 16 * 8;
  pushFrameRecord(as_, convention_);
  for (uint8_t reg : kSaved) a_.push(x86::gpq(reg));
  if (vectors) a_.sub(x86::rsp, kVectorBytes);
  for (uint32_t i = 0; vectors && i < 16; ++i)
    a_.movsd(x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)), x86::xmm(i));
  a_.mov(x86::rdi, x86::gpq(kScratchGp));
  as_.call(in_.addresses->dealloc);
  for (uint32_t i = 0; vectors && i < 16; ++i)
    a_.movsd(x86::xmm(i), x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)));
  if (vectors) a_.add(x86::rsp, kVectorBytes);
  for (size_t i = std::size(kSaved); i-- > 0;) a_.pop(x86::gpq(kSaved[i]));
  popFrameRecord(as_, convention_);
  a_.ret();
}

// Called with the metadata in r11 and the exit's number pushed before the return address; returns
// tephra_take_exit's result, to be handed on by the function's epilogue. Or goes on where
// RegisterFile::resume says, with all registers as they were.
void StubEmitter::exit() {
  auto file = static_cast<int32_t>(kRegisterFileBytes);
  UnwindState state = convention_.entry;
  a_.sub(x86::rsp, file);
  state.cfa_offset += file;
  as_.unwind(state);
  for (uint32_t i = 0; i < 16; ++i) {
    if (i != kRsp) a_.mov(x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)), x86::gpq(i));
  }
  a_.lea(x86::rax, x86::ptr(x86::rsp, file + 16));  // as it was before the exit
  a_.mov(x86::ptr(x86::rsp, 8 * kRsp), x86::rax);
  for (uint32_t i = 0; i < 16; ++i) {
    a_.movsd(x86::ptr(x86::rsp, static_cast<int32_t>(offsetof(RegisterFile, fp) + 8 * i)),
             x86::xmm(i));
  }
  a_.mov(x86::rdi, x86::gpq(kScratchGp));
  a_.mov(x86::esi, x86::ptr(x86::rsp, file + 8));
  a_.mov(x86::rdx, x86::rsp);
  a_.mov(x86::rcx, x86::rbp);
  a_.mov(x86::r8, x86::gpq(kFrameReg));
  a_.mov(x86::r9, x86::gpq(kThreadReg));
  asmjit::Label resume = as_.newLabel();
  x86::Mem resume_at = x86::ptr(x86::rsp, static_cast<int32_t>(8 * RegisterFile::kResume));
  a_.mov(x86::qword_ptr(x86::rsp, static_cast<int32_t>(8 * RegisterFile::kResume)), 0);
  as_.call(in_.addresses->take_exit);
  a_.mov(x86::gpq(kScratchGp), resume_at);
  a_.test(x86::gpq(kScratchGp), x86::gpq(kScratchGp));
  as_.jumpIf(x86::CondCode::kNotZero, resume);
  a_.add(x86::rsp, file);
  as_.unwind(convention_.entry);
  a_.ret();
  as_.bind(resume);
  as_.countNoMore();
  as_.unwind(state);
  for (uint32_t i = 0; i < 16; ++i) {
    if (i != kRsp && i != kScratchGp)
      a_.mov(x86::gpq(i), x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)));
    a_.movsd(x86::xmm(i),
             x86::ptr(x86::rsp, static_cast<int32_t>(offsetof(RegisterFile, fp) + 8 * i)));
  }
  a_.add(x86::rsp, file + 16);  // the return address and the exit's number are gone, too
  a_.jmp(x86::gpq(kScratchGp));
}

void StubEmitter::callUncompiled() {
  const uint32_t nargs = in_.nargs;
  pushFrameRecord(as_, convention_);
  if (nargs != 0) a_.sub(x86::rsp, (8 * nargs + 15) / 16 * 16);
  for (uint32_t i = 0; i < nargs; ++i) {
    a_.mov(x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)), x86::gpq(kArgumentGp[i + 1]));
  }
  a_.mov(x86::rsi, x86::rsp);
  as_.loadImmediate(x86::rdx, nargs);
  as_.call(in_.addresses->call_uncompiled);
  leaveAndReturn(as_, convention_);
}

Result<EmittedCode> emitStub(const Target& target, const StubInput& input) {
  Assembly assembly(input.reach, {}, false);
  return StubEmitter(input, target.unwinding(), assembly).emit();
}

}  // namespace tephra::x86_64
