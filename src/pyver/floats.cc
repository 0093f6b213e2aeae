#include "pyver/floats.h"

#include "pyver/internal.h"

namespace tephra::py {

PyInterpreterState* interpreter() {
  static PyInterpreterState* const main = PyInterpreterState_Main();
  return main;
}

#if defined(TEPHRA_PYVER_3_12)

PyObject* makeFloat(double value) {
  _Py_float_state& state = interpreter()->float_state;
  PyFloatObject* made = state.free_list;
  if (made == nullptr) return PyFloat_FromDouble(value);
  state.free_list = reinterpret_cast<PyFloatObject*>(Py_TYPE(made));
  --state.numfree;
  PyObject* object = reinterpret_cast<PyObject*>(made);
  _PyObject_Init(object, &PyFloat_Type);
  made->ob_fval = value;
  return object;
}

void releaseFloat(PyObject* object) {
  _Py_float_state& state = interpreter()->float_state;
  if (state.numfree < 0 || state.numfree >= PyFloat_MAXFREELIST) return _Py_Dealloc(object);
  ++state.numfree;
  Py_SET_TYPE(object, reinterpret_cast<PyTypeObject*>(state.free_list));
  state.free_list = reinterpret_cast<PyFloatObject*>(object);
}

#else

PyObject* makeFloat(double value) {
  _Py_freelist& floats = interpreter()->object_state.freelists.floats;  // linked by the first word
  if (floats.freelist == nullptr) return PyFloat_FromDouble(value);
  PyObject* made = static_cast<PyObject*>(floats.freelist);
  floats.freelist = *reinterpret_cast<void**>(made);
  --floats.size;
  _Py_NewReference(made);  // the type is still there
  reinterpret_cast<PyFloatObject*>(made)->ob_fval = value;
  return made;
}

void releaseFloat(PyObject* object) {
  // Somebody wants to hear of it.
  if (_PyRuntime.ref_tracer.tracer_func != nullptr) return _Py_Dealloc(object);
  _Py_freelist& floats = interpreter()->object_state.freelists.floats;
  if (floats.size < 0 || floats.size >= Py_floats_MAXFREELIST) return _Py_Dealloc(object);
  *reinterpret_cast<void**>(object) = floats.freelist;
  floats.freelist = object;
  ++floats.size;
}

#endif

}  // namespace tephra::py
