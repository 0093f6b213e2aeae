// Moves between all places, constants, memory.
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

void FunctionEmitter::moveRegister(uint8_t to, uint8_t from) {
  a_.mov(x86::gpq(to), x86::gpq(from));
}

void FunctionEmitter::loadSlot(uint8_t to, const Operand& from) {
  a_.mov(x86::gpq(to), slot(from));
}

void FunctionEmitter::storeSlot(const Operand& to, uint8_t from) {
  a_.mov(slot(to), x86::gpq(from));
}

void FunctionEmitter::storeConstant(const Operand& to, uint64_t bits) {
  x86::Mem at = slot(to);
  if (isInt32(bits)) {
    a_.mov(at, static_cast<int64_t>(bits));
    return;
  }
  at.setSize(4);
  a_.mov(at, static_cast<int32_t>(bits));
  at.addOffset(4);
  a_.mov(at, static_cast<int32_t>(bits >> 32));
}

// Through the stack: any register may hold a value of the parallel move that this is part of.
void FunctionEmitter::copySlot(const Operand& to, const Operand& from) {
  a_.push(slot(from));
  a_.pop(slot(to));
}

void FunctionEmitter::moveFpRegister(uint8_t to, uint8_t from) {
  a_.movaps(x86::xmm(to), x86::xmm(from));
}

void FunctionEmitter::loadFpSlot(uint8_t to, const Operand& from) {
  a_.movsd(x86::xmm(to), slot(from));
}

void FunctionEmitter::storeFpSlot(const Operand& to, uint8_t from) {
  a_.movsd(slot(to), x86::xmm(from));
}

void FunctionEmitter::loadDouble(uint8_t to, uint64_t bits) {
  if (bits == 0) {  // +0.0 only
    a_.xorps(x86::xmm(to), x86::xmm(to));
  } else {
    a_.movsd(x86::xmm(to), as_.literal(bits));
  }
}

void FunctionEmitter::load(const Instr& instr) {
  uint32_t width = instr.u32(0);
  bool sign = instr.attr[1] != 0;
  const Operand& d = instr.defs[0];
  x86::Mem from = mem(instr.uses[0], width);
  if (width == 8) {
    a_.mov(gp(d), from);
  } else if (width == 4) {
    if (sign)
      a_.movsxd(gp(d), from);
    else
      a_.mov(gp(d, 4), from);
  } else if (width == 1 || width == 2) {
    if (sign)
      a_.movsx(gp(d), from);
    else
      a_.movzx(gp(d, 4), from);
  } else {
    fail(instr, "width");
  }
}

void FunctionEmitter::store(const x86::Mem& to, const Operand& value, uint32_t width) {
  if (width != 1 && width != 2 && width != 4 && width != 8) return as_.fail("width of a store");
  if (!value.isImm()) {
    a_.mov(to, gp(value, width));
  } else if (width == 8 && !isInt32(value.bits)) {
    as_.loadImmediate(x86::gpq(kScratchGp), value.bits);
    a_.mov(to, x86::gpq(kScratchGp));
  } else if (width == 1) {
    a_.mov(to, static_cast<int8_t>(value.bits));
  } else if (width == 2) {
    a_.mov(to, static_cast<int16_t>(value.bits));
  } else {
    a_.mov(to, static_cast<int32_t>(value.bits));
  }
}

void FunctionEmitter::storeAt(const Operand& address, const Operand& value, uint32_t width) {
  store(mem(address, width), value, width);
}

void FunctionEmitter::stackArgument(const Operand& from, uint32_t offset) {
  x86::Mem to = x86::ptr(x86::rsp, static_cast<int32_t>(offset), 8);
  if (from.isSlot()) {
    a_.mov(x86::gpq(kScratchGp), slot(from));
    a_.mov(to, x86::gpq(kScratchGp));
  } else if (from.isReg() && from.bank == lir::Bank::kFp) {
    a_.movsd(to, fp(from));
  } else {
    store(to, from, 8);
  }
}

void FunctionEmitter::addMem(const Instr& instr) {
  uint32_t width = instr.u32(0);
  x86::Mem to = mem(instr.uses[0], width);
  const Operand& value = instr.uses[1];
  if (!value.isImm()) {
    a_.add(to, gp(value, width));
  } else if (width == 8 && !isInt32(value.bits)) {
    as_.loadImmediate(x86::gpq(kScratchGp), value.bits);
    a_.add(to, x86::gpq(kScratchGp));
  } else {
    int32_t amount = static_cast<int32_t>(value.bits);
    if (width == 1) amount = static_cast<int8_t>(amount);
    if (width == 2) amount = static_cast<int16_t>(amount);
    a_.add(to, amount);
  }
}

void FunctionEmitter::lea(const Instr& instr) {
  const Operand& address = instr.uses[0];
  // An address that is one register is a move, in half the bytes.
  if (address.isMem() && address.disp == 0 && address.index_kind == Operand::kNone &&
      address.base_kind != Operand::kNone) {
    return move(instr.defs[0], Operand::reg(baseNumber(address), lir::Bank::kGp));
  }
  a_.lea(gp(instr.defs[0]), mem(address, 8));
}

}  // namespace tephra::x86_64
