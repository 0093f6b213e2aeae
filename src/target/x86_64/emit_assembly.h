// Purpose: one run of the assembler: two sections, jumps whose size the next run knows, calls and
// addresses that are relocated when the code is placed, a pool of literals.
// Invariant: everything emitted is deterministic, so the n-th jump of one run is the n-th of the
// next. asmjit relaxes no jump; the first run emits all unknown ones long, the second makes those
// short whose distance (which can only shrink) allows it.
#pragma once

#include <asmjit/x86.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "target/emit.h"

namespace tephra::x86_64 {

namespace x86 = asmjit::x86;

class Assembly;

// Tells `owner` of each instruction.
class CountedAssembler final : public x86::Assembler {
 public:
  explicit CountedAssembler(Assembly& owner) : owner_(owner) {}
  asmjit::Error _emit(asmjit::InstId id, const asmjit::Operand_& o0, const asmjit::Operand_& o1,
                      const asmjit::Operand_& o2, const asmjit::Operand_* more) override;

 private:
  Assembly& owner_;
};

class Assembly final : public asmjit::ErrorHandler {
 public:
  // `short_jumps`: decided by the run before, empty in the first.
  Assembly(std::function<bool(uint64_t)> reaches, std::vector<bool> short_jumps, bool disassembly,
           const TallyOptions& tally = {});

  CountedAssembler a;
  Tallier tallier;

  asmjit::Label newLabel() { return a.newLabel(); }
  void bind(const asmjit::Label& label) {
    a.bind(label);
    tallier.split();
  }
  // Makes the counter of a segment that begins here, also where no instruction follows.
  void count();
  void enterHot() { a.section(code_.textSection()); }
  void enterCold() { a.section(cold_); }
  bool inCold() { return a.currentSection() == cold_; }
  void comment(const std::string& text);
  bool logging() const { return disassembly_; }

  // Between these, instructions are neither counted nor tallied.
  void beforeInstruction();
  void afterInstruction(uint32_t bytes);
  bool counting() const { return counting_; }
  // What follows in a stub hardly ever runs: it is neither counted nor tallied.
  void countNoMore() { counting_ = true; }

  void jump(const asmjit::Label& label) { jump(asmjit::x86::Inst::kIdJmp, label); }
  void jumpIf(x86::CondCode cond, const asmjit::Label& label) {
    jump(x86::Inst::jccFromCond(cond), label);
  }
  // Direct when the address is within reach of the code's future place, else through a literal.
  void call(uint64_t address) { transfer(0xE8, 2, "call", address); }
  void jumpTo(uint64_t address) { transfer(0xE9, 4, "jmp", address); }
  // Through the pointer at `address`.
  void callThrough(uint64_t address);
  // Any constant, in the shortest way; leaves the flags alone unless `may_clobber_flags`.
  void loadImmediate(const x86::Gp& to, uint64_t value, bool may_clobber_flags = true);
  x86::Mem literal(uint64_t bits);
  // A literal of its own for the instrumentation version, `width` bytes of it; the same at each
  // use.
  x86::Mem version(uint64_t bits, uint32_t width);

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

  // Ends the run: literals, section offsets, bytes, relocations. Then places can be resolved.
  bool finish(EmittedCode* out);
  // After finish(): which jumps can be short; empty when none can.
  std::vector<bool> shortJumps();

 private:
  struct Jump {
    Place end;  // behind the instruction
    asmjit::Label label;
  };
  struct PendingRelocation {
    Place place;
    uint64_t target;
  };

  void jump(asmjit::InstId id, const asmjit::Label& label);
  void transfer(uint8_t opcode, int slash, const char* name, uint64_t address);
  void relocated(std::initializer_list<uint8_t> opcode, uint64_t target, const std::string& text);
  void emitLiterals();

  asmjit::CodeHolder code_;
  asmjit::StringLogger logger_;
  asmjit::Section* cold_ = nullptr;
  std::function<bool(uint64_t)> reaches_;
  std::vector<bool> short_jumps_;
  std::vector<Jump> jumps_;
  std::vector<PendingRelocation> relocations_;
  std::vector<std::pair<uint64_t, asmjit::Label>> literals_;
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

inline bool isInt32(uint64_t value) {
  return static_cast<int64_t>(value) == static_cast<int32_t>(value);
}

}  // namespace tephra::x86_64
