// Purpose: the HIR itself: functions, blocks and instructions in SSA form.
// Invariant: a value is its defining instruction; each use is dominated by it (a Phi's use sits at
// the end of the predecessor). Operand order and attributes are those of the row in ops.tbl; an
// instruction whose row has exits names its FrameState as last operand.
// Source: Cytron et al. 1991 (SSA); frame states after Duboscq et al. 2013 (Graal IR).
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/check.h"
#include "base/diagnostic.h"
#include "base/targets.h"
#include "hir/alias_sets.gen.h"
#include "hir/types.h"
#include "metadata/entries.h"
#include "metadata/exits.h"
#include "metadata/helpers.h"
#include "pyver/common/unit.h"

namespace tephra::hir {

enum class Op : uint8_t {
#define TEPHRA_HIR_OP(name) k##name,
#include "hir/ops_list.gen.h"
#undef TEPHRA_HIR_OP
};

inline constexpr uint32_t kNoObject = 0xFFFFFFFF;
inline constexpr uint32_t kParentState = 0xFFFFFFFF;

enum class Ownership : uint8_t { kNone, kNew, kBorrowed, kUncounted, kAlias };

// When an operation looks at the frame's position; rarely: out of line, where it stores it itself.
enum class Position : uint8_t { kNever, kRarely, kAlways };

// What its attributes name that machine code keeps (driver/compile.cc).
enum class Embeds : uint8_t { kNothing, kObject, kCallee, kEntry };

enum class CmpKind : uint8_t { kLt, kLe, kEq, kNe, kGt, kGe };  // Py_LT ... Py_GE

// NB_* numbering of CPython's opcode.h, the same on both versions; 26 (subscript) is GetItem.
enum class BinOp : uint8_t {
  kAdd,
  kAnd,
  kFloorDivide,
  kLshift,
  kMatMul,
  kMul,
  kRemainder,
  kOr,
  kPower,
  kRshift,
  kSub,
  kTrueDivide,
  kXor,
  kIAdd,
  kIAnd,
  kIFloorDivide,
  kILshift,
  kIMatMul,
  kIMul,
  kIRemainder,
  kIOr,
  kIPower,
  kIRshift,
  kISub,
  kITrueDivide,
  kIXor,
};
enum class UnOp : uint8_t { kNegative, kPositive, kInvert };

enum class AttrKind : uint8_t {
  kI64,
  kU64,
  kU32,
  kF64,
  kBool,
  kObj,
  kType,
  kCmp,
  kBinOp,
  kUnOp,
  kReason
};

struct OperandInfo {
  const char* name;
  Type type;
  bool stolen;
  bool variadic;
  bool given;  // consumed whether the operation succeeds or not, unless Instr::lent names it
};
struct AttrInfo {
  const char* name;
  AttrKind kind;
};
// One row of ops.tbl. What a pass asks of an operation stands here, not in a switch of its own.
struct OpInfo {
  const char* name;
  Type result = kTypeNone;
  Ownership ownership = Ownership::kNone;
  std::span<const OperandInfo> operands = {};
  std::span<const AttrInfo> attrs = {};
  AliasSets reads = 0;
  AliasSets writes = 0;
  bool runs_python = false;  // arbitrary code: reads and writes all sets
  bool terminator = false;
  bool can_deopt = false;
  bool can_raise = false;
  bool removable = false;    // goes when nobody uses its result,
  bool orders_ends = false;  // except where both operands may run code as they end
  bool guard = false;        // proves something, until what it reads is written
  bool partner = false;      // a further result of the operation before it
  bool releases = false;     // gives back the reference of operand 0
  bool gives_old = false;    // its result is what was where it stores; or it
  bool drops_old = false;    // releases that, which may run code as it ends
  Position position = Position::kNever;
  std::optional<Op> position_form = {};  // the same, which stores the position itself
  std::optional<Op> number_form = {};    // the same of an unboxed number (the stolen operand)
  Embeds embeds = Embeds::kNothing;
  std::optional<Helper> helper = {};  // "call:" rows
  const char* doc = "";

  bool writesHeap() const { return (writes & alias::kAnyHeap) != 0; }
  bool hasExits() const { return can_deopt || can_raise; }
};
const OpInfo& opInfo(Op op);
bool opFromName(const std::string& name, Op* out);

struct Block;

// One code object in a function being compiled: the function itself, or what is inlined into it.
// Bytecode offsets, slots of locals and object references are a scope's.
struct Scope {
  const CodeUnit* unit = nullptr;
  uint32_t parent = 0;       // the scope that calls it; the root's own
  uint32_t call_offset = 0;  // where, in the parent's bytecode
  FrameOrigin frame = FrameOrigin::kPushed;
  std::string name;
};
inline constexpr uint32_t kRootScope = 0;

struct Instr {
  Op op;
  uint16_t scope = kRootScope;  // that `offset` and what the attributes name are of
  Type type;
  uint32_t id = 0;      // dense per function; "v7" in text
  uint32_t offset = 0;  // bytecode offset (code units) it stems from
  Block* block = nullptr;
  Instr* prev = nullptr;
  Instr* next = nullptr;
  std::span<Instr*> operands;
  // FrameState: overridden locals, kFrameFunction, kParentState; LeaveFrame: released slots.
  std::span<uint32_t> aux;
  uint64_t attr[3] = {0, 0, 0};
  Targets<Block> targets;
  // Set by passes/refcount_insertion on operations with exits: which roots the register file owns a
  // reference of at this exit, one entry per reference (a root may come twice). Each entry is
  // handed over to one place of the frame state that names the root; entries without such a place
  // are dropped (a root whose type may be Null may be NULL then). Places left over take new
  // references.
  std::span<Instr*> exit_owned;
  // Set by passes/refcount_insertion on operations with given operands: bit k means that operand k
  // stays the caller's, who keeps it alive during the call (or is immortal).
  uint64_t lent = 0;

  const OpInfo& info() const { return opInfo(op); }
  // It stems from where `other` does.
  void placeLike(const Instr* other) {
    scope = other->scope;
    offset = other->offset;
  }
  // An operation that can raise may name a handler: it ends its block then, too, and goes on in
  // targets[0] with its result (a row's terminator does not), or else in the handler.
  bool isTerminator() const { return info().terminator || !targets.empty(); }
  // Where it goes with an exception that it has set, the last target; null: it leaves by its exit.
  Block* handler() const {
    return info().can_raise && !targets.empty() ? targets[targets.size() - 1] : nullptr;
  }
  bool hasState() const { return info().hasExits(); }
  Instr* state() const { return hasState() && !operands.empty() ? operands.back() : nullptr; }
  // Operands without the trailing frame state.
  std::span<Instr*> inputs() const {
    return operands.first(operands.size() - (hasState() ? 1 : 0));
  }
  bool isStolen(size_t input) const;
  bool isGiven(size_t input) const;
  bool isLent(size_t input) const { return input < kMaxLent && (lent >> input & 1) != 0; }
  double f64(int index) const { return std::bit_cast<double>(attr[index]); }
  int64_t i64(int index) const { return static_cast<int64_t>(attr[index]); }
  uint32_t u32(int index) const { return static_cast<uint32_t>(attr[index]); }
};

struct Block {
  uint32_t id = 0;
  Instr* first = nullptr;
  Instr* last = nullptr;
  std::vector<Block*> preds;
  bool cold = false;
  bool is_loop_header = false;

  Instr* terminator() const { return last && last->isTerminator() ? last : nullptr; }
  std::span<Block* const> succs() const {
    Instr* t = terminator();
    if (!t) return {};
    return t->targets;
  }
};

// A function being compiled. `unit` outlives it and may be null in tests that start from text.
class Function {
 public:
  explicit Function(const CodeUnit* unit) { scopes_.emplace_back().unit = unit; }
  ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  const CodeUnit* unit() const { return scopes_[kRootScope].unit; }  // the root's
  const std::vector<Scope>& scopes() const { return scopes_; }
  const Scope& scopeOf(const Instr* instr) const { return scopes_[instr->scope]; }
  // Do references mean the same in both instructions' scopes?
  bool shareObjects(const Instr* a, const Instr* b) const {
    const CodeUnit* unit = scopeOf(a).unit;
    return a->scope == b->scope || (unit != nullptr && unit == scopeOf(b).unit);
  }
  // Its number; the parent is there already.
  uint32_t addScope(Scope scope);
  // What reference `ref` of the instruction's scope names; null: nothing is known.
  const ObjectInfo* object(const Instr* instr, uint64_t ref) const;
  // Is it known that both references name one object, each in its instruction's scope?
  bool sameObject(const Instr* a, uint64_t a_ref, const Instr* b, uint64_t b_ref) const;
  // The type of `value` in the scope of `user`, which may have another reference for the object
  // that it names; without the name if it has none.
  Type typeFor(const Instr* user, const Instr* value) const;
  std::string name;
  Arena& arena() { return arena_; }
  std::vector<Block*>& blocks() { return blocks_; }  // entry first; reverse post-order after clean
  const std::vector<Block*>& blocks() const { return blocks_; }
  Block* entry() const { return blocks_.front(); }
  Block* newBlock();
  uint32_t numValues() const { return next_id_; }
  uint32_t numBlocks() const { return next_block_; }

  // Makes a detached instruction with `operands` copied; type from the row unless given.
  Instr* make(Op op, std::span<Instr* const> operands, Type type);
  Instr* make(Op op, std::span<Instr* const> operands) {
    return make(op, operands, opInfo(op).result);
  }

  static void append(Block* block, Instr* instr);
  static void insertBefore(Instr* at, Instr* instr);
  static void insertAfter(Instr* at, Instr* instr);
  static void remove(Instr* instr);
  void setOperands(Instr* instr, std::span<Instr* const> operands);

  // Replaces each use of from[i] (indexed by value id; null = keep) in one sweep, chains followed.
  void replaceAllUses(const std::vector<Instr*>& replacement);
  // Renumbers blocks_ into reverse post-order, drops unreachable ones, fixes preds and phis. Keeps
  // the order of preds that are still there; new ones (only into blocks without phis) come last.
  void recomputeCfg();
  // The edge to targets[which] is gone from there: one pred and one input of each phi.
  void removeEdge(Block* from, int which);
  // Removes it; one with a handler leaves a jump to where it goes on. True: its handler may be out
  // of reach (recomputeCfg).
  bool removeOrJump(Instr* instr);
  // Gives the edge to targets[which] of `from`'s terminator a block of its own; phis are kept
  // right.
  Block* splitEdge(Block* from, int which);
  // For the parser, which gives values and blocks the ids of the text.
  void resetIds(uint32_t next) { next_id_ = next; }
  void reserveBlockIds(uint32_t next) { next_block_ = next > next_block_ ? next : next_block_; }

 private:
  std::vector<Scope> scopes_;  // a tree, parents first
  Arena arena_;
  std::vector<Block*> blocks_;
  std::vector<std::unique_ptr<Block>> all_blocks_;  // dropped ones too: passes may hold pointers
  uint32_t next_id_ = 0;
  uint32_t next_block_ = 0;
};

// Root of a chain of alias results (guards): the value that owns the reference.
inline Instr* rootOf(Instr* value) {
  while (value->info().ownership == Ownership::kAlias) value = value->operands[0];
  return value;
}

// Which place in target->preds (and in its phis) the edge to targets[which] of `from` has: two
// edges of one Branch to one block are two places.
size_t predIndex(const Block* from, int which);
// The row's entry for input `input`; variadic operands repeat their last entry.
const OperandInfo& operandInfo(const OpInfo& info, size_t input);
// A second or later result of the operation before it, which must follow at once (LoadMethodSelf,
// UnpackedItem): nothing may be put between the two.
inline bool isPartner(Op op) { return opInfo(op).partner; }

// Does the edge to targets[which] of `from` come from a frame that the interpreter has made? It is
// there then, with the locals in their homes, each of which owns what it holds.
bool adoptsFrame(const Block* from, int which);

// Is the edge to targets[which] of `from` taken with an exception set?
bool raisesAlong(const Block* from, int which);
// The operation before and behind it, in the next block where one with a handler ends its own.
const Instr* before(const Instr* instr);
const Instr* behind(const Instr* instr);

// A number that becomes an object.
inline bool isBox(const Instr* instr) {
  return instr->op == Op::kBoxInt || instr->op == Op::kBoxFloat;
}

// Textual form (printer.cc, parser.cc); parse(print(f)) prints the same text.
std::string print(const Function& function);
std::string print(const Instr& instr);
struct ParseError {
  int line;
  std::string message;
};
// `units`: of the scopes in the root, by number from 1 on; where there are fewer, the root's.
bool parse(const std::string& text, Function* out, ParseError* error,
           std::span<const CodeUnit* const> units = {});
// Every broken rule; empty = sound.
using Diagnostic = tephra::Diagnostic<Block, Instr>;
std::vector<Diagnostic> diagnose(const Function& function);
std::vector<std::string> verify(const Function& function);  // the same as lines
// With "// error: ..." below what each diagnostic concerns.
std::string print(const Function& function, std::span<const Diagnostic> diagnostics);

}  // namespace tephra::hir
