// Purpose: a text assembler for canonical code, so that frontend tests need no Python.
//
//   unit f args=2 locals=a,b,c [version=3.12|3.14] [globals] [cells=..]   (first line)
//   object k1 int 5 | float 2.5 | str text | none | tuple | class NAME ADDRESS | other NAME
//   object g function NAME argcount=2 entry=1 | builtin NAME cfunc=16 flags=8 |
//            method list.append cfunc=..
//   feedback t1 BinaryInt [type_version=7] [keys_version=3] [keys_version2=4] [index=2]
//            [object=g] [type=k]
//   L1: BinaryOp 0 1 !t1        arguments: numbers, @object, L1 (label); !feedback
//   + LoadConst @k1             "+" joins the line to the previous one: a piece of one instruction
//
// Offsets count two code units an instruction. Lines beginning with # are comments.
#pragma once

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/build.h"
#include "pyver/common/unit.h"

namespace tephra::frontend::test {

inline PyLayout layoutFor(const std::string& version) {
  PyLayout l;
  l.version = version == "3.12" ? "3.12" : "3.14";
  l.method_null_first = version == "3.12";
  l.for_iter_pops = version == "3.12";
  l.current_frame_in_cframe = version == "3.12";
  l.eval_breaker_in_tstate = version != "3.12";
  l.list_type = 0x1000;
  l.int_type = 0x1100;
  l.str_type = 0x1200;
  l.range_type = 0x1300;
  return l;
}

class Assembler {
 public:
  static std::unique_ptr<Assembler> parse(const std::string& text) {
    auto a = std::unique_ptr<Assembler>(new Assembler);
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) a->line(line);
    for (auto& [index, label] : a->fixups_) {
      if (!a->labels_.count(label)) ADD_FAILURE() << "no label " << label;
      a->unit.code[index].arg = a->labels_[label];
    }
    return a;
  }
  ObjRef object(const std::string& name) { return objects_.at(name); }

  CodeUnit unit;
  PyLayout layout;

 private:
  using Words = std::vector<std::string>;

  void line(const std::string& text) {
    std::istringstream in(text.substr(0, text.find('#')));
    Words words;
    for (std::string w; in >> w;) words.push_back(w);
    if (words.empty()) return;
    if (words[0] == "unit") return head(words);
    if (words[0] == "object") return addObject(words);
    if (words[0] == "feedback") return addFeedback(words);
    instruction(words);
  }

  static std::map<std::string, std::string> pairs(const Words& words) {
    std::map<std::string, std::string> result;
    for (const std::string& w : words) {
      size_t eq = w.find('=');
      if (eq != std::string::npos) result[w.substr(0, eq)] = w.substr(eq + 1);
    }
    return result;
  }
  static uint32_t number(const std::map<std::string, std::string>& p, const char* key) {
    auto at = p.find(key);
    return at == p.end() ? 0 : static_cast<uint32_t>(std::stoul(at->second, nullptr, 0));
  }

  void head(const Words& words) {
    auto p = pairs(words);
    unit.name = unit.qualname = words.at(1);
    layout = layoutFor(p.count("version") ? p["version"] : "3.14");
    unit.layout = &layout;
    unit.argcount = unit.total_args = number(p, "args");
    std::istringstream names(p["locals"]);
    for (std::string name; std::getline(names, name, ',');) {
      LocalInfo local;
      local.name = name;
      local.is_arg = unit.locals.size() < unit.total_args;
      unit.locals.push_back(local);
    }
    unit.globals = named("globals", kMaskDict);
    unit.builtins = named("builtins", kMaskDict);
  }

  ObjRef named(const std::string& name, uint32_t mask) {
    ObjectInfo info;
    info.text = name;
    info.type_mask = mask;
    return objects_[name] = unit.addObject(info);
  }

  void addObject(const Words& words) {
    auto p = pairs(words);
    const std::string& kind = words.at(2);
    ObjectInfo info;
    info.text = words.size() > 3 ? words[3] : kind;
    if (kind == "int") {
      info.type_mask = kMaskInt;
      info.is_word_int = true;
      info.int_value = std::stoll(words.at(3));
    } else if (kind == "float") {
      info.type_mask = kMaskFloat;
      info.float_value = std::stod(words.at(3));
    } else if (kind == "str") {
      info.type_mask = kMaskStr;
    } else if (kind == "none") {
      info.type_mask = kMaskNoneType;
    } else if (kind == "tuple") {
      info.type_mask = kMaskTuple;
      info.items = number(p, "items");
    } else if (kind == "class") {
      info.type_mask = kMaskType;
      info.address = number(p, "address");
    } else if (kind == "function" || kind == "code") {
      info.type_mask = kind == "code" ? kMaskOther : kMaskFunction;
      info.is_plain_callable = true;
      info.argcount = number(p, "argcount");
      info.entry_cell = number(p, "entry");
    } else if (kind == "builtin" || kind == "method") {
      info.type_mask = kind == "builtin" ? kMaskBuiltin : kMaskMethodDescr;
      info.builtin_name = words.at(3);
      info.c_function = number(p, "cfunc");
      info.c_flags = number(p, "flags");
    } else {
      info.type_mask = kMaskOther;
    }
    objects_[words.at(1)] = unit.addObject(info);
  }

  void addFeedback(const Words& words) {
    auto p = pairs(words);
    FeedbackInfo fb;
    bool found = false;
    for (int k = 0; k <= static_cast<int>(Feedback::kSendGen); ++k) {
      if (feedbackText(static_cast<Feedback>(k)) == words.at(2)) {
        fb.kind = static_cast<Feedback>(k);
        found = true;
      }
    }
    if (!found) ADD_FAILURE() << "no feedback " << words.at(2);
    fb.type_version = number(p, "type_version");
    fb.keys_version = number(p, "keys_version");
    fb.keys_version2 = number(p, "keys_version2");
    fb.index = static_cast<int32_t>(number(p, "index"));
    fb.offset = static_cast<int32_t>(number(p, "offset"));
    if (p.count("object")) fb.object = objects_.at(p["object"]);
    if (p.count("type")) fb.type = objects_.at(p["type"]);
    feedback_[words.at(1)] = static_cast<uint32_t>(unit.feedback.size());
    unit.feedback.push_back(fb);
  }

  void instruction(Words words) {
    bool piece = words[0] == "+";
    if (piece) words.erase(words.begin());
    if (words[0].back() == ':') {
      labels_[words[0].substr(0, words[0].size() - 1)] = static_cast<uint32_t>(unit.code.size());
      words.erase(words.begin());
      if (words.empty()) return;
    }
    CanonicalInstr in;
    in.op = opNamed(words[0]);
    if (piece) {
      CanonicalInstr& last = unit.code.back();
      in.offset = last.offset;
      in.piece = static_cast<uint8_t>(last.piece + 1);
      last.last_piece = false;
    } else if (!unit.code.empty()) {
      in.offset = unit.code.back().next_offset;
    }
    in.lasti = in.offset;
    in.next_offset = in.offset + 2;
    int place = 0;
    if (in.op == Canonical::kCall) in.arg2 = kNoRef;
    for (size_t i = 1; i < words.size(); ++i) argument(in, words[i], place);
    unit.code.push_back(in);
  }

  void argument(CanonicalInstr& in, const std::string& word, int& place) {
    if (word[0] == '!') {
      in.feedback = feedback_.at(word.substr(1));
      return;
    }
    uint32_t value = 0;
    if (word[0] == '@') {
      value = objects_.at(word.substr(1));
    } else if (word[0] == 'L') {
      fixups_.emplace_back(unit.code.size(), word);
    } else {
      value = static_cast<uint32_t>(std::stoul(word, nullptr, 0));
    }
    (place++ == 0 ? in.arg : in.arg2) = value;
  }

  static Canonical opNamed(const std::string& name) {
#define TEPHRA_CANONICAL(op) \
  if (name == #op) return Canonical::k##op;
#include "pyver/common/canonical_list.gen.h"
#undef TEPHRA_CANONICAL
    ADD_FAILURE() << "no canonical operation " << name;
    return Canonical::kNop;
  }

  static std::string feedbackText(Feedback kind);

  static constexpr uint32_t kMaskInt = hir::kMaskInt, kMaskFloat = hir::kMaskFloat,
                            kMaskStr = hir::kMaskStr, kMaskNoneType = hir::kMaskNoneType,
                            kMaskTuple = hir::kMaskTuple, kMaskType = hir::kMaskType,
                            kMaskFunction = hir::kMaskFunction, kMaskBuiltin = hir::kMaskBuiltin,
                            kMaskMethodDescr = hir::kMaskMethodDescr, kMaskOther = hir::kMaskOther,
                            kMaskDict = hir::kMaskDict;

  std::map<std::string, ObjRef> objects_;
  std::map<std::string, uint32_t> feedback_, labels_;
  std::vector<std::pair<size_t, std::string>> fixups_;
};

// The kinds that tests use, by name.
inline std::string Assembler::feedbackText(Feedback kind) {
#define TEPHRA_NAME(name) \
  if (kind == Feedback::k##name) return #name;
  // clang-format off
  TEPHRA_NAME(Megamorphic)
  TEPHRA_NAME(BinaryInt) TEPHRA_NAME(BinaryFloat) TEPHRA_NAME(BinaryStr)
  TEPHRA_NAME(BinaryIntFloat) TEPHRA_NAME(BinaryFloatInt) TEPHRA_NAME(ItemListInt)
  TEPHRA_NAME(ItemTupleInt) TEPHRA_NAME(ItemDict) TEPHRA_NAME(ItemFunction)
  TEPHRA_NAME(StoreListInt) TEPHRA_NAME(StoreDict) TEPHRA_NAME(CompareInt)
  TEPHRA_NAME(CompareFloat) TEPHRA_NAME(CompareStr) TEPHRA_NAME(BoolBool) TEPHRA_NAME(BoolInt)
  TEPHRA_NAME(BoolList) TEPHRA_NAME(BoolNone) TEPHRA_NAME(BoolStr) TEPHRA_NAME(BoolAlwaysTrue)
  TEPHRA_NAME(AttrInstance) TEPHRA_NAME(AttrSlot) TEPHRA_NAME(AttrWithHint)
  TEPHRA_NAME(AttrModule) TEPHRA_NAME(AttrClass) TEPHRA_NAME(AttrProperty)
  TEPHRA_NAME(AttrNondescriptor) TEPHRA_NAME(AttrNondescriptorValues)
  TEPHRA_NAME(MethodWithValues) TEPHRA_NAME(MethodNoDict) TEPHRA_NAME(MethodLazyDict)
  TEPHRA_NAME(GlobalModule) TEPHRA_NAME(GlobalBuiltin) TEPHRA_NAME(UnpackTwoTuple)
  TEPHRA_NAME(UnpackTuple) TEPHRA_NAME(UnpackList) TEPHRA_NAME(ForList) TEPHRA_NAME(ForTuple)
  TEPHRA_NAME(ForRange) TEPHRA_NAME(ForGen) TEPHRA_NAME(CallPyExact) TEPHRA_NAME(CallLen)
  TEPHRA_NAME(CallIsInstance) TEPHRA_NAME(CallListAppend) TEPHRA_NAME(CallBuiltinO)
#undef TEPHRA_NAME
  return "";
  // clang-format on
}

// The HIR of a unit given as text, verified; with the rules that the verifier does not know:
// what may run Python code is observed on every way on.
class Built {
 public:
  explicit Built(const std::string& text, const FrontendOptions& options = {})
      : source(Assembler::parse(text)) {
    auto result = buildHir(source->unit, options);
    if (!result) {
      bailout = result.bailout();
      return;
    }
    function = std::move(*result);
    printed = hir::print(*function);
    for (const std::string& error : hir::verify(*function))
      ADD_FAILURE() << error << "\n" << printed;
    checkObserved();
  }

  int count(const std::string& op) const {
    int n = 0;
    for (const hir::Block* block : function->blocks()) {
      for (const hir::Instr* i = block->first; i; i = i->next) n += op == i->info().name;
    }
    return n;
  }
  // The n-th (from 0) instruction with that name.
  const hir::Instr* find(const std::string& op, int n = 0) const {
    for (const hir::Block* block : function->blocks()) {
      for (const hir::Instr* i = block->first; i; i = i->next) {
        if (op == i->info().name && n-- == 0) return i;
      }
    }
    ADD_FAILURE() << "no " << op << " in\n" << printed;
    return nullptr;
  }
  bool ok() const { return function != nullptr; }

  std::unique_ptr<Assembler> source;
  std::unique_ptr<hir::Function> function;
  std::optional<Bailout> bailout;
  std::string printed;

 private:
  static bool needsObservation(const hir::Instr* i) {
    return i->info().runs_python && !i->isTerminator() && i->op != hir::Op::kLeaveFrame &&
           i->op != hir::Op::kCheckPeriodic;
  }
  static bool looks(const hir::Instr* i) {
    return i->op == hir::Op::kGuardUnobserved ||
           (i->op == hir::Op::kCheckPeriodic && i->attr[0] != 0);
  }
  // From behind an `any` operation: a look around comes before the next exit on every way.
  void checkFrom(const hir::Instr* i, const hir::Instr* why) {
    for (; i; i = i->next) {
      if (looks(i)) return;
      if (i->hasState() || i->op == hir::Op::kLeaveFrame) {
        ADD_FAILURE() << hir::print(*why) << " is not observed before " << hir::print(*i) << "\n"
                      << printed;
        return;
      }
      if (!i->isTerminator()) continue;
      for (const hir::Block* succ : i->block->succs()) checkFrom(succ->first, why);
      return;
    }
  }
  void checkObserved() {
    for (const hir::Block* block : function->blocks()) {
      for (const hir::Instr* i = block->first; i; i = i->next) {
        if (needsObservation(i)) checkFrom(i->next, i);
      }
    }
  }
};

}  // namespace tephra::frontend::test
