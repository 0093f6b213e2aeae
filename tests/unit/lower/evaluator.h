// Executes LIR before register allocation, on real memory: addresses are the process's own. With it
// the meaning of lowered code is tested on any host, for both layouts and both targets.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

#include "base/check.h"
#include "lir/ir.h"
#include "metadata/helpers.h"

namespace tephra::lower_test {

struct Outcome {
  bool returned = false;
  uint64_t result = 0;
  int exit = -1;                 // index of the record
  std::vector<uint64_t> values;  // of the exit
};

class Evaluator {
 public:
  explicit Evaluator(const lir::Function& function)
      : function_(function), vregs_(function.numVRegs()) {}

  uint64_t thread = 0, frame = 0;
  std::vector<uint64_t> params;
  std::vector<uint64_t> outgoing = std::vector<uint64_t>(64);
  // name, arguments -> result. Helpers that a test does not expect fail it.
  std::function<uint64_t(const std::string&, const std::vector<uint64_t>&)> on_call;

  Outcome run() {
    const lir::Instr* at = function_.blocks().front()->first;
    for (int steps = 0; steps < 100000; ++steps) {
      const lir::Instr* next = step(*at);
      if (!next) return outcome_;
      at = next;
    }
    TEPHRA_CHECK(false, "code that ends");
    return outcome_;
  }

 private:
  uint64_t value(const lir::Operand& o) const {
    using lir::Operand;
    switch (o.kind) {
      case Operand::kVReg: return vregs_[o.base];
      case Operand::kImm: return o.bits;
      case Operand::kPinned: return o.base == 0 ? thread : frame;
      default: TEPHRA_CHECK(false, "an operand before allocation"); return 0;
    }
  }
  double number(const lir::Operand& o) const { return std::bit_cast<double>(value(o)); }

  uint64_t address(const lir::Operand& o) const {
    uint64_t base = o.base_kind == lir::Operand::kVReg     ? vregs_[o.base]
                    : o.base_kind == lir::Operand::kPinned ? (o.base == 0 ? thread : frame)
                                                           : 0;
    uint64_t index = o.index_kind == lir::Operand::kVReg ? vregs_[o.index] << o.scale : 0;
    return base + index + static_cast<int64_t>(o.disp);
  }

  static uint64_t read(uint64_t at, uint32_t width, bool sign) {
    uint64_t bits = 0;
    std::memcpy(&bits, reinterpret_cast<void*>(at), width);
    return sign ? extend(bits, width) : bits;
  }
  static void write(uint64_t at, uint64_t bits, uint32_t width) {
    std::memcpy(reinterpret_cast<void*>(at), &bits, width);
  }
  static uint64_t extend(uint64_t bits, uint32_t width) {
    int shift = 64 - 8 * static_cast<int>(width);
    return static_cast<uint64_t>(static_cast<int64_t>(bits << shift) >> shift);
  }

  static bool holds(uint64_t a, uint64_t b, lir::Cond cond, uint32_t width) {
    int shift = 64 - 8 * static_cast<int>(width);
    int64_t x = static_cast<int64_t>(a << shift), y = static_cast<int64_t>(b << shift);
    uint64_t ux = a << shift, uy = b << shift;
    switch (cond) {
      case lir::Cond::kEq: return x == y;
      case lir::Cond::kNe: return x != y;
      case lir::Cond::kLt: return x < y;
      case lir::Cond::kLe: return x <= y;
      case lir::Cond::kGt: return x > y;
      case lir::Cond::kGe: return x >= y;
      case lir::Cond::kULt: return ux < uy;
      case lir::Cond::kULe: return ux <= uy;
      case lir::Cond::kUGt: return ux > uy;
      case lir::Cond::kUGe: return ux >= uy;
    }
    return false;
  }
  static bool holdsF(double a, double b, lir::Cond cond) {
    switch (cond) {
      case lir::Cond::kEq: return a == b;
      case lir::Cond::kNe: return a != b;
      case lir::Cond::kLt: return a < b;
      case lir::Cond::kLe: return a <= b;
      case lir::Cond::kGt: return a > b;
      default: return a >= b;
    }
  }

  void set(const lir::Instr& i, uint64_t bits, uint32_t width = 8) {
    if (i.defs[0].kind == lir::Operand::kPinned) {
      (i.defs[0].base == 0 ? thread : frame) = bits;
    } else if (i.defs[0].kind == lir::Operand::kVReg) {
      // The upper half of a 4-byte result is not to be relied on.
      vregs_[i.defs[0].base] = width == 4 ? (bits & 0xFFFFFFFF) | 0xDEADBEEF00000000 : bits;
    }
  }
  void setF(const lir::Instr& i, double x) { set(i, std::bit_cast<uint64_t>(x)); }

  const lir::Instr* leave(const lir::Instr& i, size_t first) {
    outcome_.exit = static_cast<int>(i.exitIndex());
    for (size_t k = first; k < i.uses.size(); ++k) outcome_.values.push_back(value(i.uses[k]));
    return nullptr;
  }
  const lir::Instr* exitIf(const lir::Instr& i, bool condition) {
    return condition ? leave(i, 2) : i.next;
  }
  static const lir::Instr* go(const lir::Block* block) { return block->first; }

  const lir::Instr* checked(const lir::Instr& i) {
    int64_t a = static_cast<int64_t>(value(i.uses[0])), b = static_cast<int64_t>(value(i.uses[1])),
            r = 0;
    bool overflow = i.op == lir::Op::kAddExit   ? __builtin_add_overflow(a, b, &r)
                    : i.op == lir::Op::kSubExit ? __builtin_sub_overflow(a, b, &r)
                                                : __builtin_mul_overflow(a, b, &r);
    if (overflow) return leave(i, 2);
    set(i, static_cast<uint64_t>(r));
    return i.next;
  }

  uint64_t arithmetic(const lir::Instr& i) const {
    uint64_t a = value(i.uses[0]), b = i.uses.size() > 1 ? value(i.uses[1]) : 0;
    switch (i.op) {
      case lir::Op::kAdd: return a + b;
      case lir::Op::kSub: return a - b;
      case lir::Op::kMul: return a * b;
      case lir::Op::kAnd: return a & b;
      case lir::Op::kOr: return a | b;
      case lir::Op::kXor: return a ^ b;
      case lir::Op::kShl: return a << (b & 63);
      case lir::Op::kShr: return a >> (b & 63);
      case lir::Op::kSar: return static_cast<uint64_t>(static_cast<int64_t>(a) >> (b & 63));
      default: return ~a + 1;
    }
  }

  const lir::Instr* call(const lir::Instr& i) {
    std::vector<uint64_t> args;
    for (const lir::Operand& use : i.uses) args.push_back(value(use));
    TEPHRA_CHECK(on_call, "no call in this test");
    std::string name = "address";
    if (i.op == lir::Op::kCall || i.op == lir::Op::kCallF)
      name = helperInfo(static_cast<Helper>(i.u32(0))).name;
    set(i, on_call(name, args));
    return i.next;
  }

  const lir::Instr* step(const lir::Instr& i);

  const lir::Function& function_;
  std::vector<uint64_t> vregs_;
  Outcome outcome_;
};

// check: long function (one case per operation)
inline const lir::Instr* Evaluator::step(const lir::Instr& i) {
  using lir::Op;
  auto a = [&] { return value(i.uses[0]); };
  auto b = [&] { return value(i.uses[1]); };
  switch (i.op) {
    case Op::kMove:
    case Op::kMoveF:
    case Op::kFpToGp: set(i, a()); return i.next;
    case Op::kMoveConstF: set(i, i.attr[0]); return i.next;
    case Op::kParam: set(i, params[i.u32(0)]); return i.next;
    case Op::kLoad: set(i, read(address(i.uses[0]), i.u32(0), i.attr[1] != 0)); return i.next;
    case Op::kLoadF: set(i, read(address(i.uses[0]), 8, false)); return i.next;
    case Op::kStore: write(address(i.uses[0]), b(), i.u32(0)); return i.next;
    case Op::kStoreF: write(address(i.uses[0]), b(), 8); return i.next;
    case Op::kLea: set(i, address(i.uses[0])); return i.next;
    case Op::kAddMem: {
      uint64_t at = address(i.uses[0]);
      write(at, read(at, i.u32(0), false) + b(), i.u32(0));
      return i.next;
    }
    case Op::kLoadOut: set(i, outgoing[i.u32(0)]); return i.next;
    case Op::kStoreOut: outgoing[i.u32(0)] = a(); return i.next;
    case Op::kLeaOut: set(i, reinterpret_cast<uint64_t>(&outgoing[i.u32(0)])); return i.next;
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kShl:
    case Op::kShr:
    case Op::kSar:
    case Op::kNeg: set(i, arithmetic(i), i.u32(0)); return i.next;
    case Op::kDivRem:
      TEPHRA_CHECK(b() != 0 && !(static_cast<int64_t>(a()) == INT64_MIN && b() == ~uint64_t{0}),
                   "a legal division");
      vregs_[i.defs[0].base] =
          static_cast<uint64_t>(static_cast<int64_t>(a()) / static_cast<int64_t>(b()));
      vregs_[i.defs[1].base] =
          static_cast<uint64_t>(static_cast<int64_t>(a()) % static_cast<int64_t>(b()));
      return i.next;
    case Op::kAddExit:
    case Op::kSubExit:
    case Op::kMulExit: return checked(i);
    case Op::kSetCmp: set(i, holds(a(), b(), i.cond(0), i.u32(1))); return i.next;
    case Op::kNegIf: set(i, (b() >> i.u32(0) & 1) != 0 ? 0 - a() : a()); return i.next;
    case Op::kSelect: set(i, a() != 0 ? b() : value(i.uses[2])); return i.next;
    case Op::kAddF: setF(i, number(i.uses[0]) + number(i.uses[1])); return i.next;
    case Op::kSubF: setF(i, number(i.uses[0]) - number(i.uses[1])); return i.next;
    case Op::kMulF: setF(i, number(i.uses[0]) * number(i.uses[1])); return i.next;
    case Op::kDivF: setF(i, number(i.uses[0]) / number(i.uses[1])); return i.next;
    case Op::kNegF: setF(i, -number(i.uses[0])); return i.next;
    case Op::kIntToF: setF(i, static_cast<double>(static_cast<int64_t>(a()))); return i.next;
    case Op::kSetCmpF:
      set(i, holdsF(number(i.uses[0]), number(i.uses[1]), i.cond(0)));
      return i.next;
    case Op::kJump: {
      std::vector<uint64_t> args;
      for (const lir::Operand& use : i.uses) args.push_back(value(use));
      for (size_t k = 0; k < args.size(); ++k) vregs_[i.targets[0]->params[k].base] = args[k];
      return go(i.targets[0]);
    }
    case Op::kEntries: return go(i.targets[0]);
    case Op::kBranchCmp: return go(i.targets[holds(a(), b(), i.cond(0), i.u32(1)) ? 0 : 1]);
    case Op::kBranchCmpMem:
      return go(i.targets[holds(read(address(i.uses[0]), i.u32(1), false), b(), i.cond(0), i.u32(1))
                              ? 0
                              : 1]);
    case Op::kBranchCmpF:
      return go(i.targets[holdsF(number(i.uses[0]), number(i.uses[1]), i.cond(0)) ? 0 : 1]);
    case Op::kReturn:
      outcome_.returned = true;
      outcome_.result = a();
      return nullptr;
    case Op::kTrap: TEPHRA_CHECK(false, "never reached"); return nullptr;
    case Op::kExitCmp: return exitIf(i, holds(a(), b(), i.cond(0), i.u32(1)));
    case Op::kExitTest: return exitIf(i, holds(a() & b(), 0, i.cond(0), i.u32(1)));
    case Op::kExitCmpMem:
      return exitIf(i, holds(read(address(i.uses[0]), i.u32(1), false), b(), i.cond(0), i.u32(1)));
    case Op::kExitTestMem:
      return exitIf(i,
                    holds(read(address(i.uses[0]), i.u32(1), false) & b(), 0, i.cond(0), i.u32(1)));
    case Op::kExitCmpF: return exitIf(i, holdsF(number(i.uses[0]), number(i.uses[1]), i.cond(0)));
    case Op::kExit: return leave(i, 0);
    case Op::kCall:
    case Op::kCallF:
    case Op::kCallAddress:
    case Op::kCallCell: return call(i);
    case Op::kBranchRelease: {
      uint64_t object = a();
      if (object == 0 && i.attr[0]) return go(i.targets[1]);
      write(object, read(object, 4, false) - 1, 4);
      return go(i.targets[read(object, 4, false) == 0 ? 0 : 1]);
    }
    case Op::kPushFrame:  // tests/unit/codegen/frames_test.cc executes these
    case Op::kBranchLook:
    case Op::kExitLook:
    case Op::kUnlinkFrame:
    case Op::kPopFrame: TEPHRA_CHECK(false, "no frame in this test"); return nullptr;
    case Op::kDealloc: return i.next;
    case Op::kIncref:
    case Op::kDecref:
    case Op::kDecrefMortal:
    case Op::kDecrefRef:
    case Op::kDecrefAt: {
      uint64_t object = a();
      if (object == 0 && i.attr[0]) return i.next;
      if (i.op == Op::kDecrefRef && (object & 1) != 0) return i.next;
      write(object, read(object, 4, false) + (i.op == Op::kIncref ? 1 : -1), 4);
      if (i.op == Op::kDecrefAt && read(object, 4, false) == 0) {
        write(address(i.uses[1]), value(i.uses[2]), i.u32(1));
      }
      return i.next;
    }
  }
  return nullptr;
}

}  // namespace tephra::lower_test
