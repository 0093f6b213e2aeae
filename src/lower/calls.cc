// Calls. Arguments that a callee takes as an array lie in the native outgoing area from word 1;
// word 0 stays free for PY_VECTORCALL_ARGUMENTS_OFFSET, which lets bound methods prepend their
// self.
#include "lower/context.h"

namespace tephra::lower {

using hir::Op;

namespace {

constexpr uint32_t kFirstArgument = 1;

// Stores `args` from word `first`; their address.
Operand argumentArray(Context& c, const std::vector<const Instr*>& args,
                      uint32_t first = kFirstArgument) {
  for (size_t k = 0; k < args.size(); ++k)
    c.storeOut(first + static_cast<uint32_t>(k), c.use(args[k]));
  c.needOut(first + static_cast<uint32_t>(args.size()));
  return c.addressOut(first);
}

std::vector<const Instr*> argumentsFrom(const Instr& i, size_t first) {
  std::span<Instr* const> inputs = i.inputs();
  return {inputs.begin() + static_cast<std::ptrdiff_t>(first), inputs.end()};
}

Operand callVector(Context& c, const Instr& i, const Instr* callable,
                   const std::vector<const Instr*>& args) {
  Operand array = argumentArray(c, args);
  int64_t count = static_cast<int64_t>(args.size());
  return c.callChecked(i, "call_vector",
                       {c.thread(), c.use(callable), array, c.imm(count), c.imm(0)});
}

void vectorcall(Context& c, const Instr& i, const Instr* callable,
                const std::vector<const Instr*>& args) {
  c.define(&i, callVector(c, i, callable, args));
}

// How many of the arguments are keyword values is counted by the helper.
void callWithNames(Context& c, const Instr& i, Operand callable, Operand self, Operand names,
                   const std::vector<const Instr*>& args) {
  Operand array = argumentArray(c, args);
  int64_t count = static_cast<int64_t>(args.size());
  c.define(&i,
           c.callChecked(i, "call_kw", {c.thread(), callable, self, names, array, c.imm(count)}));
}

void callAny(Context& c, const Instr& i) {
  std::vector<const Instr*> args = argumentsFrom(i, 1);
  if (i.u32(0) == hir::kNoObject) return vectorcall(c, i, i.operands[0], args);
  callWithNames(c, i, c.use(i.operands[0]), c.imm(0), c.object(i.u32(0)), args);
}

// With method_null_first the slots are [method, self] for a method: exchanged before the helper.
void maybeMethodWithNames(Context& c, const Instr& i, const std::vector<const Instr*>& args) {
  const Instr *callable = i.operands[0], *self = i.operands[1];
  Operand target = c.use(callable), first = c.use(self);
  if (c.py.method_null_first && !self->type.is(hir::kMaskNull)) {
    Operand upper = c.inReg(first), lower = c.inReg(target);
    target = c.b.Select(upper, upper, lower);
    first = c.b.Select(upper, lower, upper);
  }
  callWithNames(c, i, target, first, c.object(i.u32(0)), args);
}

void callMaybeMethod(Context& c, const Instr& i) {
  const Instr *callable = i.operands[0], *self = i.operands[1];
  std::vector<const Instr*> args = argumentsFrom(i, 2);
  if (i.u32(0) != hir::kNoObject) {
    return maybeMethodWithNames(c, i, args);
  }
  if (self->type.is(hir::kMaskNull)) return vectorcall(c, i, callable, args);
  if (!self->type.couldBe(hir::kMaskNull)) {
    if (c.py.method_null_first) std::swap(callable, self);
    args.insert(args.begin(), self);
    return vectorcall(c, i, callable, args);
  }
  Operand array = argumentArray(c, args);
  int64_t count = static_cast<int64_t>(args.size());
  c.define(
      &i, c.callChecked(i, "call_maybe_method",
                        {c.thread(), c.use(callable), c.use(self), array, c.imm(count), c.imm(0)}));
}

void callKw(Context& c, const Instr& i) {
  callWithNames(c, i, c.use(i.operands[0]), c.use(i.operands[1]), c.use(i.operands[2]),
                argumentsFrom(i, 3));
}

// The register entry, through its cell: limits are the callee's own prologue's business.
Operand callCell(Context& c, const Instr& i, const std::vector<const Instr*>& args, uint64_t cell) {
  Operands operands{c.use(i.operands[0])};
  if (args.size() <= kMaxRegisterArgs) {
    for (const Instr* arg : args) operands.push_back(c.use(arg));
  } else {
    operands.push_back(argumentArray(c, args, 0));
  }
  Operand result = c.b.CallCell(operands, cell);
  c.raiseIf(i, result, c.imm(0), Cond::kEq);
  return result;
}

// Where only the callee's code is known, the cell is for functions whose vectorcall is that of the
// compiled code; the others are called through theirs.
void callDirect(Context& c, const Instr& i) {
  std::vector<const Instr*> args = argumentsFrom(i, 1);
  if (i.u32(0) >= c.unit.objects.size()) return vectorcall(c, i, i.operands[0], args);
  const ObjectInfo& callee = c.unit.objects[i.u32(0)];
  if (callee.entry_cell == 0) return vectorcall(c, i, i.operands[0], args);
  if (callee.vectorcall_cell == 0) return c.define(&i, callCell(c, i, args, callee.entry_cell));
  Operand actual = c.load(c.reg(i.operands[0]), c.py.function_vectorcall);
  Operand expected = c.mem(c.imm(static_cast<int64_t>(callee.vectorcall_cell)), 0);
  auto split = c.splitIfMem(expected, actual, Cond::kNe, 8);
  Operand direct = callCell(c, i, args, callee.entry_cell);
  lir::Block* direct_end = c.b.block();
  c.b.setBlock(split.cold);
  Operand other = callVector(c, i, i.operands[0], args);
  c.define(&i, c.joinWith(direct_end, direct, c.b.block(), other));
}

enum Convention : uint32_t { kNoArgs, kOneArg, kFastCall, kFastCallKeywords };

// The C function itself, as the interpreter's specialised calls do. Native stack space was checked
// when this function was entered, with room for C functions.
void callBuiltin(Context& c, const Instr& i) {
  std::vector<const Instr*> args = argumentsFrom(i, 1);
  Operand self;
  if (i.u32(1) != hir::kNoObject) {
    if (i.u32(1) >= c.unit.objects.size()) return c.fail("object reference out of range");
    self = c.imm(static_cast<int64_t>(c.unit.objects[i.u32(1)].c_self));
  } else {
    if (args.empty()) return c.fail("method descriptor without self");
    self = c.use(args.front());
    args.erase(args.begin());
  }
  Operands operands{self};
  switch (i.u32(2)) {
    case kNoArgs:
    case kOneArg:
      if (args.size() != i.u32(2)) return c.fail("argument count of a C function");
      operands.push_back(args.empty() ? c.imm(0) : c.use(args.front()));
      break;
    case kFastCall:
    case kFastCallKeywords:
      operands.push_back(argumentArray(c, args));
      operands.push_back(c.imm(static_cast<int64_t>(args.size())));
      if (i.u32(2) == kFastCallKeywords) operands.push_back(c.imm(0));
      break;
    default: return c.fail("calling convention of a C function");
  }
  Operand result = c.b.CallAddress(operands, i.attr[0]);
  c.raiseIf(i, result, c.imm(0), Cond::kEq);
  c.define(&i, result);
}

// Rows whose helper gives a second result through a pointer, its last argument.
void withSecondResult(Context& c, const Instr& i, const char* helper, Operands args) {
  uint32_t word = c.firstFreeWord(args.size() + 1);
  args.push_back(c.addressOut(word));
  c.define(&i, c.callChecked(i, helper, args));
  c.defineSecondary(i, word);
}

void loadMethod(Context& c, const Instr& i) {
  withSecondResult(c, i, "load_method", {c.use(i.operands[0]), c.object(i.u32(0))});
}

void loadSuperMethod(Context& c, const Instr& i) {
  withSecondResult(c, i, "load_super_method",
                   {c.thread(), c.use(i.operands[0]), c.use(i.operands[1]), c.use(i.operands[2]),
                    c.object(i.u32(0)), c.imm(i.u32(1))});
}

void loadSpecial(Context& c, const Instr& i) {
  withSecondResult(c, i, "load_special", {c.thread(), c.use(i.operands[0]), c.imm(i.u32(0))});
}

void beforeWith(Context& c, const Instr& i) {
  withSecondResult(c, i, "before_with", {c.thread(), c.use(i.operands[0])});
}

}  // namespace

Lowerer callLowerer(Op op) {
  switch (op) {
    case Op::kCall: return callAny;
    case Op::kCallMaybeMethod: return callMaybeMethod;
    case Op::kCallKw: return callKw;
    case Op::kCallDirect: return callDirect;
    case Op::kCallBuiltin: return callBuiltin;
    case Op::kLoadMethod: return loadMethod;
    case Op::kLoadSuperMethod: return loadSuperMethod;
    case Op::kLoadSpecial: return loadSpecial;
    case Op::kBeforeWith: return beforeWith;
    default: return nullptr;
  }
}

}  // namespace tephra::lower
