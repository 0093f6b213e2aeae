// Purpose: the one way to include Python. Brings Python.h and the internal headers of the CPython
// that the extension is built for, with Py_BUILD_CORE handled, and then that version's own
// version.h: its named features and private symbols.
// Invariant: include it before any standard header; nothing but v3_XX knows which version it is.
#pragma once

#ifndef TEPHRA_VERSION_HEADER
#error "build the extension through CMake: it names the CPython version's header"
#endif

#ifndef Py_BUILD_CORE_MODULE
#define Py_BUILD_CORE_MODULE 1
#endif
#include <Python.h>
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
// pycore_atomic.h, where there is one, would take C's <stdatomic.h>, which C++20 does not have; its
// second choice, the compiler's builtins on plain integers, has the same layout.
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

// Only some versions have these; a name that is still missing shows where it is used.
#if __has_include(<opcode_ids.h>)
#include <opcode_ids.h>
#endif
#if __has_include("internal/pycore_backoff.h")
#include "internal/pycore_backoff.h"
#endif
#if __has_include("internal/pycore_debug_offsets.h")
#include "internal/pycore_debug_offsets.h"
#endif
#if __has_include("internal/pycore_genobject.h")
#include "internal/pycore_genobject.h"
#endif
#if __has_include("internal/pycore_interpframe.h")
#include "internal/pycore_interpframe.h"
#endif
#if __has_include("internal/pycore_interpolation.h")
#include "internal/pycore_interpolation.h"
#include "internal/pycore_template.h"
#endif
#if __has_include("internal/pycore_setobject.h")
#include "internal/pycore_setobject.h"
#endif
#if __has_include("internal/pycore_stackref.h")
#include "internal/pycore_stackref.h"
#endif
#include "internal/pycore_unicodeobject.h"

extern "C" {  // this header alone forgets to say so
#include "internal/pycore_intrinsics.h"
}

#include TEPHRA_VERSION_HEADER
