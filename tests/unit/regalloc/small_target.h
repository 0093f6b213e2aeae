// A target with few registers: another one's rules, but only some of its registers to allocate.
#pragma once

#include "target/target.h"

namespace tephra::regalloc_test {

class SmallTarget final : public Target {
 public:
  SmallTarget(const Target& base, RegSet gp, RegSet fp) : base_(base), usable_{gp, fp} {}
  Arch arch() const override { return base_.arch(); }
  const char* name() const override { return base_.name(); }
  const char* registerName(lir::Bank bank, int n) const override {
    return base_.registerName(bank, n);
  }
  int numRegisters(lir::Bank bank) const override { return base_.numRegisters(bank); }
  RegSet allocatable(lir::Bank bank) const override {
    return base_.allocatable(bank) & usable_[static_cast<int>(bank)];
  }
  RegSet callerSaved(lir::Bank bank) const override { return base_.callerSaved(bank); }
  RegSet calleeSaved(lir::Bank bank) const override { return base_.calleeSaved(bank); }
  std::span<const uint8_t> argumentRegisters(lir::Bank bank) const override {
    return base_.argumentRegisters(bank);
  }
  uint8_t returnRegister(lir::Bank bank) const override { return base_.returnRegister(bank); }
  uint8_t scratch(lir::Bank bank) const override { return base_.scratch(bank); }
  uint8_t pinned(lir::Pinned which) const override { return base_.pinned(which); }
  uint8_t dwarfRegister(lir::Bank bank, int number) const override {
    return base_.dwarfRegister(bank, number);
  }
  const UnwindConvention& unwinding() const override { return base_.unwinding(); }
  int64_t callReach() const override { return base_.callReach(); }
  int64_t dataReach() const override { return base_.dataReach(); }
  void constraints(const lir::Instr& i, std::vector<OperandConstraint>* out) const override {
    base_.constraints(i, out);
  }
  RegSet clobbers(const lir::Instr& i, lir::Bank bank) const override {
    return base_.clobbers(i, bank);
  }
  bool immediateIsMade(const lir::Instr&, int, int64_t) const override { return false; }
  bool immediateFits(const lir::Instr& i, int n, int64_t v) const override {
    return base_.immediateFits(i, n, v);
  }
  bool addressFits(const lir::Instr& i, const lir::Operand& a) const override {
    return base_.addressFits(i, a);
  }
  uint8_t largestScale() const override { return base_.largestScale(); }
  bool memoryOperands() const override { return base_.memoryOperands(); }

 private:
  const Target& base_;
  RegSet usable_[2];
};

}  // namespace tephra::regalloc_test
