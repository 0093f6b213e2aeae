// The ways into a function from C, and the stubs that functions share.
#include "target/aarch64/emit.h"
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

namespace {

constexpr int32_t kRegisterFileBytes = sizeof(RegisterFile);
constexpr int32_t kFpOffset = offsetof(RegisterFile, fp);
static_assert(kRegisterFileBytes == 512 && kFpOffset == 256);

}  // namespace

// Vectorcall: (function, args, nargsf, kwnames) = x0, x1, x2, x3. The runtime takes the arguments
// over, binds them, and goes on as the array entry, (function, bound).
void FunctionEmitter::entries() {
  addEntry({EntryKind::kVectorcall});
  as_.comment("vectorcall entry");
  landingPad();
  as_.jumpTo(in_.addresses->call_slow);
  addEntry({EntryKind::kArray});
  as_.comment("array entry");
  landingPad();
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

// Entry `number` of the function's: (thread state, interpreter frame), the frame being the current
// one, with its locals in their homes and nothing on its value stack that the entry does not load.
void FunctionEmitter::frameEntry(size_t number) {
  const EntryPoint& point = in_.function->entries[number];
  Label inside = as_.newLabel();
  as_.tallier.part("entry");
  as_.unwind(target_.unwinding().entry);
  addEntry(point);
  as_.comment(entryKindName(point.kind));
  landingPad();
  openFrame(as_, target_.unwinding(), 16);
  a_.str(x(kThreadReg), a64::ptr(a64::sp, 8));
  UnwindState state = target_.unwinding().frame;
  state.saved.push_back({target_.dwarfRegister(lir::Bank::kGp, kThreadReg), -24});
  as_.unwind(state);
  a_.mov(x(kThreadReg), a64::x0);
  as_.callLabel(inside);
  a_.ldr(x(kThreadReg), a64::ptr(a64::sp, 8));
  closeFrame(as_, target_.unwinding());
  as_.unwind(target_.unwinding().entry);
  as_.bind(inside);
  prologue();
  a_.mov(x(kFrameReg), a64::x1);
  next_ = nullptr;
  jumpToBlock(in_.function->blocks().front()->last->targets[number]);
}

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

void FunctionEmitter::initStackLimit() {
  if (in_.addresses->init_stack_limit == 0) return;
  Label unknown = as_.newLabel(), known = as_.newLabel();
  loadThreadLocal(as_, kScratchGp, in_.layout->tls_stack_limit);
  as_.jumpIf(Condition::zero(kScratchGp, true, false), unknown);
  as_.bind(known);
  defer([this, unknown, known] {
    as_.bind(unknown);
    a_.stp(a64::x0, a64::x1, a64::ptr(a64::sp));
    as_.call(in_.addresses->init_stack_limit);
    a_.ldp(a64::x0, a64::x1, a64::ptr(a64::sp));
    as_.jump(known);
  });
}

namespace {

// Preserves everything but the scratch registers; x16 holds the object. Compiled code uses the low
// halves of the vector registers only; those of d8 to d15 the callee preserves.
void decrefStub(Assembly& as, const RuntimeAddresses& addresses, const UnwindConvention& convention,
                bool vectors) {
  constexpr int32_t kGeneral = 16 * 8, kVector = 24 * 8;
  a64::Assembler& a = as.a;
  openFrame(as, convention, kGeneral + (vectors ? kVector : 0));
  auto vectorAt = [](uint32_t pair) { return a64::ptr(a64::sp, kGeneral + 16 * int32_t(pair)); };
  auto vectorOf = [](uint32_t pair) { return pair < 4 ? 2 * pair : 8 + 2 * pair; };  // 0-7, 16-31
  for (uint32_t i = 0; i < 16; i += 2)
    a.stp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  for (uint32_t pair = 0; vectors && pair < 12; ++pair)
    a.stp(d(vectorOf(pair)), d(vectorOf(pair) + 1), vectorAt(pair));
  a.mov(a64::x0, x(kScratchGp));
  as.call(addresses.dealloc);
  for (uint32_t pair = 0; vectors && pair < 12; ++pair)
    a.ldp(d(vectorOf(pair)), d(vectorOf(pair) + 1), vectorAt(pair));
  for (uint32_t i = 0; i < 16; i += 2)
    a.ldp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  closeFrame(as, convention);
}

// Called with the metadata in x16 and the exit's number in x17; returns tephra_take_exit's result,
// to be handed on by the function's epilogue. Or goes on where RegisterFile::resume says, with all
// registers as they were; by `ret`, which needs no landing pad.
void exitStub(Assembly& as, const RuntimeAddresses& addresses, const UnwindConvention& convention) {
  a64::Assembler& a = as.a;
  a.stp(a64::x29, a64::x30, a64::ptr_pre(a64::sp, -16));
  UnwindState state{convention.stack_pointer, 16, convention.frame.saved};
  as.unwind(state);
  as.addImmediate(kStackPointer, kStackPointer, -kRegisterFileBytes);
  state.cfa_offset += kRegisterFileBytes;
  as.unwind(state);
  for (uint32_t i = 0; i < 30; i += 2)
    a.stp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  static_assert(RegisterFile::kResume == 31);
  a.stp(a64::x30, a64::xzr, a64::ptr(a64::sp, 8 * 30));
  for (uint32_t i = 0; i < 32; i += 2) {
    if (kFpOffset + static_cast<int32_t>(8 * i) <= 504)
      a.stp(d(i), d(i + 1), a64::ptr(a64::sp, kFpOffset + static_cast<int32_t>(8 * i)));
  }
  a.mov(a64::x0, x(kScratchGp));
  a.mov(a64::w1, w(kScratchGp2));
  a.mov(a64::x2, a64::sp);
  a.mov(a64::x3, a64::x29);
  a.mov(a64::x4, x(kFrameReg));
  a.mov(a64::x5, x(kThreadReg));
  as.addImmediate(kFramePointer, kStackPointer, kRegisterFileBytes);
  as.unwind(convention.frame);
  as.call(addresses.take_exit);
  Label resume = as.newLabel();
  a.ldr(x(kScratchGp), a64::ptr(a64::sp, 8 * RegisterFile::kResume));
  as.jumpIf(Condition::zero(kScratchGp, true, true), resume);
  closeFrame(as, convention);
  as.bind(resume);
  as.countNoMore();
  as.unwind(convention.frame);
  for (uint32_t i = 0; i < 30; i += 2) {
    if (i != kScratchGp) a.ldp(x(i), x(i + 1), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
    if (i == 28) as.unwind(state);  // the frame pointer is the function's again
  }
  for (uint32_t i = 0; i < 32; i += 2)
    a.ldp(d(i), d(i + 1), a64::ptr(a64::sp, kFpOffset + static_cast<int32_t>(8 * i)));
  as.addImmediate(kStackPointer, kStackPointer, kRegisterFileBytes + 16);
  a.ret(x(kScratchGp));
}

// Register entry of a function that is not compiled: its parameters become an array.
void uncompiledStub(Assembly& as, const RuntimeAddresses& addresses,
                    const UnwindConvention& convention, uint32_t nargs) {
  a64::Assembler& a = as.a;
  if (nargs > kMaxRegisterParameters) {  // they are an array already
    as.loadImmediate(2, nargs);
    as.jumpTo(addresses.call_uncompiled);
    return;
  }
  openFrame(as, convention, (8 * nargs + 15) / 16 * 16);
  for (uint32_t i = 0; i < nargs; ++i)
    a.str(x(kArgumentGp[i + 1]), a64::ptr(a64::sp, static_cast<int32_t>(8 * i)));
  a.mov(a64::x1, a64::sp);
  as.loadImmediate(2, nargs);
  as.call(addresses.call_uncompiled);
  closeFrame(as, convention);
}

}  // namespace

Result<EmittedCode> emitStub(const Target& target, const StubInput& input) {
  Assembly assembly(input.reach, {}, false);
  assembly.enterHot();
  const UnwindConvention& convention = target.unwinding();
  assembly.unwind(convention.entry);
  if (input.landing_pads) assembly.landingPad();
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
    case StubKind::kFar:
      assembly.loadImmediate(kScratchGp, input.destination);
      assembly.a.br(x(kScratchGp));
      break;
  }
  EmittedCode code;
  if (!assembly.finish(&code)) return emissionBailout(assembly.error());
  return code;
}

}  // namespace tephra::aarch64
