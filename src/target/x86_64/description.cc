// Purpose: x86-64 with the System V convention as the allocator and lowering see it.
// Two-operand forms reuse their first input, shifts count in cl, division is rdx:rax. SSE2 only;
// nothing newer is assumed.
#include "target/constraints.h"
#include "target/x86_64/registers.h"

namespace tephra {
namespace {

using namespace x86_64;
using lir::Bank;
using lir::Instr;
using lir::Op;
using lir::Operand;

constexpr const char* kGpNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr const char* kFpNames[] = {"xmm0",  "xmm1",  "xmm2",  "xmm3", "xmm4",  "xmm5",
                                    "xmm6",  "xmm7",  "xmm8",  "xmm9", "xmm10", "xmm11",
                                    "xmm12", "xmm13", "xmm14", "xmm15"};

bool fitsInt32(int64_t value) { return value == static_cast<int32_t>(value); }
// A 4-byte operation sees the low half only: 0xFFFFFFFF is as good as -1.
bool fitsWidth(int64_t value, uint64_t width) {
  return fitsInt32(value) || (width <= 4 && value >= 0 && value <= INT64_C(0xFFFFFFFF));
}

class X86Target final : public Target {
 public:
  Arch arch() const override { return Arch::kX86_64; }
  const char* name() const override { return "x86_64"; }
  const char* registerName(Bank bank, int number) const override {
    return bank == Bank::kGp ? kGpNames[number] : kFpNames[number];
  }
  int numRegisters(Bank) const override { return 16; }
  RegSet allocatable(Bank bank) const override { return callerSaved(bank) | calleeSaved(bank); }
  RegSet callerSaved(Bank bank) const override {
    return bank == Bank::kGp ? kCallerSavedGp : kAllFp;
  }
  RegSet calleeSaved(Bank bank) const override { return bank == Bank::kGp ? kCalleeSavedGp : 0; }
  std::span<const uint8_t> argumentRegisters(Bank bank) const override {
    if (bank == Bank::kGp) return kArgumentGp;
    return kArgumentFp;
  }
  uint8_t returnRegister(Bank bank) const override {
    return bank == Bank::kGp ? static_cast<uint8_t>(kRax) : 0;
  }
  uint8_t scratch(Bank bank) const override { return bank == Bank::kGp ? kScratchGp : kScratchFp; }
  uint8_t pinned(lir::Pinned which) const override {
    return which == lir::Pinned::kThread ? kThreadReg : kFrameReg;
  }
  int64_t callReach() const override { return (INT64_C(1) << 31) - 4096; }
  int64_t dataReach() const override { return (INT64_C(1) << 31) - 4096; }

  uint8_t dwarfRegister(Bank bank, int number) const override {
    static constexpr uint8_t kGp[] = {0, 2, 1, 3, 7, 6, 4, 5};
    if (bank == Bank::kFp) return static_cast<uint8_t>(17 + number);
    return number < 8 ? kGp[number] : static_cast<uint8_t>(number);
  }
  const UnwindConvention& unwinding() const override {
    static const UnwindConvention convention{
        16, 7, 1, {7, 8, {{16, -8}}}, {6, 16, {{6, -16}, {16, -8}}}};
    return convention;
  }
  void constraints(const Instr& instr, std::vector<OperandConstraint>* out) const override;
  RegSet clobbers(const Instr& instr, Bank bank) const override;
  bool immediateFits(const Instr& instr, int index, int64_t value) const override;
  // An instruction holds its constant, or it is legalised into a register anyway.
  bool immediateIsMade(const Instr&, int, int64_t) const override { return false; }
  bool addressFits(const Instr& instr, const Operand& address) const override;
  bool memoryOperands() const override { return true; }
  uint8_t largestScale() const override { return 3; }
};

// d = a op b where the machine overwrites a: d shares with a, and b, read after a was copied
// there, with neither.
void twoOperand(const Instr& instr, std::vector<OperandConstraint>* out) {
  (*out)[0] = reuseInput(0);
  if (instr.uses.size() > 1 && !sameOperand(instr.uses[0], instr.uses[1])) (*out)[2].late = true;
}

void shift(const Instr& instr, std::vector<OperandConstraint>* out) {
  (*out)[0] = reuseInput(0);
  if (instr.uses[1].isImm()) return;
  (*out)[2] = fixed(kShiftCount);
  (*out)[2].late = true;
}

void X86Target::constraints(const Instr& instr, std::vector<OperandConstraint>* out) const {
  if (commonConstraints(*this, instr, out)) return;
  switch (instr.op) {
    case Op::kAdd: break;  // lea adds to a third register
    case Op::kSub:         // lea subtracts an immediate
    case Op::kMul:         // three operands with an immediate
      if (!instr.uses[1].isImm()) twoOperand(instr, out);
      break;
    case Op::kShl:
    case Op::kShr:
    case Op::kSar: shift(instr, out); break;
    case Op::kDivRem:
      (*out)[0] = fixed(kRax);
      (*out)[1] = fixed(kRdx);
      (*out)[2] = fixed(kRax);
      (*out)[3].late = true;  // the dividend's sign goes to rdx first
      break;
    case Op::kAddExit:
    case Op::kSubExit:
      twoOperand(instr, out);
      lateValues(instr, out);
      break;
    case Op::kMulExit:
      if (!instr.uses[1].isImm()) twoOperand(instr, out);
      lateValues(instr, out);
      break;
    case Op::kPushFrame:
      (*out)[0] = fixed(kRax);
      (*out)[1] = fixed(kRdi);
      break;
    default: twoOperand(instr, out);
  }
}

RegSet X86Target::clobbers(const Instr& instr, Bank bank) const {
  if (instr.op == Op::kPushFrame) return bank == Bank::kGp ? bit(kR10) : callerSaved(bank);
  if (instr.op == Op::kUnlinkFrame) return bank == Bank::kGp ? bit(kR10) : 0;
  return callClobbers(*this, instr, bank);
}

bool X86Target::immediateFits(const Instr& instr, int index, int64_t value) const {
  if (static_cast<size_t>(index) >= firstVariadic(instr)) return true;
  switch (instr.op) {
    case Op::kMove:
    case Op::kDecrefAt: return true;
    case Op::kShl:
    case Op::kShr:
    case Op::kSar: return value >= 0 && value < static_cast<int64_t>(instr.u32(0) * 8);
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kStore:
    case Op::kAddMem: return fitsWidth(value, instr.u32(0));
    case Op::kSetCmp:
    case Op::kBranchCmp:
    case Op::kBranchCmpMem:
    case Op::kExitCmp:
    case Op::kExitTest:
    case Op::kExitCmpMem:
    case Op::kExitTestMem: return fitsWidth(value, instr.u32(1));
    default: return fitsInt32(value);
  }
}

bool X86Target::addressFits(const Instr&, const Operand& address) const {
  return address.scale <= largestScale();  // the displacement is 32 bits on both sides
}

}  // namespace

const Target& x86_64Target() {
  static const X86Target target;
  return target;
}

}  // namespace tephra
