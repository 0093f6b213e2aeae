// Helpers for match statements, strings, functions, imports and intrinsics.
#include "runtime/helpers.h"

namespace py = tephra::py;

extern "C" int64_t tephra_match_mapping(PyObject* value) {
  return (Py_TYPE(value)->tp_flags & Py_TPFLAGS_MAPPING) != 0;
}

extern "C" int64_t tephra_match_sequence(PyObject* value) {
  return (Py_TYPE(value)->tp_flags & Py_TPFLAGS_SEQUENCE) != 0;
}

extern "C" PyObject* tephra_match_keys(PyThreadState* ts, PyObject* subject, PyObject* keys) {
  return py::matchKeys(ts, subject, keys);
}

extern "C" PyObject* tephra_match_class(PyThreadState* ts, PyObject* subject, PyObject* type,
                                        PyObject* names, int64_t npos) {
  return py::matchClass(ts, subject, type, names, static_cast<int>(npos));
}

extern "C" PyObject* tephra_convert_value(PyObject* value, int64_t conversion) {
  return py::convertValue(value, static_cast<int>(conversion));
}

extern "C" PyObject* tephra_format_value(PyObject* value, PyObject* spec, int64_t conversion) {
  return py::formatValue(value, spec, static_cast<int>(conversion));
}

extern "C" PyObject* tephra_build_interpolation(PyObject* value, PyObject* str, PyObject* format,
                                                int64_t conversion) {
  return py::buildInterpolation(value, str, format, static_cast<int>(conversion));
}

extern "C" PyObject* tephra_build_template(PyObject* strings, PyObject* interpolations) {
  return py::buildTemplate(strings, interpolations);
}

extern "C" PyObject* tephra_intrinsic1(PyThreadState* ts, PyObject* value, int64_t kind) {
  return py::intrinsic1(ts, value, static_cast<int>(kind));
}

extern "C" PyObject* tephra_intrinsic2(PyThreadState* ts, PyObject* left, PyObject* right,
                                       int64_t kind) {
  return py::intrinsic2(ts, left, right, static_cast<int>(kind));
}

extern "C" PyObject* tephra_make_function(_PyInterpreterFrame* frame, PyObject* code) {
  return py::makeFunction(code, frame->f_globals);
}

extern "C" void tephra_set_function_attribute(PyObject* function, PyObject* value, int64_t kind) {
  py::setFunctionAttribute(function, value, static_cast<int>(kind));
}

extern "C" void tephra_finish_function(PyObject* function) { py::finishFunction(function); }
