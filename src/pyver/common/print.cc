// Purpose: a CodeUnit as text: dumps, decoder tests. Deterministic: no addresses.
#include <cstdio>

#include "pyver/common/unit.h"

namespace tephra {

const char* feedbackName(Feedback kind) {
  static constexpr const char* kNames[] = {
      "None",
      "Megamorphic",
      "BinaryInt",
      "BinaryFloat",
      "BinaryStr",
      "BinaryIntFloat",
      "BinaryFloatInt",
      "ItemListInt",
      "ItemTupleInt",
      "ItemStrInt",
      "ItemDict",
      "ItemListSlice",
      "ItemFunction",
      "StoreListInt",
      "StoreDict",
      "CompareInt",
      "CompareFloat",
      "CompareStr",
      "BoolBool",
      "BoolInt",
      "BoolList",
      "BoolNone",
      "BoolStr",
      "BoolAlwaysTrue",
      "ContainsDict",
      "ContainsSet",
      "AttrInstance",
      "AttrSlot",
      "AttrWithHint",
      "AttrModule",
      "AttrClass",
      "AttrClassGuarded",
      "AttrProperty",
      "AttrNondescriptor",
      "AttrNondescriptorValues",
      "MethodWithValues",
      "MethodNoDict",
      "MethodLazyDict",
      "GlobalModule",
      "GlobalBuiltin",
      "UnpackTwoTuple",
      "UnpackTuple",
      "UnpackList",
      "ForList",
      "ForTuple",
      "ForRange",
      "ForGen",
      "CallPyExact",
      "CallBoundPyExact",
      "CallPyGeneral",
      "CallBoundPyGeneral",
      "CallBuiltinO",
      "CallBuiltinFast",
      "CallBuiltinFastKw",
      "CallBuiltinClass",
      "CallMethodDescrO",
      "CallMethodDescrFast",
      "CallMethodDescrFastKw",
      "CallMethodDescrNoArgs",
      "CallLen",
      "CallIsInstance",
      "CallListAppend",
      "CallType1",
      "CallStr1",
      "CallTuple1",
      "CallAllocInit",
      "SuperAttr",
      "SuperMethod",
      "SendGen",
  };
  static_assert(sizeof(kNames) / sizeof(kNames[0]) == static_cast<size_t>(Feedback::kSendGen) + 1);
  return kNames[static_cast<size_t>(kind)];
}

namespace {

enum class ArgKind : uint8_t { kNone, kNumber, kSlot, kObject, kTarget };

// Operations whose argument is a number even when it is 0.
bool hasNumber(Canonical op) {
  switch (op) {
    case Canonical::kNop:
    case Canonical::kUnaryNegative:
    case Canonical::kUnaryPositive:
    case Canonical::kUnaryInvert:
    case Canonical::kUnaryNot:
    case Canonical::kToBool:
    case Canonical::kGetItem:
    case Canonical::kSetItem:
    case Canonical::kDeleteItem:
    case Canonical::kGetSlice:
    case Canonical::kSetSlice:
    case Canonical::kPopTop:
    case Canonical::kPushNull:
    case Canonical::kGetIter:
    case Canonical::kGetLen:
    case Canonical::kMatchMapping:
    case Canonical::kMatchSequence:
    case Canonical::kMatchKeys:
    case Canonical::kLoadBuildClass:
    case Canonical::kFormatSimple:
    case Canonical::kFormatWithSpec:
    case Canonical::kBeforeWith:
    case Canonical::kPushExcInfo:
    case Canonical::kPopExcept:
    case Canonical::kCheckExcMatch:
    case Canonical::kCheckEgMatch:
    case Canonical::kWithExceptStart:
    case Canonical::kBuildTemplate:
    case Canonical::kReturn: return false;
    default: return true;
  }
}

ArgKind argKind(Canonical op) {
  switch (op) {
    case Canonical::kLoadFast:
    case Canonical::kLoadFastCheck:
    case Canonical::kLoadFastAndClear:
    case Canonical::kStoreFast:
    case Canonical::kDeleteFast:
    case Canonical::kMakeCell:
    case Canonical::kLoadDeref:
    case Canonical::kStoreDeref:
    case Canonical::kDeleteDeref: return ArgKind::kSlot;
    case Canonical::kLoadConst:
    case Canonical::kLoadGlobal:
    case Canonical::kStoreGlobal:
    case Canonical::kDeleteGlobal:
    case Canonical::kLoadAttr:
    case Canonical::kLoadMethod:
    case Canonical::kStoreAttr:
    case Canonical::kDeleteAttr:
    case Canonical::kLoadSuperAttr:
    case Canonical::kImportName:
    case Canonical::kImportFrom: return ArgKind::kObject;
    case Canonical::kPopJumpIfTrue:
    case Canonical::kPopJumpIfFalse:
    case Canonical::kPopJumpIfNone:
    case Canonical::kPopJumpIfNotNone:
    case Canonical::kJump:
    case Canonical::kJumpBackward:
    case Canonical::kForIter: return ArgKind::kTarget;
    default: return hasNumber(op) ? ArgKind::kNumber : ArgKind::kNone;
  }
}

std::string objectText(const CodeUnit& unit, ObjRef ref) {
  if (ref == kNoRef) return "-";
  if (ref >= unit.objects.size()) return "?";
  return unit.objects[ref].text;
}

std::string argText(const CodeUnit& unit, const CanonicalInstr& instr) {
  switch (argKind(instr.op)) {
    case ArgKind::kNone: return "";
    case ArgKind::kNumber: return " " + std::to_string(instr.arg);
    case ArgKind::kSlot:
      return " " + std::to_string(instr.arg) +
             (instr.arg < unit.locals.size() ? " (" + unit.locals[instr.arg].name + ")" : "");
    case ArgKind::kObject: return " " + objectText(unit, instr.arg);
    case ArgKind::kTarget: return " -> " + std::to_string(instr.arg);
  }
  return "";
}

std::string secondText(const CodeUnit& unit, const CanonicalInstr& instr) {
  if (instr.op == Canonical::kCall) {
    return instr.arg2 == kNoRef ? "" : ", kwnames " + objectText(unit, instr.arg2);
  }
  return instr.arg2 != 0 ? ", " + std::to_string(instr.arg2) : "";
}

std::string feedbackText(const CodeUnit& unit, const FeedbackInfo& info) {
  std::string text = std::string("  ; ") + feedbackName(info.kind);
  if (info.type != kNoRef) {
    text += " of " + objectText(unit, info.type);
  } else if (info.type_version != 0) {
    text += " of an unknown type";
  }
  bool indexed = info.kind >= Feedback::kAttrInstance && info.kind <= Feedback::kAttrModule;
  bool global = info.kind == Feedback::kGlobalModule || info.kind == Feedback::kGlobalBuiltin;
  if (indexed || global) text += " [" + std::to_string(info.index) + "]";
  if (info.object != kNoRef) text += " = " + objectText(unit, info.object);
  return text;
}

void printHead(const CodeUnit& unit, std::string* out) {
  *out += "unit " + unit.qualname + " in " + unit.module + ", line " +
          std::to_string(unit.first_line) + "\n";
  *out += "  args " + std::to_string(unit.argcount) + " posonly " + std::to_string(unit.posonly) +
          " kwonly " + std::to_string(unit.kwonly) + " total " + std::to_string(unit.total_args) +
          ", stack " + std::to_string(unit.stack_size) + ", frame " +
          std::to_string(unit.frame_size) + ", first traceable " +
          std::to_string(unit.first_traceable) + "\n";
  for (size_t i = 0; i < unit.locals.size(); i++) {
    const LocalInfo& local = unit.locals[i];
    static constexpr const char* kKinds[] = {"local", "cell", "free", "hidden"};
    *out += "  local " + std::to_string(i) + " " + local.name + ": " +
            kKinds[static_cast<int>(local.kind)] + (local.is_arg ? ", argument" : "") + "\n";
  }
}

}  // namespace

std::string printUnit(const CodeUnit& unit) {
  std::string out;
  printHead(unit, &out);
  for (size_t i = 0; i < unit.code.size(); i++) {
    const CanonicalInstr& instr = unit.code[i];
    char head[48];
    std::snprintf(head, sizeof(head), "%5zu  @%u", i, instr.offset);
    out += head;
    if (instr.lasti != instr.offset) out += "/" + std::to_string(instr.lasti);
    if (instr.piece != 0) out += "." + std::to_string(instr.piece);
    out += std::string("  ") + canonicalName(instr.op) + argText(unit, instr) +
           secondText(unit, instr);
    if (instr.feedback != 0 && instr.feedback < unit.feedback.size()) {
      out += feedbackText(unit, unit.feedback[instr.feedback]);
    }
    out += "\n";
  }
  for (const ExceptionRange& range : unit.exceptions) {
    out += "  handler @" + std::to_string(range.start) + "..@" + std::to_string(range.end) +
           " -> @" + std::to_string(range.target) + " depth " + std::to_string(range.depth) +
           (range.lasti ? " lasti" : "") + "\n";
  }
  return out;
}

}  // namespace tephra
