#include "pyver/floats.h"

#include <type_traits>

#include "pyver/internal.h"

namespace tephra::py {

PyInterpreterState* interpreter() {
  static PyInterpreterState* const main = PyInterpreterState_Main();
  return main;
}

PyObject* makeFloat(double value) {
  auto& first = freeFloats(interpreter());
  if (first == nullptr) return PyFloat_FromDouble(value);
  auto* made = reinterpret_cast<PyObject*>(first);
  using Link = std::remove_reference_t<decltype(first)>;
  --freeFloatCount(interpreter());
  if constexpr (kFreeObjectsByType) {
    first = reinterpret_cast<Link>(Py_TYPE(made));
    _PyObject_Init(made, &PyFloat_Type);
  } else {
    first = *reinterpret_cast<Link*>(made);
    _Py_NewReference(made);  // the type is still there
  }
  reinterpret_cast<PyFloatObject*>(made)->ob_fval = value;
  return made;
}

void releaseFloat(PyObject* object) {
  if (isTraced(_PyRuntime)) return _Py_Dealloc(object);
  auto& first = freeFloats(interpreter());
  auto& count = freeFloatCount(interpreter());
  using Link = std::remove_reference_t<decltype(first)>;
  if (count < 0 || count >= kMaxFreeFloats) return _Py_Dealloc(object);
  if constexpr (kFreeObjectsByType) {
    Py_SET_TYPE(object, reinterpret_cast<PyTypeObject*>(first));
  } else {
    *reinterpret_cast<Link*>(object) = first;
  }
  first = reinterpret_cast<Link>(object);
  ++count;
}

}  // namespace tephra::py
