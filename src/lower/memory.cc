// Fields, instance values, dict entries, cells: loads and exchanges at known places.
#include "lower/context.h"

namespace tephra::lower {
namespace {

Operand exchange(Context& c, Operand address, Operand value) {
  Operand old = c.b.Load(address, 8, false);
  c.b.Store(address, value, 8);
  return old;
}

// Address of values[index] of an instance whose values are in place; deoptimises where they are
// not. `storing`: a dict that shares the values would have to hear of the store.
Operand instanceValue(Context& c, const Instr& i, uint32_t index, bool storing) {
  const PyLayout& py = c.py;
  const Instr* value = i.operands[0];
  Operand object = c.reg(value);
  int32_t at = py.values_first + 8 * static_cast<int32_t>(index);
  if (py.inline_values) {
    if (storing) {
      c.deoptIfMem(i, c.mem(object, py.values_pointer), c.imm(0), Cond::kNe, 8,
                   ExitReason::kDictMaterialised, value);
    }
    Operand size = c.load(c.load(object, py.ob_type), py.type_basicsize);
    Operand values = c.b.Add(size, object, 8);
    c.deoptIf(i, c.load(values, py.values_valid, 1), c.imm(0), Cond::kEq,
              ExitReason::kDictMaterialised, value);
    return Operand::mem(values, at);
  }
  // The word is a dict, or the address of the values less one: an odd number.
  Operand word = c.load(object, py.values_pointer);
  Exit exit = c.makeExit(i, ExitKind::kDeopt, ExitReason::kDictMaterialised, value);
  c.b.ExitTest(word, c.imm(1), exit.values, Cond::kEq, 8, exit.index);
  return Operand::mem(word, at + 1);
}

}  // namespace

void lowerLoadField(Context& c, const Instr& i) {
  c.define(&i, c.load(c.use(i.operands[0]), i.i64(0)));
}

void lowerExchangeField(Context& c, const Instr& i) {
  Operand address = c.mem(c.use(i.operands[0]), i.i64(0));
  c.define(&i, exchange(c, address, c.use(i.operands[1])));
}

void lowerLoadInlineValue(Context& c, const Instr& i) {
  Operand loaded = c.b.Load(instanceValue(c, i, i.u32(0), false), 8, false);
  c.deoptIf(i, loaded, c.imm(0), Cond::kEq, ExitReason::kNullAttribute, i.operands[0]);
  c.define(&i, loaded);
}

// The first store of a value must enter the insertion order: the helper stores too.
void lowerStoreInlineValue(Context& c, const Instr& i) {
  Operand object = c.use(i.operands[0]), value = c.use(i.operands[1]);
  Operand address = instanceValue(c, i, i.u32(0), true);
  Operand old = c.b.Load(address, 8, false);
  auto first = c.splitIf(old, c.imm(0), Cond::kEq, 8);
  c.b.Store(address, value, 8);
  c.b.setBlock(first.cold);
  c.call("store_inline_value_first", {object, value, c.imm(i.u32(0)), c.object(i, i.u32(1))});
  c.joinAt(first.hot, first.cold);
  c.define(&i, old);
}

void lowerReplaceInlineValue(Context& c, const Instr& i) {
  Operand object = c.use(i.operands[0]);
  Operand address = instanceValue(c, i, i.u32(0), true);
  Operand old = c.b.Load(address, 8, false);
  auto first = c.splitIf(old, c.imm(0), Cond::kEq, 8);
  putNumber(c, i, address, old, i.operands[1]);
  lir::Block* end = c.b.block();
  c.b.setBlock(first.cold);
  Operand boxed = boxNumber(c, i, i.operands[1]);
  c.call("store_inline_value_first", {object, boxed, c.imm(i.u32(0)), c.object(i, i.u32(1))});
  c.joinAt(end, c.b.block());
}

void lowerLoadDictEntry(Context& c, const Instr& i) {
  Operand keys = c.load(c.use(i.operands[0]), c.py.dict_keys);
  c.define(&i, c.load(keys, i.u32(0)));
}

// Entries follow the index table, whose size the keys know.
void lowerLoadModuleEntry(Context& c, const Instr& i) {
  const PyLayout& py = c.py;
  Operand dict = c.load(c.use(i.operands[0]), py.module_dict);
  Operand keys = c.load(dict, py.dict_keys);
  Operand log2 = c.load(keys, py.keys_log2_index_bytes, 1);
  Operand index_bytes = c.b.Shl(c.b.Move(c.imm(1)), log2, 8);
  int64_t entry = int64_t{py.unicode_entry_size} * i.u32(0) + py.unicode_entry_value;
  if (entry > INT32_MAX / 2) return c.fail("dict entry index");
  auto disp = static_cast<int32_t>(py.keys_entries + entry);
  c.define(&i, c.b.Load(Operand::mem(keys, disp, index_bytes, 0), 8, false));
}

void lowerLoadCell(Context& c, const Instr& i) {
  c.define(&i, c.load(c.use(i.operands[0]), c.py.cell_value));
}

void lowerExchangeCell(Context& c, const Instr& i) {
  Operand address = c.mem(c.use(i.operands[0]), c.py.cell_value);
  c.define(&i, exchange(c, address, c.use(i.operands[1])));
}

void lowerLoadClosureCell(Context& c, const Instr& i) {
  Operand closure = c.load(c.use(i.operands[0]), c.py.function_closure);
  c.define(&i, c.load(closure, c.py.tuple_items + 8 * int64_t{i.u32(0)}));
}

void lowerLoadVarSize(Context& c, const Instr& i) {
  c.define(&i, c.load(c.use(i.operands[0]), c.py.ob_size));
}

}  // namespace tephra::lower
