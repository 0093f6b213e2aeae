// Purpose: values of instances that follow the object itself; a dict may share them.
#pragma once

namespace tephra::py {

// Of the types whose instances may have values without a dict.
inline constexpr unsigned long kValuesFlag = Py_TPFLAGS_INLINE_VALUES;

// Of an instance whose values are live.
inline PyDictValues* instanceValues(PyObject* object) { return _PyObject_InlineValues(object); }

// The values in place, or null. `alone`: no dict shares them.
inline PyObject** valuesInPlace(PyObject* object, bool alone) {
  if (alone && _PyObject_GetManagedDict(object) != nullptr) return nullptr;
  PyDictValues* at = _PyObject_InlineValues(object);
  return at->valid ? at->values : nullptr;
}

// The dict of an instance that has no values in place any more, or null; borrowed.
inline PyObject* managedDict(PyObject* object) {
  return reinterpret_cast<PyObject*>(_PyObject_GetManagedDict(object));
}

}  // namespace tephra::py
