// Purpose: the instructions of x86-64 for what target/emit_stubs.h wants.
#pragma once

#include "target/emit_stubs.h"
#include "target/x86_64/emit_assembly.h"

namespace tephra::x86_64 {

class StubEmitter final : public StubEmitterBase {
 public:
  StubEmitter(const StubInput& input, const UnwindConvention& convention, Assembly& assembly)
      : StubEmitterBase(input, convention, assembly), as_(assembly), a_(assembly.a) {}

 private:
  // emit_entries.cc
  void release(bool vectors) override;
  void exit() override;
  void callUncompiled() override;
  void goFar(uint64_t destination) override { as_.jumpTo(destination); }
  void loadCount(uint32_t nargs) override { a_.mov(x86::edx, nargs); }
  void returnToCaller() override { a_.ret(); }

  // emit_frames.cc
  void checkEvaluatorAndStack() override;
  void reserve() override;
  void fill() override;
  void link() override;
  void uncount() override;
  void callRuntime() override;
  Condition releaseField(int32_t offset, const Label& alive) override;
  void freeFrame() override;
  void callInside(const Label& piece) override;
  void increment(const x86::Gp& object);

  Assembly& as_;
  x86::Assembler& a_;
};

}  // namespace tephra::x86_64
