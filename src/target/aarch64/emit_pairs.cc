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
    *access = {load, vector, false, width, baseNumber(address), address.disp, &value};
    return width == 8 || width == 4;
  };
  switch (instr.op) {
    case Op::kLoad:
      return instr.attr[1] == 0 && memory(true, false, instr.u32(0), instr.uses[0], instr.defs[0]);
    case Op::kLoadF: return memory(true, true, 8, instr.uses[0], instr.defs[0]);
    case Op::kStore: return memory(false, false, instr.u32(0), instr.uses[0], instr.uses[1]);
    case Op::kStoreF: return memory(false, true, 8, instr.uses[0], instr.uses[1]);
    case Op::kLoadOut: return word(true, instr.defs[0], outgoingOffset(instr.u32(0)));
    case Op::kStoreOut: return word(false, instr.uses[0], outgoingOffset(instr.u32(0)));
    case Op::kMove:
    case Op::kMoveF: {
      const Operand &to = instr.defs[0], &from = instr.uses[0];
      bool load = from.isSlot() && !to.isSlot(), store = to.isSlot() && !from.isSlot();
      if (!load && !store) return false;
      word(load, load ? to : from, slotFromStackPointer(load ? from : to));
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
    auto numberOf = [this](const Operand& value) {
      return value.kind == Operand::kPinned ? target_.pinned(static_cast<lir::Pinned>(value.base))
                                            : value.base;
    };
    uint32_t number = numberOf(*first.value), other = numberOf(*second.value);
    return number != other && (first.vector || number != first.base);
  }
  // In a parallel move x16 may hold a value: constants that need a register are left alone.
  auto needsScratch = [](const Access& access) {
    return access.value->isImm() && access.value->bits != 0;
  };
  return !(needsScratch(first) || needsScratch(second)) || !(first.of_move || second.of_move);
}

bool FunctionEmitter::emitWithNext(const Instr& first_instr) {
  if (first_instr.next == nullptr || isShared(*first_instr.next)) return false;
  const Instr& second_instr = *first_instr.next;
  Access first, second;
  if (first_instr.bytecode_offset != second_instr.bytecode_offset ||
      first_instr.scope != second_instr.scope || !accessOf(first_instr, &first) ||
      !accessOf(second_instr, &second) || !canPair(first, second)) {
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
  if (low.load) {
    a_.ldp(sized(gp(*low.value), low.width), sized(gp(*high.value), low.width), at);
    return true;
  }
  bool same = low.value->isImm() && high.value->isImm() && low.value->bits == high.value->bits;
  uint32_t one = valueIn(*low.value, kScratchGp, low.width);
  uint32_t two = same ? one : valueIn(*high.value, kScratchGp2, high.width);
  a_.stp(sized(one, low.width), sized(two, low.width), at);
  return true;
}

}  // namespace tephra::aarch64
