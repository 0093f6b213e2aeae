// Moves between all places, constants, memory.
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

void FunctionEmitter::moveRegister(uint8_t to, uint8_t from) { a_.mov(x(to), x(from)); }

void FunctionEmitter::loadSlot(uint8_t to, const Operand& from) { a_.ldr(x(to), slot(from)); }

void FunctionEmitter::storeSlot(const Operand& to, uint8_t from) { a_.str(x(from), slot(to)); }

void FunctionEmitter::storeConstant(const Operand& to, uint64_t bits) {
  uint32_t value = valueIn(Operand::imm(static_cast<int64_t>(bits)), kScratchGp2);
  storeRegister(slot(to), value, 8);
}

// Through x17: any other register may hold a value of the parallel move that this is part of.
void FunctionEmitter::copySlot(const Operand& to, const Operand& from) {
  a_.ldr(x(kScratchGp2), slot(from));
  a_.str(x(kScratchGp2), slot(to));
}

void FunctionEmitter::moveFpRegister(uint8_t to, uint8_t from) { a_.fmov(d(to), d(from)); }

void FunctionEmitter::loadFpSlot(uint8_t to, const Operand& from) { a_.ldr(d(to), slot(from)); }

void FunctionEmitter::storeFpSlot(const Operand& to, uint8_t from) { a_.str(d(from), slot(to)); }

void FunctionEmitter::load(a64::Gp to, const a64::Mem& from, uint32_t width, bool sign) {
  switch (width) {
    case 8: a_.ldr(to.x(), from); return;
    case 4:
      if (sign)
        a_.ldrsw(to.x(), from);
      else
        a_.ldr(to.w(), from);
      return;
    case 2:
      if (sign)
        a_.ldrsh(to.x(), from);
      else
        a_.ldrh(to.w(), from);
      return;
    case 1:
      if (sign)
        a_.ldrsb(to.x(), from);
      else
        a_.ldrb(to.w(), from);
      return;
    default: as_.fail("width of a load");
  }
}

void FunctionEmitter::storeRegister(const a64::Mem& to, uint32_t number, uint32_t width) {
  if (number == kZeroRegister) number = a64::Gp::kIdZr;
  switch (width) {
    case 8: a_.str(x(number), to); return;
    case 4: a_.str(w(number), to); return;
    case 2: a_.strh(w(number), to); return;
    case 1: a_.strb(w(number), to); return;
    default: as_.fail("width of a store");
  }
}

void FunctionEmitter::store(const a64::Mem& to, const Operand& value, uint32_t width) {
  storeRegister(to, valueIn(value, kScratchGp2, width), width);
}

void FunctionEmitter::storeAt(const Operand& address, const Operand& value, uint32_t width) {
  store(mem(address), value, width);
}

void FunctionEmitter::stackArgument(const Operand& from, uint32_t offset) {
  if (from.isSlot()) {
    a_.ldr(x(kScratchGp2), slot(from));
    a_.str(x(kScratchGp2), frameWord(offset));
  } else if (from.isReg() && from.bank == lir::Bank::kFp) {
    a_.str(d(fp(from)), frameWord(offset));
  } else {
    store(frameWord(offset), from, 8);
  }
}

void FunctionEmitter::addMem(const Instr& instr) {
  uint32_t width = instr.u32(0);
  a64::Mem at = mem(instr.uses[0]);
  const Operand& value = instr.uses[1];
  load(x(kScratchGp), at, width, false);
  uint32_t wide = width == 8 ? 8 : 4;
  if (value.isImm()) {
    addOrSubImmediate(kScratchGp, kScratchGp, narrow(value.immValue(), width), wide);
  } else if (wide == 8) {
    a_.add(x(kScratchGp), x(kScratchGp), x(gp(value)));
  } else {
    a_.add(w(kScratchGp), w(kScratchGp), w(gp(value)));
  }
  storeRegister(at, kScratchGp, width);
}

void FunctionEmitter::lea(const Instr& instr) {
  const Operand& address = instr.uses[0];
  if (!address.isMem() || address.base_kind == Operand::kNone) return fail(instr, "address");
  uint8_t to = gp(instr.defs[0]), base = baseNumber(address);
  if (address.index_kind == Operand::kNone) {
    if (address.disp != 0)
      as_.addImmediate(to, base, address.disp);
    else if (to != base)
      a_.mov(x(to), x(base));
    return;
  }
  uint8_t index = indexNumber(address);
  if (address.disp != 0) return fail(instr, "an address with index and displacement");
  if (address.scale == 0)
    a_.add(x(to), x(base), x(index));
  else
    a_.add(x(to), x(base), x(index), a64::lsl(address.scale));
}

void loadThreadLocal(Assembly& as, uint8_t to, int64_t offset) {
  as.word(encodeThreadPointer(kScratchGp), "mrs x16, tpidr_el0");
  bool scaled = offset >= 0 && offset <= 32760 && offset % 8 == 0;
  if (scaled || (offset >= -256 && offset < 256)) {
    as.a.ldr(x(to), a64::ptr(x(kScratchGp), static_cast<int32_t>(offset)));
  } else {
    as.loadImmediate(kScratchGp2, static_cast<uint64_t>(offset));
    as.a.ldr(x(to), a64::ptr(x(kScratchGp), x(kScratchGp2)));
  }
}

}  // namespace tephra::aarch64
