#include "lower/context.h"

#include <algorithm>

namespace tephra::lower {

using hir::Op;

Context::Context(const hir::Function& f, const Target& t, lir::Function* o)
    : function(f), unit(*f.unit()), py(*f.unit()->layout), target(t), out(*o), b(o) {}

void Context::fail(std::string detail) {
  if (!bailout_) bailout_ = Bailout{BailoutReason::kUnsupportedOperation, std::move(detail)};
}

// --- values

Operand Context::object(const Instr& i, ObjRef ref) {
  if (ref == kNoRef) return imm(0);
  const ObjectInfo* info = function.object(&i, ref);
  if (info == nullptr) {
    fail("object reference out of range");
    return imm(0);
  }
  return imm(static_cast<int64_t>(info->address));
}

std::optional<uint64_t> Context::constant(const Instr* value) {
  switch (value->op) {
    case Op::kConstObject:
    case Op::kWeakObject: return static_cast<uint64_t>(object(*value, value->u32(0)).immValue());
    case Op::kConstNull: return 0;
    case Op::kConstNone: return py.py_none;
    case Op::kConstInt:
    case Op::kConstBool:
    case Op::kConstDouble: return value->attr[0];
    default: return std::nullopt;  // a value that is computed
  }
}

Operand Context::use(const Instr* value) {
  if (value->op == Op::kConstDouble) return b.MoveConstF(value->f64(0));
  if (auto bits = constant(value)) return imm(static_cast<int64_t>(*bits));
  Operand operand = values_[value->id];
  if (operand.kind == Operand::kNone) {
    fail(std::string("value of ") + value->info().name + " used before it has one");
    return b.Move(imm(0));
  }
  return operand;
}

Operand Context::inReg(Operand operand) {
  return operand.isImm() || operand.kind == Operand::kPinned ? b.Move(operand) : operand;
}

Operand Context::reg(const Instr* value) { return inReg(use(value)); }

void Context::define(const Instr* value, Operand operand) { values_[value->id] = operand; }

std::optional<int64_t> Context::constantInt(const Instr* value) const {
  if (value->op == Op::kConstInt) return value->i64(0);
  return std::nullopt;
}

// --- memory

Operand Context::mem(Operand base, int64_t disp) {
  if (base.isImm()) {  // an absolute address: the displacement is folded into the constant
    return Operand::mem(b.Move(imm(base.immValue() + disp)), 0);
  }
  if (disp != static_cast<int32_t>(disp)) {
    return Operand::mem(b.Add(inReg(base), b.Move(imm(disp)), 8), 0);
  }
  return Operand::mem(base, static_cast<int32_t>(disp));
}

Operand Context::load(Operand base, int64_t disp, uint32_t width, bool sign) {
  return b.Load(mem(base, disp), width, sign);
}

void Context::store(Operand base, int64_t disp, Operand value, uint32_t width) {
  b.Store(mem(base, disp), value, width);
}

Operand Context::argument(uint32_t index) {
  if (index >= unit.total_args || index >= arguments_.size()) {
    fail("parameter index out of range");
    return imm(0);
  }
  if (arguments_[index].kind != Operand::kNone) return arguments_[index];
  Operand loaded = load(argument_array_, 8 * int64_t{index});
  if (in_entry_) arguments_[index] = loaded;
  return loaded;
}

Operand Context::parameter(uint32_t index) {
  Operand argument = this->argument(index);
  if (!py.frame_holds_stack_refs || failed()) return argument;
  if (parameters_[index].kind != Operand::kNone) return parameters_[index];
  Operand plain = b.And(argument, imm(kTagMask), 8);
  if (in_entry_) parameters_[index] = plain;
  return plain;
}

// --- the outgoing area

void Context::needOut(uint32_t words) { out.outgoing_words = std::max(out.outgoing_words, words); }

void Context::storeOut(uint32_t word, Operand value) {
  needOut(word + 1);
  b.StoreOut(value, word);
}

Operand Context::addressOut(uint32_t word) {
  needOut(word + 1);
  return b.LeaOut(word);
}

Operand Context::loadOut(uint32_t word) {
  needOut(word + 1);
  return b.LoadOut(word);
}

uint32_t Context::firstFreeWord(size_t count) const {
  size_t registers = target.argumentRegisters(Bank::kGp).size();
  return count > registers ? static_cast<uint32_t>(count - registers) : 0;
}

// --- blocks

lir::Block* Context::newBlock(bool cold) {
  lir::Block* block = out.newBlock();
  block->cold = cold || b.block()->cold;
  block->loop_depth = b.block()->loop_depth;
  return block;
}

// Behind a conditional branch that has no targets yet, the end of the current block.
Context::Split Context::splitAt(lir::Instr* branch, bool unlikely) {
  Split split{newBlock(unlikely), newBlock()};
  branch->targets[0] = split.cold;
  branch->targets[1] = split.hot;
  b.setBlock(split.hot);
  return split;
}

Context::Split Context::splitIf(Operand a, Operand value, Cond cond, uint32_t width,
                                bool unlikely) {
  return splitAt(b.BranchCmp(inReg(a), value, cond, width, unlikely ? 2 : 0), unlikely);
}

Context::Split Context::splitIfMem(Operand address, Operand value, Cond cond, uint32_t width) {
  return splitAt(b.BranchCmpMem(address, value, cond, width, 2), true);
}

Context::Split Context::splitIfSeen(bool frame) {
  return splitAt(b.BranchLook(static_cast<int64_t>(unit.instrumentation_version), frame), true);
}

Context::Split Context::splitIfLast(Operand object, bool maybe_null) {
  return splitAt(b.BranchRelease(object, maybe_null, 2), true);
}

void Context::jump(lir::Block* to) { b.Jump({})->targets[0] = to; }

void Context::jump(lir::Block* to, Operand value) {
  const Operand args[] = {value};
  b.Jump(args)->targets[0] = to;
}

void Context::joinAt(lir::Block* hot_end, lir::Block* cold_end) {
  b.setBlock(hot_end);
  lir::Block* resume = newBlock();
  jump(resume);
  if (cold_end) {
    b.setBlock(cold_end);
    jump(resume);
  }
  b.setBlock(resume);
}

Operand Context::joinWith(lir::Block* hot_end, Operand hot, lir::Block* cold_end, Operand cold) {
  b.setBlock(hot_end);
  lir::Block* resume = newBlock();
  Operand result = out.newVReg(Bank::kGp);
  resume->params.push_back(result);
  jump(resume, hot);
  b.setBlock(cold_end);
  jump(resume, cold);
  b.setBlock(resume);
  return result;
}

// --- helpers

std::optional<Helper> Context::helper(const char* name) {
  Helper found;
  if (helperFromName(name, &found)) return found;
  fail(std::string("no runtime helper ") + name);
  return std::nullopt;
}

Operand Context::call(const char* name, const Operands& args) {
  std::optional<Helper> found = helper(name);
  if (!found) return imm(0);
  const HelperInfo& info = helperInfo(*found);
  if (std::string(info.args).size() != args.size()) {
    fail(std::string("helper ") + name + " takes another number of arguments");
    return imm(0);
  }
  needOut(firstFreeWord(args.size()));
  uint32_t number = static_cast<uint32_t>(*found);
  if (info.result == 'd') return b.CallF(args, number);
  Operand result = b.Call(args, number);
  if (info.result == 'v') b.block()->last->defs[0] = Operand();  // the call gives nothing
  return result;
}

void Context::checkResult(const Instr& at, Operand result, HelperError error) {
  if (failed()) return;
  if (error != HelperError::kNone && !at.info().can_raise) {
    fail(std::string(at.info().name) + " cannot raise, its helper can");
    return;
  }
  switch (error) {
    case HelperError::kNull: return raiseIf(at, result, imm(0), Cond::kEq);
    case HelperError::kNegative: return raiseIf(at, result, imm(0), Cond::kLt);
    case HelperError::kOne: return raiseIf(at, result, imm(1), Cond::kEq);
    case HelperError::kNone: return;
  }
}

Operand Context::callChecked(const Instr& at, const char* name, const Operands& args) {
  Operand result = call(name, args);
  if (std::optional<Helper> found = helper(name)) checkResult(at, result, helperInfo(*found).error);
  return result;
}

void Context::defineSecondary(const Instr& producer, uint32_t first_word) {
  for (const Instr* i = hir::behind(&producer); i; i = i->next) {
    if (i->op == Op::kLoadMethodSelf && hir::rootOf(i->operands[0]) == &producer) {
      define(i, loadOut(first_word));
    } else if (i->op == Op::kUnpackedItem) {
      define(i, loadOut(first_word + i->u32(0)));
    } else if (i->op == Op::kUnpackSequence || i->op == Op::kUnpackEx || i->op == Op::kBeforeWith) {
      return;
    }
  }
}

}  // namespace tephra::lower
