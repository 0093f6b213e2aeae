// Helpers for numbers: boxing, and ints too large for a register.
#include "runtime/helpers.h"

#include "pyver/floats.h"

#include <cmath>

extern "C" PyObject* tephra_box_int(int64_t value) { return PyLong_FromLongLong(value); }
extern "C" PyObject* tephra_box_float(double value) { return tephra::py::makeFloat(value); }

extern "C" PyObject* tephra_int_add(PyObject* left, PyObject* right) {
  return PyLong_Type.tp_as_number->nb_add(left, right);
}
extern "C" PyObject* tephra_int_sub(PyObject* left, PyObject* right) {
  return PyLong_Type.tp_as_number->nb_subtract(left, right);
}
extern "C" PyObject* tephra_int_mul(PyObject* left, PyObject* right) {
  return PyLong_Type.tp_as_number->nb_multiply(left, right);
}

// The type's own slot: unlike PyObject_RichCompare it cannot meet the recursion limit.
extern "C" int64_t tephra_int_compare(PyObject* left, PyObject* right, int64_t cmp) {
  return PyLong_Type.tp_richcompare(left, right, static_cast<int>(cmp)) == Py_True;
}

extern "C" double tephra_double_pow(double base, double exponent) {
  return std::pow(base, exponent);
}
