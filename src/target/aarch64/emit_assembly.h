// Purpose: one run of the assembler for AArch64 (target/emit_assembly.h): labels and branches of
// our own, since asmjit neither relaxes branches nor makes veneers. The first run emits all
// branches and literals short; finish() tells which do not reach, and the next run emits those long
// (a short branch of the opposite condition around an unconditional one). Code only grows, so this
// ends.
#pragma once

#include <asmjit/arm.h>
#include <asmjit/arm/a64assembler.h>
#include <asmjit/arm/a64utils.h>

#include <string>
#include <vector>

#include "target/aarch64/encodings.h"
#include "target/emit_assembly.h"

namespace tephra::aarch64 {

namespace a64 = asmjit::a64;

inline a64::GpX x(uint32_t number) { return a64::GpX(number); }
inline a64::GpW w(uint32_t number) { return a64::GpW(number); }
inline a64::VecD d(uint32_t number) { return a64::VecD(number); }
// 31 is the zero register here; asmjit numbers it otherwise.
inline a64::Gp sized(uint32_t number, uint32_t width) {
  if (number == kZeroRegister) number = a64::Gp::kIdZr;
  return width == 8 ? a64::Gp(x(number)) : a64::Gp(w(number));
}

// Of a condition of the flags.
inline Cc ccOf(const Condition& condition) { return static_cast<Cc>(condition.code); }

class Assembly final : public AssemblyBase {
 public:
  // `long_branches`: found by the runs before, empty in the first.
  Assembly(Reach reach, std::vector<bool> long_branches, bool disassembly,
           const TallyOptions& tally = {});

  CountedAssembler<a64::Assembler> a;

  Label newLabel() override;
  void bind(const Label& label) override;
  // An instruction of encodings.h; `text` is what the disassembly shows.
  void word(uint32_t bits, const std::string& text);
  // A counter of the segment follows it.
  void landingPad() override;

  void jump(const Label& label) override {
    branch(encodeB(false), Field::kBranch26, "b", label);
    tallier.split();
  }
  void callLabel(const Label& label) override {
    branch(encodeB(true), Field::kBranch26, "bl", label);
  }
  void jumpIf(const Condition& condition, const Label& label) override;
  // Direct when the address is within reach of the code's future place; else through the region's
  // shared stub, or, where there is none (the stubs themselves), through a literal in x16.
  void call(uint64_t address) override { transfer(true, address); }
  void jumpTo(uint64_t address) override { transfer(false, address); }
  void callThrough(uint64_t cell) override;  // overwrites x16
  // Any constant in the fewest instructions: one move, a literal, or a sequence of moves.
  void loadImmediate(uint32_t reg, uint64_t value) override;
  void loadDouble(uint32_t reg, uint64_t bits);
  void loadVersion(uint32_t reg, uint64_t bits, uint32_t width);
  // to = from + amount, of any size, through x17 where no immediates fit; 31 is the stack pointer.
  void addImmediate(uint32_t to, uint32_t from, int64_t amount);

  // False: failed(), or another run is needed with longBranches().
  bool finish(EmittedCode* out) override;
  const std::vector<bool>& longBranches() const { return long_branches_; }

 private:
  struct Fixup {
    Place place;
    Field field;
    uint32_t label;
    uint32_t index;  // of the branches that can be long
  };
  static constexpr uint32_t kNotRelaxable = UINT32_MAX;

  void emitCounter(uint64_t address, uint32_t segment) override;
  Place placeOf(const Label& label) const override { return labels_[label.id()]; }
  void branch(uint32_t bits, Field field, const std::string& text, const Label& label,
              uint32_t index = kNotRelaxable);
  bool nextIsLong(uint32_t* index);
  void transfer(bool link, uint64_t address);
  void relocated(uint32_t bits, RelocationKind kind, uint64_t target, const std::string& text);
  bool loadLiteral(uint32_t bits_of_load, uint64_t value, const std::string& text);
  void moveSequence(uint32_t reg, uint64_t value);
  void copyBytes(EmittedCode* out);
  bool applyFixups(EmittedCode* out);

  std::vector<bool> long_branches_;
  uint32_t next_branch_ = 0;
  std::vector<Place> labels_;
  std::vector<bool> bound_;
  std::vector<Fixup> fixups_;
};

}  // namespace tephra::aarch64
