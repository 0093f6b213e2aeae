#include "runtime/compiled_function.h"

#include <unordered_map>

namespace tephra {
namespace {
// Never destroyed: functions may be called while the process ends.
std::unordered_map<PyObject*, CompiledFunction*>& registry() {
  static auto* map = new std::unordered_map<PyObject*, CompiledFunction*>();
  return *map;
}

// What was found last, by address: calls ask for the same few again and again.
struct Found {
  PyObject* key;
  CompiledFunction* compiled;
};
constexpr size_t kRecent = 256;
Found recent[kRecent];

Found& recentFor(PyObject* key) {
  uintptr_t address = reinterpret_cast<uintptr_t>(key);
  return recent[(address >> 4 ^ address >> 12) % kRecent];
}

CompiledFunction* find(PyObject* key) {
  Found& last = recentFor(key);
  if (last.key == key) return last.compiled;
  auto found = registry().find(key);
  last = {key, found == registry().end() ? nullptr : found->second};
  return last.compiled;
}
}  // namespace

void registerCompiled(PyObject* key, CompiledFunction* compiled) {
  registry()[key] = compiled;
  recentFor(key) = {};
}

void unregisterCompiled(PyObject* key) {
  registry().erase(key);
  recentFor(key) = {};
}

CompiledFunction* compiledFor(PyObject* function) {
  // The code first: closures come and go, their code stays where it was found last.
  PyObject* code = PyFunction_Check(function) ? PyFunction_GET_CODE(function) : nullptr;
  CompiledFunction* compiled = code != nullptr ? find(code) : nullptr;
  return compiled != nullptr ? compiled : find(function);
}

}  // namespace tephra
