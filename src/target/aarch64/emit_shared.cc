// Calls with all that follows them, emitted once for many sites; see target/shared_calls.h.
#include "target/aarch64/emitter.h"

namespace tephra::aarch64 {

// The position goes over in x17; w16 comes back as zero or as one more than the index of the exit.
void FunctionEmitter::sharedSite(const SharedCalls::Site& site) {
  if (site.position != nullptr) {
    int64_t position = narrow(site.position->uses[1].immValue(), site.position->u32(0));
    bool wide = site.position->u32(0) == 8;
    as_.loadImmediate(kScratchGp2,
                      wide ? static_cast<uint64_t>(position) : static_cast<uint32_t>(position));
  }
  as_.callLabel(shared_labels_[site.group]);
  Label exit = as_.newLabel();
  as_.jumpIf(Condition::zero(kScratchGp, false, true), exit);
  defer([this, &site, exit] {
    as_.bind(exit);
    for (size_t i = 0; i + 1 < site.exits.size(); ++i) {
      a_.cmp(w(kScratchGp), i + 1);
      as_.jumpIf(Condition::flags(Cc::kEq), exitLabel(site.exits[i]));
    }
    as_.jump(exitLabel(site.exits.back()));
  });
}

void FunctionEmitter::sharedPieces() {
  for (const SharedCalls::Site* site : shared_calls_.groups()) {
    piece_ = site;
    for (size_t i = 0; i < site->exits.size(); ++i) piece_exits_.push_back(as_.newLabel());
    sharedPiece(*site);
    piece_exits_.clear();
  }
}

// A shared site's release, with the block that its last reference leads to.
void FunctionEmitter::releaseInPiece(const Instr& instr) {
  Label alive = as_.newLabel(), last = as_.newLabel();
  countDown(gp(instr.uses[0]), instr.attr[0] != 0, alive);
  as_.jumpIf(Condition::zero(kScratchGp, false, false), last);
  as_.bind(alive);
  defer([this, &instr, last, alive, site = piece_, exits = piece_exits_] {
    piece_ = site;
    piece_exits_ = exits;
    as_.bind(last);
    for (const Instr* i = SharedCalls::firstBehind(&instr); i; i = SharedCalls::nextBehind(*i))
      emitInstr(*i);
    as_.jump(alive);
    piece_exits_.clear();
  });
}

// It has no frame of its own: the function's frame record stands, and unwinding goes by that. Only
// the way back to the site lies below it.
void FunctionEmitter::sharedPiece(const SharedCalls::Site& site) {
  std::string name = "shared" + std::to_string(site.group);
  if (as_.logging()) as_.comment(name);
  as_.bind(shared_labels_[site.group]);
  as_.tallier.part(name);
  if (site.position != nullptr)
    storeRegister(mem(site.position->uses[0]), kScratchGp2, site.position->u32(0));
  a_.str(a64::x30, a64::ptr_pre(a64::sp, -16));
  int number = 0;
  for (const Instr* i = site.call; i != site.last->next; i = i->next) {
    std::string part = name + "." + std::to_string(number++);
    as_.tallier.part(part);
    as_.tallier.enter({part, i->info().name, i->origin, 0});
    if (as_.logging()) as_.comment(lir::print(*i));
    if (i->op == lir::Op::kBranchRelease) {
      releaseInPiece(*i);
    } else {
      emitInstr(*i);
    }
  }
  Label out = as_.newLabel();
  as_.tallier.part(name + ".end");
  as_.loadImmediate(kScratchGp, 0);
  as_.bind(out);
  a_.ldr(a64::x30, a64::ptr_post(a64::sp, 16));
  a_.ret(a64::x30);
  for (size_t i = 0; i < site.exits.size(); ++i) {
    as_.bind(piece_exits_[i]);
    as_.tallier.part(name + ".exit" + std::to_string(i));
    as_.loadImmediate(kScratchGp, i + 1);
    as_.jump(out);
  }
}

}  // namespace tephra::aarch64
