// Purpose: the one way to include Python. Brings Python.h and the internal headers of the CPython
// that the extension is built for, with Py_BUILD_CORE handled.
// Invariant: include it before any standard header; code outside src/pyver tests no version macro.
#pragma once

#if defined(TEPHRA_PYVER_3_12)
#include "pyver/v3_12/python.h"
#elif defined(TEPHRA_PYVER_3_14)
#include "pyver/v3_14/python.h"
#else
#error "build the extension through CMake: it names the CPython version"
#endif
