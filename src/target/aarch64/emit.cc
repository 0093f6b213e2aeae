#include "target/aarch64/emit.h"

#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

using lir::Op;
using lir::Operand;

// --- operands

uint32_t FunctionEmitter::valueIn(const Operand& operand, uint8_t scratch, uint32_t width) {
  if (!operand.isImm()) return gp(operand);
  uint64_t bits = operand.bits;
  if (width < 8) bits &= (UINT64_C(1) << (8 * width)) - 1;
  if (bits == 0) return kZeroRegister;
  as_.loadImmediate(scratch, bits);
  return scratch;
}

a64::Mem FunctionEmitter::frameWord(uint64_t offset) {
  if (offset <= 32760) return a64::ptr(a64::sp, static_cast<int32_t>(offset));
  as_.loadImmediate(kScratchAddress, offset);
  return a64::ptr(a64::sp, x(kScratchAddress));
}

uint64_t FunctionEmitter::slotFromStackPointer(const Operand& operand) {
  return static_cast<uint64_t>(int64_t{in_.frame.size} + slotOffset(operand));
}

a64::Mem FunctionEmitter::mem(const Operand& operand) {
  if (operand.kind != Operand::kMem || operand.base_kind == Operand::kNone)
    as_.fail("an operand is not an address of this machine");
  a64::GpX base = x(baseNumber(operand));
  if (operand.index_kind == Operand::kNone) return a64::ptr(base, operand.disp);
  if (operand.disp != 0) as_.fail("an address with index and displacement");
  a64::GpX index = x(indexNumber(operand));
  if (operand.scale == 0) return a64::ptr(base, index);
  return a64::ptr(base, index, a64::lsl(operand.scale));
}

// --- the whole function

void FunctionEmitter::alignEntry() {
  as_.tallier.part("padding");
  while (as_.here().offset % 16 != 0) a_.nop();
}

namespace {

// Saved registers in pairs of neighbours of one bank, each pair's lower address last in the layout.
struct SavedPair {
  lir::Bank bank;
  uint8_t low, high;  // equal: only one
  int32_t offset;     // of `low`
};
std::vector<SavedPair> pairs(const NativeFrame& frame) {
  std::vector<SavedPair> result;
  for (size_t i = 0; i < frame.saved.size(); ++i) {
    const auto& saved = frame.saved[i];
    if (i + 1 < frame.saved.size() && frame.saved[i + 1].bank == saved.bank &&
        frame.saved[i + 1].offset == saved.offset - 8) {
      result.push_back({saved.bank, frame.saved[i + 1].reg, saved.reg, saved.offset - 8});
      ++i;
    } else {
      result.push_back({saved.bank, saved.reg, saved.reg, saved.offset});
    }
  }
  return result;
}

}  // namespace

// The record comes first, so that every unwinder finds it from any instruction behind.
void openFrame(Assembly& as, const UnwindConvention& convention, uint32_t bytes_below) {
  as.a.stp(a64::x29, a64::x30, a64::ptr_pre(a64::sp, -16));
  as.unwind({convention.stack_pointer, 16, convention.frame.saved});
  as.a.mov(a64::x29, a64::sp);
  as.unwind(convention.frame);
  if (bytes_below != 0) as.addImmediate(kStackPointer, kStackPointer, -int64_t{bytes_below});
}

void closeFrame(Assembly& as, const UnwindConvention& convention, bool move_stack_pointer) {
  if (move_stack_pointer) as.a.mov(a64::sp, a64::x29);
  as.a.ldp(a64::x29, a64::x30, a64::ptr_post(a64::sp, 16));
  as.unwind(convention.entry);
  as.a.ret(a64::x30);
}

void FunctionEmitter::prologue() {
  openFrame(as_, target_.unwinding(), in_.frame.size);
  body_ = target_.unwinding().frame;
  for (const SavedPair& pair : pairs(in_.frame)) {
    a64::Mem at = a64::ptr(a64::x29, pair.offset);
    bool two = pair.low != pair.high;
    if (pair.bank == lir::Bank::kGp && two) {
      a_.stp(x(pair.low), x(pair.high), at);
    } else if (pair.bank == lir::Bank::kGp) {
      a_.str(x(pair.low), at);
    } else if (two) {
      a_.stp(d(pair.low), d(pair.high), at);
    } else {
      a_.str(d(pair.low), at);
    }
  }
  for (const auto& saved : in_.frame.saved)
    body_.saved.push_back({target_.dwarfRegister(saved.bank, saved.reg), saved.offset - 16});
  as_.unwind(body_);
}

void FunctionEmitter::epilogue(bool stack_pointer_known) {
  for (const SavedPair& pair : pairs(in_.frame)) {
    a64::Mem at = a64::ptr(a64::x29, pair.offset);
    bool two = pair.low != pair.high;
    if (pair.bank == lir::Bank::kGp && two) {
      a_.ldp(x(pair.low), x(pair.high), at);
    } else if (pair.bank == lir::Bank::kGp) {
      a_.ldr(x(pair.low), at);
    } else if (two) {
      a_.ldp(d(pair.low), d(pair.high), at);
    } else {
      a_.ldr(d(pair.low), at);
    }
  }
  closeFrame(as_, target_.unwinding(), !stack_pointer_known || in_.frame.size != 0);
  as_.unwind(body_);
}

void FunctionEmitter::giveExit(uint32_t exit) { as_.loadImmediate(kScratchGp2, exit); }

void FunctionEmitter::giveMetadata(uint64_t address) { as_.loadImmediate(kScratchGp, address); }

// --- operations

bool FunctionEmitter::emitOperation(const Instr& instr) {
  auto def = [&] { return gp(instr.defs[0]); };
  switch (instr.op) {
    case Op::kFpToGp: a_.fmov(x(def()), d(fp(instr.uses[0]))); return true;
    case Op::kLoad:
      load(x(def()), mem(instr.uses[0]), instr.u32(0), instr.attr[1] != 0);
      return true;
    case Op::kLoadF: a_.ldr(d(fp(instr.defs[0])), mem(instr.uses[0])); return true;
    case Op::kStoreF: a_.str(d(fp(instr.uses[1])), mem(instr.uses[0])); return true;
    case Op::kLea: lea(instr); return true;
    case Op::kAddMem: addMem(instr); return true;
    case Op::kLoadOut: a_.ldr(x(def()), outgoing(instr.u32(0))); return true;
    case Op::kStoreOut: store(outgoing(instr.u32(0)), instr.uses[0], 8); return true;
    case Op::kLeaOut:
      as_.addImmediate(def(), kStackPointer, outgoingOffset(instr.u32(0)));
      return true;
    case Op::kBranchCmpF: branch(compareFp(instr), instr); return true;
    case Op::kExitCmpF: exitIf(compareFp(instr), instr); return true;
    case Op::kTrap: a_.brk(0); return true;
    default: return emitNumber(instr);
  }
}

bool FunctionEmitter::emitNumber(const Instr& instr) {
  auto fpOp = [&](asmjit::InstId op) {
    a_.emit(op, d(fp(instr.defs[0])), d(fp(instr.uses[0])), d(fp(instr.uses[1])));
    return true;
  };
  switch (instr.op) {
    case Op::kAdd: addOrSub(instr, false); return true;
    case Op::kSub: addOrSub(instr, true); return true;
    case Op::kMul: mul(instr); return true;
    case Op::kAnd: logical(instr, a64::Inst::kIdAnd); return true;
    case Op::kOr: logical(instr, a64::Inst::kIdOrr); return true;
    case Op::kXor: logical(instr, a64::Inst::kIdEor); return true;
    case Op::kShl: shift(instr, a64::Inst::kIdLslv, a64::Inst::kIdLsl); return true;
    case Op::kShr: shift(instr, a64::Inst::kIdLsrv, a64::Inst::kIdLsr); return true;
    case Op::kSar: shift(instr, a64::Inst::kIdAsrv, a64::Inst::kIdAsr); return true;
    case Op::kNeg:
      a_.neg(reg(instr.defs[0], instr.u32(0)), reg(instr.uses[0], instr.u32(0)));
      return true;
    case Op::kNegIf: negateIf(instr); return true;
    case Op::kDivRem: divRem(instr); return true;
    case Op::kAddExit: overflowExit(instr, false); return true;
    case Op::kSubExit: overflowExit(instr, true); return true;
    case Op::kMulExit: mulExit(instr); return true;
    case Op::kSetCmp: setCondition(instr); return true;
    case Op::kSelect: select(instr); return true;
    case Op::kAddF: return fpOp(a64::Inst::kIdFadd_v);
    case Op::kSubF: return fpOp(a64::Inst::kIdFsub_v);
    case Op::kMulF: return fpOp(a64::Inst::kIdFmul_v);
    case Op::kDivF: return fpOp(a64::Inst::kIdFdiv_v);
    case Op::kNegF: a_.fneg(d(fp(instr.defs[0])), d(fp(instr.uses[0]))); return true;
    case Op::kIntToF: a_.scvtf(d(fp(instr.defs[0])), x(gp(instr.uses[0]))); return true;
    case Op::kSetCmpF: setFlag(instr.defs[0], ccOf(compareFp(instr))); return true;
    default: return false;
  }
}

// --- the runs of the assembler

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input) {
  std::vector<bool> long_branches;
  while (true) {
    Assembly assembly(input.reach, long_branches, input.disassembly, input.tally);
    FunctionEmitter emitter(target, input, assembly);
    emitter.emitAll();
    EmittedCode code;
    if (assembly.finish(&code)) {
      emitter.collect(&code);
      return code;
    }
    if (assembly.failed()) return emissionBailout(assembly.error());
    long_branches = assembly.longBranches();
  }
}

}  // namespace tephra::aarch64
