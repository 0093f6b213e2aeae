// Calls. Arguments that a callee takes as an array lie in the native outgoing area from word 1;
// word 0 stays free for PY_VECTORCALL_ARGUMENTS_OFFSET, which lets bound methods prepend their
// self. Where self may be NULL, callable and self come first, as on the interpreter's stack.
#include "lower/context.h"

namespace tephra::lower {
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

// What a callee of unknown kind is given. `lent` counts callable and arguments.
Operand callPlain(Context& c, const Instr& i, Operand names, uint64_t lent) {
  const std::vector<const Instr*> args = argumentsFrom(i, 1);
  Operand array = argumentArray(c, args);
  return c.callChecked(i, "call_plain",
                       {c.thread(), c.use(i.operands[0]), array, c.imm(std::ssize(args)), names,
                        c.imm(static_cast<int64_t>(lent))});
}

// The same with a self that may be NULL: all as an array, whose words `lent` counts.
struct Passed {
  Operand callable, self;
  std::vector<const Instr*> args;
  Operand names;
  uint64_t lent;
};

Operand callPassed(Context& c, const Instr& i, const Passed& passed) {
  constexpr uint32_t kArguments = 2;
  c.storeOut(0, passed.callable);
  c.storeOut(1, passed.self);
  argumentArray(c, passed.args, kArguments);
  return c.callChecked(i, "call_passed",
                       {c.thread(), c.addressOut(0), c.imm(std::ssize(passed.args)), passed.names,
                        c.imm(static_cast<int64_t>(passed.lent))});
}

Operand keywordNames(Context& c, const Instr& i) {
  return i.u32(0) == hir::kNoObject ? c.imm(0) : c.object(i, i.u32(0));
}

// Parameters of a Python function: references as its frame's slots hold them.
Operand parameterOf(Context& c, const Instr& i, size_t input) {
  Operand value = c.use(i.inputs()[input]);
  if (!i.isLent(input)) return value;
  return value.isImm() ? c.imm(value.immValue() | 1) : c.b.Add(value, c.imm(1), 8);
}

// The register entry, through its cell: limits are the callee's own prologue's business.
Operand callCell(Context& c, const Instr& i, uint64_t cell) {
  const size_t count = i.inputs().size() - 1;
  Operands operands{c.use(i.operands[0])}, parameters;
  for (size_t k = 1; k <= count; ++k) parameters.push_back(parameterOf(c, i, k));
  if (count <= kMaxRegisterParameters) {
    operands.insert(operands.end(), parameters.begin(), parameters.end());
  } else {
    for (size_t k = 0; k < count; ++k) c.storeOut(static_cast<uint32_t>(k), parameters[k]);
    operands.push_back(c.addressOut(0));
  }
  Operand result = c.b.CallCell(operands, cell);
  c.raiseIf(i, result, c.imm(0), Cond::kEq);
  return result;
}

// CallDirect without its cell; the function stays the caller's.
Operand callIndirectly(Context& c, const Instr& i) { return callPlain(c, i, c.imm(0), i.lent | 1); }

enum Convention : uint32_t { kNoArgs, kOneArg, kFastCall, kFastCallKeywords };

// Rows whose helper gives a second result through a pointer, its last argument.
void withSecondResult(Context& c, const Instr& i, const char* helper, Operands args) {
  uint32_t word = c.firstFreeWord(args.size() + 1);
  args.push_back(c.addressOut(word));
  c.define(&i, c.callChecked(i, helper, args));
  c.defineSecondary(i, word);
}

}  // namespace

void lowerCall(Context& c, const Instr& i) {
  c.define(&i, callPlain(c, i, keywordNames(c, i), i.lent));
}

void lowerCallMaybeMethod(Context& c, const Instr& i) {
  c.define(&i, callPassed(c, i,
                          {c.use(i.operands[0]), c.use(i.operands[1]), argumentsFrom(i, 2),
                           keywordNames(c, i), i.lent}));
}

void lowerCallKw(Context& c, const Instr& i) {
  c.define(&i, callPassed(c, i,
                          {c.use(i.operands[0]), c.use(i.operands[1]), argumentsFrom(i, 3),
                           c.use(i.operands[2]), (i.lent & 3) | i.lent >> 3 << 2}));
}

void lowerCallEx(Context& c, const Instr& i) {
  c.define(&i, c.callChecked(
                   i, "call_ex",
                   {c.thread(), c.use(i.operands[0]), c.use(i.operands[1]), c.use(i.operands[2]),
                    c.imm(static_cast<int64_t>(i.lent >> 1 | i.attr[0] << 2))}));
}

// Where only the callee's code is known, the cell is for functions whose vectorcall is that of the
// compiled code; the others are called as anything else is.
void lowerCallDirect(Context& c, const Instr& i) {
  const ObjectInfo* known = c.function.object(&i, i.u32(0));
  if (known == nullptr || known->entry_cell == 0) return c.define(&i, callIndirectly(c, i));
  const ObjectInfo& callee = *known;
  if (callee.vectorcall_cell == 0) return c.define(&i, callCell(c, i, callee.entry_cell));
  Operand actual = c.load(c.reg(i.operands[0]), c.py.function_vectorcall);
  Operand expected = c.mem(c.imm(static_cast<int64_t>(callee.vectorcall_cell)), 0);
  auto split = c.splitIfMem(expected, actual, Cond::kNe, 8);
  Operand direct = callCell(c, i, callee.entry_cell);
  lir::Block* direct_end = c.b.block();
  c.b.setBlock(split.cold);
  Operand other = callIndirectly(c, i);
  c.define(&i, c.joinWith(direct_end, direct, c.b.block(), other));
}

// The C function itself, as the interpreter's specialised calls do. Native stack space was checked
// when this function was entered, with room for C functions.
void lowerCallBuiltin(Context& c, const Instr& i) {
  std::vector<const Instr*> args = argumentsFrom(i, 1);
  Operand self;
  if (i.u32(1) != hir::kNoObject) {
    const ObjectInfo* owner = c.function.object(&i, i.u32(1));
    if (owner == nullptr) return c.fail("object reference out of range");
    self = c.imm(static_cast<int64_t>(owner->c_self));
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

void lowerLoadMethod(Context& c, const Instr& i) {
  withSecondResult(c, i, "load_method", {c.use(i.operands[0]), c.object(i, i.u32(0))});
}

void lowerLoadSuperMethod(Context& c, const Instr& i) {
  withSecondResult(c, i, "load_super_method",
                   {c.thread(), c.use(i.operands[0]), c.use(i.operands[1]), c.use(i.operands[2]),
                    c.object(i, i.u32(0)), c.imm(i.u32(1))});
}

void lowerLoadSpecial(Context& c, const Instr& i) {
  withSecondResult(c, i, "load_special", {c.thread(), c.use(i.operands[0]), c.imm(i.u32(0))});
}

void lowerBeforeWith(Context& c, const Instr& i) {
  withSecondResult(c, i, "before_with", {c.thread(), c.use(i.operands[0])});
}

}  // namespace tephra::lower
