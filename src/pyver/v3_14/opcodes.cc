// Purpose: what instructions mean to CPython 3.14 alone: nothing.
#include "pyver/opcodes.h"

namespace tephra::py {

std::span<const OpcodeRow> opcodeOverrides() { return {}; }

}  // namespace tephra::py
