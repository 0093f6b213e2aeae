// Purpose: the instructions of AArch64 for what target/emit_stubs.h wants.
#pragma once

#include "target/aarch64/emit_assembly.h"
#include "target/emit_stubs.h"

namespace tephra::aarch64 {

class StubEmitter final : public StubEmitterBase {
 public:
  StubEmitter(const StubInput& input, const UnwindConvention& convention, Assembly& assembly)
      : StubEmitterBase(input, convention, assembly), as_(assembly), a_(assembly.a) {}

 private:
  // emit_entries.cc
  void release(bool vectors) override;
  void exit() override;
  void callUncompiled() override;
  void goFar(uint64_t destination) override;
  void loadCount(uint32_t nargs) override { as_.loadImmediate(2, nargs); }
  void returnToCaller() override { a_.ret(a64::x30); }

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
  void increment(uint8_t object);

  Assembly& as_;
  a64::Assembler& a_;
};

}  // namespace tephra::aarch64
