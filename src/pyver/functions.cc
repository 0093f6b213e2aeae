// Purpose: functions, methods, super() and globals; the parts with one text for all versions.
#include "pyver/internal.h"

namespace tephra::py {

PyObject* loadSuperAttr(PyThreadState*, PyObject* super, PyObject* type, PyObject* self,
                        PyObject* name, bool two_arg) {
  if (super == reinterpret_cast<PyObject*>(&PySuper_Type) && PyType_Check(type)) {
    return superLookup(reinterpret_cast<PyTypeObject*>(type), self, name, nullptr);
  }
  // Somebody's own "super": called as written, super() without arguments when not two_arg.
  PyObject* args[] = {type, self};
  PyObject* proxy = PyObject_Vectorcall(super, args, two_arg ? 2 : 0, nullptr);
  if (proxy == nullptr) return nullptr;
  PyObject* result = PyObject_GetAttr(proxy, name);
  Py_DECREF(proxy);
  return result;
}

PyObject* loadSuperMethod(PyThreadState* ts, PyObject* super, PyObject* type, PyObject* self,
                          PyObject* name, bool two_arg, PyObject** out_self) {
  *out_self = nullptr;
  if (super != reinterpret_cast<PyObject*>(&PySuper_Type) || !PyType_Check(type)) {
    return loadSuperAttr(ts, super, type, self, name, two_arg);
  }
  auto* cls = reinterpret_cast<PyTypeObject*>(type);
  int unbound = 0;
  const bool generic = Py_TYPE(self)->tp_getattro == PyObject_GenericGetAttr;
  PyObject* method =
      generic ? superMethod(cls, self, name, &unbound) : superLookup(cls, self, name, nullptr);
  if (method != nullptr && unbound) *out_self = Py_NewRef(self);
  return method;
}

void storeInlineValueFirst(PyObject* object, PyObject* value, uint32_t index, PyObject*) {
  PyDictValues* values = instanceValues(object);
  values->values[index] = value;
  _PyDictValues_AddToInsertionOrder(values, static_cast<Py_ssize_t>(index));
}

PyObject* loadBuildClass(PyThreadState*, PyObject* builtins) {
  PyObject* name = &_Py_ID(__build_class__);
  PyObject* function = nullptr;
  if (PyDict_CheckExact(builtins)) {
    function = Py_XNewRef(PyDict_GetItemWithError(builtins, name));
    if (function == nullptr && !PyErr_Occurred()) {
      PyErr_SetString(PyExc_NameError, "__build_class__ not found");
    }
    return function;
  }
  function = PyObject_GetItem(builtins, name);
  if (function == nullptr && PyErr_ExceptionMatches(PyExc_KeyError)) {
    PyErr_SetString(PyExc_NameError, "__build_class__ not found");
  }
  return function;
}

int deleteGlobal(PyThreadState* ts, PyObject* globals, PyObject* name) {
  if (PyDict_DelItem(globals, name) == 0) return 0;
  if (PyErr_ExceptionMatches(PyExc_KeyError)) {
    PyErr_Clear();
    nameError(ts, name);
  }
  return -1;
}

PyObject* makeFunction(PyObject* code, PyObject* globals) { return PyFunction_New(code, globals); }

constexpr int kAnnotateFunction = 0x10;  // of SET_FUNCTION_ATTRIBUTE

void setFunctionAttribute(PyObject* function, PyObject* value, int kind) {
  PyObject** field = functionField(reinterpret_cast<PyFunctionObject*>(function), kind);
  Py_XSETREF(*field, value);
  if (kind == kAnnotateFunction) {
    nameAnnotate(reinterpret_cast<PyFunctionObject*>(function), value);
  }
}

PyFunctionObject* callOperator(PyObject* callable) {
  static PyObject* const name = PyUnicode_InternFromString("__call__");
  PyTypeObject* type = Py_TYPE(callable);
  if (type->tp_call != hidden().call_slot || type->tp_call == nullptr) return nullptr;
  PyObject* found = _PyType_Lookup(type, name);
  const bool function = found != nullptr && PyFunction_Check(found);
  return function ? reinterpret_cast<PyFunctionObject*>(found) : nullptr;
}

PyObject* callArguments(PyThreadState* ts, PyObject* callable, PyObject* args) {
  if (PyTuple_CheckExact(args)) return Py_NewRef(args);
  return checkArgsIterable(ts, callable, args) < 0 ? nullptr : PySequence_Tuple(args);
}

}  // namespace tephra::py
