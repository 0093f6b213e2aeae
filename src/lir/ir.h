// Purpose: the LIR: three-address code over virtual registers, in SSA form with block parameters
// until register allocation, over physical registers and stack slots after it.
// Invariant in: each virtual register is defined once, dominating its uses; operands follow the
// row in ops.tbl. Invariant out (after allocation): no virtual register is left.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/diagnostic.h"
#include "base/targets.h"
#include "metadata/entries.h"
#include "metadata/exits.h"

namespace tephra::lir {

enum class Op : uint8_t {
#define TEPHRA_LIR_OP(name) k##name,
#include "lir/ops_list.gen.h"
#undef TEPHRA_LIR_OP
};

enum class Bank : uint8_t { kGp, kFp };
enum class Cond : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kULt, kULe, kUGt, kUGe };
Cond negate(Cond cond);  // of integers; an unordered comparison of doubles has no negation here
Cond swapOperands(Cond cond);

// Pinned registers, live in all compiled code; the target says which machine registers they are.
enum class Pinned : uint8_t { kThread, kFrame };

struct VReg {
  uint32_t id = 0;  // 0 = none
};

struct Operand {
  enum Kind : uint8_t { kNone, kVReg, kImm, kMem, kPinned, kReg, kSlot } kind = kNone;
  Bank bank = Bank::kGp;
  uint8_t scale = 0;       // kMem: index is shifted left by this; kImm: 1 = version()
  uint8_t base_kind = 0;   // kMem: Kind of the base: kVReg, kReg, kPinned or kNone (absolute)
  uint8_t index_kind = 0;  // kMem: kVReg, kReg or kNone
  int32_t disp = 0;        // kMem
  union {
    uint64_t bits = 0;  // kImm
    struct {
      uint32_t base;   // kVReg id, kReg number, kPinned value, kSlot index; kMem: base
      uint32_t index;  // kMem: index
    };
  };

  static Operand vreg(uint32_t id, Bank bank) {
    Operand o;
    o.kind = kVReg;
    o.bank = bank;
    o.base = id;
    o.index = 0;
    return o;
  }
  static Operand imm(int64_t value) {
    Operand o;
    o.kind = kImm;
    o.bits = static_cast<uint64_t>(value);
    return o;
  }
  static Operand reg(uint32_t number, Bank bank) {
    Operand o;
    o.kind = kReg;
    o.bank = bank;
    o.base = number;
    o.index = 0;
    return o;
  }
  static Operand slot(uint32_t index, Bank bank) {
    Operand o;
    o.kind = kSlot;
    o.bank = bank;
    o.base = index;
    o.index = 0;
    return o;
  }
  static Operand pinned(Pinned which) {
    Operand o;
    o.kind = kPinned;
    o.base = static_cast<uint32_t>(which);
    o.index = 0;
    return o;
  }
  // base: a vreg or pinned operand, or Operand{} for an absolute address in disp (use Move first
  // when the address needs more than 31 bits).
  static Operand mem(Operand base, int32_t disp) { return mem(base, disp, Operand(), 0); }
  static Operand mem(Operand base, int32_t disp, Operand index, uint8_t scale) {
    Operand o;
    o.kind = kMem;
    o.base_kind = base.kind;
    o.base = base.base;
    o.index_kind = index.kind;
    o.index = index.kind == kNone ? 0 : index.base;
    o.scale = scale;
    o.disp = disp;
    return o;
  }
  int64_t immValue() const { return static_cast<int64_t>(bits); }
  bool isVReg() const { return kind == kVReg; }
  bool isReg() const { return kind == kReg; }
  bool isSlot() const { return kind == kSlot; }
  bool isImm() const { return kind == kImm; }
  bool isMem() const { return kind == kMem; }
};

enum class Policy : uint8_t { kGpReg, kFpReg, kRegOrImm, kMem, kAny };
enum class AttrKind : uint8_t { kU32, kI64, kU64, kF64, kBool, kCond };

struct OperandInfo {
  const char* name;
  Policy policy;
  bool variadic;
};
struct AttrInfo {
  const char* name;
  AttrKind kind;
};
struct OpInfo {
  const char* name;
  std::span<const OperandInfo> defs;
  std::span<const OperandInfo> uses;
  std::span<const AttrInfo> attrs;
  bool is_terminator, is_call, has_exit;
  const char* doc;
};
const OpInfo& opInfo(Op op);
bool opFromName(const std::string& name, Op* out);

struct Block;

struct Instr {
  Op op;
  uint32_t id = 0;  // position number, even, set by numbering
  uint32_t bytecode_offset = 0;
  uint16_t origin = 0;  // 1 + number of the HIR operation it was lowered from; 0 = of none
  uint16_t scope = 0;   // that bytecode_offset is of
  Block* block = nullptr;
  Instr* prev = nullptr;
  Instr* next = nullptr;
  std::span<Operand> defs;
  std::span<Operand> uses;
  uint64_t attr[3] = {0, 0, 0};
  Targets<Block> targets;

  const OpInfo& info() const { return opInfo(op); }
  // It stems from what `other` does.
  void stemLike(const Instr& other) {
    bytecode_offset = other.bytecode_offset;
    scope = other.scope;
    origin = other.origin;
  }
  // Number of successors: 0 unless a terminator with targets.
  int numTargets() const { return static_cast<int>(targets.size()); }
  // Index of the first `values` operand of an exit record; uses.size() when there are none.
  size_t firstExitValue() const {
    const OpInfo& row = info();
    return row.has_exit ? row.uses.size() - 1 : uses.size();
  }
  uint32_t exitIndex() const;  // of an instruction with an exit
  uint32_t u32(int i) const { return static_cast<uint32_t>(attr[i]); }
  int64_t i64(int i) const { return static_cast<int64_t>(attr[i]); }
  double f64(int i) const { return std::bit_cast<double>(attr[i]); }
  Cond cond(int i) const { return static_cast<Cond>(attr[i]); }
};

struct Block {
  uint32_t id = 0;
  Instr* first = nullptr;
  Instr* last = nullptr;
  std::vector<Operand> params;  // VRegs; physical after allocation (moves are made explicit)
  std::vector<Block*> preds;
  bool cold = false;
  uint32_t loop_depth = 0;
};

// A value of an exit record before allocation: which `values` operand of the exit instruction it
// is. In ExitRecord, a location with where == kSpill and index form is filled after allocation;
// until then `offset` holds the operand's index in the variadic values and `where` is kSpill.
class Function {
 public:
  Function() = default;
  ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  std::string name;
  Arena& arena() { return arena_; }
  std::vector<Block*>& blocks() { return blocks_; }
  const std::vector<Block*>& blocks() const { return blocks_; }
  Block* newBlock() { return newBlock(next_block_); }
  Block* newBlock(uint32_t id);  // id not used yet
  Operand newVReg(Bank bank) {
    banks_.push_back(bank);
    return Operand::vreg(static_cast<uint32_t>(banks_.size() - 1), bank);
  }
  void declareVReg(uint32_t id, Bank bank);           // a given number, as when reading text
  uint32_t numBlocks() const { return next_block_; }  // all ids are below
  uint32_t numVRegs() const { return static_cast<uint32_t>(banks_.size()); }
  Bank bankOf(uint32_t vreg) const { return banks_[vreg]; }

  Instr* make(Op op, std::span<const Operand> defs, std::span<const Operand> uses);
  static void append(Block* block, Instr* instr);
  static void insertBefore(Instr* at, Instr* instr);
  static void insertAfter(Instr* at, Instr* instr);
  static void remove(Instr* instr);

  std::vector<ExitRecord> exits;    // indexed by the `exit` attribute
  uint32_t outgoing_words = 0;      // size of the outgoing area, kept as a maximum
  uint32_t num_deopts = 0;          // exits that deoptimise, without a forced one
  int64_t forced_exit = -1;         // index of the exit that is always taken, in tests
  uint32_t num_params = 0;          // of the register entry (function first)
  std::vector<CodeScope> scopes;    // empty: one, the function's
  std::vector<EntryPoint> entries;  // of Entries; empty: a call, which the entry block is for
  // Filled by allocation.
  uint32_t first_inserted_block = UINT32_MAX;  // ids from here on are blocks of its own, on edges
  uint32_t num_slots = 0;                      // 8-byte spill slots
  uint64_t used_callee_saved[2] = {0, 0};      // per bank, bit = register number

 private:
  Arena arena_;
  std::vector<Block*> blocks_;
  std::vector<Bank> banks_{Bank::kGp};  // vreg 0 is none
  uint32_t next_block_ = 0;
};

std::string print(const Function& function);
std::string print(const Instr& instr);
struct ParseError {
  int line;
  std::string message;
};
// Reads what print() writes: parse(print(f)) prints the same. `out` must be empty.
bool parse(const std::string& text, Function* out, ParseError* error);
// Every violation; accepts SSA form and allocated code.
using Diagnostic = tephra::Diagnostic<Block, Instr>;
std::vector<Diagnostic> diagnose(const Function& function);
std::vector<std::string> verify(const Function& function);  // the same as lines
// With "// error: ..." below what each diagnostic concerns.
std::string print(const Function& function, std::span<const Diagnostic> diagnostics);
const char* condName(Cond cond);
bool condFromName(const std::string& name, Cond* out);

}  // namespace tephra::lir
