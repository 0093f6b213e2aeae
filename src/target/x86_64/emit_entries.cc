// The ways into a function from C, and the stubs that functions share.
#include "target/x86_64/emit.h"
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

// Vectorcall: (function, args, nargsf, kwnames) = rdi, rsi, rdx, rcx. The runtime takes the
// arguments over, binds them, and goes on as the array entry, (function, bound).
void FunctionEmitter::entries() {
  addEntry({EntryKind::kVectorcall});
  as_.comment("vectorcall entry");
  as_.jumpTo(in_.addresses->call_slow);
  addEntry({EntryKind::kArray});
  as_.comment("array entry");
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
  as_.a.call(register_entry_);
  a_.mov(x86::gpq(kThreadReg), x86::ptr(x86::rbp, -8));
  leaveAndReturn();
}

// Entry `number` of the function's: (thread state, interpreter frame), the frame being the current
// one, with its locals in their homes and nothing on its value stack that the entry does not load.
void FunctionEmitter::frameEntry(size_t number) {
  const EntryPoint& point = in_.function->entries[number];
  Label inside = as_.newLabel();
  as_.tallier.part("entry");
  as_.unwind(target_.unwinding().entry);
  addEntry(point);
  as_.comment(entryKindName(point.kind));
  pushFrameRecord(as_, target_.unwinding());
  a_.push(x86::gpq(kThreadReg));
  a_.push(x86::rax);  // the stack pointer stays aligned
  UnwindState state = target_.unwinding().frame;
  state.saved.push_back({target_.dwarfRegister(lir::Bank::kGp, kThreadReg), -24});
  as_.unwind(state);
  a_.mov(x86::gpq(kThreadReg), x86::rdi);
  as_.a.call(inside);
  a_.mov(x86::gpq(kThreadReg), x86::ptr(x86::rbp, -8));
  leaveAndReturn();
  as_.unwind(target_.unwinding().entry);
  as_.bind(inside);
  prologue();
  a_.mov(x86::gpq(kFrameReg), x86::rsi);
  next_ = nullptr;
  jumpToBlock(in_.function->blocks().front()->last->targets[number]);
}

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

void FunctionEmitter::initStackLimit() {
  if (in_.addresses->init_stack_limit == 0) return;
  Label unknown = as_.newLabel(), known = as_.newLabel();
  a_.cmp(threadLocal(in_.layout->tls_stack_limit), 0);
  as_.jumpIf(x86::CondCode::kEqual, unknown);
  as_.bind(known);
  defer([this, unknown, known] {
    as_.bind(unknown);
    a_.push(x86::rdi);
    a_.push(x86::rsi);
    as_.call(in_.addresses->init_stack_limit);
    a_.pop(x86::rsi);
    a_.pop(x86::rdi);
    as_.jump(known);
  });
}

namespace {

// Preserves everything but the scratch register, which holds the object. Compiled code uses the low
// halves of the vector registers only.
void decrefStub(Assembly& as, const RuntimeAddresses& addresses, const UnwindConvention& convention,
                bool vectors) {
  constexpr uint8_t kSaved[] = {kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9, kR10};
  constexpr int32_t kVectorBytes = 16 * 8;
  x86::Assembler& a = as.a;
  pushFrameRecord(as, convention);
  for (uint8_t reg : kSaved) a.push(x86::gpq(reg));
  if (vectors) a.sub(x86::rsp, kVectorBytes);
  for (uint32_t i = 0; vectors && i < 16; ++i)
    a.movsd(x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)), x86::xmm(i));
  a.mov(x86::rdi, x86::gpq(kScratchGp));
  as.call(addresses.dealloc);
  for (uint32_t i = 0; vectors && i < 16; ++i)
    a.movsd(x86::xmm(i), x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)));
  if (vectors) a.add(x86::rsp, kVectorBytes);
  for (size_t i = std::size(kSaved); i-- > 0;) a.pop(x86::gpq(kSaved[i]));
  a.pop(x86::rbp);
  as.unwind(convention.entry);
  a.ret();
}

// Called with the metadata in r11 and the exit's number pushed before the return address; returns
// tephra_take_exit's result, to be handed on by the function's epilogue. Or goes on where
// RegisterFile::resume says, with all registers as they were.
void exitStub(Assembly& as, const RuntimeAddresses& addresses, const UnwindConvention& convention) {
  x86::Assembler& a = as.a;
  auto file = static_cast<int32_t>(kRegisterFileBytes);
  UnwindState state = convention.entry;
  a.sub(x86::rsp, file);
  state.cfa_offset += file;
  as.unwind(state);
  for (uint32_t i = 0; i < 16; ++i) {
    if (i != kRsp) a.mov(x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)), x86::gpq(i));
  }
  a.lea(x86::rax, x86::ptr(x86::rsp, file + 16));  // as it was before the exit
  a.mov(x86::ptr(x86::rsp, 8 * kRsp), x86::rax);
  for (uint32_t i = 0; i < 16; ++i) {
    a.movsd(x86::ptr(x86::rsp, static_cast<int32_t>(offsetof(RegisterFile, fp) + 8 * i)),
            x86::xmm(i));
  }
  a.mov(x86::rdi, x86::gpq(kScratchGp));
  a.mov(x86::esi, x86::ptr(x86::rsp, file + 8));
  a.mov(x86::rdx, x86::rsp);
  a.mov(x86::rcx, x86::rbp);
  a.mov(x86::r8, x86::gpq(kFrameReg));
  a.mov(x86::r9, x86::gpq(kThreadReg));
  asmjit::Label resume = as.newLabel();
  x86::Mem resume_at = x86::ptr(x86::rsp, static_cast<int32_t>(8 * RegisterFile::kResume));
  a.mov(x86::qword_ptr(x86::rsp, static_cast<int32_t>(8 * RegisterFile::kResume)), 0);
  as.call(addresses.take_exit);
  a.mov(x86::gpq(kScratchGp), resume_at);
  a.test(x86::gpq(kScratchGp), x86::gpq(kScratchGp));
  as.jumpIf(x86::CondCode::kNotZero, resume);
  a.add(x86::rsp, file);
  as.unwind(convention.entry);
  a.ret();
  as.bind(resume);
  as.countNoMore();
  as.unwind(state);
  for (uint32_t i = 0; i < 16; ++i) {
    if (i != kRsp && i != kScratchGp)
      a.mov(x86::gpq(i), x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)));
    a.movsd(x86::xmm(i),
            x86::ptr(x86::rsp, static_cast<int32_t>(offsetof(RegisterFile, fp) + 8 * i)));
  }
  a.add(x86::rsp, file + 16);  // the return address and the exit's number are gone, too
  a.jmp(x86::gpq(kScratchGp));
}

// Register entry of a function that is not compiled: its parameters become an array.
void uncompiledStub(Assembly& as, const RuntimeAddresses& addresses,
                    const UnwindConvention& convention, uint32_t nargs) {
  x86::Assembler& a = as.a;
  if (nargs > kMaxRegisterParameters) {  // they are an array already
    a.mov(x86::edx, nargs);
    as.jumpTo(addresses.call_uncompiled);
    return;
  }
  pushFrameRecord(as, convention);
  if (nargs != 0) a.sub(x86::rsp, (8 * nargs + 15) / 16 * 16);
  for (uint32_t i = 0; i < nargs; ++i) {
    a.mov(x86::ptr(x86::rsp, static_cast<int32_t>(8 * i)), x86::gpq(kArgumentGp[i + 1]));
  }
  a.mov(x86::rsi, x86::rsp);
  as.loadImmediate(x86::rdx, nargs);
  as.call(addresses.call_uncompiled);
  a.leave();
  as.unwind(convention.entry);
  a.ret();
}

}  // namespace

Result<EmittedCode> emitStub(const Target& target, const StubInput& input) {
  Assembly assembly(input.reach.call, {}, false);
  assembly.enterHot();
  const UnwindConvention& convention = target.unwinding();
  assembly.unwind(convention.entry);
  switch (input.kind) {
    case StubKind::kDecref: decrefStub(assembly, *input.addresses, convention, true); break;
    case StubKind::kDecrefGeneral: decrefStub(assembly, *input.addresses, convention, false); break;
    case StubKind::kExit: exitStub(assembly, *input.addresses, convention); break;
    case StubKind::kPushFrame: pushFrameStub(assembly, input, convention); break;
    case StubKind::kPopFrame:
      popFrameStub(assembly, input, convention,
                   [&] { decrefStub(assembly, *input.addresses, convention, true); });
      break;
    case StubKind::kUncompiled:
      uncompiledStub(assembly, *input.addresses, convention, input.nargs);
      break;
    case StubKind::kFar: assembly.jumpTo(input.destination); break;
  }
  EmittedCode code;
  if (!assembly.finish(&code)) return emissionBailout(assembly.error());
  return code;
}

}  // namespace tephra::x86_64
