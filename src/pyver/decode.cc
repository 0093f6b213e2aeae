// Purpose: the decoder's frame; see decode.h.
#include "pyver/decode.h"

#include "pyver/code_kind.h"

namespace tephra::py {

namespace {

std::string text(PyObject* str) {
  if (str == nullptr || !PyUnicode_Check(str)) return "";
  const char* utf8 = PyUnicode_AsUTF8(str);
  if (utf8 != nullptr) return utf8;
  PyErr_Clear();  // surrogates
  return "?";
}

// The tp_init of classes whose __init__ is a Python function; NULL if it cannot be found out.
initproc pythonInit() {
  static const initproc slot = [] {
    initproc found = nullptr;
    PyObject* globals = PyDict_New();
    PyObject* done =
        globals ? evaluate("class Probe:\n  def __init__(self): pass\n", Py_file_input, globals)
                : nullptr;
    PyObject* probe = done ? PyDict_GetItemString(globals, "Probe") : nullptr;  // borrowed
    if (probe) found = reinterpret_cast<PyTypeObject*>(probe)->tp_init;
    PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(globals);
    return found;
  }();
  return slot;
}

// The __init__ of a class whose call is object.__new__ and then this function, as long as the
// class keeps its (now assigned) version; else NULL. Borrowed.
PyFunctionObject* plainConstructor(PyTypeObject* type) {
  constexpr unsigned long kNeeded = Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_READY;
  if (Py_TYPE(type) != &PyType_Type || (type->tp_flags & kNeeded) != kNeeded) return nullptr;
  if ((type->tp_flags & Py_TPFLAGS_IS_ABSTRACT) || type->tp_new != PyBaseObject_Type.tp_new ||
      type->tp_alloc != PyType_GenericAlloc || type->tp_init != pythonInit()) {
    return nullptr;
  }
  PyObject* name = &_Py_ID(__init__);
  PyObject* init = classAttribute(type, name);
  if (init == nullptr || !PyFunction_Check(init)) return nullptr;
  if (!PyUnstable_Type_AssignVersionTag(type)) return nullptr;
  return reinterpret_cast<PyFunctionObject*>(init);
}

}  // namespace

Decoder::Decoder(PyFunctionObject* func, PyCodeObject* code, std::span<const uint32_t> seen,
                 EntryQuestion watchable)
    : func_(func),
      code_(code),
      seen_(seen),
      watchable_(watchable),
      unit_(std::make_unique<CodeUnit>()) {}

ObjRef Decoder::object(PyObject* object) {
  if (object == nullptr) return kNoRef;
  auto found = refs_.find(object);
  if (found != refs_.end()) return found->second;
  ObjRef ref = unit_->addObject(describeObject(object));
  refs_.emplace(object, ref);
  return ref;
}

ObjRef Decoder::kept(PyObject* object) {
  ObjRef ref = this->object(object);
  if (ref != kNoRef) unit_->objects[ref].keep = Keep::kAlways;
  return ref;
}

CanonicalInstr& Decoder::emit(Canonical op, uint32_t arg, uint32_t arg2) {
  CanonicalInstr instr;
  instr.op = op;
  instr.arg = arg;
  instr.arg2 = arg2;
  unit_->code.push_back(instr);
  return unit_->code.back();
}

void Decoder::emitJump(Canonical op, uint32_t target_offset, uint32_t arg2) {
  jumps_.emplace_back(static_cast<uint32_t>(unit_->code.size()), target_offset);
  emit(op, 0, arg2);
}

void Decoder::emitToBool(const RawInstr& raw) {
  size_t first = unit_->code.size();
  emit(Canonical::kToBool);
  finishInstr(raw, first);
  unit_->code.back().next_offset = raw.start;
}

// Of a global variable, and of what stands behind one: a module's attribute.
void Decoder::findConstant(FeedbackInfo* info) {
  const size_t last = unit_->code.size() - 1;
  const CanonicalInstr& instr = unit_->code[last];
  const bool global = instr.op == Canonical::kLoadGlobal;
  if (!global && instr.op != Canonical::kLoadAttr && instr.op != Canonical::kLoadMethod) return;
  auto* name = reinterpret_cast<PyObject*>(unit_->objects[instr.arg].address);
  if (global) return attachConstantGlobal(*this, info, name, watchable_);
  if (last == 0) return;
  const FeedbackInfo& before = unit_->feedback[unit_->code[last - 1].feedback];
  if (before.constant) attachConstantOf(*this, info, before.object, name, watchable_);
}

void Decoder::attach(FeedbackInfo info) {
  if (watchable_ != nullptr) findConstant(&info);
  if (info.kind == Feedback::kNone) return;
  const CanonicalInstr& instr = unit_->code.back();
  const bool named = instr.op == Canonical::kLoadAttr || instr.op == Canonical::kLoadMethod ||
                     instr.op == Canonical::kStoreAttr;
  if (named)
    widenShapes(seen_, reinterpret_cast<PyObject*>(unit_->objects[instr.arg].address), &info);
  unit_->code.back().feedback = static_cast<uint32_t>(unit_->feedback.size());
  unit_->feedback.push_back(info);
}

void Decoder::addLocals() {
  for (int i = 0; i < code_->co_nlocalsplus; i++) {
    _PyLocals_Kind kind = _PyLocals_GetKind(code_->co_localspluskinds, i);
    LocalInfo local;
    local.name = text(PyTuple_GET_ITEM(code_->co_localsplusnames, i));
    local.is_arg = static_cast<uint32_t>(i) < unit_->total_args;
    if (kind & CO_FAST_FREE) {
      local.kind = LocalKind::kFree;
    } else if (kind & CO_FAST_CELL) {
      local.kind = LocalKind::kCell;
      local.is_arg_cell = local.is_arg;
    } else if (kind & CO_FAST_HIDDEN) {
      local.kind = LocalKind::kHidden;
    }
    unit_->locals.push_back(std::move(local));
  }
}

void Decoder::describe() {
  CodeUnit& u = *unit_;
  u.layout = &pyLayout();
  u.name = text(code_->co_name);
  u.qualname = text(func_->func_qualname);
  u.module = text(func_->func_module);
  u.filename = text(code_->co_filename);
  u.first_line = static_cast<uint32_t>(code_->co_firstlineno);
  u.argcount = static_cast<uint32_t>(code_->co_argcount);
  u.posonly = static_cast<uint32_t>(code_->co_posonlyargcount);
  u.kwonly = static_cast<uint32_t>(code_->co_kwonlyargcount);
  u.has_varargs = (code_->co_flags & CO_VARARGS) != 0;
  u.has_varkeywords = (code_->co_flags & CO_VARKEYWORDS) != 0;
  u.total_args = parameterCount(code_);
  u.stack_size = static_cast<uint32_t>(code_->co_stacksize);
  u.frame_size = static_cast<uint32_t>(code_->co_framesize);
  u.first_traceable = static_cast<uint32_t>(code_->_co_firsttraceable);
  u.bytecode = reinterpret_cast<uint64_t>(_PyCode_CODE(code_));
  u.code_object = kept(reinterpret_cast<PyObject*>(code_));
  u.globals = kept(func_->func_globals);  // a running frame holds them
  u.builtins = kept(func_->func_builtins);
  u.function = object(reinterpret_cast<PyObject*>(func_));
  addLocals();
}

void Decoder::readExceptions() {
  eachException(code_, [this](const ExceptionEntry& entry) {
    ExceptionRange range;
    range.start = entry.start;
    range.end = entry.start + entry.length;
    range.target = entry.target;
    range.depth = entry.depth_lasti >> 1;
    range.lasti = (entry.depth_lasti & 1) != 0;
    unit_->exceptions.push_back(range);
    return true;
  });
}

bool Decoder::readNext(uint32_t* position, RawInstr* raw) {
  uint32_t p = *position;
  if (p >= units_) return false;
  const _Py_CODEUNIT* adaptive = _PyCode_CODE(code_);
  raw->start = p;
  raw->arg = 0;
  while (base_[2 * p] == EXTENDED_ARG && p + 1 < units_) {
    raw->arg = (raw->arg | base_[2 * p + 1]) << 8;
    p++;
  }
  raw->at = p;
  raw->opcode = base_[2 * p];
  raw->arg |= base_[2 * p + 1];
  raw->adaptive = adaptive[p].op.code;
  p++;
  raw->cache = reinterpret_cast<const uint16_t*>(adaptive + p);
  while (p < units_ && base_[2 * p] == CACHE) p++;
  raw->next = p;
  *position = p;
  return true;
}

// Numbers the pieces [first, end) of one instruction and gives them its offsets.
void Decoder::finishInstr(const RawInstr& raw, size_t first) {
  size_t end = unit_->code.size();
  for (size_t i = first; i < end; i++) {
    CanonicalInstr& instr = unit_->code[i];
    instr.offset = raw.start;
    instr.lasti = raw.at;
    instr.next_offset = raw.next;
    instr.piece = static_cast<uint8_t>(i - first);
    instr.last_piece = i + 1 == end;
  }
}

bool Decoder::resolveTargets() {
  for (auto [index, target] : jumps_) {
    if (target >= units_ || index_of_[target] < 0) {
      fail({BailoutReason::kUnsupportedOpcode, "jump into the middle of an instruction"});
      return false;
    }
    unit_->code[index].arg = static_cast<uint32_t>(index_of_[target]);
  }
  return true;
}

// Calls whose callee the version alone does not give: a function that this unit already knows.
void Decoder::resolveCallees() {
  for (FeedbackInfo& info : unit_->feedback) {
    bool python_call =
        info.kind == Feedback::kCallPyExact || info.kind == Feedback::kCallBoundPyExact ||
        info.kind == Feedback::kCallPyGeneral || info.kind == Feedback::kCallBoundPyGeneral;
    if (!python_call || info.object != kNoRef || info.keys_version == 0) continue;
    for (ObjRef ref = 0; ref < unit_->objects.size(); ref++) {
      auto* object = reinterpret_cast<PyObject*>(unit_->objects[ref].address);
      if (PyFunction_Check(object) &&
          reinterpret_cast<PyFunctionObject*>(object)->func_version == info.keys_version) {
        info.object = ref;
        break;
      }
    }
  }
}

// What calls of known functions and classes need: the values of defaults, and __init__. References
// that this adds are looked at too.
void Decoder::describeCallables() {
  for (ObjRef ref = 0; ref < unit_->objects.size(); ref++) {
    if (ref == unit_->function) continue;
    auto* address = reinterpret_cast<PyObject*>(unit_->objects[ref].address);
    if (address != nullptr && PyType_CheckExact(address)) {
      auto* type = reinterpret_cast<PyTypeObject*>(address);
      PyFunctionObject* init = plainConstructor(type);
      if (init == nullptr) continue;
      ObjRef function = object(reinterpret_cast<PyObject*>(init));
      unit_->objects[ref].class_version = type->tp_version_tag;
      unit_->objects[ref].init = function;
      unit_->objects[ref].init_inlined = entersInit(type, init);
    } else if (unit_->objects[ref].is_plain_callable && PyFunction_Check(address)) {
      auto* function = reinterpret_cast<PyFunctionObject*>(address);
      ObjRef code = object(function->func_code);
      unit_->objects[ref].code = code;
      PyObject* defaults = function->func_defaults;
      if (defaults == nullptr || !PyTuple_CheckExact(defaults)) continue;
      ObjRef tuple = object(defaults);
      unit_->objects[ref].defaults = tuple;
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(defaults); i++) {
        ObjRef value = object(PyTuple_GET_ITEM(defaults, i));
        unit_->objects[ref].default_values.push_back(value);
      }
    }
  }
}

Result<std::unique_ptr<CodeUnit>> Decoder::run() {
  BailoutReason refused{};
  if (!isPlainFunctionBody(code_, &refused)) return Bailout{refused, ""};
  PyThreadState* ts = threadState();
  if (toolsConcern(ts, code_)) return Bailout{BailoutReason::kInstrumented, ""};
  uint64_t current = currentInstrumentationVersion(ts);
  PyObject* bytes = PyCode_GetCode(code_);
  if (bytes == nullptr) {
    PyErr_Clear();
    return Bailout{BailoutReason::kTooLarge, "no memory for the bytecode"};
  }
  base_ = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(bytes));
  units_ = static_cast<uint32_t>(PyBytes_GET_SIZE(bytes) / 2);
  index_of_.assign(units_ + 1, -1);
  describe();
  unit_->instrumentation_version = current;
  readExceptions();
  uint32_t position = 0;
  RawInstr raw;
  while (!failed_ && readNext(&position, &raw)) {
    if (pending_kwnames != kNoRef) raw.start = pending_start;
    size_t first = unit_->code.size();
    if (index_of_[raw.start] < 0) index_of_[raw.start] = static_cast<int32_t>(first);
    size_t start_of_pieces = first;
    decodeOpcode(*this, raw);
    // A leading ToBool is an instruction of its own (emitToBool).
    while (start_of_pieces < unit_->code.size() &&
           unit_->code[start_of_pieces].op == Canonical::kToBool &&
           unit_->code[start_of_pieces].next_offset == raw.start &&
           unit_->code.size() > first + 1) {
      start_of_pieces++;
    }
    finishInstr(raw, start_of_pieces);
  }
  Py_DECREF(bytes);
  if (!failed_) resolveTargets();
  if (failed_) return failure_;
  resolveCallees();
  describeCallables();
  return std::move(unit_);
}

Result<std::unique_ptr<CodeUnit>> decode(PyFunctionObject* func, std::span<const uint32_t> seen,
                                         EntryQuestion watchable) {
  auto* code = reinterpret_cast<PyCodeObject*>(func->func_code);
  return Decoder(func, code, seen, watchable).run();
}

std::string dumpBytecode(PyFunctionObject* func) {
  auto unit = decode(func);
  if (unit) return printUnit(**unit);
  const Bailout& why = unit.bailout();
  return std::string("not decoded: ") + bailoutText(why.reason) +
         (why.detail.empty() ? "" : ": " + why.detail) + "\n";
}

}  // namespace tephra::py
