// Purpose: the beginning and the end of the JIT in an interpreter: who is called back from
// below is said here. Invariant: each step is undone in the opposite order; a later
// interpreter of the same process starts anew.
#pragma once

namespace tephra::driver {

// At each import of the module. Checks the machine and the interpreter, once in the life of a main
// interpreter, and sets off_reason. What the JIT knew of a former main interpreter is forgotten.
void initJit();

}  // namespace tephra::driver
