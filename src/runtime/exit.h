// Purpose: leaving compiled code. tephra_take_exit (declared with the helpers) turns the machine
// state of an exit back into interpreter frames and finishes the function there.
// Invariant in: the frame is linked, its homes are true but for the stale ones that the record
// names; kRaise: an exception is set. Invariant out: the frame is gone, its recursion count given
// back; the result is the function's, as its compiled code would have returned it.
//
// Chains: ExitRecord::frames lists inlined callers first, the innermost frame last; each frame's
// `previous` is the one before it in the list. A caller's stack is what it holds during the call;
// the callee's result is pushed on it and the interpreter goes on at `offset`, or the exception is
// raised at `raise_offset`.
//
// Paper: U. Hölzle, C. Chambers, D. Ungar, "Debugging Optimized Code with Dynamic Deoptimization",
// PLDI 1992.
#pragma once

#include "pyver/python.h"

#include "metadata/exits.h"

namespace tephra {

// Takes the exit; what the helper of that name does, with real types.
// Where a look around (ExitRecord::looks) has found nothing that matters, it only says where
// compiled code goes on (RegisterFile::kResume).
PyObject* takeExit(CodeMetadata* metadata, uint32_t exit, RegisterFile* registers,
                   const void* native_fp, _PyInterpreterFrame* frame, PyThreadState* ts);

// Called in each exit when the frames are complete, before the interpreter goes on: the driver's
// policy. No exception is set then, and it must leave none; in a raise exit one is, and stays set:
// no Python code may run. May change vectorcalls and retire code, but must not free the code that
// is being left.
using ExitHook = void (*)(CodeMetadata* metadata, uint32_t exit);
void setExitHook(ExitHook hook);

// The exception that was set just now is a bare `raise`: the exit that follows at once adds no
// traceback entry for it.
void noteReraise(bool reraise);
// An operation that is about to raise has half built this object (consumed): it ends behind what
// the exit, which follows at once, releases.
void releaseLast(PyObject* object);

}  // namespace tephra
