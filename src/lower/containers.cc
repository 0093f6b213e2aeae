// Elements of lists and tuples, steps of iterators, displays and unpacking.
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

// What `use` gives for `index` in range of `sequence` by Python's rules, as a number from 0 up or a
// constant. Negative indices, rare in hot code, are mended and used out of line; what is outside
// then leaves.
template <typename Use>
Operand withIndex(Context& c, const Instr& i, Operand sequence, const Instr* index,
                  const Use& use) {
  Operand size_at = c.mem(sequence, c.py.ob_size);
  if (std::optional<int64_t> constant = c.constantInt(index)) {
    if (*constant >= 0) {
      c.deoptIfMem(i, size_at, c.imm(*constant), Cond::kLe, 8, ExitReason::kIndexOutOfRange);
      return use(c.imm(*constant));
    }
    Operand mended = c.b.Add(c.b.Load(size_at, 8, false), c.imm(*constant), 8);
    c.deoptIf(i, mended, c.imm(0), Cond::kLt, ExitReason::kIndexOutOfRange);
    return use(mended);
  }
  Operand wanted = c.reg(index);
  Operand size = c.b.Load(size_at, 8, false);
  auto outside = c.splitIf(wanted, size, Cond::kUGe, 8);
  c.b.setBlock(outside.cold);
  Operand mended = c.b.Add(wanted, size, 8);
  c.deoptIf(i, mended, size, Cond::kUGe, ExitReason::kIndexOutOfRange);
  Operand rare = use(mended);
  c.b.setBlock(outside.hot);
  Operand usual = use(wanted);
  return c.joinWith(outside.hot, usual, outside.cold, rare);
}

Operand checkedIndex(Context& c, const Instr& i, Operand sequence, const Instr* index) {
  return withIndex(c, i, sequence, index, [](Operand inside) { return inside; });
}

Operand element(Context& c, Operand items, int64_t first, Operand index) {
  if (index.isImm()) {
    int64_t at = first + 8 * index.immValue();
    if (index.immValue() >= 0 && index.immValue() < INT32_MAX / 16) return c.mem(items, at);
    index = c.b.Move(index);
  }
  return Operand::mem(items, static_cast<int32_t>(first), index, 3);
}

// The length that the branch before `next` has tested, if it is in a register still; nothing lies
// between the two.
std::optional<Operand> testedLength(Context& c, const Instr& next) {
  const Instr* before = next.prev;
  while (before != nullptr && before->op == Op::kFrameState) before = before->prev;
  if (before != nullptr || next.block->preds.size() != 1) return std::nullopt;
  const Instr* branch = next.block->preds[0]->last;
  if (branch->op != Op::kBranch || branch->targets[0] != next.block) return std::nullopt;
  const Instr* has_next = branch->operands[0];
  auto it = c.range_lengths.find(has_next);
  if (it == c.range_lengths.end() || has_next->block != branch->block) return std::nullopt;
  bool same = has_next->next == branch && has_next->operands[0] == next.operands[0];
  return same ? std::optional(it->second) : std::nullopt;
}

void sequenceIterNext(Context& c, const Instr& i, bool list) {
  int32_t index_offset = list ? c.py.list_iter_index : c.py.tuple_iter_index;
  Operand it = c.reg(i.operands[0]);
  Operand sequence = c.load(it, list ? c.py.list_iter_seq : c.py.tuple_iter_seq);
  Operand index = c.load(it, index_offset);
  Operand item = list ? c.b.Load(element(c, c.load(sequence, c.py.list_items), 0, index), 8, false)
                      : c.b.Load(element(c, sequence, c.py.tuple_items, index), 8, false);
  c.store(it, index_offset, c.b.Add(index, c.imm(1), 8));
  c.define(&i, item);
}

// Displays: the items in the outgoing area, their address and number to the helper.
Operand display(Context& c, const Instr& i, const char* helper, int64_t words_per_item = 1) {
  std::span<Instr* const> items = i.inputs();
  for (size_t k = 0; k < items.size(); ++k) c.storeOut(static_cast<uint32_t>(k), c.use(items[k]));
  int64_t count = std::ssize(items) / words_per_item;
  return c.callChecked(i, helper, {c.addressOut(0), c.imm(count)});
}

// `words` items to the outgoing area, whose address is the helper's last argument.
void unpack(Context& c, const Instr& i, const char* helper, Operands args, uint32_t words) {
  uint32_t first = c.firstFreeWord(args.size() + 1);
  c.needOut(first + words);
  args.push_back(c.addressOut(first));
  c.callChecked(i, helper, args);
  c.defineSecondary(i, first);
}

// Made with its producer (Context::defineSecondary).
void secondary(Context& c, const Instr& i) {
  if (!c.isDefined(&i)) c.fail(std::string(i.info().name) + " is not in its producer's block");
}

}  // namespace

void lowerLoadListItem(Context& c, const Instr& i) {
  Operand list = c.reg(i.operands[0]);
  c.define(&i, withIndex(c, i, list, i.operands[1], [&](Operand index) {
    return c.b.Load(element(c, c.load(list, c.py.list_items), 0, index), 8, false);
  }));
}

void lowerLoadTupleItem(Context& c, const Instr& i) {
  Operand tuple = c.reg(i.operands[0]);
  c.define(&i, withIndex(c, i, tuple, i.operands[1], [&](Operand index) {
    return c.b.Load(element(c, tuple, c.py.tuple_items, index), 8, false);
  }));
}

void lowerLoadListItemAt(Context& c, const Instr& i) {
  Operand items = c.load(c.use(i.operands[0]), c.py.list_items);
  c.define(&i, c.load(items, 8 * int64_t{i.u32(0)}));
}

void lowerLoadTupleItemAt(Context& c, const Instr& i) {
  c.define(&i, c.load(c.use(i.operands[0]), c.py.tuple_items + 8 * int64_t{i.u32(0)}));
}

void lowerStoreListItem(Context& c, const Instr& i) {
  Operand list = c.reg(i.operands[0]);
  Operand index = checkedIndex(c, i, list, i.operands[1]);
  Operand address = element(c, c.load(list, c.py.list_items), 0, index);
  Operand old = c.b.Load(address, 8, false);
  c.b.Store(address, c.use(i.operands[2]), 8);
  c.define(&i, old);
}

void lowerReplaceListItem(Context& c, const Instr& i) {
  Operand list = c.reg(i.operands[0]);
  Operand index = checkedIndex(c, i, list, i.operands[1]);
  Operand address = element(c, c.load(list, c.py.list_items), 0, index);
  putNumber(c, i, address, c.b.Load(address, 8, false), i.operands[2]);
}

// value = start; start += step; len -= 1, as rangeiter_next.
void lowerRangeIterNext(Context& c, const Instr& i) {
  Operand it = c.reg(i.operands[0]);
  Operand value = c.load(it, c.py.range_iter_start);
  Operand next = c.b.Add(value, c.load(it, c.py.range_iter_step), 8);
  c.store(it, c.py.range_iter_start, next);
  if (auto length = testedLength(c, i)) {
    c.store(it, c.py.range_iter_len, c.b.Sub(*length, c.imm(1), 8));
  } else {
    c.b.AddMem(c.mem(it, c.py.range_iter_len), c.imm(-1), 8);
  }
  c.define(&i, value);
}

void lowerListIterNext(Context& c, const Instr& i) { sequenceIterNext(c, i, true); }
void lowerTupleIterNext(Context& c, const Instr& i) { sequenceIterNext(c, i, false); }

void lowerMakeTuple(Context& c, const Instr& i) { c.define(&i, display(c, i, "make_tuple")); }
void lowerMakeList(Context& c, const Instr& i) { c.define(&i, display(c, i, "make_list")); }
void lowerMakeSet(Context& c, const Instr& i) { c.define(&i, display(c, i, "make_set")); }
void lowerMakeMap(Context& c, const Instr& i) { c.define(&i, display(c, i, "make_map", 2)); }
void lowerMakeString(Context& c, const Instr& i) { c.define(&i, display(c, i, "make_string")); }

void lowerUnpackSequence(Context& c, const Instr& i) {
  unpack(c, i, "unpack_sequence", {c.thread(), c.use(i.operands[0]), c.imm(i.u32(0))}, i.u32(0));
}

void lowerUnpackEx(Context& c, const Instr& i) {
  Operands args{c.thread(), c.use(i.operands[0]), c.imm(i.u32(0)), c.imm(i.u32(1))};
  unpack(c, i, "unpack_ex", std::move(args), i.u32(0) + 1 + i.u32(1));
}

void lowerUnpackedItem(Context& c, const Instr& i) { secondary(c, i); }
void lowerLoadMethodSelf(Context& c, const Instr& i) { secondary(c, i); }

}  // namespace tephra::lower
