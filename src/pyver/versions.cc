// Purpose: from a version to the live function or type that has it.
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pyver/decode.h"

namespace tephra::py {

namespace {

// version -> weak reference (owned): a type that dies leaves a dead entry, never a dangling
// pointer.
std::unordered_map<uint32_t, PyObject*>& knownTypes() {
  static auto* map = new std::unordered_map<uint32_t, PyObject*>();
  return *map;
}

// Borrowed, under the GIL; an object being torn down still stands there with no references.
PyTypeObject* referent(PyObject* weak, uint32_t version) {
  PyObject* target = reinterpret_cast<PyWeakReference*>(weak)->wr_object;
  if (target == Py_None || Py_REFCNT(target) <= 0) return nullptr;
  auto* type = reinterpret_cast<PyTypeObject*>(target);
  return type->tp_version_tag == version ? type : nullptr;
}

PyTypeObject* lookUp(uint32_t version) {
  auto found = knownTypes().find(version);
  return found == knownTypes().end() ? nullptr : referent(found->second, version);
}

// The versions that the next classes will get: types of C code, and all others.
struct NextVersions {
  uint32_t global = 0, own = 0;

  static NextVersions now() {
    return {_PyRuntime.types.next_version_tag, threadState()->interp->types.next_version_tag};
  }
  bool isBelow(uint32_t version) const {
    return version < (version <= _Py_MAX_GLOBAL_TYPE_VERSION_TAG ? global : own);
  }
};
NextVersions walked;               // when all classes were looked at last
PyObject* g_subclasses = nullptr;  // type.__subclasses__

void remember(PyTypeObject* type) {
  uint32_t version = type->tp_version_tag;
  if (version == 0 || knownTypes().count(version) != 0) return;
  PyObject* weak = PyWeakref_NewRef(reinterpret_cast<PyObject*>(type), nullptr);
  if (weak == nullptr) {
    PyErr_Clear();
    return;
  }
  knownTypes().emplace(version, weak);
}

void forgetTheDead() {
  std::erase_if(knownTypes(), [](const auto& entry) {
    if (referent(entry.second, entry.first) != nullptr) return false;
    Py_DECREF(entry.second);
    return true;
  });
}

// The interpreter's own tables, where it has them.
template <typename Interpreter>
PyFunctionObject* cachedFunction(Interpreter* interp, uint32_t version) {
  if constexpr (requires { interp->func_state.func_version_cache; }) {
    auto& cache = interp->func_state.func_version_cache;
    auto& slot = cache[version % std::size(cache)];
    // A function that is being destroyed stands there while its weak references' callbacks run.
    const bool valid = slot.func != nullptr && slot.func->func_version == version;
    return valid && Py_REFCNT(slot.func) > 0 ? slot.func : nullptr;
  }
  return nullptr;
}

template <typename Interpreter>
PyTypeObject* cachedType(Interpreter* interp, uint32_t version) {
  if constexpr (requires { interp->types.type_version_cache; }) {
    auto& cache = interp->types.type_version_cache;
    PyTypeObject* type = cache[version % std::size(cache)];
    if (type != nullptr && type->tp_version_tag == version && Py_REFCNT(type) > 0) return type;
  }
  return nullptr;
}

}  // namespace

void forgetTypes(bool alive) {
  for (auto& [version, weak] : std::exchange(knownTypes(), {})) {
    if (alive) Py_DECREF(weak);
  }
  walked = {};
  if (PyObject* gone = std::exchange(g_subclasses, nullptr); alive) Py_XDECREF(gone);
}

namespace {

// Over all subclasses of object; those found are remembered weakly.
PyTypeObject* findTypeByWalk(uint32_t version) {
  if (PyTypeObject* type = lookUp(version)) return type;
  // Versions are given once and in order: who had this one is gone, or has another now.
  if (walked.isBelow(version)) return nullptr;
  PyObject* pending = PyErr_GetRaisedException();
  if (g_subclasses == nullptr) {
    g_subclasses =
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyType_Type), "__subclasses__");
  }
  // Types of several bases are met more than once; `remember` and the set keep that cheap.
  std::vector<PyObject*> lists;
  std::unordered_map<PyObject*, bool> seen;
  std::vector<PyObject*> work{reinterpret_cast<PyObject*>(&PyBaseObject_Type)};
  while (!work.empty() && g_subclasses != nullptr) {
    PyObject* type = work.back();
    work.pop_back();
    if (!seen.emplace(type, true).second) continue;
    remember(reinterpret_cast<PyTypeObject*>(type));
    PyObject* list = PyObject_CallOneArg(g_subclasses, type);
    if (list == nullptr) {
      PyErr_Clear();
      continue;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) work.push_back(PyList_GET_ITEM(list, i));
    lists.push_back(list);  // keeps its types alive during the walk
  }
  forgetTheDead();
  walked = NextVersions::now();
  PyTypeObject* result = lookUp(version);
  for (PyObject* list : lists) Py_DECREF(list);
  PyErr_SetRaisedException(pending);
  return result;
}

}  // namespace

PyFunctionObject* functionByVersion(uint32_t version) {
  return version < kFirstFunctionVersion ? nullptr : cachedFunction(threadState()->interp, version);
}

PyTypeObject* typeByVersion(uint32_t version) {
  if (PyTypeObject* type = cachedType(threadState()->interp, version)) return type;
  return findTypeByWalk(version);
}

}  // namespace tephra::py
