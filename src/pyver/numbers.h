// Purpose: making, releasing and computing with ints that fit a machine word (and with floats)
// without the dispatch and the thread look-ups of CPython's own functions; the free list is
// CPython's. Invariant: the
// main interpreter's GIL is held (the JIT is off in others).
#pragma once

#include <cstdint>

#include "pyver/python.h"

namespace tephra::py {

PyObject* makeInt(int64_t value);  // PyLong_FromLongLong
// The last reference of an exact int is gone: _Py_Dealloc.
void releaseInt(PyObject* object);
// True when `object`, an exact int of several digits to which nobody else refers, has become
// `value`, which has as many.
bool rewriteInt(PyObject* object, int64_t value);
// A binary operator (NB_*, in-place kinds too) on exact ints and floats. False: the operands are
// others or have no such operator, or it is left to PyNumber_*; else *result is a new reference or
// NULL with an exception.
bool numberOp(PyObject* left, PyObject* right, int kind, PyObject** result);

}  // namespace tephra::py
