#include "driver/names.h"

#include "driver/function_tables.h"

namespace tephra::driver {
namespace {

struct Named {
  PyObject* weak = nullptr;  // owned; null for functions
  std::unordered_set<CompiledUnit*> units;
};

struct Names {
  std::unordered_map<PyObject*, Named> named;
  std::unordered_map<PyObject*, PyObject*> target_of;  // of each weak reference
  PyObject* callback = nullptr;                        // of all of them
  NamedDies dies = nullptr;
};

Names& self() {
  static auto* names = new Names;  // objects die until the very end of the process
  return *names;
}

PyObject* onDeath(PyObject*, PyObject* weak) {
  auto found = self().target_of.find(weak);
  if (found != self().target_of.end()) self().dies(found->second);
  Py_RETURN_NONE;
}

PyObject* deathCallback() {
  static PyMethodDef method = {"_named_object_dies", onDeath, METH_O, nullptr};
  if (self().callback == nullptr) self().callback = PyCFunction_New(&method, nullptr);
  return self().callback;
}

void release(Named& named) {
  if (named.weak == nullptr) return;
  self().target_of.erase(named.weak);
  Py_DECREF(named.weak);
}

bool watch(PyObject* object, Named* named) {
  if (PyFunction_Check(object)) {
    markFunction(reinterpret_cast<PyFunctionObject*>(object));
    return true;
  }
  named->weak = PyWeakref_NewRef(object, deathCallback());
  if (named->weak == nullptr) {
    PyErr_Clear();
    return false;
  }
  self().target_of[named->weak] = object;
  return true;
}

}  // namespace

void initNames(NamedDies dies) { self().dies = dies; }

bool watchNames(CompiledUnit* unit) {
  for (size_t i = 0; i < unit->names.size(); ++i) {
    auto [at, fresh] = self().named.try_emplace(unit->names[i]);
    if (fresh && !watch(unit->names[i], &at->second)) {
      self().named.erase(at);
      unit->names.resize(i);
      return false;
    }
    at->second.units.insert(unit);
  }
  return true;
}

void unwatchNames(CompiledUnit* unit) {
  for (PyObject* object : unit->names) {
    auto found = self().named.find(object);
    if (found == self().named.end()) continue;
    found->second.units.erase(unit);
    if (!found->second.units.empty()) continue;
    Named named = std::move(found->second);
    self().named.erase(found);
    release(named);
  }
  unit->names.clear();
}

void forgetNames() { self() = {}; }

std::vector<CompiledUnit*> takeUnitsNaming(PyObject* object) {
  auto found = self().named.find(object);
  if (found == self().named.end()) return {};
  Named named = std::move(found->second);
  self().named.erase(found);
  release(named);
  for (CompiledUnit* unit : named.units) std::erase(unit->names, object);
  return {named.units.begin(), named.units.end()};
}

}  // namespace tephra::driver
