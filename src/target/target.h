// Purpose: what the allocator, lowering and code generation must know of a machine, as data and
// small virtual functions; both targets are in every build and are selected by value.
// Invariant: scratch registers are never allocated and never argument registers; pinned registers
// are callee-saved and hold the thread state and the interpreter frame in all compiled code.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lir/ir.h"
#include "target/unwind.h"

namespace tephra {

using RegSet = uint64_t;  // bit = register number, one set per bank

enum class Arch : uint8_t { kX86_64, kAArch64 };

struct OperandConstraint {
  enum Kind : uint8_t {
    kAnyRegister,  // a register of the operand's bank
    kFixed,        // exactly register `reg`
    kReuseInput,   // a def that must share the register of use `reg`
    kAnywhere,     // register or stack slot
    kImmediate,    // stays an immediate
    kMemory,       // base and index in registers
  } kind = kAnyRegister;
  uint8_t reg = 0;
  // A use that must not share a register with any def (it is read after a def is written).
  bool late = false;
};

class Target {
 public:
  virtual ~Target() = default;
  virtual Arch arch() const = 0;
  virtual const char* name() const = 0;  // "x86_64", "aarch64"
  virtual const char* registerName(lir::Bank bank, int number) const = 0;
  virtual int numRegisters(lir::Bank bank) const = 0;
  virtual RegSet allocatable(lir::Bank bank) const = 0;
  virtual RegSet callerSaved(lir::Bank bank) const = 0;
  virtual RegSet calleeSaved(lir::Bank bank) const = 0;  // allocatable ones
  virtual std::span<const uint8_t> argumentRegisters(lir::Bank bank) const = 0;
  virtual uint8_t returnRegister(lir::Bank bank) const = 0;
  virtual uint8_t scratch(lir::Bank bank) const = 0;  // for parallel moves and emission
  virtual uint8_t pinned(lir::Pinned which) const = 0;
  virtual uint8_t dwarfRegister(lir::Bank bank, int number) const = 0;
  virtual const UnwindConvention& unwinding() const = 0;
  // Distances, in bytes, within which a call and an address relative to the instruction are direct.
  virtual int64_t callReach() const = 0;
  virtual int64_t dataReach() const = 0;

  // Constraints of `instr`'s operands: defs first, then uses (variadic ones too).
  virtual void constraints(const lir::Instr& instr, std::vector<OperandConstraint>* out) const = 0;
  // Registers that `instr` overwrites beside its defs.
  virtual RegSet clobbers(const lir::Instr& instr, lir::Bank bank) const = 0;
  // May `value` stay an immediate in use `index`? May this memory operand be encoded?
  virtual bool immediateFits(const lir::Instr& instr, int index, int64_t value) const = 0;
  // Does emission need an instruction of its own for that immediate, which a register would save?
  virtual bool immediateIsMade(const lir::Instr& instr, int index, int64_t value) const = 0;
  virtual bool addressFits(const lir::Instr& instr, const lir::Operand& address) const = 0;
  // Do comparisons and additions take an operand in memory, without a register of its own?
  virtual bool memoryOperands() const = 0;
  // Largest scale of a Lea without displacement.
  virtual uint8_t largestScale() const = 0;
};

const Target& x86_64Target();
const Target& aarch64Target();
const Target&
hostTarget();  // defined in target/host.cc, the one host conditional beside code memory
const Target& otherTarget();

}  // namespace tephra
