// Purpose: AArch64 with AAPCS64 as the allocator and lowering see it.
// Three-address throughout, so no input is reused; any constant may be an operand (emission knows
// which the instruction holds); addresses are base + scaled 12 bits, base + signed 9 bits, or base
// + index.
#include "target/aarch64/registers.h"
#include "target/constraints.h"

namespace tephra {
namespace aarch64 {

bool isLogicalImmediate(uint64_t value, unsigned bits) {
  if (bits == 32) {
    value &= UINT64_C(0xFFFFFFFF);
    value |= value << 32;
  }
  if (value == 0 || value == ~UINT64_C(0)) return false;
  // The smallest element that the value repeats.
  unsigned size = 64;
  while (size > 2) {
    unsigned half = size / 2;
    uint64_t mask = (UINT64_C(1) << half) - 1;
    if ((value & mask) != ((value >> half) & mask)) break;
    size = half;
  }
  uint64_t mask = size == 64 ? ~UINT64_C(0) : (UINT64_C(1) << size) - 1;
  uint64_t element = value & mask;
  // A run of ones, rotated: exactly one place where a zero follows a one, cyclically.
  uint64_t rotated = ((element >> 1) | (element << (size - 1))) & mask;
  return __builtin_popcountll(element & ~rotated & mask) == 1;
}

}  // namespace aarch64

namespace {

using namespace aarch64;
using lir::Bank;
using lir::Instr;
using lir::Op;
using lir::Operand;

constexpr const char* kGpNames[] = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",
                                    "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15",
                                    "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23",
                                    "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"};
constexpr const char* kFpNames[] = {"d0",  "d1",  "d2",  "d3",  "d4",  "d5",  "d6",  "d7",
                                    "d8",  "d9",  "d10", "d11", "d12", "d13", "d14", "d15",
                                    "d16", "d17", "d18", "d19", "d20", "d21", "d22", "d23",
                                    "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31"};

class AArch64Target final : public Target {
 public:
  Arch arch() const override { return Arch::kAArch64; }
  const char* name() const override { return "aarch64"; }
  const char* registerName(Bank bank, int number) const override {
    return bank == Bank::kGp ? kGpNames[number] : kFpNames[number];
  }
  int numRegisters(Bank) const override { return 32; }
  RegSet allocatable(Bank bank) const override { return callerSaved(bank) | calleeSaved(bank); }
  RegSet callerSaved(Bank bank) const override {
    return bank == Bank::kGp ? kCallerSavedGp : kCallerSavedFp;
  }
  RegSet calleeSaved(Bank bank) const override {
    return bank == Bank::kGp ? kCalleeSavedGp : kCalleeSavedFp;
  }
  std::span<const uint8_t> argumentRegisters(Bank bank) const override {
    if (bank == Bank::kGp) return kArgumentGp;
    return kArgumentFp;
  }
  uint8_t returnRegister(Bank) const override { return 0; }
  uint8_t scratch(Bank bank) const override { return bank == Bank::kGp ? kScratchGp : kScratchFp; }
  uint8_t pinned(lir::Pinned which) const override {
    return which == lir::Pinned::kThread ? kThreadReg : kFrameReg;
  }
  int64_t callReach() const override { return (INT64_C(1) << 27) - 4096; }
  int64_t dataReach() const override { return (INT64_C(1) << 32) - 8192; }

  uint8_t dwarfRegister(Bank bank, int number) const override {
    return static_cast<uint8_t>(bank == Bank::kFp ? 64 + number : number);
  }
  const UnwindConvention& unwinding() const override {
    static const UnwindConvention convention{
        30, 31, 4, {31, 0, {}}, {29, 16, {{29, -16}, {30, -8}}}};
    return convention;
  }
  void constraints(const Instr& instr, std::vector<OperandConstraint>* out) const override;
  RegSet clobbers(const Instr& instr, Bank bank) const override;
  bool immediateFits(const Instr& instr, int index, int64_t value) const override;
  bool immediateIsMade(const Instr& instr, int index, int64_t value) const override;
  bool addressFits(const Instr& instr, const Operand& address) const override;
  bool memoryOperands() const override { return false; }
  uint8_t largestScale() const override { return 6; }
};

void AArch64Target::constraints(const Instr& instr, std::vector<OperandConstraint>* out) const {
  if (commonConstraints(*this, instr, out)) return;
  switch (instr.op) {
    // The remainder is made from the quotient and both inputs.
    case Op::kDivRem: (*out)[2].late = (*out)[3].late = true; break;
    case Op::kAddExit:
    case Op::kSubExit:
    case Op::kMulExit: lateValues(instr, out); break;
    case Op::kPushFrame:
      (*out)[0] = fixed(kFrameResult);
      (*out)[1] = fixed(0);
      break;
    default: break;  // three addresses, any registers
  }
}

RegSet AArch64Target::clobbers(const Instr& instr, Bank bank) const {
  if (instr.op == Op::kPushFrame) return bank == Bank::kGp ? kPushFrameGp : callerSaved(bank);
  return callClobbers(*this, instr, bank);
}

int64_t narrowed(int64_t value, uint32_t width) {
  return width == 4 ? static_cast<int32_t>(value) : value;
}

bool AArch64Target::immediateIsMade(const Instr& instr, int index, int64_t value) const {
  if (static_cast<size_t>(index) >= firstVariadic(instr)) return false;
  switch (instr.op) {
    case Op::kAdd:
    case Op::kSub: return !fitsAddOrSub(narrowed(value, instr.u32(0)));
    case Op::kBranchCmp:
    case Op::kBranchCmpMem:
    case Op::kExitCmp:
    case Op::kExitCmpMem:
      // Narrower ones would have to be extended in a register.
      return instr.u32(1) >= 4 && !fitsAddOrSub(narrowed(value, instr.u32(1)));
    case Op::kStore: return index == 1 && value != 0;
    default: return false;
  }
}

// Constants that the instruction cannot hold are brought into x17 by emission: as many instructions
// as a move to an allocated register, and one register less.
bool AArch64Target::immediateFits(const Instr& instr, int index, int64_t value) const {
  if (static_cast<size_t>(index) >= firstVariadic(instr)) return true;
  switch (instr.op) {
    case Op::kShl:
    case Op::kShr:
    case Op::kSar: return value >= 0 && value < static_cast<int64_t>(instr.u32(0) * 8);
    case Op::kMove:
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kAddMem:
    case Op::kAddExit:
    case Op::kSubExit:
    case Op::kMulExit:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kSetCmp:
    case Op::kBranchCmp:
    case Op::kBranchCmpMem:
    case Op::kExitCmp:
    case Op::kExitCmpMem:
    case Op::kExitTest:
    case Op::kExitTestMem:
    case Op::kStore:
    case Op::kStoreOut:
    case Op::kDecrefAt: return true;
    default: return false;
  }
}

// Bytes that the instruction reads or writes at its address; 0: it only computes it.
uint32_t accessWidth(const Instr& instr) {
  switch (instr.op) {
    case Op::kLoad:
    case Op::kStore:
    case Op::kAddMem: return instr.u32(0);
    case Op::kBranchCmpMem:
    case Op::kExitCmpMem:
    case Op::kExitTestMem:
    case Op::kDecrefAt: return instr.u32(1);
    case Op::kLea: return 0;
    default: return 8;
  }
}

bool AArch64Target::addressFits(const Instr& instr, const Operand& address) const {
  uint32_t width = accessWidth(instr);
  if (address.base_kind == Operand::kNone) return false;
  if (address.index_kind != Operand::kNone) {
    if (address.disp != 0) return false;
    return width == 0 ? address.scale <= largestScale()
                      : address.scale == 0 || (UINT32_C(1) << address.scale) == width;
  }
  if (width == 0) return fitsAddOrSub(address.disp);
  if (address.disp >= -256 && address.disp < 256) return true;
  return address.disp >= 0 && address.disp % static_cast<int32_t>(width) == 0 &&
         address.disp / static_cast<int32_t>(width) < 4096;
}

}  // namespace

const Target& aarch64Target() {
  static const AArch64Target target;
  return target;
}

}  // namespace tephra
