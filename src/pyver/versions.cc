// Purpose: from a type version to the live type that has it.
#include <unordered_map>
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

PyTypeObject* lookUp(uint32_t version) {
  auto& map = knownTypes();
  auto found = map.find(version);
  if (found == map.end()) return nullptr;
  // Borrowed, under the GIL; an object being torn down still stands there with no references.
  PyObject* target = reinterpret_cast<PyWeakReference*>(found->second)->wr_object;
  if (target != Py_None && Py_REFCNT(target) > 0 &&
      reinterpret_cast<PyTypeObject*>(target)->tp_version_tag == version) {
    return reinterpret_cast<PyTypeObject*>(target);
  }
  Py_DECREF(found->second);
  map.erase(found);
  return nullptr;
}

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

}  // namespace

PyTypeObject* findTypeByWalk(uint32_t version) {
  if (PyTypeObject* type = lookUp(version)) return type;
  PyObject* pending = PyErr_GetRaisedException();
  static PyObject* subclasses = nullptr;
  if (subclasses == nullptr) {
    subclasses =
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyType_Type), "__subclasses__");
  }
  // Types of several bases are met more than once; `remember` and the set keep that cheap.
  std::vector<PyObject*> lists;
  std::unordered_map<PyObject*, bool> seen;
  std::vector<PyObject*> work{reinterpret_cast<PyObject*>(&PyBaseObject_Type)};
  while (!work.empty() && subclasses != nullptr) {
    PyObject* type = work.back();
    work.pop_back();
    if (!seen.emplace(type, true).second) continue;
    remember(reinterpret_cast<PyTypeObject*>(type));
    PyObject* list = PyObject_CallOneArg(subclasses, type);
    if (list == nullptr) {
      PyErr_Clear();
      continue;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) work.push_back(PyList_GET_ITEM(list, i));
    lists.push_back(list);  // keeps its types alive during the walk
  }
  PyTypeObject* result = lookUp(version);
  for (PyObject* list : lists) Py_DECREF(list);
  PyErr_SetRaisedException(pending);
  return result;
}

}  // namespace tephra::py
