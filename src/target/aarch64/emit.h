// Purpose: machine code for AArch64 (see target/emit.h).
#pragma once

#include "target/emit.h"

namespace tephra::aarch64 {

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input);
Result<EmittedCode> emitStub(const Target& target, const StubInput& input);

}  // namespace tephra::aarch64
