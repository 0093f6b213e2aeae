// Purpose: what the driver does when a function is made, dies, or gets other code or defaults.
// Invariant: called in the middle of that, possibly in a collection: makes no object.
// Source: PyFunction_AddWatcher (Doc/c-api/function.rst).
#pragma once

#include "pyver/contract.h"

namespace tephra::driver {

int onFunctionEvent(PyFunction_WatchEvent event, PyFunctionObject* function, PyObject* value);

}  // namespace tephra::driver
