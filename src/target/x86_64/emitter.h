// Purpose: the instructions of x86-64 for what target/emit_function.h wants; one member function
// per LIR operation or family, split over emit_*.cc. Registers: r11 and xmm15 are scratch inside
// one operation; moves between any two places use neither (the allocator's parallel moves keep
// values there).
#pragma once

#include "target/emit_function.h"
#include "target/x86_64/emit_assembly.h"
#include "target/x86_64/registers.h"

namespace tephra::x86_64 {

class FunctionEmitter final : public EmitterBase {
 public:
  FunctionEmitter(const Target& target, const EmitInput& input, Assembly& assembly)
      : EmitterBase(target, input, assembly,
                    {.frame_shape = kScratchGp, .shared_position = kScratchGp}),
        as_(assembly),
        a_(assembly.a) {}

 private:
  // emit.cc
  bool emitOperation(const Instr& instr) override;
  void alignEntry() override;
  void prologue() override;
  void epilogue(bool stack_pointer_known) override;
  void giveExit(uint32_t exit) override;
  void giveMetadata(uint64_t address) override;

  // Operands. They fail when the operand is no register.
  x86::Gp gp(const Operand& operand, uint32_t width = 8);
  x86::Xmm fp(const Operand& operand) { return x86::xmm(fpNumber(operand)); }
  x86::Mem mem(const Operand& operand, uint32_t width);
  x86::Mem slot(const Operand& operand) { return x86::ptr(x86::rbp, slotOffset(operand), 8); }
  x86::Mem outgoing(uint32_t word);

  // emit_move.cc
  void moveRegister(uint8_t to, uint8_t from) override;
  void loadSlot(uint8_t to, const Operand& slot) override;
  void storeSlot(const Operand& slot, uint8_t from) override;
  void storeConstant(const Operand& slot, uint64_t bits) override;
  void copySlot(const Operand& to, const Operand& from) override;
  void moveFpRegister(uint8_t to, uint8_t from) override;
  void loadFpSlot(uint8_t to, const Operand& slot) override;
  void storeFpSlot(const Operand& slot, uint8_t from) override;
  void loadDouble(uint8_t to, uint64_t bits) override;
  void storeAt(const Operand& address, const Operand& value, uint32_t width) override;
  void stackArgument(const Operand& from, uint32_t offset) override;
  void load(const Instr& instr);
  void store(const x86::Mem& to, const Operand& value, uint32_t width);
  void addMem(const Instr& instr);
  void lea(const Instr& instr);

  // emit_integer.cc
  void add(const Instr& instr);
  void twoOperand(const Instr& instr, asmjit::InstId op, bool commutative, uint32_t width);
  void sub(const Instr& instr);
  void mul(const Instr& instr, uint32_t width);
  void shift(const Instr& instr, asmjit::InstId op);
  void divRem(const Instr& instr);
  void overflowExit(const Instr& instr, asmjit::InstId op);
  void mulExit(const Instr& instr);
  void setCondition(const Instr& instr);
  void select(const Instr& instr);
  void negateIf(const Instr& instr);
  // Sets the flags.
  Condition condition(const Instr& instr) override;
  void compare(const Operand& a, const Operand& b, uint32_t width);
  void test(const Operand& a, const Operand& b, uint32_t width, lir::Cond cond);
  void compareMem(const Operand& a, const Operand& b, uint32_t width);
  void testMem(const Operand& a, const Operand& b, uint32_t width, lir::Cond cond);

  // emit_float.cc
  void twoOperandFp(const Instr& instr, asmjit::InstId op, bool commutative);
  void negateFp(const Instr& instr);
  void setCompareFp(const Instr& instr);
  void branchCompareFp(const Instr& instr);
  void exitCompareFp(const Instr& instr);
  // ucomisd in the right order; eq and ne need the parity flag as well.
  x86::CondCode compareFp(const Instr& instr, lir::Cond cond);

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
  x86::Assembler& a_;
};

inline Condition flags(x86::CondCode code) { return Condition::flags(code); }
x86::CondCode condCode(lir::Cond cond);
// push rbp; mov rbp, rsp. And the ways back where no register was saved: from the stack pointer
// that it left, and from any.
void pushFrameRecord(Assembly& as, const UnwindConvention& convention);
void popFrameRecord(Assembly& as, const UnwindConvention& convention);
void leaveAndReturn(Assembly& as, const UnwindConvention& convention);
x86::Mem threadLocal(int64_t offset);

}  // namespace tephra::x86_64
