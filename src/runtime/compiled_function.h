// Purpose: what the runtime must know of a compiled function, and the way to it from a function
// object. The driver makes these, keeps them and registers them; the runtime only looks them up.
// Invariant: a CompiledFunction lives as long as a frame of it may run; registration is by function
// object, or by code object for code that serves every closure of it. All under the GIL.
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
  void* register_entry = nullptr;
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

// `key` is a function object or a code object; it is not kept alive, so whoever registers it
// unregisters it when the object dies.
void registerCompiled(PyObject* key, CompiledFunction* compiled);
void unregisterCompiled(PyObject* key);
void unregisterAllCompiled();  // the interpreter that had them is gone
// By its code, else by the function itself; null when it is not compiled.
CompiledFunction* compiledFor(PyObject* function);

// What was found last, by key.
extern AddressCache<PyObject, CompiledFunction> recently_compiled;
// compiledFor of a function.
inline CompiledFunction* compiledForFunction(PyFunctionObject* function) {
  CompiledFunction* compiled = recently_compiled.peek(function->func_code);
  return compiled != nullptr ? compiled : compiledFor(reinterpret_cast<PyObject*>(function));
}

}  // namespace tephra
