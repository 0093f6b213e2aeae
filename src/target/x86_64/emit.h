// Purpose: machine code for x86-64 (see target/emit.h).
#pragma once

#include "target/emit.h"

namespace tephra::x86_64 {

Result<EmittedCode> emitFunction(const Target& target, const EmitInput& input);
Result<EmittedCode> emitStub(const Target& target, const StubInput& input);

}  // namespace tephra::x86_64
