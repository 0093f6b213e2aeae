// BoxInt, BoxFloat and StrConcat. Where the box goes straight into a home whose old content is a
// number that is released there, and nobody else holds that object, it becomes the box: no
// allocation, no release. Freeing it and getting the same memory again would look the same to the
// program. A str that is appended to may grow in place in the same way, as in the interpreter.
#include <bit>

#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

constexpr int64_t kSmallIntMin = -5, kSmallIntCount = 262;
constexpr int64_t kOneDigitTag = 8;  // lv_tag of a positive int of one digit; + 2 when negative
constexpr int64_t kDigitMax = (int64_t{1} << 30) - 1;

// BoxInt v (or the like); TakeHome old; StoreHome v; Decref old, in this order.
struct HomeUpdate {
  const Instr* take = nullptr;
  const Instr* store = nullptr;
  const Instr* release = nullptr;

  uint32_t slot() const { return take->u32(0); }
  bool maybeNull() const { return take->type.couldBe(hir::kMaskNull); }
};

const Instr* skipStates(const Instr* i) {
  while (i && i->op == Op::kFrameState) i = i->next;
  return i;
}

// `mask`: the exact type of the box, which the old content must have, too.
std::optional<HomeUpdate> homeUpdateAfter(Context& c, const Instr& box, uint32_t mask) {
  if (!c.reuse_boxes) return std::nullopt;
  HomeUpdate update;
  update.take = skipStates(box.next);
  if (!update.take || update.take->op != Op::kTakeHome) return std::nullopt;
  if (!update.take->type.is(mask | hir::kMaskNull) || c.useCount(update.take) != 1) {
    return std::nullopt;
  }
  update.store = skipStates(update.take->next);
  if (!update.store || update.store->op != Op::kStoreHome) return std::nullopt;
  if (update.store->u32(0) != update.slot() || update.store->operands[0] != &box) {
    return std::nullopt;
  }
  update.release = skipStates(update.store->next);
  bool releases = update.release &&
                  (update.release->op == Op::kDecref || update.release->op == Op::kXDecref) &&
                  update.release->operands[0] == update.take;
  return releases ? std::optional(update) : std::nullopt;
}

void orSlow(Context& c, Context::Split split, lir::Block* slow) {
  c.b.setBlock(split.cold);
  c.jump(slow);
  c.b.setBlock(split.hot);
}

// Goes to `slow` unless the home holds an object that only the home refers to.
Operand uniqueContent(Context& c, const HomeUpdate& update, lir::Block* slow) {
  Operand old = c.b.Load(c.home(update.slot()), 8, false);
  if (update.maybeNull()) {
    orSlow(c, c.splitIf(old, c.imm(1), Cond::kULe, 8), slow);  // NULL is 0 or 1
  }
  orSlow(c, c.splitIfMem(c.mem(old, c.py.ob_refcnt), c.imm(1), Cond::kNe, 4), slow);
  return old;
}

Operand homeAddress(Context& c, uint32_t slot) { return c.b.Lea(c.home(slot)); }

// The table's object for a value in -5..256.
Operand smallInt(Context& c, Operand index) {
  uint32_t size = static_cast<uint32_t>(c.py.small_int_size);
  Operand table = c.imm(static_cast<int64_t>(c.py.small_ints));
  if (!std::has_single_bit(size)) return c.b.Add(c.b.Mul(index, c.imm(size), 8), table, 8);
  auto scale = static_cast<uint8_t>(std::countr_zero(size));
  if (scale <= c.target.largestScale()) {
    return c.b.Lea(Operand::mem(c.b.Move(table), 0, index, scale));
  }
  return c.b.Add(c.b.Shl(index, c.imm(scale), 8), table, 8);
}

// `old`, an int that is nobody else's, becomes `value`; to `slow` where one of the two has more
// than one digit. Small values never come here, so that the result is no zero.
void rewriteInt(Context& c, Operand old, Operand value, lir::Block* slow) {
  auto unlessBelow = [&](Operand offset, int64_t count) {
    orSlow(c, c.splitIf(offset, c.imm(count), Cond::kUGe, 8), slow);
  };
  Operand tag = c.load(old, c.py.long_tag);
  unlessBelow(c.b.Sub(tag, c.imm(kOneDigitTag), 8), kOneDigitTag);
  unlessBelow(c.b.Add(value, c.imm(kDigitMax), 8), 2 * kDigitMax + 1);
  Operand negative = c.b.Sar(value, c.imm(63), 8);  // 0 or -1
  Operand digit = c.b.Sub(c.b.Xor(value, negative, 8), negative, 8);
  c.store(old, c.py.long_digit, digit, 4);
  c.store(old, c.py.long_tag, c.b.Add(c.b.And(negative, c.imm(2), 8), c.imm(kOneDigitTag), 8));
}

void intIntoHome(Context& c, const Instr& i, const HomeUpdate& update) {
  Operand value = c.reg(i.operands[0]);
  Operand index = c.b.Add(value, c.imm(-kSmallIntMin), 8);
  auto large = c.splitIf(index, c.imm(kSmallIntCount), Cond::kUGe, 8, false);
  Operand small = smallInt(c, index);
  Operand replaced = c.b.Load(c.home(update.slot()), 8, false);
  if (update.maybeNull()) replaced = c.b.And(replaced, c.imm(~int64_t{1}), 8);
  c.b.Store(c.home(update.slot()), small, 8);
  c.b.Decref(replaced, update.maybeNull());

  c.b.setBlock(large.cold);
  lir::Block* slow = c.newBlock(true);
  Operand old = uniqueContent(c, update, slow);
  rewriteInt(c, old, value, slow);
  lir::Block* reused = c.b.block();

  c.b.setBlock(slow);
  Operand made = c.callChecked(i, "int_into_home", {homeAddress(c, update.slot()), value});
  Operand boxed = c.joinWith(reused, old, c.b.block(), made);
  c.define(&i, c.joinWith(large.hot, small, c.b.block(), boxed));
}

void floatIntoHome(Context& c, const Instr& i, const HomeUpdate& update) {
  Operand value = c.use(i.operands[0]);
  lir::Block* slow = c.newBlock(true);
  Operand old = uniqueContent(c, update, slow);
  c.b.StoreF(c.mem(old, c.py.float_value), value);
  lir::Block* reused = c.b.block();
  c.b.setBlock(slow);
  Operand made = c.callChecked(i, "float_into_home", {homeAddress(c, update.slot()), value});
  c.define(&i, c.joinWith(reused, old, c.b.block(), made));
}

void skip(Context& c, const HomeUpdate& update) {
  for (const Instr* done : {update.take, update.store, update.release}) c.skip(done);
}

// Goes to `slow` unless `old` is of this exact type and has one reference.
void uniqueOfType(Context& c, Operand old, uint64_t type, lir::Block* slow) {
  Operand expected = c.imm(static_cast<int64_t>(type));
  orSlow(c, c.splitIfMem(c.mem(old, c.py.ob_type), expected, Cond::kNe, 8), slow);
  orSlow(c, c.splitIfMem(c.mem(old, c.py.ob_refcnt), c.imm(1), Cond::kNe, 4), slow);
}

// The look that is due behind `i` for the sake of what was in the number's place, or null.
const Instr* lookBehind(const Instr& i) {
  const Instr* next = skipStates(i.next);
  return next && next->op == Op::kObserveRelease && !next->attr[0] ? next : nullptr;
}

void floatIntoPlace(Context& c, const Instr& i, Operand address, Operand old, Operand value) {
  lir::Block* slow = c.newBlock(true);
  uniqueOfType(c, old, c.py.float_type, slow);
  c.b.StoreF(c.mem(old, c.py.float_value), value);
  lir::Block* reused = c.b.block();
  c.b.setBlock(slow);
  c.callChecked(i, "float_into_place", {c.b.Lea(address), value});
  if (const Instr* look = lookBehind(i)) c.lookAround(*look);
  c.joinAt(reused, c.b.block());
}

void intIntoPlace(Context& c, const Instr& i, Operand address, Operand old, Operand value) {
  Operand index = c.b.Add(value, c.imm(-kSmallIntMin), 8);
  auto large = c.splitIf(index, c.imm(kSmallIntCount), Cond::kUGe, 8, false);
  c.b.Store(address, smallInt(c, index), 8);
  const Instr* look = lookBehind(i);
  if (look) {
    auto last = c.splitIfLast(old, false);
    c.b.setBlock(last.cold);
    c.b.Dealloc(old);
    c.lookAround(*look);
    c.joinAt(last.hot, c.b.block());
  } else {
    c.b.Decref(old, false);
  }
  lir::Block* small_end = c.b.block();

  c.b.setBlock(large.cold);
  lir::Block* slow = c.newBlock(true);
  uniqueOfType(c, old, c.py.int_type, slow);
  rewriteInt(c, old, value, slow);
  lir::Block* reused = c.b.block();
  c.b.setBlock(slow);
  c.callChecked(i, "int_into_place", {c.b.Lea(address), value});
  if (look) c.lookAround(*look);
  c.joinAt(reused, c.b.block());
  c.joinAt(small_end, c.b.block());
}

}  // namespace

Operand boxNumber(Context& c, const Instr& i, const Instr* number) {
  bool is_double = number->type.rep == hir::Rep::kDouble;
  return c.callChecked(i, is_double ? "box_float" : "box_int", {c.use(number)});
}

void putNumber(Context& c, const Instr& i, Operand address, Operand old, const Instr* number) {
  if (const Instr* look = lookBehind(i)) c.skip(look);
  if (number->type.rep == hir::Rep::kDouble) {
    return floatIntoPlace(c, i, address, old, c.use(number));
  }
  intIntoPlace(c, i, address, old, c.reg(number));
}

// Small ints are immortal, so the table's objects need no reference.
void lowerBoxInt(Context& c, const Instr& i) {
  if (auto update = homeUpdateAfter(c, i, hir::kMaskInt)) {
    skip(c, *update);
    return intIntoHome(c, i, *update);
  }
  Operand value = c.reg(i.operands[0]);
  Operand index = c.b.Add(value, c.imm(-kSmallIntMin), 8);
  auto large = c.splitIf(index, c.imm(kSmallIntCount), Cond::kUGe, 8, false);
  Operand small = smallInt(c, index);
  c.b.setBlock(large.cold);
  Operand made = c.callChecked(i, "box_int", {value});
  c.define(&i, c.joinWith(large.hot, small, large.cold, made));
}

void lowerBoxFloat(Context& c, const Instr& i) {
  if (auto update = homeUpdateAfter(c, i, hir::kMaskFloat)) {
    skip(c, *update);
    return floatIntoHome(c, i, *update);
  }
  c.define(&i, c.callChecked(i, "box_float", {c.use(i.operands[0])}));
}

void lowerStrConcat(Context& c, const Instr& i) {
  Operand left = c.use(i.operands[0]), right = c.use(i.operands[1]);
  auto update = homeUpdateAfter(c, i, hir::kMaskObject);
  if (!update) return c.define(&i, c.callChecked(i, "str_concat", {left, right}));
  skip(c, *update);
  c.define(&i, c.callChecked(i, "str_into_home", {homeAddress(c, update->slot()), left, right}));
}

}  // namespace tephra::lower
