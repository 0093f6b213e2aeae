// Purpose: the whole pipeline, one phase after the other: from a Python function to machine code
// that nothing runs yet. Invariant: only the first step (decode) and the last (references) touch
// Python objects.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "driver/code_state.h"

namespace tephra::driver {

// Texts asked for by dump(); filled where the pointer is not null.
struct Dumps {
  std::string bytecode, hir_initial, hir, lir, assembly;
};

// HIR in place of what the front end makes of the function: how tests run what it does not make.
struct HirText {
  std::string text;
  std::vector<PyFunctionObject*> inlined;  // whose code the scopes run, from scope 1 on
};

// Compiles without installing. `text` may be null.
Result<std::unique_ptr<CompiledUnit>> compileUnit(PyFunctionObject* function, CodeState& state,
                                                  Dumps* dumps, const HirText* text = nullptr);

// The code that the function would get on `target`; nothing is installed.
Result<CodeMeasure> measureFunction(PyFunctionObject* function, CodeState& state,
                                    const Target& target);

}  // namespace tephra::driver
