// Purpose: one run of the assembler, as far as it is the same for every machine: two sections,
// places in them, literals, relocations, rows for unwinding, and the count of instructions. A
// target's Assembly adds jumps, calls and constants.
// Invariant: everything emitted is deterministic, so the n-th jump of one run is the n-th of the
// next. asmjit relaxes no jump: a target runs again with what the run before found out.
#pragma once

#include <asmjit/core.h>

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "target/emit.h"

namespace tephra {

using asmjit::Label;

// When to branch: a condition of the flags, or (where the machine has such branches) a register, or
// one bit of it, against zero.
struct Condition {
  enum Kind : uint8_t { kFlags, kZero, kBit, kNever } kind = kFlags;
  uint8_t code = 0;  // kFlags: as encoded; each machine's pairs of opposites differ in bit 0
  uint8_t reg = 0, bit = 0;
  bool wide = true, nonzero = false;  // kNever: nonzero = always

  template <typename Code>
  static Condition flags(Code code) {
    return {kFlags, static_cast<uint8_t>(code), 0, 0, true, false};
  }
  static Condition zero(uint8_t reg, bool wide, bool nonzero) {
    return {kZero, 0, reg, 0, wide, nonzero};
  }
  static Condition ofBit(uint8_t reg, uint8_t bit, bool nonzero) {
    return {kBit, 0, reg, bit, true, nonzero};
  }
  static Condition constant(bool always) { return {kNever, 0, 0, 0, true, always}; }
  Condition negated() const {
    Condition other = *this;
    other.code ^= 1;
    other.nonzero = !nonzero;
    return other;
  }
};

class AssemblyBase : public asmjit::ErrorHandler {
 public:
  Tallier tallier;

  virtual Label newLabel() = 0;
  virtual void bind(const Label& label) = 0;
  virtual void jump(const Label& label) = 0;
  virtual void jumpIf(const Condition& condition, const Label& label) = 0;
  virtual void callLabel(const Label& label) = 0;
  // To an address outside of the code.
  virtual void call(uint64_t address) = 0;
  virtual void jumpTo(uint64_t address) = 0;
  virtual void callThrough(uint64_t cell) = 0;  // through the pointer there
  virtual void loadImmediate(uint32_t reg, uint64_t value) = 0;
  virtual void landingPad() {}  // where indirect branches may arrive

  void enterHot() { assembler_->section(code_.textSection()); }
  void enterCold() { assembler_->section(cold_); }
  bool inCold() { return assembler_->currentSection() == cold_; }
  void comment(const std::string& text);
  bool logging() const { return disassembly_; }

  // Makes the counter of a segment that begins here, also where no instruction follows.
  void count();
  // While a counter's instructions are emitted they are neither counted nor tallied.
  bool counting() const { return counting_; }
  // What follows in a stub hardly ever runs: it is neither counted nor tallied.
  void countNoMore() { counting_ = true; }
  void beforeInstruction() {
    if (tallier.pending()) count();
  }
  void afterInstruction(uint32_t bytes) {
    ++instructions_;
    tallier.add(bytes);
  }

  // A place in the code: section and offset, resolved by finish().
  struct Place {
    bool cold = false;
    uint32_t offset = 0;
  };
  Place here() { return {inCold(), static_cast<uint32_t>(assembler_->offset())}; }
  uint32_t resolve(Place place) const { return place.offset + (place.cold ? cold_start_ : 0); }

  // From here on (in this section) the caller's frame is where `state` says.
  void unwind(const UnwindState& state) {
    unwind_state_ = state;
    unwinding_.push_back({here(), state});
  }
  const UnwindState& unwindState() const { return unwind_state_; }

  void fail(const std::string& why) {
    if (error_.empty()) error_ = why;
  }
  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  void handleError(asmjit::Error, const char* message, asmjit::BaseEmitter*) override {
    fail(message);
  }

  // Ends the run: literals, bytes, relocations. False: failed(), or the target wants another run.
  // Then places can be resolved.
  virtual bool finish(EmittedCode* out) = 0;

 protected:
  AssemblyBase(Reach reach, bool disassembly, const TallyOptions& tally)
      : tallier(tally), reach_(std::move(reach)), disassembly_(disassembly) {}
  // The target's assembler, before anything is emitted.
  void start(asmjit::Arch arch, asmjit::BaseAssembler* assembler);

  // The instructions that add one to a 64-bit word; neither flags nor registers change.
  virtual void emitCounter(uint64_t address, uint32_t segment) = 0;
  virtual Place placeOf(const Label& label) const = 0;  // after finish()

  // One instruction by its bytes; the disassembly shows `text` for them.
  void embedUncounted(std::span<const uint8_t> bytes, const std::string& text);
  void embed(std::span<const uint8_t> bytes, const std::string& text);
  // The same; the placement completes it at its byte `at`.
  void embedRelocated(std::span<const uint8_t> bytes, uint32_t at, RelocationKind kind,
                      uint64_t target, const std::string& text);
  // The label of a literal; equal ones are one.
  Label literalLabel(uint64_t bits);
  // A literal of its own for the instrumentation version, `width` bytes of it; the same at each
  // use.
  Label versionLabel(uint64_t bits, uint32_t width);
  // What finish() hands out besides the bytes.
  void finishTables(EmittedCode* out);

  asmjit::CodeHolder code_;
  asmjit::StringLogger logger_;
  asmjit::Section* cold_ = nullptr;
  const Reach reach_;
  std::vector<std::pair<uint64_t, Label>> literals_;
  uint32_t cold_start_ = 0;
  const bool disassembly_;

 private:
  struct PendingRelocation {
    Place place;
    RelocationKind kind;
    uint64_t target;
  };

  asmjit::BaseAssembler* assembler_ = nullptr;
  std::vector<PendingRelocation> relocations_;
  std::map<uint64_t, size_t> literal_index_;
  std::map<uint32_t, size_t> versions_;  // literals by width
  std::vector<std::pair<Place, UnwindState>> unwinding_;
  UnwindState unwind_state_;
  bool counting_ = false;
  uint32_t instructions_ = 0;
  std::string error_;
};

// asmjit's assembler of a machine; tells `owner` of each instruction.
template <typename Assembler>
class CountedAssembler final : public Assembler {
 public:
  explicit CountedAssembler(AssemblyBase& owner) : owner_(owner) {}
  asmjit::Error _emit(asmjit::InstId id, const asmjit::Operand_& o0, const asmjit::Operand_& o1,
                      const asmjit::Operand_& o2, const asmjit::Operand_* more) override {
    if (owner_.counting()) return Assembler::_emit(id, o0, o1, o2, more);
    // The options belong to this instruction, not to those of a counter.
    asmjit::InstOptions options = this->instOptions();
    this->resetInstOptions();
    owner_.beforeInstruction();
    this->setInstOptions(options);
    size_t before = this->offset();
    asmjit::Error error = Assembler::_emit(id, o0, o1, o2, more);
    owner_.afterInstruction(static_cast<uint32_t>(this->offset() - before));
    return error;
  }

 private:
  AssemblyBase& owner_;
};

std::string hexText(uint64_t value);

}  // namespace tephra
