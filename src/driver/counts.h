// Purpose: what option count-blocks found out: per compilation, the segments of the code with their
// counters, and the same code's segments on the other machine. Kept when the code is freed.
#pragma once

#include <Python.h>

#include "base/result.h"
#include "codegen/generate.h"

namespace tephra::driver {

// `other`: of the same IR for the other target.
void recordCounts(const CodeUnit& unit, const CompiledCode& code, Result<CodeMeasure>& other);
void clearCounts();
void forgetCounts();  // the counters' memory goes

// As Python objects; tephra/_instruction_counts.py makes the figures.
PyObject* countsAsObjects();
PyObject* measureAsObject(const Target& target, const CodeMeasure& measure);

}  // namespace tephra::driver
