// Purpose: what the stub that pushes a function's frame stores and reserves: the constants of one
// function, read by machine code at these offsets.
#pragma once

#include <cstdint>

namespace tephra {

struct FrameShape {
  uint64_t code = 0;      // as the frame holds it: tagged where frames hold stack references
  uint64_t position = 0;  // the frame's first instruction pointer
  uint64_t stack = 0;     // the stack field; where that is a pointer: its distance from the frame
  uint64_t bytes = 0;
};

}  // namespace tephra
