// Function objects, imports, strings, intrinsics, templates.
#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

// 3.12 passes defaults, keyword defaults, annotations and closure on the stack, flagged 1, 2, 4, 8,
// below the code object; 3.14 sets them afterwards.
void GraphBuilder::doMakeFunction() {
  Instr* function = b_.MakeFunction(pop(), before());
  function->type = Type::object(kMaskFunction);
  for (uint32_t flag : {8u, 4u, 2u, 1u}) {
    if (in_->arg & flag) setFunctionAttribute(function, pop(), flag);
  }
  b_.FinishFunction(function);
  push(function);
}

void GraphBuilder::doSetFunctionAttribute() {
  Instr* function = pop();
  setFunctionAttribute(function, pop(), in_->arg);
  push(function);
}

void GraphBuilder::setFunctionAttribute(Instr* function, Instr* value, uint32_t kind) {
  constexpr uint32_t kDefaults = 1;
  if (kind == kDefaults) made_defaults_[origin(function)] = value;
  b_.SetFunctionAttribute(function, value, kind);
}

void GraphBuilder::doLoadBuildClass() { push(any(b_.LoadBuildClass(before()))); }

void GraphBuilder::doImportName() {
  Instr* fromlist = pop();
  Instr* level = pop();
  push(any(b_.ImportName(level, fromlist, in_->arg, before())));
}

void GraphBuilder::doImportFrom() { push(any(b_.ImportFrom(peek(1), in_->arg, before()))); }

void GraphBuilder::doFormatValue() {
  Instr* spec = in_->arg2 ? pop() : b_.ConstNull();
  Instr* value = pop();
  push(any(b_.FormatValue(value, spec, in_->arg, before())));
}

void GraphBuilder::doConvertValue() { push(any(b_.ConvertValue(pop(), in_->arg, before()))); }

void GraphBuilder::doFormatSimple() {
  Instr* value = pop();
  if (value->type.is(kMaskStr)) return push(value);
  push(any(b_.FormatValue(value, b_.ConstNull(), 0, before())));
}

void GraphBuilder::doFormatWithSpec() {
  Instr* spec = pop();
  Instr* value = pop();
  push(any(b_.FormatValue(value, spec, 0, before())));
}

void GraphBuilder::doCallIntrinsic1() {
  constexpr uint32_t kListToTuple = 6;  // the same number on every version
  Instr* value = pop();
  if (in_->arg == kListToTuple && value->type.is(kMaskList)) {
    return push(b_.ListToTuple(value, before()));
  }
  Instr* result = any(b_.CallIntrinsic1(value, in_->arg, before()));
  if (in_->arg == kListToTuple) result->type = kTypeTuple;
  push(result);
}

void GraphBuilder::doCallIntrinsic2() {
  Instr* right = pop();
  Instr* left = pop();
  push(any(b_.CallIntrinsic2(left, right, in_->arg, before())));
}

// flags: bit 0 = a format spec lies on top, the rest = conversion.
void GraphBuilder::doBuildInterpolation() {
  Instr* format = (in_->arg & 1) ? pop() : b_.ConstNull();
  Instr* text = pop();
  Instr* value = pop();
  push(b_.BuildInterpolation(value, text, format, in_->arg >> 2, before()));
}

void GraphBuilder::doBuildTemplate() {
  Instr* interpolations = pop();
  Instr* strings = pop();
  push(b_.BuildTemplate(strings, interpolations, before()));
}

}  // namespace tephra::frontend
