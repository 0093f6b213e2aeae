// Purpose: what callers and callees of register entries agree on (docs/architecture.md, "Entries"),
// in all layers: who builds a call, who makes the entry, who calls it.
#pragma once

#include <cstdint>

namespace tephra {

// Parameters that go in registers, behind the function in argument 0; more come as one array.
inline constexpr uint32_t kMaxRegisterParameters = 5;

}  // namespace tephra
