// Loads and stores of neighbouring words as one ldp or stp.
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

using lir::Bank;
using lir::Op;
using lir::Operand;

bool FunctionEmitter::accessOf(const Instr& instr, Access* access) {
  auto word = [&](bool load, const Operand& value, uint64_t offset) {
    *access = {load,          value.isReg() && value.bank == Bank::kFp,
               false,         8,
               kStackPointer, static_cast<int64_t>(offset),
               &value};
    return true;
  };
  auto memory = [&](bool load, bool vector, uint32_t width, const Operand& address,
                    const Operand& value) {
    if (address.kind != Operand::kMem || address.index_kind != Operand::kNone ||
        address.base_kind == Operand::kNone) {
      return false;
    }
    Operand base;
    base.kind = static_cast<Operand::Kind>(address.base_kind);
    base.base = address.base;
    *access = {load, vector, false, width, gp(base), address.disp, &value};
    return width == 8 || width == 4;
  };
  auto slotWord = [&](const Operand& slot) {
    return static_cast<uint64_t>(int64_t{in_.frame.size} + in_.frame.slotOffset(slot.base));
  };
  switch (instr.op) {
    case Op::kLoad:
      return instr.attr[1] == 0 && memory(true, false, instr.u32(0), instr.uses[0], instr.defs[0]);
    case Op::kLoadF: return memory(true, true, 8, instr.uses[0], instr.defs[0]);
    case Op::kStore: return memory(false, false, instr.u32(0), instr.uses[0], instr.uses[1]);
    case Op::kStoreF: return memory(false, true, 8, instr.uses[0], instr.uses[1]);
    case Op::kLoadOut:
      return word(true, instr.defs[0], in_.frame.outgoing_offset + 8 * uint64_t{instr.u32(0)});
    case Op::kStoreOut:
      return word(false, instr.uses[0], in_.frame.outgoing_offset + 8 * uint64_t{instr.u32(0)});
    case Op::kMove:
    case Op::kMoveF: {
      const Operand &to = instr.defs[0], &from = instr.uses[0];
      bool load = from.isSlot() && !to.isSlot(), store = to.isSlot() && !from.isSlot();
      if (!load && !store) return false;
      word(load, load ? to : from, slotWord(load ? from : to));
      access->of_move = true;
      return true;
    }
    default: return false;
  }
}

bool FunctionEmitter::canPair(const Access& first, const Access& second) const {
  if (first.load != second.load || first.vector != second.vector || first.width != second.width ||
      first.base != second.base) {
    return false;
  }
  int64_t width = first.width, low = std::min(first.disp, second.disp);
  int64_t distance = std::max(first.disp, second.disp) - low;
  if (distance != width || low % width != 0 || low < -64 * width || low > 63 * width) return false;
  if (first.load) {
    // The first one's result must not be the other's address; two results are two registers.
    uint32_t number = first.value->kind == Operand::kPinned
                          ? target_.pinned(static_cast<lir::Pinned>(first.value->base))
                          : first.value->base;
    uint32_t other = second.value->kind == Operand::kPinned
                         ? target_.pinned(static_cast<lir::Pinned>(second.value->base))
                         : second.value->base;
    return number != other && (first.vector || number != first.base);
  }
  // In a parallel move x16 may hold a value: constants that need a register are left alone.
  auto needsScratch = [](const Access& access) {
    return access.value->isImm() && access.value->bits != 0;
  };
  return !(needsScratch(first) || needsScratch(second)) || !(first.of_move || second.of_move);
}

bool FunctionEmitter::pairAccess(const Instr& first_instr, const Instr& second_instr) {
  Access first, second;
  if (first_instr.bytecode_offset != second_instr.bytecode_offset ||
      !accessOf(first_instr, &first) || !accessOf(second_instr, &second) ||
      !canPair(first, second)) {
    return false;
  }
  if (as_.logging()) as_.comment(lir::print(second_instr));
  const Access& low = first.disp < second.disp ? first : second;
  const Access& high = first.disp < second.disp ? second : first;
  uint32_t base_number = low.base == kStackPointer ? uint32_t{a64::Gp::kIdSp} : low.base;
  a64::Mem at = a64::ptr(x(base_number), static_cast<int32_t>(low.disp));
  if (low.vector) {
    a64::VecD one = d(fp(*low.value)), two = d(fp(*high.value));
    low.load ? a_.ldp(one, two, at) : a_.stp(one, two, at);
    return true;
  }
  bool wide = low.width == 8;
  auto sized = [&](uint32_t number) {
    if (number == kZeroRegister) number = a64::Gp::kIdZr;
    return wide ? a64::Gp(x(number)) : a64::Gp(w(number));
  };
  if (low.load) {
    a_.ldp(sized(gp(*low.value)), sized(gp(*high.value)), at);
    return true;
  }
  bool same = low.value->isImm() && high.value->isImm() && low.value->bits == high.value->bits;
  uint32_t one = valueIn(*low.value, kScratchGp, low.width);
  uint32_t two = same ? one : valueIn(*high.value, kScratchGp2, high.width);
  a_.stp(sized(one), sized(two), at);
  return true;
}

}  // namespace tephra::aarch64
