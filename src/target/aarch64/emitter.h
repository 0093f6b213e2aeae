// Purpose: the instructions of AArch64 for what target/emit_function.h wants; one member function
// per LIR operation or family, split over emit_*.cc. See docs/aarch64.md for the registers' rules.
// Registers: x16, x17 and d31 are scratch inside one operation. Moves between any two places use
// neither x16 nor d31 (the allocator's parallel moves keep values there); x17 never holds anything
// between two operations; x30, saved by the frame record, forms addresses of far frame words.
#pragma once

#include "target/aarch64/emit_assembly.h"
#include "target/aarch64/registers.h"
#include "target/emit_function.h"

namespace tephra::aarch64 {

class FunctionEmitter final : public EmitterBase {
 public:
  FunctionEmitter(const Target& target, const EmitInput& input, Assembly& assembly)
      : EmitterBase(target, input, assembly,
                    {.frame_shape = kFrameShape, .shared_position = kScratchGp2}),
        as_(assembly),
        a_(assembly.a) {}

 private:
  // emit.cc
  bool emitOperation(const Instr& instr) override;
  bool emitNumber(const Instr& instr);
  void alignEntry() override;
  void prologue() override;
  void epilogue(bool stack_pointer_known) override;
  void giveExit(uint32_t exit) override;
  void giveMetadata(uint64_t address) override;

  // Operands. They fail when the operand is no register.
  uint8_t gp(const Operand& operand) { return gpNumber(operand); }
  uint8_t fp(const Operand& operand) { return fpNumber(operand); }
  a64::Gp reg(const Operand& operand, uint32_t width) { return sized(gp(operand), width); }
  a64::Mem mem(const Operand& operand);
  // A word of the native frame, from the stack pointer; uses x30 when it is far away.
  a64::Mem frameWord(uint64_t offset);
  uint64_t slotFromStackPointer(const Operand& operand);
  a64::Mem slot(const Operand& operand) { return frameWord(slotFromStackPointer(operand)); }
  a64::Mem outgoing(uint32_t word) { return frameWord(outgoingOffset(word)); }
  // The register of an operand; an immediate is brought into `scratch`, zero is xzr.
  uint32_t valueIn(const Operand& operand, uint8_t scratch, uint32_t width = 8);

  // emit_move.cc
  void moveRegister(uint8_t to, uint8_t from) override;
  void loadSlot(uint8_t to, const Operand& slot) override;
  void storeSlot(const Operand& slot, uint8_t from) override;
  void storeConstant(const Operand& slot, uint64_t bits) override;
  void copySlot(const Operand& to, const Operand& from) override;
  void moveFpRegister(uint8_t to, uint8_t from) override;
  void loadFpSlot(uint8_t to, const Operand& slot) override;
  void storeFpSlot(const Operand& slot, uint8_t from) override;
  void loadDouble(uint8_t to, uint64_t bits) override { as_.loadDouble(to, bits); }
  void storeAt(const Operand& address, const Operand& value, uint32_t width) override;
  void stackArgument(const Operand& from, uint32_t offset) override;
  void load(a64::Gp to, const a64::Mem& from, uint32_t width, bool sign);
  void store(const a64::Mem& to, const Operand& value, uint32_t width);
  void storeRegister(const a64::Mem& to, uint32_t number, uint32_t width);
  void addMem(const Instr& instr);
  void lea(const Instr& instr);

  // emit_pairs.cc
  // An access to a word or double word; two to neighbours are one instruction.
  struct Access {
    bool load = false, vector = false, of_move = false;
    uint32_t width = 0;
    uint8_t base = 0;
    int64_t disp = 0;
    const Operand* value = nullptr;
  };
  bool accessOf(const Instr& instr, Access* access);
  bool canPair(const Access& first, const Access& second) const;
  bool emitWithNext(const Instr& instr) override;

  // emit_integer.cc
  void addOrSub(const Instr& instr, bool subtract);
  void addOrSubImmediate(uint8_t to, uint8_t from, int64_t value, uint32_t width);
  void logical(const Instr& instr, asmjit::InstId op);
  void mul(const Instr& instr);
  void shift(const Instr& instr, asmjit::InstId by_register, asmjit::InstId by_immediate);
  void divRem(const Instr& instr);
  void overflowExit(const Instr& instr, bool subtract);
  void mulExit(const Instr& instr);
  void setCondition(const Instr& instr);
  void setFlag(const Operand& to, Cc cc);
  void select(const Instr& instr);
  void negateIf(const Instr& instr);
  Condition condition(const Instr& instr) override;
  // Compare or test, giving the condition to branch on; with `in_flags` one that is in the flags.
  Condition compare(uint8_t a, const Operand& b, uint32_t width, lir::Cond cond,
                    bool in_flags = false);
  Condition test(uint8_t a, const Operand& b, uint32_t width, lir::Cond cond);
  // The same of memory: loaded into x16 first.
  Condition compareMem(const Instr& instr);
  Condition testMem(const Instr& instr);

  // emit_float.cc
  Condition compareFp(const Instr& instr);

  // emit_counts.cc
  Condition isNull(uint8_t object) override;
  Condition isTagged(uint8_t reference) override;
  void increment(uint8_t object) override;
  Condition decrement(uint8_t object, const Label& immortal) override;
  Condition isSet(uint8_t base, int32_t offset, uint32_t width) override;
  Condition versionDiffers(uint8_t base, int32_t offset, uint64_t version, uint32_t width) override;
  void loadWord(uint8_t to, uint8_t base, int32_t offset) override;
  void storeWord(uint8_t from, uint8_t base, int32_t offset) override;
  Condition exitIsTaken() override;
  Condition takenExitIs(uint32_t number) override;
  void openPiece(const SharedCalls::Site& site) override;
  void closePiece() override;

  void unlinkFrame(const Label& slow) override;  // emit_frames.cc

  // emit_entries.cc
  void arrayEntry() override;
  void enterWithFrame(const Label& inside) override;
  void pinFrame() override;
  void loadThread();
  Condition stackLimitIsUnknown() override;
  void callKeepingArguments(uint64_t address) override;

  Assembly& as_;
  a64::Assembler& a_;
};

void loadThreadLocal(Assembly& as, uint8_t to, int64_t offset);
// The frame record, x29 pointing to it, and `bytes_below` more on the stack; and the way back.
void openFrame(Assembly& as, const UnwindConvention& convention, uint32_t bytes_below);
void closeFrame(Assembly& as, const UnwindConvention& convention, bool move_stack_pointer = true);

inline Condition flags(Cc cc) { return Condition::flags(cc); }
Cc flagOf(lir::Cond cond);
asmjit::arm::CondCode asmjitCondition(Cc cc);

}  // namespace tephra::aarch64
