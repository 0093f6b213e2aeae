// Helpers for numbers: boxing, and ints too large for a register; and what becomes of the number or
// str that a home held.
#include "runtime/helpers.h"

#include "pyver/floats.h"
#include "pyver/numbers.h"

#include <cmath>

extern "C" PyObject* tephra_box_int(int64_t value) { return tephra::py::makeInt(value); }
extern "C" PyObject* tephra_box_float(double value) { return tephra::py::makeFloat(value); }

namespace {

// A home without a reference may be tagged (bit 0); new content is stored plain.
PyObject* intoHome(uintptr_t* home, PyObject* made) {
  if (!made) return nullptr;
  PyObject* old = reinterpret_cast<PyObject*>(*home & ~uintptr_t{1});
  *home = reinterpret_cast<uintptr_t>(made);
  Py_XDECREF(old);
  return made;
}

int64_t intoPlace(void* place, PyObject* made) {
  if (!made) return -1;
  auto* content = static_cast<PyObject**>(place);
  PyObject* old = *content;
  *content = made;
  Py_DECREF(old);
  return 0;
}

}  // namespace

extern "C" PyObject* tephra_int_into_home(void* home, int64_t value) {
  uintptr_t* content = static_cast<uintptr_t*>(home);
  PyObject* old = reinterpret_cast<PyObject*>(*content & ~uintptr_t{1});
  if (old && Py_REFCNT(old) == 1 && tephra::py::rewriteInt(old, value)) return old;
  return intoHome(content, tephra::py::makeInt(value));
}

extern "C" PyObject* tephra_float_into_home(void* home, double value) {
  return intoHome(static_cast<uintptr_t*>(home), tephra::py::makeFloat(value));
}

extern "C" int64_t tephra_int_into_place(void* place, int64_t value) {
  return intoPlace(place, tephra::py::makeInt(value));
}

extern "C" int64_t tephra_float_into_place(void* place, double value) {
  return intoPlace(place, tephra::py::makeFloat(value));
}

namespace {

// As PyUnicode_Append decides whether it may write behind the text: nobody else has the object,
// nothing depends on its content, and the characters fit its kind.
bool growsInPlace(PyObject* left, PyObject* right) {
  const bool own = Py_REFCNT(left) == 1 && left != right && !PyUnicode_CHECK_INTERNED(left) &&
                   reinterpret_cast<PyASCIIObject*>(left)->hash == -1;
  const bool narrow = PyUnicode_KIND(right) <= PyUnicode_KIND(left) &&
                      (PyUnicode_IS_ASCII(right) || !PyUnicode_IS_ASCII(left));
  return own && narrow &&
         PyUnicode_GET_LENGTH(left) <= PY_SSIZE_T_MAX - PyUnicode_GET_LENGTH(right);
}

}  // namespace

extern "C" PyObject* tephra_str_into_home(void* home, PyObject* left, PyObject* right) {
  uintptr_t* content = static_cast<uintptr_t*>(home);
  const bool held = reinterpret_cast<PyObject*>(*content & ~uintptr_t{1}) == left;
  if (!held || !growsInPlace(left, right)) {
    return intoHome(content, PyUnicode_Concat(left, right));
  }
  const Py_ssize_t before = PyUnicode_GET_LENGTH(left), added = PyUnicode_GET_LENGTH(right);
  PyObject* grown = left;
  if (PyUnicode_Resize(&grown, before + added) < 0) return nullptr;  // left is as it was
  *content = reinterpret_cast<uintptr_t>(grown);
  // Cannot fail: the object is its home's alone, and wide enough.
  PyUnicode_CopyCharacters(grown, before, right, 0, added);
  return grown;
}

extern "C" double tephra_double_pow(double base, double exponent) {
  return std::pow(base, exponent);
}
