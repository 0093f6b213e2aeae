// Purpose: the private functions and tables of libpython that Tephra links to, as weak references:
// one that a patch release drops is reported by selfTest() instead of failing the import.
// Invariant: every private name used in src/pyver stands here (outside it, none is used).
#pragma once

#define TEPHRA_PRIVATE_SYMBOLS(X)        \
  X(_PyDict_MergeEx)                     \
  X(_PyEval_CheckExceptStarTypeValid)    \
  X(_PyEval_CheckExceptTypeValid)        \
  X(_PyEval_EvalFrameDefault)            \
  X(_PyEval_ExceptionGroupMatch)         \
  X(_PyEval_FormatExcCheckArg)           \
  X(_PyEval_FormatExcUnbound)            \
  X(_PyEval_FormatKwargsError)           \
  X(_PyEval_FrameClearAndPop)            \
  X(_PyEval_ImportFrom)                  \
  X(_PyEval_ImportName)                  \
  X(_PyEval_LoadGlobalStackRef)          \
  X(_PyEval_MatchClass)                  \
  X(_PyEval_MatchKeys)                   \
  X(_PyEval_SpecialMethodCanSuggest)     \
  X(_PyEval_UnpackIterableStackRef)      \
  X(_PyFunction_SetVersion)              \
  X(_PyInterpolation_Build)              \
  X(_PyIntrinsics_BinaryFunctions)       \
  X(_PyIntrinsics_UnaryFunctions)        \
  X(_PyList_Extend)                      \
  X(_PyLong_NumBits)                     \
  X(_PyObject_GetMethod)                 \
  X(_PyObject_LookupSpecialMethod)       \
  X(_PySet_Update)                       \
  X(_PySuper_Lookup)                     \
  X(_PyTemplate_Build)                   \
  X(_PyThreadState_PopFrame)             \
  X(_PyTuple_FromStackRefStealOnSuccess) \
  X(_PyType_Lookup)                      \
  X(_PyUnicode_JoinArray)                \
  X(_Py_CheckRecursiveCall)              \
  X(_Py_Check_ArgsIterable)              \
  X(_Py_FunctionAttributeOffsets)        \
  X(_Py_HandlePending)                   \
  X(_Py_SpecialMethods)

#define TEPHRA_WEAK(name) extern "C" __attribute__((weak)) decltype(name) name;
TEPHRA_PRIVATE_SYMBOLS(TEPHRA_WEAK)
#undef TEPHRA_WEAK
