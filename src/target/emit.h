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
#include "pyver/common/layout.h"
#include "target/runtime_addresses.h"
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

struct EmitInput {
  const lir::Function* function = nullptr;
  std::vector<lir::Block*> hot, cold;  // in the order of the code
  NativeFrame frame;
  const PyLayout* layout = nullptr;
  const RuntimeAddresses* addresses = nullptr;
  const CodeMetadata* metadata = nullptr;  // its address is what exits hand over
  uint32_t total_args = 0;       // of the function: the register entry's without argument 0
  bool fixed_positional = true;  // false: *args or **kwargs, every call is bound slowly
  uint64_t decref_thunk = 0, exit_thunk = 0;  // shared stubs; 0 = the function needs none
  std::function<bool(uint64_t)>
      reaches;  // is this address within a direct call of wherever the code goes?
  bool disassembly = false;
};

// A 32-bit displacement at `offset`: target minus the address behind the displacement.
struct Relocation {
  uint32_t offset = 0;
  uint64_t target = 0;
};

struct EmittedCode {
  std::vector<uint8_t> bytes;  // hot section, cold section, literals
  uint32_t vectorcall_entry = 0, array_entry = 0, register_entry = 0;
  uint32_t hot_bytes = 0, cold_bytes = 0;  // literals count as cold
  std::vector<Relocation> relocations;
  std::vector<LineEntry> lines;  // by offset; a new entry where the bytecode offset changes
  struct CallSite {
    uint32_t return_offset;
    const lir::Instr* instr;
  };
  std::vector<CallSite> calls;
  std::vector<UnwindRow> unwinding;  // by offset, from 0 on
  std::string disassembly;
};

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input);

// Pieces that several functions share.
enum class StubKind : uint8_t {
  kDecref,      // called with an object in the scratch register; preserves every other register
  kExit,        // called with the metadata in the scratch register, the exit's number on the stack
  kUncompiled,  // register entry of a function that is not compiled; `nargs` parameters
};
struct StubInput {
  StubKind kind = StubKind::kDecref;
  uint32_t nargs = 0;
  const RuntimeAddresses* addresses = nullptr;
  std::function<bool(uint64_t)> reaches;
};
Result<EmittedCode> emitStub(const Target& target, const StubInput& input);

// Parameters of a register entry that go in registers; more are passed as one array.
inline constexpr uint32_t kMaxRegisterParameters = 5;

// Helper of both targets: where conditions cannot be met, emission ends with this.
inline Bailout emissionBailout(std::string detail) {
  return {BailoutReason::kEmission, std::move(detail)};
}

}  // namespace tephra
