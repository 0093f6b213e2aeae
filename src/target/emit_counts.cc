// Reference counts, the interpreter's frame, and looks at who watches it.
#include "target/emit_function.h"

namespace tephra {

using lir::Op;

// --- reference counts

void EmitterBase::incref(const Instr& instr) {
  uint8_t object = gpNumber(instr.uses[0]);
  Label skip = out_.newLabel();
  if (instr.attr[0] != 0) out_.jumpIf(isNull(object), skip);
  increment(object);
  out_.bind(skip);
}

void EmitterBase::decref(const Instr& instr) {
  uint8_t object = gpNumber(instr.uses[0]);
  Label skip = out_.newLabel();
  if (instr.op == Op::kDecrefRef) {
    out_.jumpIf(isTagged(object), skip);
  } else if (instr.attr[0] != 0) {
    out_.jumpIf(isNull(object), skip);
  }
  release(object, instr);
  out_.bind(skip);
}

// A DecrefAt says what is stored before the release.
void EmitterBase::release(uint8_t object, const Instr& instr) {
  Label skip = out_.newLabel(), last = out_.newLabel();
  out_.jumpIf(decrement(object, instr.op == Op::kDecrefMortal ? Label() : skip), last);
  out_.bind(skip);
  defer([this, object, &instr, last, skip] {
    out_.bind(last);
    if (instr.op == Op::kDecrefAt) storeAt(instr.uses[1], instr.uses[2], instr.u32(1));
    dealloc(object);
    out_.jump(skip);
  });
}

// Of a BranchRelease: what is NULL or immortal goes to `alive`.
Condition EmitterBase::countDown(const Instr& instr, const Label& alive) {
  uint8_t object = gpNumber(instr.uses[0]);
  if (instr.attr[0] != 0) out_.jumpIf(isNull(object), alive);
  return decrement(object, alive);
}

void EmitterBase::branchRelease(const Instr& instr) {
  branch(countDown(instr, blockLabel(instr.targets[1])), instr);
}

void EmitterBase::dealloc(uint8_t object) {
  moveRegister(target_.scratch(lir::Bank::kGp), object);
  out_.call(in_.decref_thunk);
  out_.tallier.addStub("DecrefStub", in_.tally.decref_stub);
}

// --- the frame

void EmitterBase::pushFrame() {
  out_.loadImmediate(roles_.frame_shape, reinterpret_cast<uint64_t>(&in_.metadata->shape));
  out_.call(in_.push_thunk);
  out_.tallier.addStub("PushFrameStub", in_.tally.push_stub);
}

void EmitterBase::popFrame() {
  if (!in_.layout->frame_owns_code_and_func) {
    storeWord(target_.pinned(lir::Pinned::kFrame), target_.pinned(lir::Pinned::kThread),
              in_.layout->ts_datastack_top);
    return;
  }
  out_.call(in_.pop_thunk);
  out_.tallier.addStub("PopFrameStub", in_.tally.pop_stub);
}

// --- looks

// Leaves where somebody has the frame, events are pending or instrumentation is another one.
void EmitterBase::look(const Look& what, const Label& leave) {
  const PyLayout& py = *in_.layout;
  const uint8_t thread = target_.pinned(lir::Pinned::kThread);
  const uint8_t interp = target_.scratch(lir::Bank::kGp);
  if (what.frame)
    out_.jumpIf(isSet(target_.pinned(lir::Pinned::kFrame), py.frame_frame_obj, 8), leave);
  const auto version = static_cast<uint64_t>(what.version);
  Condition differs;
  if (!py.eval_breaker_in_tstate) {
    loadWord(interp, thread, py.ts_interp);
    if (what.pending) out_.jumpIf(isSet(interp, py.interp_eval_breaker, 4), leave);
    differs = versionDiffers(interp, py.interp_monitoring_version, version, 8);
  } else if (what.pending) {  // one word tells both
    differs = versionDiffers(thread, py.ts_eval_breaker, version, 8);
  } else {
    // The version is the word's bits 8 and up; CPython sets at most 32 bits of the word, so the
    // four bytes after the first hold it all.
    differs =
        versionDiffers(thread, py.ts_eval_breaker + 1, static_cast<uint32_t>(what.version >> 8), 4);
  }
  out_.jumpIf(differs, leave);
}

void EmitterBase::branchLook(const Instr& instr) {
  look({instr.attr[1] != 0, true, instr.i64(0)}, blockLabel(instr.targets[0]));
  edge(instr, 1);
  jumpToBlock(instr.targets[1]);
}

// What was tested for may turn out to be no reason to leave, and the exit goes on here. Not in a
// shared piece, which has other sites' exits: there it leaves.
void EmitterBase::exitLook(const Instr& instr) {
  const uint32_t exit = instr.exitIndex();
  look({true, false, instr.i64(0)}, exitLabel(exit));
  if (piece_exits_.empty()) resumptions_.push_back({out_.here(), exit});
}

}  // namespace tephra
