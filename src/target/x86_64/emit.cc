#include "target/x86_64/emit.h"

#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

using lir::Op;
using lir::Operand;

// --- operands

x86::Gp FunctionEmitter::gp(const Operand& operand, uint32_t width) {
  uint8_t number = gpNumber(operand);
  switch (width) {
    case 1: return x86::gpb(number);
    case 2: return x86::gpw(number);
    case 4: return x86::gpd(number);
    default: return x86::gpq(number);
  }
}

x86::Mem FunctionEmitter::outgoing(uint32_t word) {
  return x86::ptr(x86::rsp, static_cast<int32_t>(outgoingOffset(word)), 8);
}

x86::Mem FunctionEmitter::mem(const Operand& operand, uint32_t width) {
  if (operand.kind != Operand::kMem) as_.fail("an operand is not an address");
  bool indexed = operand.index_kind != Operand::kNone;
  if (operand.base_kind == Operand::kNone) {
    auto address = static_cast<uint64_t>(static_cast<int64_t>(operand.disp));
    if (!indexed) return x86::ptr_abs(address, width);
    return x86::ptr_abs(address, x86::gpq(indexNumber(operand)), operand.scale, width);
  }
  x86::Gp base = x86::gpq(baseNumber(operand));
  if (!indexed) return x86::ptr(base, operand.disp, width);
  return x86::ptr(base, x86::gpq(indexNumber(operand)), operand.scale, operand.disp, width);
}

// --- the whole function

void FunctionEmitter::alignEntry() { a_.align(asmjit::AlignMode::kCode, 16); }

void pushFrameRecord(Assembly& as, const UnwindConvention& convention) {
  as.a.push(x86::rbp);
  as.unwind({convention.stack_pointer, 16, convention.frame.saved});
  as.a.mov(x86::rbp, x86::rsp);
  as.unwind(convention.frame);
}

void popFrameRecord(Assembly& as, const UnwindConvention& convention) {
  as.a.pop(x86::rbp);
  as.unwind(convention.entry);
}

void leaveAndReturn(Assembly& as, const UnwindConvention& convention) {
  as.a.leave();
  as.unwind(convention.entry);
  as.a.ret();
}

void FunctionEmitter::prologue() {
  pushFrameRecord(as_, target_.unwinding());
  body_ = target_.unwinding().frame;
  int32_t pushed = 0;
  for (const auto& saved : in_.frame.saved) {
    pushed += 8;
    if (saved.bank != lir::Bank::kGp || saved.offset != -pushed)
      return as_.fail("saved registers out of order");
    a_.push(x86::gpq(saved.reg));
    body_.saved.push_back({target_.dwarfRegister(saved.bank, saved.reg), saved.offset - 16});
  }
  as_.unwind(body_);
  int32_t rest = static_cast<int32_t>(in_.frame.size) - pushed;
  if (rest > 0) a_.sub(x86::rsp, rest);
}

void FunctionEmitter::epilogue(bool stack_pointer_known) {
  auto saved = static_cast<int32_t>(8 * in_.frame.saved.size());
  if (saved == 0) {
    if (stack_pointer_known && in_.frame.size == 0) {
      a_.pop(x86::rbp);
    } else {
      a_.leave();
    }
  } else {
    if (!stack_pointer_known || saved != static_cast<int32_t>(in_.frame.size)) {
      a_.lea(x86::rsp, x86::ptr(x86::rbp, -saved));
    }
    for (size_t i = in_.frame.saved.size(); i-- > 0;) a_.pop(x86::gpq(in_.frame.saved[i].reg));
    a_.pop(x86::rbp);
  }
  as_.unwind(target_.unwinding().entry);
  a_.ret();
  as_.unwind(body_);
}

void FunctionEmitter::giveExit(uint32_t exit) { a_.push(exit); }

void FunctionEmitter::giveMetadata(uint64_t address) { a_.mov(x86::gpq(kScratchGp), address); }

// --- operations

bool FunctionEmitter::emitOperation(const Instr& instr) {
  switch (instr.op) {
    case Op::kFpToGp: a_.movq(gp(instr.defs[0]), fp(instr.uses[0])); return true;
    case Op::kLoad: load(instr); return true;
    case Op::kLoadF: a_.movsd(fp(instr.defs[0]), mem(instr.uses[0], 8)); return true;
    case Op::kStoreF: a_.movsd(mem(instr.uses[0], 8), fp(instr.uses[1])); return true;
    case Op::kLea: lea(instr); return true;
    case Op::kAddMem: addMem(instr); return true;
    case Op::kLoadOut: a_.mov(gp(instr.defs[0]), outgoing(instr.u32(0))); return true;
    case Op::kStoreOut: store(outgoing(instr.u32(0)), instr.uses[0], 8); return true;
    case Op::kLeaOut: a_.lea(gp(instr.defs[0]), outgoing(instr.u32(0))); return true;
    case Op::kAdd: add(instr); return true;
    case Op::kSub: sub(instr); return true;
    case Op::kMul: mul(instr, instr.u32(0)); return true;
    case Op::kAnd: twoOperand(instr, x86::Inst::kIdAnd, true, instr.u32(0)); return true;
    case Op::kOr: twoOperand(instr, x86::Inst::kIdOr, true, instr.u32(0)); return true;
    case Op::kXor: twoOperand(instr, x86::Inst::kIdXor, true, instr.u32(0)); return true;
    case Op::kShl: shift(instr, x86::Inst::kIdShl); return true;
    case Op::kShr: shift(instr, x86::Inst::kIdShr); return true;
    case Op::kSar: shift(instr, x86::Inst::kIdSar); return true;
    case Op::kNeg:
      move(instr.defs[0], instr.uses[0]);
      a_.neg(gp(instr.defs[0], instr.u32(0)));
      return true;
    case Op::kNegIf: negateIf(instr); return true;
    case Op::kDivRem: divRem(instr); return true;
    case Op::kAddExit: overflowExit(instr, x86::Inst::kIdAdd); return true;
    case Op::kSubExit: overflowExit(instr, x86::Inst::kIdSub); return true;
    case Op::kMulExit: mulExit(instr); return true;
    case Op::kSetCmp: setCondition(instr); return true;
    case Op::kSelect: select(instr); return true;
    case Op::kAddF: twoOperandFp(instr, x86::Inst::kIdAddsd, true); return true;
    case Op::kSubF: twoOperandFp(instr, x86::Inst::kIdSubsd, false); return true;
    case Op::kMulF: twoOperandFp(instr, x86::Inst::kIdMulsd, true); return true;
    case Op::kDivF: twoOperandFp(instr, x86::Inst::kIdDivsd, false); return true;
    case Op::kNegF: negateFp(instr); return true;
    case Op::kIntToF:  // the zeroing breaks the dependency on the register's old upper half
      a_.xorps(fp(instr.defs[0]), fp(instr.defs[0]));
      a_.cvtsi2sd(fp(instr.defs[0]), gp(instr.uses[0]));
      return true;
    case Op::kSetCmpF: setCompareFp(instr); return true;
    case Op::kBranchCmpF: branchCompareFp(instr); return true;
    case Op::kExitCmpF: exitCompareFp(instr); return true;
    case Op::kTrap: a_.ud2(); return true;
    default: return false;
  }
}

x86::CondCode condCode(lir::Cond cond) {
  switch (cond) {
    case lir::Cond::kEq: return x86::CondCode::kEqual;
    case lir::Cond::kNe: return x86::CondCode::kNotEqual;
    case lir::Cond::kLt: return x86::CondCode::kSignedLT;
    case lir::Cond::kLe: return x86::CondCode::kSignedLE;
    case lir::Cond::kGt: return x86::CondCode::kSignedGT;
    case lir::Cond::kGe: return x86::CondCode::kSignedGE;
    case lir::Cond::kULt: return x86::CondCode::kUnsignedLT;
    case lir::Cond::kULe: return x86::CondCode::kUnsignedLE;
    case lir::Cond::kUGt: return x86::CondCode::kUnsignedGT;
    case lir::Cond::kUGe: return x86::CondCode::kUnsignedGE;
  }
  return x86::CondCode::kEqual;
}

// --- the runs of the assembler

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input) {
  EmittedCode best;
  bool have = false;
  std::vector<bool> short_jumps;
  for (int run = 0; run < 2; ++run) {
    Assembly assembly(input.reach, short_jumps, input.disassembly, input.tally);
    FunctionEmitter emitter(target, input, assembly);
    emitter.emitAll();
    EmittedCode code;
    if (!assembly.failed() && assembly.finish(&code)) {
      emitter.collect(&code);
      best = std::move(code);
      have = true;
    } else if (!have) {
      return emissionBailout(assembly.error());
    }
    short_jumps = assembly.failed() ? std::vector<bool>() : assembly.shortJumps();
    if (short_jumps.empty()) break;
  }
  return best;
}

}  // namespace tephra::x86_64
