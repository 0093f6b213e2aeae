// Calls with all that follows them, emitted once for many sites; see target/shared_calls.h.
#include "target/emit_function.h"

namespace tephra {

// The position goes over in a register; the scratch register comes back as zero or as one more than
// the index of the exit.
void EmitterBase::sharedSite(const SharedCalls::Site& site) {
  if (site.position != nullptr) {
    int64_t position = site.position->uses[1].immValue();
    bool wide = site.position->u32(0) == 8;
    out_.loadImmediate(roles_.shared_position,
                       wide ? static_cast<uint64_t>(position) : static_cast<uint32_t>(position));
  }
  out_.callLabel(shared_labels_[site.group]);
  Label exit = out_.newLabel();
  out_.jumpIf(exitIsTaken(), exit);
  defer([this, &site, exit] {
    out_.bind(exit);
    for (size_t i = 0; i + 1 < site.exits.size(); ++i)
      out_.jumpIf(takenExitIs(static_cast<uint32_t>(i + 1)), exitLabel(site.exits[i]));
    out_.jump(exitLabel(site.exits.back()));
  });
}

void EmitterBase::sharedPieces() {
  for (const SharedCalls::Site* site : shared_calls_.groups()) {
    piece_ = site;
    for (size_t i = 0; i < site->exits.size(); ++i) piece_exits_.push_back(out_.newLabel());
    sharedPiece(*site);
    piece_exits_.clear();
  }
}

// A shared site's release, with the block that its last reference leads to.
void EmitterBase::releaseInPiece(const Instr& instr) {
  Label alive = out_.newLabel(), last = out_.newLabel();
  out_.jumpIf(countDown(instr, alive), last);
  out_.bind(alive);
  defer([this, &instr, last, alive, site = piece_, exits = piece_exits_] {
    piece_ = site;
    piece_exits_ = exits;
    out_.bind(last);
    for (const Instr* i = SharedCalls::firstBehind(&instr); i; i = SharedCalls::nextBehind(*i))
      emitInstr(*i);
    out_.jump(alive);
    piece_exits_.clear();
  });
}

// It has no frame of its own: the function's frame record stands, and unwinding goes by that. Only
// the way back to the site lies below it.
void EmitterBase::sharedPiece(const SharedCalls::Site& site) {
  const uint8_t taken = target_.scratch(lir::Bank::kGp);
  std::string name = "shared" + std::to_string(site.group);
  if (out_.logging()) out_.comment(name);
  out_.bind(shared_labels_[site.group]);
  out_.tallier.part(name);
  openPiece(site);
  int number = 0;
  for (const Instr* i = site.call; i != site.last->next; i = i->next) {
    std::string part = name + "." + std::to_string(number++);
    out_.tallier.part(part);
    out_.tallier.enter({part, i->info().name, i->origin, 0});
    if (out_.logging()) out_.comment(lir::print(*i));
    if (i->op == lir::Op::kBranchRelease) {
      releaseInPiece(*i);
    } else {
      emitInstr(*i);
    }
  }
  Label out = out_.newLabel();
  out_.tallier.part(name + ".end");
  out_.loadImmediate(taken, 0);
  out_.bind(out);
  closePiece();
  for (size_t i = 0; i < site.exits.size(); ++i) {
    out_.bind(piece_exits_[i]);
    out_.tallier.part(name + ".exit" + std::to_string(i));
    out_.loadImmediate(taken, i + 1);
    out_.jump(out);
  }
}

}  // namespace tephra
