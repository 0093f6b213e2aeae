// Purpose: the private functions and tables of libpython that Tephra links to, as weak references:
// one that a patch release drops is reported by selfTest() instead of failing the import.
// Invariant: every private name used in src/pyver stands here (outside it, none is used).
#pragma once

#define TEPHRA_PRIVATE_SYMBOLS(X) \
  X(_PyDict_MergeEx)              \
  X(_PyEval_EvalFrameDefault)     \
  X(_PyExc_PrepReraiseStar)       \
  X(_PyList_Extend)               \
  X(_PyLong_NumBits)              \
  X(_PyModuleSpec_IsInitializing) \
  X(_PyObject_FunctionStr)        \
  X(_PyObject_GetMethod)          \
  X(_PyObject_LookupAttr)         \
  X(_PyObject_LookupSpecial)      \
  X(_PySet_Update)                \
  X(_PyType_Lookup)               \
  X(_PyUnicode_JoinArray)         \
  X(_Py_CheckRecursiveCall)

#define TEPHRA_WEAK(name) extern "C" __attribute__((weak)) decltype(name) name;
TEPHRA_PRIVATE_SYMBOLS(TEPHRA_WEAK)
#undef TEPHRA_WEAK
