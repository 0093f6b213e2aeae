// Purpose: how to unwind through compiled code, as emitters state it: from which code offset on the
// caller's frame is found where. codegen/unwind turns the rows into DWARF call frame information.
// Invariant: a row holds from its offset up to the next row's; a callee-saved register that a row
// does not name still has its caller's value.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tephra {

// Registers by their DWARF numbers. The canonical frame address (CFA) is the stack pointer of the
// caller before the call (before its return address was pushed, on x86-64).
struct UnwindState {
  uint8_t cfa_register = 0;
  int32_t cfa_offset = 0;
  std::vector<std::pair<uint8_t, int32_t>>
      saved;  // register, bytes from the CFA; return address too

  bool operator==(const UnwindState&) const = default;
};

struct UnwindRow {
  uint32_t offset = 0;  // in the code
  UnwindState state;
};

// What a machine's tables have in common.
struct UnwindConvention {
  uint8_t return_address = 0, stack_pointer = 0;
  uint8_t code_alignment = 1;
  UnwindState entry;  // at the first instruction of a function
  UnwindState frame;  // with a frame record and nothing else saved
};

}  // namespace tephra
