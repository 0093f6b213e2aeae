// Purpose: the whole pipeline on one screen: from a Python function to installed machine code.
// Invariant: only the first step (decode) and the last (references) touch Python objects.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "driver/code_state.h"

namespace tephra::driver {

// Texts asked for by dump(); filled where the pointer is not null.
struct Dumps {
  std::string bytecode, hir_initial, hir, lir, assembly;
};

// Compiles without installing.
Result<std::unique_ptr<CompiledUnit>> compileUnit(PyFunctionObject* function, CodeState& state,
                                                  Dumps* dumps);

// The code that the function would get on `target`; nothing is installed.
Result<CodeMeasure> measureFunction(PyFunctionObject* function, CodeState& state,
                                    const Target& target);

// What runtime/tools.h found out: tools have to be told of what the code does, so it is left to the
// interpreter; or they need not, so it is used, and expects this instrumentation version.
void settleTools(CodeMetadata* metadata, bool concerned, uint64_t version);
// The state's new unit can be found by its metadata and is counted in the totals.
void publishUnit(CodeState* state);
// The unit with that metadata, if it is its code object's present one.
CompiledUnit* currentUnit(const CodeMetadata* metadata);
// The unit ends: it leaves that index.
void forgetUnit(const CompiledUnit& unit);
void forgetAllUnits();  // their interpreter is gone

}  // namespace tephra::driver
