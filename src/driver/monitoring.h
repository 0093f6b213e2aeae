// Purpose: events of sys.monitoring that no word tells compiled code of, at once and exactly.
// Local events: compiled code does not deliver them. While some tool has any in a code object,
// calls of its functions are interpreted and its running frames leave compiled code (suspendCode).
// CALL, C_RETURN and C_RAISE: an instrumented call site takes a function with a vectorcall of its
// own for one that is written in C. While some tool has asked for these events, be it in one code
// object, no function has our vectorcall. In both cases compiled code waits and is used again
// afterwards. The functions of sys.monitoring that change events are replaced in place for this.
#pragma once

namespace tephra::driver {

// Once in an interpreter's life, before anything is compiled; and at its end.
void initMonitoring();
void endMonitoring();

}  // namespace tephra::driver
