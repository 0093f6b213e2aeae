// Purpose: the state of one lowering: which operand each HIR value has become, blocks, exits, and
// the small vocabulary that the operation families share. Invariant: an object, int64, bool or
// pointer value is a general-bank register or an immediate, a double a vector register; the result
// of an alias row is its operand 0's operand. Code goes to the end of `b.block()`, which one HIR
// instruction may move on to a later block.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "hir/ir.h"
#include "lir/builder.h"
#include "lir/ir.h"
#include "metadata/helpers.h"
#include "metadata/register_entry.h"
#include "pyver/common/unit.h"
#include "target/target.h"

namespace tephra::lower {

using hir::Instr;
using lir::Bank;
using lir::Cond;
using lir::Operand;
using lir::Pinned;

using Operands = std::vector<Operand>;

// Clears "no reference held"; tagged NULL (1) becomes NULL.
inline constexpr int64_t kTagMask = -2;

// What Branch, GuardTrue and GuardFalse test: a comparison that is made at its only use, or c != 0.
struct Condition {
  enum Kind : uint8_t { kCmp, kCmpMem, kCmpF, kConstant } kind = kCmp;
  Operand a, b;
  Cond cond = Cond::kNe;
  uint32_t width = 8;
  bool inverted = false;  // kCmpF only: an ordered comparison has no complement (NaN)
  bool value = false;     // kConstant
};

// An exit record and the operands that it names.
struct Exit {
  uint32_t index = 0;
  Operands values;
};

class Context {
 public:
  Context(const hir::Function& function, const Target& target, lir::Function* out);

  // Whole function: blocks, edges, instructions. False after fail().
  bool run();

  const hir::Function& function;
  const CodeUnit& unit;
  const PyLayout& py;
  const Target& target;
  lir::Function& out;
  lir::Builder b;

  int64_t force_exit = -1;  // LowerOptions
  bool reuse_boxes = true;
  bool wide_ints = true;

  // --- refusal
  void fail(std::string detail);
  bool failed() const { return bailout_.has_value(); }
  const Bailout& bailout() const { return *bailout_; }

  // --- values
  Operand use(const Instr* value);  // register or immediate (objects: the address; NULL: 0)
  Operand reg(const Instr* value);  // always a register: a constant is materialised here
  Operand inReg(Operand operand);   // the same for an operand
  void define(const Instr* value, Operand operand);
  bool isDefined(const Instr* value) const { return values_[value->id].kind != Operand::kNone; }
  Operand object(const Instr& i, ObjRef ref);  // address of an object of i's scope, as immediate
  // The bits of a constant: an object's address, a number's.
  std::optional<uint64_t> constant(const Instr* value);
  std::optional<int64_t> constantInt(const Instr* value) const;
  static bool isNull(const Instr* value) { return value->op == hir::Op::kConstNull; }
  // An instruction that an earlier one of the block has done already.
  void skip(const Instr* done) { deferred_[done->id] = true; }
  uint32_t useCount(const Instr* value) const { return uses_[value->id]; }

  // Lengths of range iterators that RangeIterHasNext loaded into registers.
  std::map<const Instr*, Operand> range_lengths;

  // --- memory and registers
  static Operand thread() { return Operand::pinned(Pinned::kThread); }
  static Operand frame() { return Operand::pinned(Pinned::kFrame); }
  static Operand imm(int64_t value) { return Operand::imm(value); }
  Operand mem(Operand base, int64_t disp);  // base may be an immediate address
  Operand load(Operand base, int64_t disp, uint32_t width = 8, bool sign = false);
  void store(Operand base, int64_t disp, Operand value, uint32_t width = 8);
  // Of the innermost frame, whose scope the operation is of.
  Operand home(uint32_t slot) { return mem(frame(), py.frame_localsplus + 8 * int64_t{slot}); }
  // A parameter's home that is never stored to: it may hold what is the caller's (the tag says it).
  bool mayBeLent(const Instr& i, uint32_t slot) const {
    return py.frame_holds_stack_refs && i.scope == hir::kRootScope && slot < unwritten_.size() &&
           unwritten_[slot];
  }
  // What the frame's instruction pointer is at the instruction at `offset` of the code.
  uint64_t position(const CodeUnit& code, uint32_t offset) const {
    return code.bytecode + static_cast<uint64_t>(py.code_unit_size) * offset;
  }
  const CodeUnit& unitOf(const Instr& i) const { return *function.scopeOf(&i).unit; }
  // Where a new frame stands: RESUME, or before it while cells are made, for which the interpreter
  // calls a frame incomplete and shows it to nobody.
  uint32_t entryOffset() const { return entry_offset_; }
  // The store that makes an instruction the frame's position: four bytes while all positions agree
  // in the upper half, which PushFrame wrote.
  struct Position {
    Operand at, value;
    uint32_t width;
  };
  Position positionStore(const Instr& i, uint32_t offset);
  void storePosition(const Instr& i, uint32_t offset);
  // Leaves where somebody has taken the frame's object or instrumentation has changed (frames.cc).
  void lookAround(const Instr& at);
  void lookAround(const Exit& exit);
  Exit makeLook(const Instr& at);
  Operand argumentArray() const { return argument_array_; }  // kNone: they came in registers
  // Parameter of the register entry, function not counted: a reference as the frame's slot will
  // hold it; and the object itself.
  Operand argument(uint32_t index);
  Operand parameter(uint32_t index);
  Operand function_object;  // vreg of register argument 0

  // --- the native outgoing area
  void storeOut(uint32_t word, Operand value);
  Operand addressOut(uint32_t word);
  Operand loadOut(uint32_t word);
  void needOut(uint32_t words);
  // First word of the outgoing area that a call with `count` general arguments leaves free.
  uint32_t firstFreeWord(size_t count) const;

  // --- blocks
  lir::Block* newBlock(bool cold = false);  // in the current loop; `cold` is inherited too
  // Branches to a cold block when the comparison holds; the hot block is current afterwards. Both
  // have one predecessor, so either may jump on to a common block (joinAt).
  struct Split {
    lir::Block* cold;
    lir::Block* hot;
  };
  Split splitIf(Operand a, Operand value, Cond cond, uint32_t width, bool unlikely = true);
  Split splitIfMem(Operand address, Operand value, Cond cond, uint32_t width);
  // Releases the object: to a cold block, where its end must follow, if that was the last
  // reference.
  Split splitIfLast(Operand object, bool maybe_null);
  // Cold if events are pending, instrumentation has changed or (frame) somebody has the frame.
  Split splitIfSeen(bool frame);
  void jump(lir::Block* to);
  void jump(lir::Block* to, Operand value);
  // A new current block where the ends of the hot and (if not null) of the cold way meet.
  void joinAt(lir::Block* hot_end, lir::Block* cold_end);
  Operand joinWith(lir::Block* hot_end, Operand hot, lir::Block* cold_end, Operand cold);

  // --- conditions
  Condition condition(const Instr* value);
  void branch(const Condition& condition, lir::Block* if_true, lir::Block* if_false,
              uint32_t likely);
  void exitIf(const Condition& condition, bool holds, const Instr& at, ExitReason reason,
              const Instr* culprit = nullptr);

  // --- exits (exits.cc)
  Exit makeExit(const Instr& at, ExitKind kind, ExitReason reason, const Instr* culprit = nullptr);
  void deoptIf(const Instr& at, Operand a, Operand value, Cond cond, ExitReason reason,
               const Instr* culprit = nullptr, uint32_t width = 8);
  void deoptIfMem(const Instr& at, Operand address, Operand value, Cond cond, uint32_t width,
                  ExitReason reason, const Instr* culprit = nullptr);
  void raiseIf(const Instr& at, Operand a, Operand value, Cond cond);
  // Where an operation with a handler goes when it has raised.
  lir::Block* raisedBlock(const Instr& at);

  // --- helpers
  std::optional<Helper> helper(const char* name);
  Operand call(const char* name, const Operands& args);
  // Result checked by the helper's error convention; raises through `at`.
  Operand callChecked(const Instr& at, const char* name, const Operands& args);
  void checkResult(const Instr& at, Operand result, HelperError error);

  // The values that a two-result row leaves in the outgoing area, defined at once: nothing between
  // the row and its partners may then overwrite the words.
  void defineSecondary(const Instr& producer, uint32_t first_word);

 private:
  Split splitAt(lir::Instr* branch, bool unlikely);
  void forceExit(const Exit& exit);
  void scan();
  void countUses();
  void findLoopDepths();
  void findDeferred();
  bool mayDefer(const Instr* value, const Instr* user) const;
  void nameScopes();
  void makeBlocks();
  void lowerBlock(const hir::Block* block);
  Operands phiArguments(const hir::Block* from, const hir::Block* to, size_t occurrence);

 public:
  // --- control flow of HIR (control.cc)
  lir::Block* blockOf(const hir::Block* block) const { return blocks_[block->id]; }
  void jumpTo(const hir::Block* from, const hir::Block* to, size_t occurrence);
  // A block that a conditional branch may name: the target itself or a block of its own on the
  // edge.
  lir::Block* edgeTarget(const hir::Block* from, const hir::Block* to, size_t occurrence);

 private:
  std::optional<Bailout> bailout_;
  Operands values_;                        // by HIR value id
  std::vector<uint32_t> uses_;             // by HIR value id
  std::vector<const Instr*> single_user_;  // by HIR value id
  std::vector<bool> deferred_;             // made at its only use, or skipped
  std::vector<lir::Block*> blocks_;        // by HIR block id: where it begins
  std::vector<const hir::Block*> order_;   // reverse post-order
  std::vector<uint32_t> depth_;            // by HIR block id
  std::vector<bool> unwritten_;            // by slot: a parameter that is never stored to
  Operands arguments_;                     // parameters, as far as they are in registers
  Operands parameters_;                    // the same without tags
  Operand argument_array_;                 // with too many parameters for registers: where they are
  bool short_positions_ = false;
  uint32_t entry_offset_ = 0;
  const Instr* raising_ = nullptr;  // raised_ is this one's
  lir::Block* raised_ = nullptr;
  bool in_entry_ = false;  // the entry block is being lowered: it dominates the rest
};

// conditions.cc
Operand valueOf(Context& c, const Condition& condition);
Cond condOf(hir::CmpKind kind);

using Lowerer = void (*)(Context&, const Instr&);

// boxes.cc
// A new box for the unboxed `number`; MemoryError leaves through i's exit.
Operand boxNumber(Context& c, const Instr& i, const Instr* number);
// `number` takes the place of `old`, the object (not NULL) at the memory operand `address`; `old`
// is released, or becomes the number.
void putNumber(Context& c, const Instr& i, Operand address, Operand old, const Instr* number);

// The column `lower` of ops.tbl. lowerNAME and conditionNAME are declared by the table, defined by
// the families (guards.cc, memory.cc, ...) and dispatched by the table.
Lowerer lowererOf(hir::Op op);
void lowerNothing(Context& c, const Instr& i);
// The row's helper, or another one: operands, then attributes, by the helper's signature.
void lowerHelperCall(Context& c, const Instr& i);
void callHelper(Context& c, const Instr& i, Helper helper);

// Rows that compare: made at their only use where that is a branch or guard. Null: no such row.
using ConditionMaker = Condition (*)(Context&, const Instr&);
ConditionMaker conditionMakerOf(hir::Op op);
void lowerCondition(Context& c, const Instr& i);  // the truth value in a register

#include "lower/lowerers.gen.h"

}  // namespace tephra::lower
