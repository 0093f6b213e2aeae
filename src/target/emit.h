// Purpose: the interface of machine-code emission, the same for every target: allocated LIR and a
// native frame go in; bytes, entries, relocations and tables come out, to be placed by codegen.
// Invariant in: no virtual register is left; operands satisfy Target::constraints. Invariant out:
// the bytes are position-independent but for `relocations`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lir/ir.h"
#include "metadata/exits.h"
#include "metadata/register_entry.h"
#include "pyver/common/layout.h"
#include "target/runtime_addresses.h"
#include "target/tally.h"
#include "target/target.h"

namespace tephra {

// The native frame, all offsets in bytes; made by codegen/frame_layout and nowhere else.
struct NativeFrame {
  struct Saved {
    lir::Bank bank;
    uint8_t reg;
    int32_t offset;  // from the frame pointer, negative
  };
  std::vector<Saved> saved;  // callee-saved registers, highest address first
  int32_t first_slot = 0;    // of spill slot 0 from the frame pointer; slot i lies 8 * i below
  uint32_t num_slots = 0;
  uint32_t outgoing_words = 0;
  uint32_t outgoing_offset = 0;       // of the outgoing area from the stack pointer
  uint32_t stack_argument_words = 0;  // at the stack pointer
  uint32_t size = 0;                  // stack pointer = frame pointer - size

  int32_t slotOffset(uint32_t index) const { return first_slot - 8 * static_cast<int32_t>(index); }
};

// What code can reach from wherever it is placed.
struct Reach {
  std::function<bool(uint64_t)> call;  // this address by a direct call
  std::function<bool(uint64_t)> data;  // this address relative to the instruction
  // The region's stub that goes on to an address which `call` denies; 0: no memory for it.
  std::function<uint64_t(uint64_t)> stub;

  bool calls(uint64_t address) const { return call && call(address); }
  bool addresses(uint64_t address) const { return data && data(address); }
};

struct EmitInput {
  const lir::Function* function = nullptr;
  std::vector<lir::Block*> hot, cold;  // in the order of the code
  NativeFrame frame;
  const PyLayout* layout = nullptr;
  const RuntimeAddresses* addresses = nullptr;
  const CodeMetadata* metadata = nullptr;  // its address is what exits hand over
  uint32_t total_args = 0;  // of the function: the register entry's without argument 0
  uint64_t decref_thunk = 0, exit_thunk = 0;  // shared stubs; 0 = the function needs none
  uint64_t push_thunk = 0, pop_thunk = 0;     // the same for the frame
  Reach reach;
  bool landing_pads = false;  // the process enforces branch targets
  uint32_t shared_calls = 0;  // from how many equal sites on; see target/shared_calls.h
  bool disassembly = false;
  TallyOptions tally;
};

enum class RelocationKind : uint8_t {
  kX86Relative,    // 32 bits: target minus the address behind them
  kArmBranch,      // b or bl
  kArmPages,       // adrp
  kArmLow12Words,  // ldr of 8 bytes: the target's low 12 bits
};
struct Relocation {
  uint32_t offset = 0;  // of the displacement; AArch64: of the instruction
  uint64_t target = 0;
  RelocationKind kind = RelocationKind::kX86Relative;
};
// Completes `code` (the bytes at the relocation's offset) for its place at run time. The target is
// within reach, as Reach said when the code was emitted.
void relocate(const Relocation& relocation, uint8_t* code, uint64_t place);

// A word behind the code that holds the instrumentation version which the code expects (LIR's
// BranchLook and ExitLook). Narrow: without the low byte, as code that compares four bytes wants
// it.
struct VersionWord {
  uint32_t offset = 0;
  bool narrow = false;
};

struct EmittedCode {
  std::vector<uint8_t> bytes;  // hot section, cold section, literals
  std::vector<CodeEntry> entries;
  uint32_t entry(EntryKind kind, uint32_t offset = 0) const {
    return static_cast<uint32_t>(findEntry(entries, kind, offset));
  }
  uint32_t hot_bytes = 0, cold_bytes = 0;  // literals count as cold
  std::vector<Relocation> relocations;
  std::vector<VersionWord> versions;
  // Behind a look at the version or the frame object, where the exit may go on instead of leaving.
  struct Resumption {
    uint32_t exit, offset;
  };
  std::vector<Resumption> resumptions;
  std::vector<UnwindRow> unwinding;  // by offset, from 0 on
  uint32_t instructions = 0;         // those that count executions not among them
  Tally tally;
  std::string disassembly;
};

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input);

// Pieces that several functions share.
enum class StubKind : uint8_t {
  kDecref,         // called with an object in the scratch register; preserves every other register
  kDecrefGeneral,  // the same for functions that use no vector registers, which it may overwrite
  // Called with the metadata in the scratch register, the exit's number on the stack (x86-64) or in
  // the second scratch register (AArch64).
  kExit,
  kPushFrame,  // a FrameShape in the scratch register (AArch64: x10)
  kPopFrame,
  kUncompiled,  // register entry of a function that is not compiled; `nargs` parameters
  kFar,         // goes on to `destination`, which is out of a direct call's reach
};
struct StubInput {
  StubKind kind = StubKind::kDecref;
  uint32_t nargs = 0;
  uint64_t destination = 0;
  const RuntimeAddresses* addresses = nullptr;
  const PyLayout* layout = nullptr;
  Reach reach;
  bool landing_pads = false;
};
Result<EmittedCode> emitStub(const Target& target, const StubInput& input);

// Helper of both targets: where conditions cannot be met, emission ends with this.
inline Bailout emissionBailout(std::string detail) {
  return {BailoutReason::kEmission, std::move(detail)};
}

}  // namespace tephra
