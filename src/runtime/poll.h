// Purpose: tells who looks at frames from within a pending call whether the innermost one runs
// compiled code: that serves events through a helper of ours, the interpreter does so itself.
#pragma once

#include "pyver/python.h"

namespace tephra {

// The frame that serves events in compiled code; null: none. Threads change in there, so this is
// only ever compared with the frame of the thread that asks. May be out of date then; a sample is
// charged wrongly, no more.
extern const void* polling_frame;

inline bool isPolling(const _PyInterpreterFrame* frame) { return frame == polling_frame; }

}  // namespace tephra
