// Purpose: raising in a frame that compiled code leaves, with the events that tools watch.
// While tools are active the interpreter cannot be given a frame with a pending exception: it would
// report that somebody threw into the frame (PY_THROW, a 'call' for sys.settrace). So the events
// RAISE, RERAISE, EXCEPTION_HANDLED and PY_UNWIND are fired here, in the interpreter's order. Known
// difference: the offset given to tools is that of the instruction, where the interpreter may name
// its last cache entry (the same line and columns).
#pragma once

#include "pyver/contract.h"

namespace tephra {

// The linked frame has raised at `offset`, an exception is set, the value stack is as before the
// instruction. Traceback entry unless `reraise`; then the handler in the interpreter, or NULL with
// the frame gone.
PyObject* raiseInFrame(PyThreadState* ts, py::Frame* frame, uint32_t offset, bool reraise);

// The linked frame goes on at `to`, which the interpreter has been told, and comes from `from`: the
// line event that the interpreter would not fire for the first instruction. 0, or -1 with an
// exception set.
int fireLine(PyThreadState* ts, py::Frame* frame, uint32_t from, uint32_t to);

}  // namespace tephra
