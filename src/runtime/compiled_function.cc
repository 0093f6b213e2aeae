#include "runtime/compiled_function.h"

#include <unordered_map>

namespace tephra {
namespace {
// Never destroyed: functions may be called while the process ends.
std::unordered_map<PyObject*, CompiledFunction*>& registry() {
  static auto* map = new std::unordered_map<PyObject*, CompiledFunction*>();
  return *map;
}
}  // namespace

AddressCache<PyObject, CompiledFunction> recently_compiled;

void registerCompiled(PyObject* code, CompiledFunction* compiled) {
  registry()[code] = compiled;
  recently_compiled.forget(code);
}

void unregisterCompiled(PyObject* code) {
  registry().erase(code);
  recently_compiled.forget(code);
}

void unregisterAllCompiled() {
  registry().clear();
  recently_compiled.forgetAll();
}

CompiledFunction* findCompiled(PyObject* code) { return recently_compiled.find(registry(), code); }

}  // namespace tephra
