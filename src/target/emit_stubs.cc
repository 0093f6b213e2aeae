#include "target/emit_stubs.h"

namespace tephra {

Result<EmittedCode> StubEmitterBase::emit() {
  out_.enterHot();
  out_.unwind(convention_.entry);
  if (in_.landing_pads) out_.landingPad();
  switch (in_.kind) {
    case StubKind::kDecref: release(true); break;
    case StubKind::kDecrefGeneral: release(false); break;
    case StubKind::kExit: exit(); break;
    case StubKind::kPushFrame: pushFrame(); break;
    case StubKind::kPopFrame: popFrame(); break;
    case StubKind::kUncompiled: uncompiled(); break;
    case StubKind::kFar: goFar(in_.destination); break;
  }
  EmittedCode code;
  if (!out_.finish(&code)) return emissionBailout(out_.error());
  return code;
}

// Register entry of a function that is not compiled.
void StubEmitterBase::uncompiled() {
  if (in_.nargs <= kMaxRegisterParameters) return callUncompiled();
  loadCount(in_.nargs);  // they are an array already
  out_.jumpTo(in_.addresses->call_uncompiled);
}

void StubEmitterBase::pushFrame() {
  slow_ = out_.newLabel();
  filled_ = out_.newLabel();
  counted_ = out_.newLabel();
  checkEvaluatorAndStack();
  reserve();
  out_.bind(filled_);
  fill();
  link();
  returnToCaller();
  out_.countNoMore();
  out_.bind(counted_);
  uncount();
  out_.bind(slow_);
  callRuntime();
}

void StubEmitterBase::popFrame() {
  const int32_t fields[] = {in_.layout->frame_func, in_.layout->frame_code};
  Label alive[2], last[2], ends = out_.newLabel();
  for (int i = 0; i < 2; ++i) {
    alive[i] = out_.newLabel();
    last[i] = out_.newLabel();
    out_.jumpIf(releaseField(fields[i], alive[i]), last[i]);
    out_.bind(alive[i]);
  }
  freeFrame();
  returnToCaller();
  out_.countNoMore();
  for (int i = 0; i < 2; ++i) {
    out_.bind(last[i]);
    callInside(ends);
    out_.jump(alive[i]);
  }
  out_.bind(ends);
  release(true);
}

}  // namespace tephra
