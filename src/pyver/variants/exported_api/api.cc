// Purpose: private functions that the interpreter exports, under Tephra's names.
#include "pyver/code_kind.h"
#include "pyver/internal.h"

namespace tephra::py {

// As get_init_for_simple_managed_python_class in specialize.c.
bool entersInit(PyTypeObject* cls, PyFunctionObject* init) {
  constexpr unsigned long kNeeded = Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_INLINE_VALUES;
  auto* code = reinterpret_cast<PyCodeObject*>(init->func_code);
  return (cls->tp_flags & kNeeded) == kNeeded && cls->tp_new == PyBaseObject_Type.tp_new &&
         cls->tp_alloc == PyType_GenericAlloc && Py_TYPE(cls) == &PyType_Type &&
         hasOwnLocals(code) && hasOnlyPositional(code);
}

void unboundLocalError(PyThreadState* ts, PyCodeObject* code, uint32_t slot) {
  _PyEval_FormatExcCheckArg(
      ts, PyExc_UnboundLocalError,
      "cannot access local variable '%s' where it is not associated with a value",
      PyTuple_GET_ITEM(code->co_localsplusnames, slot));
}

void unboundDerefError(PyThreadState* ts, PyCodeObject* code, uint32_t slot) {
  _PyEval_FormatExcUnbound(ts, code, static_cast<int>(slot));
}

void nameError(PyThreadState* ts, PyObject* name) {
  _PyEval_FormatExcCheckArg(ts, PyExc_NameError, "name '%.200s' is not defined", name);
}

PyObject* superLookup(PyTypeObject* type, PyObject* self, PyObject* name, int* method) {
  return _PySuper_Lookup(type, self, name, method);
}

void formatKwargsError(PyThreadState* ts, PyObject* callable, PyObject* kwargs) {
  _PyEval_FormatKwargsError(ts, callable, kwargs);
}

PyObject* matchKeys(PyThreadState* ts, PyObject* subject, PyObject* keys) {
  return _PyEval_MatchKeys(ts, subject, keys);
}

PyObject* matchClass(PyThreadState* ts, PyObject* subject, PyObject* type, PyObject* names,
                     int npos) {
  PyObject* attrs = _PyEval_MatchClass(ts, subject, type, npos, names);
  if (attrs == nullptr && !PyErr_Occurred()) return Py_NewRef(Py_None);
  return attrs;
}

PyObject* intrinsic1(PyThreadState* ts, PyObject* value, int kind) {
  return _PyIntrinsics_UnaryFunctions[kind].func(ts, value);
}

PyObject* intrinsic2(PyThreadState* ts, PyObject* first, PyObject* second, int kind) {
  return _PyIntrinsics_BinaryFunctions[kind].func(ts, first, second);
}

int checkExceptType(PyThreadState* ts, PyObject* type) {
  return _PyEval_CheckExceptTypeValid(ts, type) < 0 ? -1 : 0;
}

}  // namespace tephra::py
