// Runs LIR, before or after allocation, and gives what can be seen of it from outside: calls with
// their arguments, stores, exits with their values, the result. Arithmetic on doubles is a hash of
// the bits; memory is a small array that every address falls into. After allocation, clobbered
// registers, scratch registers and results that are written before late operands are read get
// garbage, as a machine would give them.
#pragma once

#include <cstring>
#include <map>

#include "lir/ir.h"
#include "target/target.h"

namespace tephra::regalloc_test {

using lir::Bank;
using lir::Instr;
using lir::Op;
using lir::Operand;

class Interpreter {
 public:
  // A null target: before allocation.
  Interpreter(const lir::Function& f, const Target& target, bool allocated)
      : f_(f),
        target_(target),
        allocated_(allocated),
        vregs_(f.numVRegs(), 0xdead),
        slots_(f.num_slots, 0xbad) {
    for (size_t i = 0; i < 256; ++i) memory_[i] = mix(i, 77);
    for (size_t i = 0; i < 128; ++i) regs_[i] = garbage();
    regs_[target.pinned(lir::Pinned::kThread)] = 0x1000;
    regs_[target.pinned(lir::Pinned::kFrame)] = 0x2000;
    auto args = target.argumentRegisters(Bank::kGp);
    for (size_t i = 0; i < args.size(); ++i) {
      arguments_.push_back(mix(i, 5) >> (i % 3 * 24));
      if (allocated) regs_[args[i]] = arguments_[i];
    }
    for (uint64_t& word : outgoing_) word = 3;
  }

  std::vector<uint64_t> run(int max_branches) {
    const lir::Block* block = f_.blocks()[0];
    while (block && branches_ < max_branches) {
      const lir::Block* next = nullptr;
      for (const Instr* i = block->first; i; i = i->next) {
        if (step(*i, &next)) return trace_;
      }
      block = next;
    }
    return trace_;
  }

 private:
  static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 32);
  }
  uint64_t garbage() { return mix(++garbage_, 0x6a7ba6e); }

  uint64_t* place(const Operand& o) {
    switch (o.kind) {
      case Operand::kVReg: return &vregs_[o.base];
      case Operand::kReg: return &regs_[o.base + (o.bank == Bank::kFp ? 64 : 0)];
      case Operand::kSlot: return &slots_[o.base];
      case Operand::kPinned: return &regs_[target_.pinned(static_cast<lir::Pinned>(o.base))];
      default: return nullptr;
    }
  }
  uint64_t get(const Operand& o) { return o.isImm() ? o.bits : *place(o); }
  uint64_t baseValue(uint8_t kind, uint32_t number) {
    Operand o;
    o.kind = static_cast<Operand::Kind>(kind);
    o.base = number;
    return kind == Operand::kNone ? 0 : get(o);
  }
  uint64_t address(const Operand& m) {
    return baseValue(m.base_kind, m.base) + (baseValue(m.index_kind, m.index) << m.scale) +
           static_cast<uint64_t>(int64_t{m.disp});
  }
  uint64_t& cell(uint64_t address) { return memory_[(address >> 3) & 255]; }

  static uint64_t cut(uint64_t value, uint32_t width, bool sign = false) {
    if (width >= 8) return value;
    uint64_t low = value & ((uint64_t{1} << (8 * width)) - 1);
    uint64_t top = uint64_t{1} << (8 * width - 1);
    return sign ? (low ^ top) - top : low;
  }

  static bool compare(uint64_t a, uint64_t b, lir::Cond cond, uint32_t width) {
    a = cut(a, width);
    b = cut(b, width);
    int64_t x = static_cast<int64_t>(cut(a, width, true)),
            y = static_cast<int64_t>(cut(b, width, true));
    switch (cond) {
      case lir::Cond::kEq: return a == b;
      case lir::Cond::kNe: return a != b;
      case lir::Cond::kLt: return x < y;
      case lir::Cond::kLe: return x <= y;
      case lir::Cond::kGt: return x > y;
      case lir::Cond::kGe: return x >= y;
      case lir::Cond::kULt: return a < b;
      case lir::Cond::kULe: return a <= b;
      case lir::Cond::kUGt: return a > b;
      case lir::Cond::kUGe: return a >= b;
    }
    return false;
  }

  // Reads the operands in the order in which a machine may read them, then spoils what it may
  // spoil.
  std::vector<uint64_t> inputs(const Instr& i) {
    std::vector<uint64_t> in(i.uses.size());
    auto read = [&](size_t u) {
      in[u] = i.uses[u].isMem() ? address(i.uses[u]) : i.op == Op::kJump ? 0 : get(i.uses[u]);
    };
    if (!allocated_) {
      for (size_t u = 0; u < in.size(); ++u) read(u);
      return in;
    }
    target_.constraints(i, &constraints_);
    auto late = [&](size_t u) {
      return constraints_[i.defs.size() + u].late || u >= i.firstExitValue();
    };
    bool move = i.op == Op::kMove || i.op == Op::kMoveF || i.op == Op::kMoveConstF;
    for (size_t u = 0; u < in.size(); ++u) {
      if (!late(u)) read(u);
    }
    if (i.op == Op::kParam) return in;
    for (int bank = 0; bank < 2; ++bank) {
      RegSet set = target_.clobbers(i, static_cast<Bank>(bank));
      if (!move) set |= RegSet{1} << target_.scratch(static_cast<Bank>(bank));
      for (; set; set &= set - 1) regs_[std::countr_zero(set) + 64 * bank] = garbage();
    }
    for (const Operand& def : i.defs) {
      if (def.isReg()) *place(def) = garbage();
    }
    for (size_t u = 0; u < in.size(); ++u) {
      if (late(u)) read(u);
    }
    return in;
  }

  void result(const Instr& i, uint64_t value, size_t d = 0) {
    if (i.defs[d].kind != Operand::kNone) *place(i.defs[d]) = value;
  }

  void event(uint64_t kind, uint64_t a, uint64_t b) { trace_.push_back(mix(mix(kind, a), b)); }

  bool takeExit(const Instr& i, const std::vector<uint64_t>& in) {
    event(1000, i.exitIndex(), 0);
    for (size_t u = i.firstExitValue(); u < in.size(); ++u) event(1001, in[u], 0);
    return true;
  }

  void call(const Instr& i, const std::vector<uint64_t>& in) {
    uint64_t hash = static_cast<uint64_t>(i.op) + i.attr[0];
    for (uint64_t value : in) hash = mix(hash, value);
    event(1002, hash, ++calls_);
    memory_[hash & 255] ^= hash;
    for (uint64_t& word : outgoing_) word = mix(word, hash);
    result(i, hash & 1 ? hash : hash >> 40);
  }

  bool step(const Instr& i, const lir::Block** next) {
    if (i.op == Op::kJump && !allocated_) {
      std::vector<uint64_t> values;
      for (const Operand& use : i.uses) values.push_back(get(use));
      for (size_t p = 0; p < values.size(); ++p) *place(i.targets[0]->params[p]) = values[p];
      *next = i.targets[0];
      return false;
    }
    std::vector<uint64_t> in = inputs(i);
    if (i.info().is_call) {
      call(i, in);
      return false;
    }
    if (i.info().is_terminator) return terminator(i, in, next);
    if (i.info().has_exit) return guard(i, in);
    compute(i, in);
    return false;
  }

  bool terminator(const Instr& i, const std::vector<uint64_t>& in, const lir::Block** next) {
    bool taken = true;
    switch (i.op) {
      case Op::kBranchCmp: taken = compare(in[0], in[1], i.cond(0), i.u32(1)); break;
      case Op::kBranchCmpMem: taken = compare(cell(in[0]), in[1], i.cond(0), i.u32(1)); break;
      case Op::kBranchRelease:
        event(1005, in[0], 0);
        taken = in[0] % 2 == 0;
        break;
      case Op::kBranchCmpF: taken = compare(in[0], in[1], i.cond(0), 8); break;
      case Op::kReturn: event(1003, in[0], 0); return true;
      case Op::kExit: return takeExit(i, in);
      case Op::kTrap: event(1004, 0, 0); return true;
      default: break;
    }
    if (i.targets[1]) ++branches_;
    *next = i.targets[taken ? 0 : 1];
    return false;
  }

  bool guard(const Instr& i, const std::vector<uint64_t>& in) {
    bool taken = false;
    uint64_t value = 0;
    switch (i.op) {
      case Op::kAddExit:
        value = in[0] + in[1];
        taken = value % 16 == 0;
        break;
      case Op::kSubExit:
        value = in[0] - in[1];
        taken = value % 16 == 3;
        break;
      case Op::kMulExit:
        value = in[0] * in[1];
        taken = value % 16 == 5;
        break;
      case Op::kExitCmp: taken = compare(in[0] % 16, 1, i.cond(0), i.u32(1)); break;
      case Op::kExitTest: taken = compare(in[0] & in[1], 0, i.cond(0), i.u32(1)); break;
      case Op::kExitCmpMem:
        taken = compare(cell(in[0]) % 16, in[1] % 16, i.cond(0), i.u32(1));
        break;
      case Op::kExitTestMem:
        taken = compare(cell(in[0]) & in[1] & 15, 0, i.cond(0), i.u32(1));
        break;
      case Op::kExitCmpF: taken = mix(in[0], in[1]) % 16 == 0; break;
      default: break;
    }
    if (taken) return takeExit(i, in);
    if (!i.defs.empty()) result(i, value);
    return false;
  }

  void store(const Instr& i, uint64_t address, uint64_t value, uint32_t width) {
    uint64_t& where = cell(address);
    where = (where & ~cut(~uint64_t{0}, width)) | cut(value, width);
    event(static_cast<uint64_t>(i.op), (address >> 3) & 255, where);
  }

  void compute(const Instr& i, const std::vector<uint64_t>& in) {
    switch (i.op) {
      case Op::kMove:
      case Op::kMoveF:
      case Op::kFpToGp: return result(i, in[0]);
      case Op::kMoveConstF: return result(i, i.attr[0]);
      case Op::kParam: return result(i, allocated_ ? *place(i.defs[0]) : arguments_[i.u32(0)]);
      case Op::kLoad: return result(i, cut(cell(in[0]), i.u32(0), i.attr[1]));
      case Op::kLoadF: return result(i, cell(in[0]));
      case Op::kStore: return store(i, in[0], in[1], i.u32(0));
      case Op::kStoreF: return store(i, in[0], in[1], 8);
      case Op::kAddMem: return store(i, in[0], cell(in[0]) + in[1], i.u32(0));
      case Op::kLea: return result(i, in[0]);
      case Op::kLoadOut: return result(i, outgoing_[i.u32(0)]);
      case Op::kStoreOut: outgoing_[i.u32(0)] = in[0]; return event(1005, i.u32(0), in[0]);
      case Op::kAdd: return result(i, cut(in[0] + in[1], i.u32(0)));
      case Op::kSub: return result(i, cut(in[0] - in[1], i.u32(0)));
      case Op::kMul: return result(i, cut(in[0] * in[1], i.u32(0)));
      case Op::kAnd: return result(i, cut(in[0] & in[1], i.u32(0)));
      case Op::kOr: return result(i, cut(in[0] | in[1], i.u32(0)));
      case Op::kXor: return result(i, cut(in[0] ^ in[1], i.u32(0)));
      case Op::kSetCmp: return result(i, compare(in[0], in[1], i.cond(0), i.u32(1)));
      case Op::kNegIf: return result(i, (in[1] >> i.u32(0) & 1) != 0 ? 0 - in[0] : in[0]);
      case Op::kSelect: return result(i, in[0] != 0 ? in[1] : in[2]);
      case Op::kIncref:
      case Op::kDecref: {
        uint64_t& count = cell(in[0]);
        count += i.op == Op::kIncref ? 1u : ~uint64_t{0};
        return event(static_cast<uint64_t>(i.op), in[0], count);
      }
      case Op::kDivRem: result(i, mix(in[0], in[1])); return result(i, mix(in[1], in[0]) >> 50, 1);
      default: {  // any function of the inputs will do
        uint64_t hash = static_cast<uint64_t>(i.op) * 31 + i.attr[0];
        for (uint64_t value : in) hash = mix(hash, value);
        return i.defs.empty() ? event(1006, hash, 0) : result(i, hash);
      }
    }
  }

  const lir::Function& f_;
  const Target& target_;
  bool allocated_;
  std::vector<uint64_t> vregs_, slots_, arguments_;
  uint64_t regs_[128];
  uint64_t memory_[256];
  uint64_t outgoing_[8];
  std::vector<uint64_t> trace_;
  std::vector<OperandConstraint> constraints_;
  uint64_t calls_ = 0, garbage_ = 0;
  int branches_ = 0;
};

}  // namespace tephra::regalloc_test
