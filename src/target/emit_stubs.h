// Purpose: emits the pieces that functions share (StubKind), as far as they are the same for every
// machine: which there are, and the steps of those that push and pop the interpreter's frame.
// Field values are those of CPython's _PyFrame_Initialize; what is out of the ordinary the runtime
// does (tephra_push_frame_slow).
#pragma once

#include "target/emit_assembly.h"

namespace tephra {

class StubEmitterBase {
 public:
  virtual ~StubEmitterBase() = default;
  Result<EmittedCode> emit();

 protected:
  StubEmitterBase(const StubInput& input, const UnwindConvention& convention,
                  AssemblyBase& assembly)
      : in_(input), convention_(convention), out_(assembly) {}

  // Ends the object in the scratch register; `vectors`: keeps those registers, too.
  virtual void release(bool vectors) = 0;
  virtual void exit() = 0;
  virtual void callUncompiled() = 0;  // the parameters become an array
  virtual void goFar(uint64_t destination) = 0;
  virtual void loadCount(uint32_t nargs) = 0;  // call_uncompiled's argument 2
  virtual void returnToCaller() = 0;

  // PushFrame: to slow_ where the usual way cannot be gone, to counted_ where that is so after the
  // recursion was counted.
  virtual void checkEvaluatorAndStack() = 0;
  virtual void reserve() = 0;  // the frame's memory
  virtual void fill() = 0;
  virtual void link() = 0;
  virtual void uncount() = 0;
  virtual void callRuntime() = 0;  // to filled_, or returns NULL

  // PopFrame: the object of the frame's field goes to the scratch register, and its count down.
  // True when it was the last reference; what is immortal goes to `alive`.
  virtual Condition releaseField(int32_t offset, const Label& alive) = 0;
  virtual void freeFrame() = 0;
  virtual void callInside(const Label& piece) = 0;  // the stack is aligned for it

  const StubInput& in_;
  const UnwindConvention& convention_;
  Label slow_, counted_, filled_;

 private:
  void uncompiled();
  void pushFrame();
  void popFrame();

  AssemblyBase& out_;
};

}  // namespace tephra
