// Purpose: exact CALL, C_RETURN and C_RAISE events. An instrumented call site takes a function with
// a vectorcall of its own for one that is written in C. So while some tool has asked for these
// events, no function has our vectorcall; compiled code waits and is installed again afterwards.
// The functions of sys.monitoring that change events are replaced in place for this.
#pragma once

#include "pyver/contract.h"

namespace tephra::driver {

// Once in an interpreter's life, before anything is compiled; and at its end.
void initMonitoring();
void endMonitoring();
// A code object dies: no tool has events in it any more.
void forgetMonitoredCode(PyCodeObject* code);

}  // namespace tephra::driver
