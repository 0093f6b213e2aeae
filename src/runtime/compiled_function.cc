#include "runtime/compiled_function.h"

#include <unordered_map>

namespace tephra {
namespace {
// Never destroyed: functions may be called while the process ends.
std::unordered_map<PyObject*, CompiledFunction*>& registry() {
  static auto* map = new std::unordered_map<PyObject*, CompiledFunction*>();
  return *map;
}

CompiledFunction* find(PyObject* key) {
  auto found = registry().find(key);
  return found == registry().end() ? nullptr : found->second;
}
}  // namespace

void registerCompiled(PyObject* key, CompiledFunction* compiled) { registry()[key] = compiled; }

void unregisterCompiled(PyObject* key) { registry().erase(key); }

CompiledFunction* compiledFor(PyObject* function) {
  if (CompiledFunction* own = find(function)) return own;
  return PyFunction_Check(function) ? find(PyFunction_GET_CODE(function)) : nullptr;
}

}  // namespace tephra
