// Purpose: is there compiled code that waits, with no frame of its own, for something that may run
// Python? Only then can it be on a native stack and in no thread's frames (driver/retired.h).
// Invariant: counted up and down under the GIL, of all threads (and all stacks that greenlets
// switch between) together.
#pragma once

namespace tephra {

inline int native_waits = 0;
inline int nativeWaits() { return native_waits; }

class NativeWait {
 public:
  NativeWait() { ++native_waits; }
  ~NativeWait() { --native_waits; }
  NativeWait(const NativeWait&) = delete;
  NativeWait& operator=(const NativeWait&) = delete;
};

}  // namespace tephra
