// Moves between all places, constants, memory.
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

// Between two memory places through x17: any other register may hold a value of the parallel move
// that this is part of.
void FunctionEmitter::move(const Operand& to, const Operand& from) {
  bool to_register = isGpRegister(to);
  if (!to_register && !to.isSlot()) return as_.fail("a move to neither register nor slot");
  if (isGpRegister(from)) {
    if (!to_register) {
      a_.str(x(gp(from)), slot(to));
    } else if (gp(to) != gp(from)) {
      a_.mov(x(gp(to)), x(gp(from)));
    }
  } else if (from.isSlot()) {
    if (to_register) {
      a_.ldr(x(gp(to)), slot(from));
    } else if (to.base != from.base) {
      a_.ldr(x(kScratchGp2), slot(from));
      a_.str(x(kScratchGp2), slot(to));
    }
  } else if (!from.isImm()) {
    as_.fail("a move from neither register, slot nor constant");
  } else if (to_register) {
    as_.loadImmediate(gp(to), from.bits);
  } else {
    storeRegister(slot(to), valueIn(from, kScratchGp2), 8);
  }
}

void FunctionEmitter::moveFp(const Operand& to, const Operand& from) {
  if (to.isReg() && from.isReg()) {
    if (to.base != from.base) a_.fmov(d(fp(to)), d(fp(from)));
  } else if (to.isReg() && from.isSlot()) {
    a_.ldr(d(fp(to)), slot(from));
  } else if (to.isSlot() && from.isReg()) {
    a_.str(d(fp(from)), slot(to));
  } else if (to.isSlot() && from.isSlot()) {
    if (to.base == from.base) return;
    a_.ldr(x(kScratchGp2), slot(from));
    a_.str(x(kScratchGp2), slot(to));
  } else {
    as_.fail("a move of a double between neither registers nor slots");
  }
}

void FunctionEmitter::moveConstFp(const Instr& instr) {
  if (instr.defs[0].isSlot()) {
    move(instr.defs[0], Operand::imm(static_cast<int64_t>(instr.attr[0])));
  } else {
    as_.loadDouble(fp(instr.defs[0]), instr.attr[0]);
  }
}

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
  auto part = [&](uint8_t kind, uint32_t number) {
    Operand whole;
    whole.kind = static_cast<Operand::Kind>(kind);
    whole.base = number;
    return gp(whole);
  };
  if (!address.isMem() || address.base_kind == Operand::kNone) return fail(instr, "address");
  uint8_t to = gp(instr.defs[0]), base = part(address.base_kind, address.base);
  if (address.index_kind == Operand::kNone) {
    if (address.disp != 0)
      as_.addImmediate(to, base, address.disp);
    else if (to != base)
      a_.mov(x(to), x(base));
    return;
  }
  uint8_t index = part(address.index_kind, address.index);
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

void FunctionEmitter::param(const Instr& instr) {
  if (instr.u32(0) >= std::size(kArgumentGp)) return fail(instr, "index");
  uint8_t incoming = kArgumentGp[instr.u32(0)];
  const Operand& to = instr.defs[0];
  if (to.isSlot()) {
    a_.str(x(incoming), slot(to));
  } else if (gp(to) != incoming) {
    fail(instr, "not in its argument register");  // a move here could overwrite the next argument
  }
}

}  // namespace tephra::aarch64
