// Purpose: emits one function, as far as that is the same for every machine: entries, blocks,
// exits, deferred parts, positions, calls, shared pieces, and what each operation of LIR consists
// of. The virtual functions are the instructions that a machine has for it. Invariant in: as
// target/emit.h. Invariant out: everything is in the assembly; after its finish(), collect() gives
// the tables.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "target/emit_assembly.h"
#include "target/shared_calls.h"

namespace tephra {

class EmitterBase {
 public:
  virtual ~EmitterBase() = default;
  EmitterBase(const EmitterBase&) = delete;
  EmitterBase& operator=(const EmitterBase&) = delete;

  // Emits everything; then finish() the assembly and collect().
  void emitAll();
  void collect(EmittedCode* out) const;

 protected:
  using Operand = lir::Operand;
  using Instr = lir::Instr;

  // Registers of the emission beside those of Target.
  struct Roles {
    uint8_t frame_shape;      // PushFrame's stub is given a FrameShape there
    uint8_t shared_position;  // a shared piece the site's position
  };
  EmitterBase(const Target& target, const EmitInput& input, AssemblyBase& assembly, Roles roles);

  // --- the function (emit_function.cc)
  virtual void alignEntry() = 0;
  virtual void arrayEntry() = 0;
  // For entries that adopt a frame, (thread state, frame): what the array entry does, then a call
  // of `inside`, behind whose prologue the frame goes where it is pinned.
  virtual void enterWithFrame(const Label& inside) = 0;
  virtual void pinFrame() = 0;
  virtual void prologue() = 0;  // sets body_
  virtual void epilogue(bool stack_pointer_known) = 0;
  // What an exit hands over: its number where the stub expects it, the metadata in the scratch
  // register.
  virtual void giveExit(uint32_t exit) = 0;
  virtual void giveMetadata(uint64_t address) = 0;
  // For the array entry: is the thread's stack limit not known yet? And a call that keeps the
  // arguments.
  virtual Condition stackLimitIsUnknown() = 0;
  virtual void callKeepingArguments(uint64_t address) = 0;

  void initStackLimit();
  Label exitLabel(uint32_t exit);
  const Label& blockLabel(const lir::Block* block) const { return block_labels_[block->id]; }
  // Behind everything else.
  void defer(std::function<void()> cold);
  void fail(const Instr& instr, const char* why);

  // --- operands. gpNumber and fpNumber fail when the operand is no register.
  bool isGpRegister(const Operand& operand) const;
  uint8_t gpNumber(const Operand& operand);
  uint8_t fpNumber(const Operand& operand);
  // Of an address that has one.
  uint8_t baseNumber(const Operand& address);
  uint8_t indexNumber(const Operand& address);
  int32_t slotOffset(const Operand& slot);  // from the frame pointer
  uint32_t outgoingOffset(uint32_t word);   // from the stack pointer

  // --- operations (emit_operations.cc). Those that the base does not know; false: nor do I.
  virtual bool emitOperation(const Instr& instr) = 0;
  // Emits `instr` together with the next one, if that is shorter.
  virtual bool emitWithNext(const Instr&) { return false; }
  // The comparison that an Exit... or Branch... of integers asks for.
  virtual Condition condition(const Instr& instr) = 0;
  virtual void moveRegister(uint8_t to, uint8_t from) = 0;
  virtual void loadSlot(uint8_t to, const Operand& slot) = 0;
  virtual void storeSlot(const Operand& slot, uint8_t from) = 0;
  virtual void storeConstant(const Operand& slot, uint64_t bits) = 0;
  // Without any register that may hold a value of a parallel move.
  virtual void copySlot(const Operand& to, const Operand& from) = 0;
  virtual void moveFpRegister(uint8_t to, uint8_t from) = 0;
  virtual void loadFpSlot(uint8_t to, const Operand& slot) = 0;
  virtual void storeFpSlot(const Operand& slot, uint8_t from) = 0;
  virtual void loadDouble(uint8_t to, uint64_t bits) = 0;
  // A store of an instruction's operands.
  virtual void storeAt(const Operand& address, const Operand& value, uint32_t width) = 0;
  virtual void stackArgument(const Operand& from, uint32_t offset) = 0;

  void emitInstr(const Instr& instr);
  void move(const Operand& to, const Operand& from);
  void moveFp(const Operand& to, const Operand& from);
  void jumpToBlock(const lir::Block* target);
  void branch(const Condition& condition, const Instr& instr);
  void edge(const Instr& instr, int target);
  void exitIf(const Condition& condition, const Instr& instr);
  bool isShared(const Instr& instr) const { return shared_calls_.isShared(instr); }

  // --- reference counts and frames (emit_counts.cc). Counts are 32-bit words; the upper half of
  // theirs holds other things.
  virtual Condition isNull(uint8_t object) = 0;
  virtual Condition isTagged(uint8_t reference) = 0;  // its lowest bit is set
  virtual void increment(uint8_t object) = 0;         // unless it is immortal
  // True when it was the last reference. What is immortal goes to `immortal`; an invalid label says
  // that nothing is.
  virtual Condition decrement(uint8_t object, const Label& immortal) = 0;
  // Is [base + offset] not zero? Where `base` is the scratch register it is kept.
  virtual Condition isSet(uint8_t base, int32_t offset, uint32_t width) = 0;
  // Does [base + offset] differ from the unit's literal?
  virtual Condition versionDiffers(uint8_t base, int32_t offset, uint64_t version,
                                   uint32_t width) = 0;
  virtual void loadWord(uint8_t to, uint8_t base, int32_t offset) = 0;
  virtual void storeWord(uint8_t from, uint8_t base, int32_t offset) = 0;
  virtual void unlinkFrame(const Label& slow) = 0;

  // --- shared pieces (emit_shared.cc)
  virtual Condition exitIsTaken() = 0;  // behind a call of one
  virtual Condition takenExitIs(uint32_t number) = 0;
  virtual void openPiece(const SharedCalls::Site& site) = 0;
  virtual void closePiece() = 0;  // the scratch register goes back

  const Target& target_;
  const EmitInput& in_;
  const lir::Block* next_ = nullptr;  // falls through to this
  Label register_entry_;
  UnwindState body_;  // between prologue and epilogue

 private:
  using Place = AssemblyBase::Place;

  void emitBlock(const lir::Block* block);
  void landingPad();
  void entries();
  void frameEntry(size_t number);
  void addEntry(EntryPoint point) { entries_.emplace_back(out_.here(), point); }
  void exitStubs();
  bool emitData(const Instr& instr);
  bool emitControl(const Instr& instr);
  void moveConstFp(const Instr& instr);
  void param(const Instr& instr);
  void returnInstr(const Instr& instr);
  void arguments(const Instr& instr);
  void callInstr(const Instr& instr);
  void incref(const Instr& instr);
  void decref(const Instr& instr);
  void release(uint8_t object, const Instr& instr);
  Condition countDown(const Instr& instr, const Label& alive);
  void branchRelease(const Instr& instr);
  void dealloc(uint8_t object);
  void pushFrame();
  void popFrame();
  struct Look {
    bool frame, pending;
    int64_t version;
  };
  void look(const Look& what, const Label& leave);
  void branchLook(const Instr& instr);
  void exitLook(const Instr& instr);
  // The call of a site, and what is left of it where the shared piece says that an exit is taken.
  void sharedSite(const SharedCalls::Site& site);
  void sharedPieces();
  void sharedPiece(const SharedCalls::Site& site);
  void releaseInPiece(const Instr& instr);

  AssemblyBase& out_;
  const Roles roles_;
  SharedCalls shared_calls_;
  std::vector<Label> block_labels_;
  std::vector<Label> shared_labels_;  // by group
  std::vector<Label> exit_labels_;    // by exit; invalid = not used
  std::vector<uint32_t> exits_used_;
  std::vector<std::function<void()>> deferred_;
  const SharedCalls::Site* piece_ = nullptr;  // while its group's piece is emitted,
  std::vector<Label> piece_exits_;            // where its exits go
  Label return_label_;
  bool return_bound_ = false;
  std::vector<std::pair<Place, EntryPoint>> entries_;
  std::vector<std::pair<Place, uint32_t>> resumptions_;  // exits
};

// The part of an immediate that an operation of this width sees, as a signed number.
int64_t narrow(int64_t value, uint32_t width);

}  // namespace tephra
