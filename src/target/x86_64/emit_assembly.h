// Purpose: one run of the assembler for x86-64 (target/emit_assembly.h): jumps whose size the next
// run knows. The first run emits all unknown ones long, the second makes those short whose distance
// (which can only shrink) allows it.
#pragma once

#include <asmjit/x86.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "target/emit_assembly.h"

namespace tephra::x86_64 {

namespace x86 = asmjit::x86;

class Assembly final : public AssemblyBase {
 public:
  // `short_jumps`: decided by the run before, empty in the first.
  Assembly(Reach reach, std::vector<bool> short_jumps, bool disassembly,
           const TallyOptions& tally = {});

  CountedAssembler<x86::Assembler> a;

  Label newLabel() override { return a.newLabel(); }
  void bind(const Label& label) override;
  void jump(const Label& label) override { jumpBy(x86::Inst::kIdJmp, label); }
  void jumpIf(x86::CondCode cond, const Label& label) {
    jumpBy(x86::Inst::jccFromCond(cond), label);
  }
  void jumpIf(const Condition& condition, const Label& label) override {
    jumpIf(static_cast<x86::CondCode>(condition.code), label);  // there are no other branches
  }
  void callLabel(const Label& label) override { a.call(label); }
  // Direct when the address is within reach of the code's future place, else through a literal.
  void call(uint64_t address) override { transfer(0xE8, x86::Inst::kIdCall, "call", address); }
  void jumpTo(uint64_t address) override { transfer(0xE9, x86::Inst::kIdJmp, "jmp", address); }
  void callThrough(uint64_t cell) override;
  // Any constant, in the shortest way; leaves the flags alone unless `may_clobber_flags`.
  void loadImmediate(const x86::Gp& to, uint64_t value, bool may_clobber_flags = true);
  void loadImmediate(uint32_t reg, uint64_t value) override { loadImmediate(x86::gpq(reg), value); }
  x86::Mem literal(uint64_t bits) { return x86::ptr(literalLabel(bits), 0, 8); }
  x86::Mem version(uint64_t bits, uint32_t width) {
    return x86::ptr(versionLabel(bits, width), 0, width);
  }

  bool finish(EmittedCode* out) override;
  // After finish(): which jumps can be short; empty when none can.
  std::vector<bool> shortJumps();

 private:
  struct Jump {
    Place end;  // behind the instruction
    Label label;
  };

  void emitCounter(uint64_t address, uint32_t segment) override;
  Place placeOf(const Label& label) const override;
  void jumpBy(asmjit::InstId id, const Label& label);
  void transfer(uint8_t opcode, asmjit::InstId indirect, const char* name, uint64_t address);
  // Opcode bytes, and four bytes for the distance.
  void relocated(std::initializer_list<uint8_t> opcode, uint64_t target, const std::string& text);
  void emitLiterals();

  std::vector<bool> short_jumps_;
  std::vector<Jump> jumps_;
};

inline bool isInt32(uint64_t value) {
  return static_cast<int64_t>(value) == static_cast<int32_t>(value);
}

}  // namespace tephra::x86_64
