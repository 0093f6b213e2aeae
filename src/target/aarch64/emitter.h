// Purpose: emits one function; one member function per LIR operation or family, split over
// emit_*.cc. See target/emit.h for what goes in and out, docs/aarch64.md for the registers' rules.
// Registers: x16, x17 and d31 are scratch inside one operation. Moves between any two places use
// neither x16 nor d31 (the allocator's parallel moves keep values there); x17 never holds anything
// between two operations; x30, saved by the frame record, forms addresses of far frame words.
#pragma once

#include <functional>
#include <vector>

#include "target/aarch64/emit_assembly.h"
#include "target/aarch64/registers.h"
#include "target/shared_calls.h"

namespace tephra::aarch64 {

class FunctionEmitter {
 public:
  FunctionEmitter(const Target& target, const EmitInput& input, Assembly& assembly);
  // Emits everything; then finish() the assembly and collect().
  void emitAll();
  void collect(EmittedCode* out) const;

 private:
  using Operand = lir::Operand;
  using Instr = lir::Instr;

  // emit.cc
  void emitBlock(const lir::Block* block);
  void emitInstr(const Instr& instr);
  bool emitData(const Instr& instr);
  bool emitNumber(const Instr& instr);
  bool emitControl(const Instr& instr);
  void noteLine(const Instr& instr);
  void landingPad();
  void prologue();
  void epilogue(bool stack_pointer_known);
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
  uint8_t gp(const Operand& operand);
  uint8_t fp(const Operand& operand);
  a64::Gp reg(const Operand& operand, uint32_t width);
  a64::Mem mem(const Operand& operand);
  // A word of the native frame, from the stack pointer; uses x30 when it is far away.
  a64::Mem frameWord(uint64_t offset);
  a64::Mem slot(const Operand& operand);
  a64::Mem outgoing(uint32_t word);
  bool isGpRegister(const Operand& operand) const;
  // The register of an operand; an immediate is brought into `scratch`, zero is xzr.
  uint32_t valueIn(const Operand& operand, uint8_t scratch, uint32_t width = 8);

  // emit_move.cc
  void move(const Operand& to, const Operand& from);
  void moveFp(const Operand& to, const Operand& from);
  void moveConstFp(const Instr& instr);
  void load(a64::Gp to, const a64::Mem& from, uint32_t width, bool sign);
  void store(const a64::Mem& to, const Operand& value, uint32_t width);
  void storeRegister(const a64::Mem& to, uint32_t number, uint32_t width);
  void addMem(const Instr& instr);
  void lea(const Instr& instr);
  void param(const Instr& instr);

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
  // Emits both when they are one pair.
  bool pairAccess(const Instr& first, const Instr& second);

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
  // Compare or test, giving the condition to branch on; with `flags` one that is in the flags.
  Condition compare(uint8_t a, const Operand& b, uint32_t width, lir::Cond cond,
                    bool flags = false);
  Condition test(uint8_t a, const Operand& b, uint32_t width, lir::Cond cond);
  // The same of memory: loaded into x16 first.
  Condition compareMem(const Instr& instr);
  Condition testMem(const Instr& instr);

  // emit_float.cc
  Condition compareFp(const Instr& instr);

  // emit_control.cc
  void jumpToBlock(const lir::Block* target);
  void branch(const Condition& condition, const Instr& instr);
  void edge(const Instr& instr, int target);
  void exitIf(const Condition& condition, const Instr& instr);
  void returnInstr(const Instr& instr);
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
  void look(const Look& what, Label leave);
  void branchLook(const Instr& instr);
  void exitLook(const Instr& instr);

  void countInstr(const Instr& instr, bool up);
  void incref(uint8_t object);
  void release(uint8_t object, const Instr& instr);
  void countDown(uint8_t object, bool maybe_null, Label alive);
  void branchRelease(const Instr& instr);
  void releaseInPiece(const Instr& instr);
  void dealloc(uint8_t object);

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

  const Target& target_;
  const EmitInput& in_;
  Assembly& as_;
  a64::Assembler& a_;
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

// The frame record, x29 pointing to it, and `bytes_below` more on the stack; and the way back.
void loadThreadLocal(Assembly& as, uint8_t to, int64_t offset);
// emit_frames.cc. `release` emits the subroutine that ends the object in the scratch register.
void pushFrameStub(Assembly& as, const StubInput& input, const UnwindConvention& convention);
void popFrameStub(Assembly& as, const StubInput& input, const UnwindConvention& convention,
                  const std::function<void()>& release);
void openFrame(Assembly& as, const UnwindConvention& convention, uint32_t bytes_below);
void closeFrame(Assembly& as, const UnwindConvention& convention, bool move_stack_pointer = true);

Cc flagOf(lir::Cond cond);
asmjit::arm::CondCode asmjitCondition(Cc cc);
// The part of an immediate that an operation of this width sees, as a signed number.
int64_t narrow(int64_t value, uint32_t width);

}  // namespace tephra::aarch64
