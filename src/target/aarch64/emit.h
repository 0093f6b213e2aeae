// Purpose: machine code for AArch64 (see target/emit.h). The machine is described in full
// (description.cc), so lowering and allocation run for it; emission refuses every function.
#pragma once

#include "target/emit.h"

namespace tephra::aarch64 {

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input);
Result<EmittedCode> emitStub(const Target& target, const StubInput& input);

}  // namespace tephra::aarch64
