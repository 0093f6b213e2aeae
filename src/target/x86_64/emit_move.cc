// Moves between all places, constants, memory.
#include "target/x86_64/emitter.h"

namespace tephra::x86_64 {

// Between two memory places through the stack: any register may hold a value of the parallel move
// that this is part of.
void FunctionEmitter::move(const Operand& to, const Operand& from) {
  bool to_register = isGpRegister(to);
  if (!to_register && !to.isSlot()) return as_.fail("a move to neither register nor slot");
  if (isGpRegister(from)) {
    if (!to_register) {
      a_.mov(slot(to), gp(from));
    } else if (gpNumber(to) != gpNumber(from)) {
      a_.mov(gp(to), gp(from));
    }
  } else if (from.isSlot()) {
    if (to_register) {
      a_.mov(gp(to), slot(from));
    } else if (to.base != from.base) {
      a_.push(slot(from));
      a_.pop(slot(to));
    }
  } else if (!from.isImm()) {
    as_.fail("a move from neither register, slot nor constant");
  } else if (to_register) {
    as_.loadImmediate(gp(to), from.bits);
  } else if (isInt32(from.bits)) {
    a_.mov(slot(to), from.immValue());
  } else {
    x86::Mem half = slot(to);
    half.setSize(4);
    a_.mov(half, static_cast<int32_t>(from.bits));
    half.addOffset(4);
    a_.mov(half, static_cast<int32_t>(from.bits >> 32));
  }
}

void FunctionEmitter::moveFp(const Operand& to, const Operand& from) {
  if (to.isReg() && from.isReg()) {
    if (to.base != from.base) a_.movaps(fp(to), fp(from));
  } else if (to.isReg() && from.isSlot()) {
    a_.movsd(fp(to), slot(from));
  } else if (to.isSlot() && from.isReg()) {
    a_.movsd(slot(to), fp(from));
  } else if (to.isSlot() && from.isSlot()) {
    if (to.base == from.base) return;
    a_.push(slot(from));
    a_.pop(slot(to));
  } else {
    as_.fail("a move of a double between neither registers nor slots");
  }
}

void FunctionEmitter::moveConstFp(const Instr& instr) {
  if (instr.defs[0].isSlot()) {
    move(instr.defs[0], Operand::imm(static_cast<int64_t>(instr.attr[0])));
  } else if (instr.attr[0] == 0) {  // +0.0 only
    a_.xorps(fp(instr.defs[0]), fp(instr.defs[0]));
  } else {
    a_.movsd(fp(instr.defs[0]), as_.literal(instr.attr[0]));
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
    Operand base;
    base.kind = static_cast<Operand::Kind>(address.base_kind);
    base.base = address.base;
    return move(instr.defs[0], base);
  }
  a_.lea(gp(instr.defs[0]), mem(address, 8));
}

void FunctionEmitter::param(const Instr& instr) {
  if (instr.u32(0) >= std::size(kArgumentGp)) return fail(instr, "index");
  uint8_t incoming = kArgumentGp[instr.u32(0)];
  const Operand& d = instr.defs[0];
  if (d.isSlot()) {
    a_.mov(slot(d), x86::gpq(incoming));
  } else if (gpNumber(d) != incoming) {
    fail(instr, "not in its argument register");  // a move here could overwrite the next argument
  }
}

}  // namespace tephra::x86_64
