// Purpose: values of instances, which lie elsewhere: a tagged word before the object says where, or
// names the dict.
#pragma once

namespace tephra::py {

// Of the types whose instances may have values without a dict.
inline constexpr unsigned long kValuesFlag = Py_TPFLAGS_MANAGED_DICT;

// Of an instance whose values are live.
inline PyDictValues* instanceValues(PyObject* object) {
  return _PyDictOrValues_GetValues(*_PyObject_DictOrValuesPointer(object));
}

// The values in place, or null. (No dict ever shares them.)
inline PyObject** valuesInPlace(PyObject* object, bool) {
  PyDictOrValues dorv = *_PyObject_DictOrValuesPointer(object);
  return _PyDictOrValues_IsValues(dorv) ? _PyDictOrValues_GetValues(dorv)->values : nullptr;
}

// The dict of an instance that has no values in place any more, or null; borrowed.
inline PyObject* managedDict(PyObject* object) {
  PyDictOrValues dorv = *_PyObject_DictOrValuesPointer(object);
  return _PyDictOrValues_IsValues(dorv) ? nullptr : _PyDictOrValues_GetDict(dorv);
}

}  // namespace tephra::py
