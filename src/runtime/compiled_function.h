// Purpose: what the runtime must know of a compiled function, and the way to it from a function
// object. The driver makes these, keeps them and registers them; the runtime only looks them up.
// Invariant: a CompiledFunction lives as long as a frame of it may run; registration is by code
// object, which serves every closure of it. All under the GIL.
#pragma once

#include <cstdint>
#include <memory>

#include "base/address_cache.h"
#include "metadata/exits.h"
#include "pyver/python.h"

namespace tephra {

struct CompiledFunction {
  // Entries of docs/architecture.md.
  using ArrayEntry = PyObject* (*)(PyObject* function, PyObject** bound);
  vectorcallfunc vectorcall_entry = nullptr;
  ArrayEntry array_entry = nullptr;
  PyCodeObject* code = nullptr;  // the driver holds the reference
  uint32_t total_args = 0;       // words of `bound`
  int32_t exact_args = -1;       // by position, with which nothing is left to bind; -1: none
  // Tools have to be told of what the code does: calls are interpreted (runtime/tools.h).
  bool suspended = false;
  uint64_t expected_version = 0;  // of instrumentation: what the code compares with
  uint64_t looked_version = 0;    // when it was found out last whether tools are concerned,
  uint32_t looks_after = 1;       // and how many calls later it is found out again
  uint32_t calls_to_look = 0;
  CodeMetadata* metadata = nullptr;
};

// The code object is not kept alive, so whoever registers it unregisters it when it dies.
void registerCompiled(PyObject* code, CompiledFunction* compiled);
void unregisterCompiled(PyObject* code);
void unregisterAllCompiled();  // the interpreter that had them is gone
// By its code; null when that is not compiled.
CompiledFunction* findCompiled(PyObject* code);

// What was found last, by code.
extern AddressCache<PyObject, CompiledFunction> recently_compiled;
inline CompiledFunction* compiledFor(const PyFunctionObject* function) {
  CompiledFunction* compiled = nullptr;
  if (recently_compiled.peek(function->func_code, &compiled)) return compiled;
  return findCompiled(function->func_code);
}

}  // namespace tephra
