// Incref and Decref. What is known to be immortal needs neither. Where somebody must look behind
// releases (ObserveRelease), only the ways on which one of them was of the last reference do:
//
//     release a ──last──▶ end of a; release b ──┐
//        │                                      ▼
//     release b ──last──▶ end of b ───────────▶ look, then on
//        │
//        ▼
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

bool isImmortal(Context& c, const Instr* value) {
  const Instr* root = hir::rootOf(const_cast<Instr*>(value));
  if (root->op == Op::kConstObject) {
    if (const ObjectInfo* info = c.function.object(root, root->u32(0))) return info->immortal;
  }
  return value->type.is(hir::kMaskPyBool | hir::kMaskNoneType | hir::kMaskNull);
}

// A function that the code names: nothing makes functions immortal.
bool isMortal(const Instr* value) {
  const Instr* root = hir::rootOf(const_cast<Instr*>(value));
  return (root->op == Op::kConstObject || root->op == Op::kWeakObject) &&
         root->type.is(hir::kMaskFunction);
}

void incref(Context& c, const Instr& i, bool maybe_null) {
  const Instr* value = i.operands[0];
  if (isImmortal(c, value)) return;
  if (isMortal(value)) return c.b.AddMem(c.mem(c.reg(value), c.py.ob_refcnt), c.imm(1), 4), void();
  c.b.Incref(c.reg(value), maybe_null && value->type.couldBe(hir::kMaskNull));
}

bool storesPosition(const Instr& i) { return i.op == Op::kDecrefAt || i.op == Op::kXDecrefAt; }

bool maybeNull(const Instr& i) {
  bool allowed = i.op == Op::kXDecref || i.op == Op::kXDecrefAt;
  return allowed && i.operands[0]->type.couldBe(hir::kMaskNull);
}

void releaseOne(Context& c, const Instr& i) {
  const Instr* value = i.operands[0];
  if (isImmortal(c, value)) return;
  if (!storesPosition(i) && isMortal(value)) return c.b.DecrefMortal(c.reg(value)), void();
  if (!storesPosition(i)) return c.b.Decref(c.reg(value), maybeNull(i)), void();
  Context::Position position = c.positionStore(i, i.offset);
  c.b.DecrefAt(c.reg(value), position.at, position.value, maybeNull(i), position.width);
}

// The releases from `first` on, if a look that only they are the reason of follows at once.
std::vector<const Instr*> releasesToLookBehind(const Instr& first) {
  std::vector<const Instr*> releases;
  for (const Instr* i = &first; i; i = i->next) {
    if (i->info().releases) {
      releases.push_back(i);
    } else if (i->op != Op::kFrameState) {
      bool due = i->op == Op::kObserveRelease && !i->attr[0];
      if (!due) return {};
      releases.push_back(i);
      return releases;
    }
  }
  return {};
}

// Releases `i`; the blocks where it was the last reference, after the end of the object, and where
// it was not.
Context::Split releaseOrEnd(Context& c, const Instr& i) {
  Operand object = c.reg(i.operands[0]);
  Context::Split split = c.splitIfLast(object, maybeNull(i));
  c.b.setBlock(split.cold);
  if (storesPosition(i)) c.storePosition(i, i.offset);
  c.b.Dealloc(object);
  return split;
}

void releaseAndLook(Context& c, std::vector<const Instr*> releases) {
  const Instr* look = releases.back();
  releases.pop_back();
  auto mayRun = [&](const Instr* i) {
    return i->operands[0]->type.couldBe(~hir::kMaskHarmless) && !isImmortal(c, i->operands[0]);
  };
  lir::Block* ended = nullptr;  // where objects have ended: the rest is released here, too
  for (const Instr* i : releases) {
    if (ended) {
      lir::Block* hot = c.b.block();
      c.b.setBlock(ended);
      releaseOne(c, *i);
      ended = c.b.block();
      c.b.setBlock(hot);
    }
    if (!mayRun(i)) {
      releaseOne(c, *i);
      continue;
    }
    Context::Split split = releaseOrEnd(c, *i);
    if (ended) {
      lir::Block* both = c.newBlock(true);
      for (lir::Block* end : {split.cold, ended}) {
        c.b.setBlock(end);
        c.jump(both);
      }
      ended = both;
    } else {
      ended = split.cold;
    }
    c.b.setBlock(split.hot);
  }
  if (!ended) return c.lookAround(*look);
  lir::Block* hot = c.b.block();
  c.b.setBlock(ended);
  c.lookAround(*look);
  c.joinAt(hot, c.b.block());
}

void decref(Context& c, const Instr& i) {
  std::vector<const Instr*> releases = releasesToLookBehind(i);
  if (releases.empty()) return releaseOne(c, i);
  for (const Instr* done : releases) c.skip(done);
  releaseAndLook(c, std::move(releases));
}

const Instr* nextRelease(const Instr* i) {
  do {
    i = i->next;
  } while (i && i->op == Op::kFrameState);
  return i && i->info().releases ? i : nullptr;
}

}  // namespace

void lowerHold(Context& c, const Instr& i) {
  const Operand value = c.reg(i.operands[0]);
  if (!isImmortal(c, i.operands[0])) c.b.Incref(value, false);
  c.define(&i, value);
}

// A subscript whose operands both end. The interpreter releases the container first, but where it
// enters the class's own __getitem__ that function's frame releases the key first.
void lowerGetItem(Context& c, const Instr& i) {
  const Instr* first = nextRelease(&i);
  const Instr* second = first ? nextRelease(first) : nullptr;
  auto releases = [&](const Instr* release, size_t operand) {
    return hir::rootOf(release->operands[0]) == hir::rootOf(i.operands[operand]);
  };
  bool both = c.py.inputs_released_from_top && second && releases(first, 0) && releases(second, 1);
  if (!both) return callHelper(c, i, Helper::get_item);
  Operand enters = c.call("enters_getitem", {c.use(i.operands[0])});
  callHelper(c, i, Helper::get_item);
  Context::Split split = c.splitIf(enters, c.imm(0), Cond::kNe, 8, false);
  releaseOne(c, *first);
  releaseOne(c, *second);
  c.b.setBlock(split.cold);
  releaseOne(c, *second);
  releaseOne(c, *first);
  c.joinAt(split.hot, c.b.block());
  c.skip(first);
  c.skip(second);
}

void lowerObserveRelease(Context& c, const Instr& i) { c.lookAround(i); }

void lowerIncref(Context& c, const Instr& i) { incref(c, i, false); }
void lowerXIncref(Context& c, const Instr& i) { incref(c, i, true); }

void lowerDecref(Context& c, const Instr& i) { decref(c, i); }
void lowerXDecref(Context& c, const Instr& i) { decref(c, i); }
void lowerDecrefAt(Context& c, const Instr& i) { decref(c, i); }
void lowerXDecrefAt(Context& c, const Instr& i) { decref(c, i); }

}  // namespace tephra::lower
