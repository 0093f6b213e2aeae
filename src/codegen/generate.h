// Purpose: from allocated LIR to placed machine code with its metadata: block order, native frame,
// emission, exits' value locations, tables, relocation, copy into code memory.
// Invariant in: allocateRegisters() has succeeded. Invariant out: the code is complete and may be
// called at once; on a bail-out nothing stays allocated.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "codegen/code_memory.h"
#include "lir/ir.h"
#include "metadata/exits.h"
#include "pyver/common/unit.h"
#include "target/emit.h"
#include "target/runtime_addresses.h"
#include "target/target.h"

namespace tephra {

struct CompiledCode {
  // Of the table in `metadata`.
  void* entry(EntryKind kind, uint32_t offset = 0) const {
    return metadata == nullptr
               ? nullptr
               : reinterpret_cast<void*>(findEntry(metadata->entries, kind, offset));
  }
  void* base = nullptr;  // what CodeMemory::free takes
  size_t size = 0;
  std::unique_ptr<CodeMetadata> metadata;
  std::vector<VersionWord> versions;  // offsets from base
  std::string disassembly;            // when asked for
  // Of counting code: its segments and their counters (never freed), and what the code would be
  // without counters.
  Tally tally;
  const uint64_t* counters = nullptr;
  uint32_t plain_hot_bytes = 0, plain_cold_bytes = 0, plain_instructions = 0;
};

struct GenerateOptions {
  bool disassembly = false;
  bool count = false;         // executions of each segment
  uint32_t shared_calls = 0;  // from how many equal sites on (target/shared_calls.h); 0: none
};

// Code that is only looked at.
struct CodeMeasure {
  uint32_t hot_bytes = 0, cold_bytes = 0, instructions = 0;
  Tally tally;
};

// Consumes function.exits (they move into the metadata).
Result<CompiledCode> generateCode(lir::Function& function, const CodeUnit& unit,
                                  const Target& target, CodeMemory& memory,
                                  const RuntimeAddresses& addresses,
                                  const GenerateOptions& options = {});

// Size and tally of the code for any target, as if everything it calls were near.
Result<CodeMeasure> measureCode(lir::Function& function, const CodeUnit& unit, const Target& target,
                                const RuntimeAddresses& addresses, uint32_t shared_calls = 0);

// The register entry of functions with `nargs` parameters that are not compiled: calls
// tephra_call_uncompiled. Made once per memory and count; nullptr when there is no memory.
void* makeUncompiledStub(uint32_t nargs, CodeMemory& memory, const RuntimeAddresses& addresses,
                         const Target& target = hostTarget());

}  // namespace tephra
