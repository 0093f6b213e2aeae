// Purpose: Python.h and the internal headers that Tephra needs of CPython 3.12.
#pragma once

#ifndef Py_BUILD_CORE_MODULE
#define Py_BUILD_CORE_MODULE 1
#endif
#include <Python.h>
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
// pycore_atomic.h would take C's <stdatomic.h>, which C++20 does not have; its second choice, the
// compiler's builtins on plain integers, has the same layout.
#undef HAVE_STD_ATOMIC
#include <opcode.h>
#include <structmember.h>

#include "internal/pycore_call.h"
#include "internal/pycore_ceval.h"
#include "internal/pycore_code.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_function.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_intrinsics.h"
#include "internal/pycore_list.h"
#include "internal/pycore_long.h"
#include "internal/pycore_moduleobject.h"
#include "internal/pycore_object.h"
#include "internal/pycore_pyerrors.h"
#include "internal/pycore_pystate.h"
#include "internal/pycore_range.h"
#include "internal/pycore_runtime.h"
#include "internal/pycore_tuple.h"
#include "internal/pycore_typeobject.h"

#include "pyver/v3_12/private_symbols.h"
