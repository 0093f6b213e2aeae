// Purpose: one run of the assembler: two sections, labels and branches of our own, calls and
// addresses that are relocated when the code is placed, a pool of literals. Invariant: everything
// emitted is deterministic, so the n-th branch of one run is the n-th of the next. asmjit neither
// relaxes branches nor makes veneers: the first run emits all branches and literals short; finish()
// tells which do not reach, and the next run emits those long (a short branch of the opposite
// condition around an unconditional one). Code only grows, so this ends.
#pragma once

#include <asmjit/arm.h>
#include <asmjit/arm/a64assembler.h>
#include <asmjit/arm/a64utils.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "target/aarch64/encodings.h"
#include "target/emit.h"

namespace tephra::aarch64 {

namespace a64 = asmjit::a64;

inline a64::GpX x(uint32_t number) { return a64::GpX(number); }
inline a64::GpW w(uint32_t number) { return a64::GpW(number); }
inline a64::VecD d(uint32_t number) { return a64::VecD(number); }

struct Label {
  uint32_t id = UINT32_MAX;
  bool isValid() const { return id != UINT32_MAX; }
};

// When to branch: a flag condition, or a register (or one bit of it) against zero.
struct Condition {
  enum Kind : uint8_t { kFlags, kZero, kBit, kNever } kind = kFlags;
  Cc cc = Cc::kEq;
  uint8_t reg = 0, bit = 0;
  bool wide = true, nonzero = false;  // kNever: nonzero = always

  static Condition flags(Cc cc) { return {kFlags, cc, 0, 0, true, false}; }
  static Condition zero(uint8_t reg, bool wide, bool nonzero) {
    return {kZero, Cc::kEq, reg, 0, wide, nonzero};
  }
  static Condition ofBit(uint8_t reg, uint8_t bit, bool nonzero) {
    return {kBit, Cc::kEq, reg, bit, true, nonzero};
  }
  static Condition constant(bool always) { return {kNever, Cc::kEq, 0, 0, true, always}; }
  Condition negated() const {
    Condition other = *this;
    other.cc = negate(cc);
    other.nonzero = !nonzero;
    return other;
  }
};

class Assembly;

// Tells `owner` of each instruction.
class CountedAssembler final : public a64::Assembler {
 public:
  explicit CountedAssembler(Assembly& owner) : owner_(owner) {}
  asmjit::Error _emit(asmjit::InstId id, const asmjit::Operand_& o0, const asmjit::Operand_& o1,
                      const asmjit::Operand_& o2, const asmjit::Operand_* more) override;

 private:
  Assembly& owner_;
};

class Assembly final : public asmjit::ErrorHandler {
 public:
  // `long_branches`: found by the runs before, empty in the first.
  Assembly(Reach reach, std::vector<bool> long_branches, bool disassembly,
           const TallyOptions& tally = {});

  CountedAssembler a;
  Tallier tallier;

  // Makes the counter of a segment that begins here, also where no instruction follows.
  void count();
  bool counting() const { return counting_; }
  // What follows in a stub hardly ever runs: it is neither counted nor tallied.
  void countNoMore() { counting_ = true; }
  void beforeInstruction() {
    if (tallier.pending()) count();
  }
  void afterInstruction() {
    ++instructions_;
    tallier.add(4);
  }

  Label newLabel();
  void bind(Label label);
  void enterHot() { a.section(code_.textSection()); }
  void enterCold() { a.section(cold_); }
  bool inCold() { return a.currentSection() == cold_; }
  void comment(const std::string& text);
  bool logging() const { return disassembly_; }
  // An instruction of encodings.h; `text` is what the disassembly shows.
  void word(uint32_t bits, const std::string& text);
  // Where indirect branches may arrive; a counter of the segment follows it.
  void landingPad();

  void jump(Label label) {
    branch(encodeB(false), Field::kBranch26, "b", label);
    tallier.split();
  }
  void callLabel(Label label) { branch(encodeB(true), Field::kBranch26, "bl", label); }
  void jumpIf(const Condition& condition, Label label);
  // Direct when the address is within reach of the code's future place; else through the region's
  // shared stub, or, where there is none (the stubs themselves), through a literal in x16.
  void call(uint64_t address) { transfer(true, address); }
  void jumpTo(uint64_t address) { transfer(false, address); }
  // Through the pointer at `address`; overwrites x16.
  void callThrough(uint64_t address);
  // Any constant in the fewest instructions: one move, a literal, or a sequence of moves.
  void loadImmediate(uint32_t reg, uint64_t value);
  void loadDouble(uint32_t reg, uint64_t bits);
  // The instrumentation version, from a literal of its own; the same at each use.
  void loadVersion(uint32_t reg, uint64_t bits, uint32_t width);
  // to = from + amount, of any size, through x17 where no immediates fit; 31 is the stack pointer.
  void addImmediate(uint32_t to, uint32_t from, int64_t amount);

  // A place in the code: section and offset, resolved by finish().
  struct Place {
    bool cold = false;
    uint32_t offset = 0;
  };
  Place here() { return {inCold(), static_cast<uint32_t>(a.offset())}; }
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

  // Ends the run: bytes, literals, distances, relocations. False: failed(), or another run is
  // needed with longBranches(). Then places can be resolved.
  bool finish(EmittedCode* out);
  const std::vector<bool>& longBranches() const { return long_branches_; }

 private:
  struct Fixup {
    Place place;
    Field field;
    uint32_t label;
    uint32_t index;  // of the branches that can be long
  };
  struct PendingRelocation {
    Place place;
    RelocationKind kind;
    uint64_t target;
  };
  static constexpr uint32_t kNotRelaxable = UINT32_MAX;

  void branch(uint32_t bits, Field field, const std::string& text, Label label,
              uint32_t index = kNotRelaxable);
  bool nextIsLong(uint32_t* index);
  void transfer(bool link, uint64_t address);
  void relocated(uint32_t bits, RelocationKind kind, uint64_t target, const std::string& text);
  bool loadLiteral(uint32_t bits_of_load, uint64_t value, const std::string& text);
  void moveSequence(uint32_t reg, uint64_t value);
  void copyBytes(EmittedCode* out);
  bool applyFixups(EmittedCode* out);

  asmjit::CodeHolder code_;
  asmjit::StringLogger logger_;
  asmjit::Section* cold_ = nullptr;
  Reach reach_;
  std::vector<bool> long_branches_;
  uint32_t next_branch_ = 0;
  std::vector<Place> labels_;
  std::vector<bool> bound_;
  std::vector<Fixup> fixups_;
  std::vector<PendingRelocation> relocations_;
  std::vector<std::pair<uint64_t, Label>> literals_;
  std::map<uint64_t, size_t> literal_index_;
  std::map<uint32_t, size_t> versions_;  // literals by width
  std::vector<std::pair<Place, UnwindState>> unwinding_;
  UnwindState unwind_state_;
  uint32_t cold_start_ = 0;
  bool disassembly_ = false;
  bool counting_ = false;  // the instructions of a counter are being emitted
  uint32_t instructions_ = 0;
  std::string error_;
};

}  // namespace tephra::aarch64
