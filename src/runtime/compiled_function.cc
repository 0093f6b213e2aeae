#include "runtime/compiled_function.h"

#include <unordered_map>

namespace tephra {
namespace {
// Never destroyed: functions may be called while the process ends.
std::unordered_map<PyObject*, CompiledFunction*>& registry() {
  static auto* map = new std::unordered_map<PyObject*, CompiledFunction*>();
  return *map;
}

CompiledFunction* find(PyObject* key) { return recently_compiled.find(registry(), key); }
}  // namespace

AddressCache<PyObject, CompiledFunction> recently_compiled;

void registerCompiled(PyObject* key, CompiledFunction* compiled) {
  registry()[key] = compiled;
  recently_compiled.forget(key);
}

void unregisterCompiled(PyObject* key) {
  registry().erase(key);
  recently_compiled.forget(key);
}

void unregisterAllCompiled() {
  registry().clear();
  recently_compiled.forgetAll();
}

CompiledFunction* compiledFor(PyObject* function) {
  // The code first: closures come and go, their code stays where it was found last.
  PyObject* code = PyFunction_Check(function) ? PyFunction_GET_CODE(function) : nullptr;
  CompiledFunction* compiled = code != nullptr ? find(code) : nullptr;
  return compiled != nullptr ? compiled : find(function);
}

}  // namespace tephra
