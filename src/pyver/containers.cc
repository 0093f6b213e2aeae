// Purpose: container, string and operator instructions whose text is the same in all versions.
#include "pyver/internal.h"

namespace tephra::py {

int listExtend(PyThreadState*, PyObject* list, PyObject* iterable) {
  PyObject* none = _PyList_Extend(reinterpret_cast<PyListObject*>(list), iterable);
  if (none != nullptr) {
    Py_DECREF(none);
    return 0;
  }
  if (PyErr_ExceptionMatches(PyExc_TypeError) && Py_TYPE(iterable)->tp_iter == nullptr &&
      !PySequence_Check(iterable)) {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "Value after * must be an iterable, not %.200s",
                 Py_TYPE(iterable)->tp_name);
  }
  return -1;
}

int setUpdate(PyObject* set, PyObject* iterable) {
  return _PySet_Update(set, iterable) < 0 ? -1 : 0;
}

int dictUpdate(PyThreadState*, PyObject* dict, PyObject* mapping) {
  if (PyDict_Update(dict, mapping) >= 0) return 0;
  if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
    PyErr_Format(PyExc_TypeError, "'%.200s' object is not a mapping", Py_TYPE(mapping)->tp_name);
  }
  return -1;
}

int dictMerge(PyThreadState* ts, PyObject* dict, PyObject* mapping, PyObject* callable) {
  constexpr int kRefuseDuplicates = 2;
  if (_PyDict_MergeEx(dict, mapping, kRefuseDuplicates) >= 0) return 0;
  formatKwargsError(ts, callable, mapping);
  return -1;
}

PyObject* binarySlice(PyObject* container, PyObject* start, PyObject* stop) {
  PyObject* slice = PySlice_New(start, stop, nullptr);
  if (slice == nullptr) return nullptr;
  PyObject* result = PyObject_GetItem(container, slice);
  Py_DECREF(slice);
  return result;
}

int storeSlice(PyObject* container, PyObject* start, PyObject* stop, PyObject* value) {
  PyObject* slice = PySlice_New(start, stop, nullptr);
  if (slice == nullptr) return -1;
  int result = PyObject_SetItem(container, slice, value);
  Py_DECREF(slice);
  return result;
}

PyObject* convertValue(PyObject* value, int conversion) {
  switch (conversion) {
    case 1: return PyObject_Str(value);
    case 2: return PyObject_Repr(value);
    case 3: return PyObject_ASCII(value);
    default: return Py_NewRef(value);
  }
}

PyObject* formatSimple(PyObject* value) {
  return PyUnicode_CheckExact(value) ? Py_NewRef(value) : PyObject_Format(value, nullptr);
}

PyObject* formatWithSpec(PyObject* value, PyObject* spec) { return PyObject_Format(value, spec); }

PyObject* formatValue(PyObject* value, PyObject* spec, int conversion) {
  PyObject* converted = convertValue(value, conversion);
  if (converted == nullptr) return nullptr;
  PyObject* result = spec == nullptr ? formatSimple(converted) : PyObject_Format(converted, spec);
  Py_DECREF(converted);
  return result;
}

PyObject* buildString(PyObject* const* pieces, Py_ssize_t count) {
  static PyObject* const empty = PyUnicode_New(0, 0);
  return _PyUnicode_JoinArray(empty, pieces, count);
}

namespace {

PyObject* power(PyObject* a, PyObject* b) { return PyNumber_Power(a, b, Py_None); }
PyObject* inPlacePower(PyObject* a, PyObject* b) { return PyNumber_InPlacePower(a, b, Py_None); }

}  // namespace

PyObject* binaryOp(PyObject* left, PyObject* right, int kind) {
  using Op = PyObject* (*)(PyObject*, PyObject*);
  static const Op kOps[] = {
      PyNumber_Add,
      PyNumber_And,
      PyNumber_FloorDivide,
      PyNumber_Lshift,
      PyNumber_MatrixMultiply,
      PyNumber_Multiply,
      PyNumber_Remainder,
      PyNumber_Or,
      power,
      PyNumber_Rshift,
      PyNumber_Subtract,
      PyNumber_TrueDivide,
      PyNumber_Xor,
      PyNumber_InPlaceAdd,
      PyNumber_InPlaceAnd,
      PyNumber_InPlaceFloorDivide,
      PyNumber_InPlaceLshift,
      PyNumber_InPlaceMatrixMultiply,
      PyNumber_InPlaceMultiply,
      PyNumber_InPlaceRemainder,
      PyNumber_InPlaceOr,
      inPlacePower,
      PyNumber_InPlaceRshift,
      PyNumber_InPlaceSubtract,
      PyNumber_InPlaceTrueDivide,
      PyNumber_InPlaceXor,
      PyObject_GetItem,
  };
  static_assert(NB_ADD == 0 && NB_POWER == 8 && NB_XOR == 12 && NB_INPLACE_XOR == 25);
  return kOps[kind](left, right);
}

}  // namespace tephra::py
