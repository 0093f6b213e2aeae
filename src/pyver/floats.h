// Purpose: making and releasing floats without the thread look-ups of CPython's own functions,
// which cost more than the rest; the free list is CPython's. Invariant: the main interpreter's GIL
// is held (the JIT is off in others).
#pragma once

#include "pyver/python.h"

namespace tephra::py {

PyInterpreterState* interpreter();  // the main one

// Does somebody want to hear of all objects that are made and freed?
template <typename Runtime>
bool isTraced(const Runtime& runtime) {
  if constexpr (requires { runtime.ref_tracer; }) return runtime.ref_tracer.tracer_func != nullptr;
  return false;
}

PyObject* makeFloat(double value);  // PyFloat_FromDouble
// The last reference of an exact float is gone: _Py_Dealloc.
void releaseFloat(PyObject* object);

}  // namespace tephra::py
