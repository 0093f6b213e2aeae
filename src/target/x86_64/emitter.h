// Purpose: emits one function; one member function per LIR operation or family, split over
// emit_*.cc. See target/emit.h for what goes in and out.
// Registers: r11 and xmm15 are scratch inside one operation; moves between any two places use
// neither (the allocator's parallel moves keep values there).
#pragma once

#include <functional>
#include <vector>

#include "target/shared_calls.h"
#include "target/x86_64/emit_assembly.h"
#include "target/x86_64/registers.h"

namespace tephra::x86_64 {

class FunctionEmitter {
 public:
  FunctionEmitter(const Target& target, const EmitInput& input, Assembly& assembly);
  // Emits everything; then finish() the assembly and collect().
  void emitAll();
  void collect(EmittedCode* out) const;

 private:
  using Operand = lir::Operand;
  using Instr = lir::Instr;
  using Label = asmjit::Label;

  // emit.cc
  void emitBlock(const lir::Block* block);
  void emitInstr(const Instr& instr);
  bool emitData(const Instr& instr);
  bool emitControl(const Instr& instr);
  void noteLine(const Instr& instr);
  void prologue();
  void epilogue(bool stack_pointer_known);
  void leaveAndReturn();
  void exitStubs();
  Label exitLabel(uint32_t exit);
  Label blockLabel(const lir::Block* block) { return block_labels_[block->id]; }
  void defer(std::function<void()> cold) {
    deferred_.push_back([this, cold = std::move(cold), state = as_.unwindState(),
                         context = as_.tallier.deferred()] {
      as_.unwind(state);
      as_.tallier.enter(context);
      cold();
    });
  }
  void fail(const Instr& instr, const char* why);

  // Operands. gp/fp fail when the operand is no register.
  uint8_t gpNumber(const Operand& operand);
  x86::Gp gp(const Operand& operand, uint32_t width = 8);
  x86::Xmm fp(const Operand& operand);
  x86::Mem mem(const Operand& operand, uint32_t width);
  x86::Mem slot(const Operand& operand);
  x86::Mem outgoing(uint32_t word);
  bool isGpRegister(const Operand& operand) const;

  // emit_move.cc
  void move(const Operand& to, const Operand& from);
  void moveFp(const Operand& to, const Operand& from);
  void moveConstFp(const Instr& instr);
  void load(const Instr& instr);
  void store(const x86::Mem& to, const Operand& value, uint32_t width);
  void addMem(const Instr& instr);
  void lea(const Instr& instr);
  void param(const Instr& instr);

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
  // Set the flags; the value tells which condition to test.
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

  // emit_control.cc
  void jumpToBlock(const lir::Block* target);
  void branch(x86::CondCode cond, const Instr& instr);
  void edge(const Instr& instr, int target);
  void exitIf(x86::CondCode cond, const Instr& instr);
  void arguments(const Instr& instr);
  void stackArgument(const Operand& from, uint32_t word);
  void callInstr(const Instr& instr);
  // emit_frames.cc
  void frameInstr(const Instr& instr);
  void unlinkFrame(const Instr& instr);
  struct Look {
    bool frame, pending;
    int64_t version;
  };
  void look(const Look& what, asmjit::Label leave);
  void branchLook(const Instr& instr);
  void exitLook(const Instr& instr);

  void incref(const Instr& instr);
  void decref(const Instr& instr);
  void branchRelease(const Instr& instr);
  void releaseInPiece(const Instr& instr);
  void dealloc(x86::Gp object);
  void incref(x86::Gp object);
  void release(x86::Gp object, const Instr& instr);
  void countDown(x86::Gp object, bool maybe_null, Label alive);

  // emit_shared.cc
  // The call of a site, and what is left of it where the shared piece says that an exit is taken.
  void sharedSite(const SharedCalls::Site& site);
  void sharedPieces();
  void sharedPiece(const SharedCalls::Site& site);

  // emit_entries.cc
  void entries();
  void frameEntry(size_t number);
  void addEntry(EntryPoint point);
  void loadThread();
  void initStackLimit();
  void callRegisterEntry();

  const Target& target_;
  const EmitInput& in_;
  Assembly& as_;
  x86::Assembler& a_;
  std::vector<Label> block_labels_;
  const lir::Block* next_ = nullptr;  // falls through to this
  std::vector<Label> exit_labels_;    // by exit; invalid = not used
  std::vector<uint32_t> exits_used_;
  std::vector<std::function<void()>> deferred_;
  SharedCalls shared_calls_;
  std::vector<Label> shared_labels_;          // by group
  const SharedCalls::Site* piece_ = nullptr;  // while its group's piece is emitted,
  std::vector<Label> piece_exits_;            // where its exits go
  Label register_entry_, return_label_;
  bool return_bound_ = false;
  UnwindState body_;  // between prologue and epilogue
  std::vector<std::pair<Assembly::Place, EntryPoint>> entries_;
  std::vector<std::pair<Assembly::Place, uint32_t>> lines_;
  std::vector<std::pair<Assembly::Place, uint32_t>> resumptions_;  // exits
};

x86::CondCode condCode(lir::Cond cond);
// push rbp; mov rbp, rsp.
void pushFrameRecord(Assembly& as, const UnwindConvention& convention);
x86::Mem threadLocal(int64_t offset);
// emit_frames.cc. `release` emits the subroutine that ends the object in the scratch register.
void pushFrameStub(Assembly& as, const StubInput& input, const UnwindConvention& convention);
void popFrameStub(Assembly& as, const StubInput& input, const UnwindConvention& convention,
                  const std::function<void()>& release);

}  // namespace tephra::x86_64
