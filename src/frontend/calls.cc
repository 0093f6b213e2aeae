// Calls: compiled functions through their entry cells, C functions by address, everything else by
// vectorcall.
#include <algorithm>
#include <string_view>

#include "frontend/graph_builder.h"
#include "metadata/register_entry.h"

namespace tephra::frontend {

using namespace hir;  // NOLINT

namespace {

constexpr uint32_t kMethKeywords = 0x02, kMethNoArgs = 0x04, kMethO = 0x08, kMethFast = 0x80;
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

bool GraphBuilder::directlyCallable(ObjRef ref) const {
  const ObjectInfo& f = unit_.objects[ref];
  return options_.direct_calls && f.is_plain_callable && f.entry_cell != 0 &&
         f.argcount <= kMaxRegisterParameters;
}

// Puts a call's arguments into the parameters of a known Python function, or of one with known
// code, as its binder would (initialize_locals in CPython's ceval.c). A null slot wants one of the
// `defaults`. False: the binder has more to do or to say. The last arguments are those that
// `kwnames` names.
bool GraphBuilder::matchArguments(ObjRef ref, const Values& args, ObjRef kwnames, size_t defaults,
                                  Values* slots) const {
  const ObjectInfo& f = unit_.objects[ref];
  static const std::vector<std::string> kNone;
  const std::vector<std::string>& names = kwnames == kNoRef ? kNone : unit_.objects[kwnames].names;
  if (kwnames != kNoRef && names.empty()) return false;
  const size_t positional = args.size() - names.size();
  if (!directlyCallable(ref) || positional > f.argcount) return false;
  slots->assign(f.argcount, nullptr);
  std::copy_n(args.begin(), positional, slots->begin());
  for (size_t k = 0; k < names.size(); ++k) {
    auto begin = f.names.begin() + std::min<ptrdiff_t>(f.posonly, std::ssize(f.names));
    auto at = static_cast<size_t>(std::find(begin, f.names.end(), names[k]) - f.names.begin());
    if (at >= slots->size() || (*slots)[at]) return false;
    (*slots)[at] = args[positional + k];
  }
  const size_t required = f.argcount - std::min<size_t>(f.argcount, defaults);
  return std::none_of(slots->begin(), slots->begin() + static_cast<ptrdiff_t>(required),
                      [](Instr* slot) { return slot == nullptr; });
}

// Behind matchArguments: the constants of parameters that the call leaves out, and guards where the
// parameters did not simply take the arguments in order: that the function has still the code and
// the defaults that were matched. (The entry cell finds other code by the number of arguments.)
void GraphBuilder::fillDefaults(ObjRef ref, Instr* function, ObjRef kwnames, Values* slots) {
  const ObjectInfo& f = unit_.objects[ref];
  const bool defaults = std::find(slots->begin(), slots->end(), nullptr) != slots->end();
  if (defaults || kwnames != kNoRef) b_.GuardFunctionCode(function, f.code, before());
  // Another tuple may take this one's place (of which the function tells the driver).
  if (defaults) b_.GuardFieldIs(function, layout_.function_defaults, f.defaults, before());
  Instr* tuple = nullptr;
  for (size_t i = 0; i < slots->size(); ++i) {
    if ((*slots)[i]) continue;
    const auto item = static_cast<uint32_t>(f.default_values.size() - slots->size() + i);
    const Keep keep = unit_.objects[f.default_values[item]].keep;
    if (keep == Keep::kAlways || keep == Keep::kHold) {
      (*slots)[i] = constant(f.default_values[item]);
      continue;
    }
    if (!tuple) {
      tuple = b_.LoadField(function, layout_.function_defaults);
      tuple->type = Type::object(kMaskTuple);
    }
    (*slots)[i] = b_.LoadTupleItemAt(tuple, item);
  }
}

// Through the entry cell, with the parameters that matchArguments has filled.
hir::Instr* GraphBuilder::callMatched(ObjRef ref, Instr* callable, ObjRef kwnames, Values slots) {
  fillDefaults(ref, callable, kwnames, &slots);
  return any(b_.CallDirect(callable, slots, ref, calling()));
}

// The same for positional arguments; null if they do not match the parameters.
hir::Instr* GraphBuilder::callFunction(ObjRef ref, Instr* callable, const Values& args) {
  Values slots;
  return matchArguments(ref, args, kNoRef, unit_.objects[ref].default_values.size(), &slots)
             ? callMatched(ref, callable, kNoRef, slots)
             : nullptr;
}

// A function that this code has made itself: another one each time, with the same code and, where
// they are a constant, defaults, until somebody changes them; null where the arguments do not
// match.
hir::Instr* GraphBuilder::callMade(Instr* callable, const Values& args, ObjRef kwnames) {
  const Instr* made = origin(callable);
  if (made->op != Op::kMakeFunction) return nullptr;
  ObjRef code = kNoRef;
  if (!constantInfo(made->operands[0], &code)) return nullptr;
  Instr* defaults = nullptr;
  ObjRef tuple = kNoRef;
  auto found = made_defaults_.find(made);
  if (found != made_defaults_.end() && constantInfo(found->second, &tuple))
    defaults = found->second;
  const size_t count = defaults ? unit_.objects[tuple].items : 0;
  Values slots;
  if (!matchArguments(code, args, kwnames, count, &slots)) return nullptr;
  const bool left_out = std::find(slots.begin(), slots.end(), nullptr) != slots.end();
  if (left_out || kwnames != kNoRef) b_.GuardFunctionCode(callable, code, before());
  if (left_out) b_.GuardFieldIs(callable, layout_.function_defaults, tuple, before());
  for (size_t i = 0; i < slots.size(); ++i) {
    auto item = static_cast<uint32_t>(count - slots.size() + i);
    if (!slots[i]) slots[i] = b_.LoadTupleItemAt(defaults, item);
  }
  return any(b_.CallDirect(callable, slots, code, calling()));
}

// A class that makes plain instances and initialises them by a Python function; the first of
// `slots` is the instance's. That is made behind the last guard: one that is thrown away would be
// finalised.
hir::Instr* GraphBuilder::construct(ObjRef cls, Instr* callable, const Values& args, ObjRef kwnames,
                                    Values slots) {
  const ObjectInfo& type = unit_.objects[cls];
  b_.GuardClassVersion(callable, type.class_version, before());
  Instr* init = constant(type.init);
  fillDefaults(type.init, init, kwnames, &slots);
  Instr* self = b_.NewInstance(callable, before());
  slots.front() = self;
  Instr* result = any(b_.CallDirect(init, slots, type.init, calling()));
  // Without an inlined __init__ the interpreter's stack holds the arguments until that is done.
  const bool held = !type.init_inlined || kwnames != kNoRef;
  b_.CheckInitResult(result, held ? args : Values(), calling());
  return self;
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
hir::Instr* GraphBuilder::callKnown(Instr* callable, const Values& args, ObjRef kwnames) {
  if (siteRefused()) return nullptr;
  if (Instr* result = callMade(callable, args, kwnames)) return result;
  ObjRef ref = kNoRef;
  const ObjectInfo* known = constantInfo(callable, &ref);
  bool certain = known != nullptr;
  if (!certain) {
    // The interpreter's cache may name the callee where data flow does not.
    const FeedbackInfo& fb = feedback();
    bool function = fb.kind == Feedback::kCallPyExact || fb.kind == Feedback::kCallPyGeneral;
    if (!function && fb.kind != Feedback::kCallAllocInit) return nullptr;
    ref = function ? fb.object : fb.type;
    known = info(ref);
    if (!known || !canBe(callable, known->type_mask)) return nullptr;
  }
  const bool is_class = known->type_mask == kMaskType;
  const ObjRef target = is_class ? known->init : ref;
  Values bound = args, slots;
  if (is_class) bound.insert(bound.begin(), callable);  // in the instance's place
  if (target != kNoRef &&
      matchArguments(target, bound, kwnames, unit_.objects[target].default_values.size(), &slots)) {
    Instr* exact = certain ? callable : guardIs(callable, ref);
    return is_class ? construct(ref, exact, args, kwnames, slots)
                    : callMatched(ref, exact, kwnames, slots);
  }
  if (!certain || !options_.builtins || kwnames != kNoRef) return nullptr;
  const bool is_str = known->address != 0 && known->address == layout_.str_type;
  if (is_str && args.size() == 1) {
    constexpr uint32_t kStr = 1;  // as in f"{x!s}": PyObject_Str, which is all that str(x) does
    return any(b_.ConvertValue(args[0], kStr, before()));
  }
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
    return push(any(b_.CallMaybeMethod(solid, nullable, args, kwnames, calling())));
  }
  // An unbound method lies below its self on both versions.
  Instr* callable = nullable->type == kTypeNull ? solid : first;
  if (callable == first && nullable->type != kTypeNull) args.insert(args.begin(), second);
  if (Instr* result = callKnown(callable, args, kwnames)) return push(result);
  Instr* result = any(b_.Call(callable, args, kwnames, calling()));
  result->type = resultOfClass(callable);
  push(result);
}

void GraphBuilder::doCall() {
  Values args = popArguments(in_->arg);
  Instr* second = popArguments(1).front();  // may be self
  Instr* first = pop();
  callWith(first, second, std::move(args), in_->arg2);
}

void GraphBuilder::doCallKw() {
  Instr* names = pop();
  Values args = popArguments(in_->arg);
  Instr* second = popArguments(1).front();
  Instr* first = pop();
  ObjRef ref = kNoRef;
  const ObjectInfo* known = constantInfo(names, &ref);
  if (known && known->type_mask == kMaskTuple) return callWith(first, second, std::move(args), ref);
  Instr* nullable = layout_.method_null_first ? first : second;
  Instr* solid = layout_.method_null_first ? second : first;
  push(any(b_.CallKw(solid, nullable, names, args, calling())));
}

void GraphBuilder::doCallEx() {
  Instr* kwargs = in_->arg ? pop() : b_.ConstNull();
  Instr* args = pop();
  Instr* second = pop();
  Instr* first = pop();
  Instr* callable = layout_.method_null_first ? second : first;
  push(any(b_.CallEx(callable, args, kwargs, passesDict(index_ - 3), calling())));
}

}  // namespace tephra::frontend
