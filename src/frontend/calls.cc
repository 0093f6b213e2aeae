// Calls: compiled functions through their entry cells, C functions by address, everything else by
// vectorcall.
#include <algorithm>
#include <string_view>

#include "frontend/graph_builder.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

namespace {

constexpr uint32_t kMethKeywords = 0x02, kMethNoArgs = 0x04, kMethO = 0x08, kMethFast = 0x80;
constexpr uint32_t kMaxRegisterArgs = 5;
enum Convention : uint32_t { kConventionNoArgs, kConventionO, kConventionFast, kConventionFastKw };

// The exact class whose method descriptor has this name ("list.append"): only for these is the
// receiver's type checked here, as the descriptor would.
uint32_t receiverMask(std::string_view builtin_name) {
  constexpr std::pair<std::string_view, uint32_t> kClasses[] = {
      {"list.", kMaskList}, {"dict.", kMaskDict},   {"str.", kMaskStr},
      {"set.", kMaskSet},   {"tuple.", kMaskTuple}, {"bytes.", kMaskBytes},
      {"int.", kMaskInt},   {"float.", kMaskFloat}, {"frozenset.", kMaskFrozenSet}};
  for (const auto& [prefix, mask] : kClasses) {
    if (builtin_name.starts_with(prefix)) return mask;
  }
  return 0;
}

// How `count` arguments (self not counted) are passed; false if the C function takes them
// otherwise.
bool conventionFor(uint32_t flags, size_t count, uint32_t* convention) {
  switch (flags) {
    case kMethNoArgs: *convention = kConventionNoArgs; return count == 0;
    case kMethO: *convention = kConventionO; return count == 1;
    case kMethFast: *convention = kConventionFast; return true;
    case kMethFast | kMethKeywords: *convention = kConventionFastKw; return true;
    default: return false;
  }
}

}  // namespace

// A known Python function whose parameters match one to one.
bool GraphBuilder::directlyCallable(ObjRef ref, size_t args) const {
  const ObjectInfo& f = unit_.objects[ref];
  return options_.direct_calls && f.is_plain_function && f.entry_cell != 0 && f.argcount == args &&
         args <= kMaxRegisterArgs;
}

hir::Instr* GraphBuilder::callFunction(ObjRef ref, Instr* callable, const Values& args) {
  if (!directlyCallable(ref, args.size())) return nullptr;
  return any(b_.CallDirect(callable, args, ref, before()));
}

// Builtins that have operations of their own.
hir::Instr* GraphBuilder::callByName(ObjRef ref, const Values& args) {
  const ObjectInfo& f = unit_.objects[ref];
  bool function = f.type_mask == kMaskBuiltin, method = f.type_mask == kMaskMethodDescr;
  if (function && f.builtin_name == "len" && args.size() == 1) {
    if (args[0]->type.is(kMaskList) || args[0]->type.is(kMaskTuple)) {
      return boxInt(b_.LoadVarSize(args[0]));
    }
    Instr* length = any(b_.GetLen(args[0], before()));
    length->type = kTypeInt;
    return length;
  }
  if (function && f.builtin_name == "isinstance" && args.size() == 2) {
    return boxBool(any(b_.IsInstance(args[0], args[1], before())));
  }
  if (method && f.builtin_name == "list.append" && args.size() == 2 && canBe(args[0], kMaskList)) {
    b_.ListAppend(guardType(args[0], kMaskList), args[1], before());
    return b_.ConstNone();
  }
  return nullptr;
}

// A builtin function or method descriptor (args[0] = self then) by its C function.
hir::Instr* GraphBuilder::callBuiltin(ObjRef ref, Instr* callable, const Values& args) {
  const ObjectInfo& f = unit_.objects[ref];
  uint32_t convention = 0;
  if (f.c_function == 0) return nullptr;
  if (f.type_mask == kMaskBuiltin) {
    if (!conventionFor(f.c_flags, args.size(), &convention)) return nullptr;
    return any(b_.CallBuiltin(callable, args, f.c_function, ref, convention, before()));
  }
  uint32_t mask = receiverMask(f.builtin_name);
  if (f.type_mask != kMaskMethodDescr || !mask || args.empty() || !canBe(args[0], mask))
    return nullptr;
  if (!conventionFor(f.c_flags, args.size() - 1, &convention)) return nullptr;
  Values all = args;
  all[0] = guardType(args[0], mask);
  return any(b_.CallBuiltin(callable, all, f.c_function, kNoRef, convention, before()));
}

// A positional call whose callee is one known object; null if there is nothing better than Call.
hir::Instr* GraphBuilder::callKnown(Instr* callable, const Values& args) {
  if (siteRefused()) return nullptr;
  ObjRef ref = kNoRef;
  const ObjectInfo* known = constantInfo(callable, &ref);
  bool certain = known != nullptr;
  if (!certain) {
    // The interpreter's cache may name the callee where data flow does not.
    if (feedback().kind != Feedback::kCallPyExact) return nullptr;
    ref = feedback().object;
    known = info(ref);
    if (!known || !canBe(callable, known->type_mask)) return nullptr;
  }
  if (directlyCallable(ref, args.size())) {
    return callFunction(ref, certain ? callable : guardIs(callable, ref), args);
  }
  if (!certain || !options_.builtins) return nullptr;
  if (Instr* result = callByName(ref, args)) return result;
  return callBuiltin(ref, callable, args);
}

// Calls of these classes give exact instances.
hir::Type GraphBuilder::resultOfClass(Instr* callable) const {
  const ObjectInfo* known = constantInfo(callable);
  if (!known || known->address == 0) return kTypeObject;
  const std::pair<uint64_t, uint32_t> classes[] = {{layout_.range_type, kMaskRange},
                                                   {layout_.list_type, kMaskList},
                                                   {layout_.tuple_type, kMaskTuple},
                                                   {layout_.dict_type, kMaskDict},
                                                   {layout_.set_type, kMaskSet}};
  for (const auto& [address, mask] : classes) {
    if (address == known->address) return Type::object(mask);
  }
  return kTypeObject;
}

// `first` and `second`: the two stack slots below the arguments.
void GraphBuilder::callWith(Instr* first, Instr* second, Values args, ObjRef kwnames) {
  Instr* nullable = layout_.method_null_first ? first : second;
  Instr* solid = layout_.method_null_first ? second : first;
  if (mayBeNull(nullable) && nullable->type != kTypeNull) {
    return push(any(b_.CallMaybeMethod(solid, nullable, args, kwnames, before())));
  }
  // An unbound method lies below its self on both versions.
  Instr* callable = nullable->type == kTypeNull ? solid : first;
  if (callable == first && nullable->type != kTypeNull) args.insert(args.begin(), second);
  if (kwnames == kNoRef) {
    if (Instr* result = callKnown(callable, args)) return push(result);
  }
  Instr* result = any(b_.Call(callable, args, kwnames, before()));
  result->type = resultOfClass(callable);
  push(result);
}

void GraphBuilder::doCall() {
  Values args = popMany(in_->arg);
  Instr* second = pop();
  Instr* first = pop();
  callWith(first, second, std::move(args), in_->arg2);
}

void GraphBuilder::doCallKw() {
  Instr* names = pop();
  Values args = popMany(in_->arg);
  Instr* second = pop();
  Instr* first = pop();
  ObjRef ref = kNoRef;
  const ObjectInfo* known = constantInfo(names, &ref);
  if (known && known->type_mask == kMaskTuple) return callWith(first, second, std::move(args), ref);
  Instr* nullable = layout_.method_null_first ? first : second;
  Instr* solid = layout_.method_null_first ? second : first;
  push(any(b_.CallKw(solid, nullable, names, args, before())));
}

void GraphBuilder::doCallEx() {
  Instr* kwargs = in_->arg ? pop() : b_.ConstNull();
  Instr* args = pop();
  Instr* second = pop();
  Instr* first = pop();
  Instr* callable = layout_.method_null_first ? second : first;
  push(any(b_.CallEx(callable, args, kwargs, before())));
}

}  // namespace tephra::frontend
