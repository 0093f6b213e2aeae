// Purpose: where the interpreter keeps the current thread state: a hidden thread-local variable
// whose offset from the thread pointer compiled code's entries can read instead of calling.
// Invariant: the offset was found by its content on two threads, with and without the GIL; 0 = not
// found, call PyThreadState_Get.
#pragma once

#include <cstdint>

namespace tephra {

// The GIL is held, and given away for a moment.
int64_t threadStateTlsOffset();

}  // namespace tephra
