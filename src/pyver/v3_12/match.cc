// Purpose: pattern matching of CPython 3.12, whose own functions are hidden; written after their
// behaviour, error messages included.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

// New reference; NULL with an exception, or without one when the subject lacks the attribute.
PyObject* matchAttribute(PyObject* subject, PyObject* type, PyObject* name, PyObject* seen) {
  int known = PySet_Contains(seen, name);
  if (known != 0 || PySet_Add(seen, name) < 0) {
    if (!PyErr_Occurred()) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple sub-patterns for attribute %R",
                   reinterpret_cast<PyTypeObject*>(type)->tp_name, name);
    }
    return nullptr;
  }
  PyObject* value = nullptr;
  (void)_PyObject_LookupAttr(subject, name, &value);
  return value;
}

bool appendAttribute(PyObject* subject, PyObject* type, PyObject* name, PyObject* seen,
                     PyObject* attrs) {
  PyObject* value = matchAttribute(subject, type, name, seen);
  if (value == nullptr) return false;
  int failed = PyList_Append(attrs, value);
  Py_DECREF(value);
  return failed == 0;
}

// __match_args__ of a class, or an empty tuple and perhaps *self. NULL: error.
PyObject* matchArgs(PyObject* type, bool* self) {
  PyObject* names = PyObject_GetAttrString(type, "__match_args__");
  if (names == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
    PyErr_Clear();
    *self = PyType_HasFeature(reinterpret_cast<PyTypeObject*>(type), _Py_TPFLAGS_MATCH_SELF);
    return PyTuple_New(0);
  }
  if (!PyTuple_CheckExact(names)) {
    PyErr_Format(PyExc_TypeError, "%s.__match_args__ must be a tuple (got %s)",
                 reinterpret_cast<PyTypeObject*>(type)->tp_name, Py_TYPE(names)->tp_name);
    Py_CLEAR(names);
  }
  return names;
}

bool matchPositional(PyObject* subject, PyObject* type, int npos, PyObject* seen, PyObject* attrs) {
  bool self = false;
  PyObject* names = matchArgs(type, &self);
  if (names == nullptr) return false;
  Py_ssize_t allowed = self ? 1 : PyTuple_GET_SIZE(names);
  bool ok = true;
  if (allowed < npos) {
    PyErr_Format(PyExc_TypeError, "%s() accepts %d positional sub-pattern%s (%d given)",
                 reinterpret_cast<PyTypeObject*>(type)->tp_name, static_cast<int>(allowed),
                 allowed == 1 ? "" : "s", npos);
    ok = false;
  } else if (self) {
    ok = PyList_Append(attrs, subject) == 0;
  } else {
    for (int i = 0; i < npos && ok; i++) {
      PyObject* name = PyTuple_GET_ITEM(names, i);
      if (!PyUnicode_CheckExact(name)) {
        PyErr_Format(PyExc_TypeError, "__match_args__ elements must be strings (got %s)",
                     Py_TYPE(name)->tp_name);
        ok = false;
      } else {
        ok = appendAttribute(subject, type, name, seen, attrs);
      }
    }
  }
  Py_DECREF(names);
  return ok;
}

}  // namespace

PyObject* matchClass(PyThreadState*, PyObject* subject, PyObject* type, PyObject* names, int npos) {
  if (!PyType_Check(type)) {
    PyErr_SetString(PyExc_TypeError, "called match pattern must be a class");
    return nullptr;
  }
  int is_instance = PyObject_IsInstance(subject, type);
  if (is_instance < 0) return nullptr;
  if (is_instance == 0) return Py_NewRef(Py_None);
  PyObject* seen = PySet_New(nullptr);
  PyObject* attrs = PyList_New(0);
  PyObject* result = nullptr;
  bool ok = seen != nullptr && attrs != nullptr;
  if (ok && npos > 0) ok = matchPositional(subject, type, npos, seen, attrs);
  for (Py_ssize_t i = 0; ok && i < PyTuple_GET_SIZE(names); i++) {
    ok = appendAttribute(subject, type, PyTuple_GET_ITEM(names, i), seen, attrs);
  }
  if (ok) {
    result = PyList_AsTuple(attrs);
  } else if (!PyErr_Occurred()) {
    result = Py_NewRef(Py_None);
  }
  Py_XDECREF(seen);
  Py_XDECREF(attrs);
  return result;
}

namespace {

// values[i] = subject.get(keys[i]); 1 all there, 0 one is missing, -1 error.
int collectValues(PyObject* subject, PyObject* keys, PyObject* values, PyObject* dummy) {
  PyObject* get = nullptr;
  int unbound = _PyObject_GetMethod(subject, &_Py_ID(get), &get);
  if (get == nullptr) return -1;
  PyObject* seen = PySet_New(nullptr);
  int result = seen != nullptr ? 1 : -1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keys) && result == 1; i++) {
    PyObject* key = PyTuple_GET_ITEM(keys, i);
    int known = PySet_Contains(seen, key);
    if (known != 0 || PySet_Add(seen, key) < 0) {
      if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_ValueError, "mapping pattern checks duplicate key (%R)", key);
      }
      result = -1;
      break;
    }
    PyObject* args[] = {subject, key, dummy};
    PyObject* value = unbound ? PyObject_Vectorcall(get, args, 3, nullptr)
                              : PyObject_Vectorcall(get, &args[1], 2, nullptr);
    if (value == nullptr) {
      result = -1;
    } else if (value == dummy) {
      Py_DECREF(value);
      result = 0;
    } else {
      PyTuple_SET_ITEM(values, i, value);
    }
  }
  Py_XDECREF(seen);
  Py_DECREF(get);
  return result;
}

}  // namespace

PyObject* matchKeys(PyThreadState*, PyObject* subject, PyObject* keys) {
  Py_ssize_t count = PyTuple_GET_SIZE(keys);
  if (count == 0) return PyTuple_New(0);
  PyObject* dummy = PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
  PyObject* values = PyTuple_New(count);
  int result =
      dummy != nullptr && values != nullptr ? collectValues(subject, keys, values, dummy) : -1;
  Py_XDECREF(dummy);
  if (result == 1) return values;
  Py_XDECREF(values);
  return result == 0 ? Py_NewRef(Py_None) : nullptr;
}

}  // namespace tephra::py
