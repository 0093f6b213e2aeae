// Purpose: the start-up self-test: every offset and constant of PyLayout against what the running
// interpreter does, and the reasons for which the JIT stays off.
// Invariant: reads of memory happen only at offsets inside objects made here.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

using Problems = std::vector<std::string>;

template <typename T>
T at(const void* base, int64_t offset) {
  T value;
  memcpy(static_cast<void*>(&value), static_cast<const char*>(base) + offset, sizeof(T));
  return value;
}

struct Ref {  // an owned reference
  PyObject* p;
  explicit Ref(PyObject* object) : p(object) {}
  ~Ref() { Py_XDECREF(p); }
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  explicit operator bool() const { return p != nullptr; }
};

Ref run(const char* source, const char* name) {
  Ref globals(PyDict_New());
  if (!globals) return Ref(nullptr);
  PyDict_SetItemString(globals.p, "__builtins__", PyEval_GetBuiltins());
  Ref done(evaluate(source, Py_file_input, globals.p));
  if (!done) return Ref(nullptr);
  return Ref(Py_XNewRef(PyDict_GetItemString(globals.p, name)));
}

void checkNumbers(Problems* p, const PyLayout& l) {
  for (long value : {-5L, -1L, 0L, 1L, 256L}) {
    Ref number(PyLong_FromLong(value));
    uint64_t expected = l.small_ints + static_cast<uint64_t>(value + 5) * l.small_int_size;
    reportIf(p, reinterpret_cast<uint64_t>(number.p) != expected, "small ints are not a table");
  }
  for (long value : {-1000000L, 1000000L, 7L}) {
    Ref number(PyLong_FromLong(value));
    uint64_t tag = at<uint64_t>(number.p, l.long_tag);
    int64_t digit = at<uint32_t>(number.p, l.long_digit);
    reportIf(p, tag >= 16 || (1 - static_cast<int64_t>(tag & 3)) * digit != value,
             "compact ints are laid out differently");
  }
  for (int64_t value : {int64_t{1} << 30, -((int64_t{1} << 60) - 1)}) {
    Ref large(PyLong_FromLongLong(value));
    uint64_t tag = at<uint64_t>(large.p, l.long_tag);
    int64_t low = at<uint32_t>(large.p, l.long_digit);
    int64_t high = at<uint32_t>(large.p, l.long_digit + 4);
    int64_t found = (1 - static_cast<int64_t>(tag & 3)) * (low + (high << 30));
    reportIf(p, tag < 16 || tag >= 24 || found != value,
             "ints of two digits are laid out otherwise");
  }
  Ref beyond(PyLong_FromLongLong(int64_t{1} << 60));
  reportIf(p, at<uint64_t>(beyond.p, l.long_tag) < 24, "ints of three digits look smaller");
  Ref real(PyFloat_FromDouble(2.5));
  reportIf(p, at<double>(real.p, l.float_value) != 2.5, "float.ob_fval");
}

void checkSequences(Problems* p, const PyLayout& l) {
  Ref list(Py_BuildValue("[iii]", 1000, 2000, 3000));
  Ref tuple(PyList_AsTuple(list.p));
  PyObject* second = PyList_GET_ITEM(list.p, 1);
  reportIf(p, at<Py_ssize_t>(list.p, l.ob_size) != 3, "list.ob_size");
  reportIf(p, at<PyObject*>(at<char*>(list.p, l.list_items), 8) != second, "list.ob_item");
  reportIf(p, at<PyObject*>(tuple.p, l.tuple_items + 8) != second, "tuple.ob_item");
  reportIf(p, at<PyObject*>(list.p, l.ob_type) != reinterpret_cast<PyObject*>(&PyList_Type),
           "ob_type");
  Ref list_iter(PyObject_GetIter(list.p));
  Ref tuple_iter(PyObject_GetIter(tuple.p));
  Ref first(PyIter_Next(list_iter.p));
  Ref other(PyIter_Next(tuple_iter.p));
  reportIf(p,
           at<Py_ssize_t>(list_iter.p, l.list_iter_index) != 1 ||
               at<PyObject*>(list_iter.p, l.list_iter_seq) != list.p,
           "list iterator");
  reportIf(p,
           at<Py_ssize_t>(tuple_iter.p, l.tuple_iter_index) != 1 ||
               at<PyObject*>(tuple_iter.p, l.tuple_iter_seq) != tuple.p,
           "tuple iterator");
  Ref range(PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyRange_Type), "iii", 5, 50, 3));
  Ref range_iter(PyObject_GetIter(range.p));
  Ref start(PyIter_Next(range_iter.p));
  reportIf(p,
           Py_TYPE(range_iter.p) != &PyRangeIter_Type ||
               at<long>(range_iter.p, l.range_iter_start) != 8 ||
               at<long>(range_iter.p, l.range_iter_step) != 3 ||
               at<long>(range_iter.p, l.range_iter_len) != 14,
           "range iterator");
  Ref cell(PyCell_New(list.p));
  reportIf(p, at<PyObject*>(cell.p, l.cell_value) != list.p, "cell.ob_ref");
}

void checkDicts(Problems* p, const PyLayout& l) {
  Ref module(PyModule_New("tephra_probe"));
  PyObject* dict = PyModule_GetDict(module.p);
  reportIf(p, at<PyObject*>(module.p, l.module_dict) != dict, "module.md_dict");
  Ref value(PyFloat_FromDouble(1.25));
  Ref names(PyDict_New());
  PyDict_SetItemString(names.p, "one", Py_None);
  PyDict_SetItemString(names.p, "two", value.p);
  char* keys = at<char*>(names.p, l.dict_keys);
  int64_t indices = int64_t{1} << at<uint8_t>(keys, l.keys_log2_index_bytes);
  int64_t second = l.keys_entries + indices + l.unicode_entry_size + l.unicode_entry_value;
  reportIf(p, at<PyObject*>(keys, second) != value.p, "dict entries with str keys");
}

void checkInstance(Problems* p, const PyLayout& l) {
  Ref instance =
      run("class C:\n"
          "  def __init__(self):\n"
          "    self.a = None\n"
          "    self.b = 'value b'\n"
          "C(); c = C()\n",
          "c");
  if (reportIf(p, !instance, "cannot make an instance")) return;
  Ref b(PyObject_GetAttrString(instance.p, "b"));
  PyTypeObject* type = Py_TYPE(instance.p);
  char* keys = at<char*>(type, l.type_cached_keys);
  reportIf(p, keys == nullptr || at<Py_ssize_t>(type, l.type_basicsize) != type->tp_basicsize,
           "heap type layout");
  PyObject* second = nullptr;
  if (l.inline_values) {
    char* values = reinterpret_cast<char*>(instance.p) + type->tp_basicsize;
    reportIf(p, at<uint8_t>(values, l.values_valid) != 1, "PyDictValues.valid");
    reportIf(p, at<PyObject*>(instance.p, l.values_pointer) != nullptr, "managed dict pointer");
    second = at<PyObject*>(values, l.values_first + 8);
  } else {
    auto word = at<uint64_t>(instance.p, l.values_pointer);
    if (reportIf(p, (word & 1) == 0, "instance values pointer")) return;
    second = at<PyObject*>(reinterpret_cast<char*>(word) + 1, l.values_first + 8);
  }
  reportIf(p, second != b.p, "instance values");
}

void checkFunction(Problems* p, const PyLayout& l) {
  Ref func = run(
      "def outer():\n  x = 1\n  def f(a, b=2): return a + b + x\n  return f\nf = outer()\n", "f");
  if (reportIf(p, !func, "cannot make a function")) return;
  auto same = [&](int32_t offset, PyObject* expected, const char* what) {
    reportIf(p, at<PyObject*>(func.p, offset) != expected, what);
  };
  PyObject* code = PyFunction_GetCode(func.p);
  same(l.function_code, code, "function.func_code");
  same(l.function_closure, PyFunction_GetClosure(func.p), "function.func_closure");
  same(l.function_defaults, PyFunction_GetDefaults(func.p), "function.func_defaults");
  same(l.function_globals, PyFunction_GetGlobals(func.p), "function.func_globals");
  reportIf(p, !PyDict_Check(at<PyObject*>(func.p, l.function_builtins)), "function.func_builtins");
  reportIf(p, at<vectorcallfunc>(func.p, l.function_vectorcall) != PyVectorcall_Function(func.p),
           "function.vectorcall");
  Ref bytes(PyCode_GetCode(reinterpret_cast<PyCodeObject*>(code)));
  const char* real = reinterpret_cast<const char*>(code) + l.code_bytecode;
  reportIf(p, !bytes || real[0] != PyBytes_AS_STRING(bytes.p)[0], "code.co_code_adaptive");
}

}  // namespace

namespace {

// Called from a running Python function `probe(a, b)`: looks at its frame.
PyObject* inspectCaller(PyObject*, PyObject*) {
  const PyLayout& l = pyLayout();
  PyThreadState* ts = PyThreadState_Get();
  Problems p;
  const char* base = reinterpret_cast<const char*>(ts);
  if (l.current_frame_in_cframe) base = at<const char*>(ts, l.ts_cframe);
  char* frame = at<char*>(base, l.ts_current_frame);
  reportIf(&p, frame != reinterpret_cast<char*>(currentFrame(ts)), "thread's current frame");
  PyFrameObject* object = PyEval_GetFrame();  // borrowed
  Ref code(reinterpret_cast<PyObject*>(PyFrame_GetCode(object)));
  auto untag = [](uint64_t bits) { return reinterpret_cast<PyObject*>(bits & ~uint64_t{1}); };
  reportIf(&p, untag(at<uint64_t>(frame, l.frame_code)) != code.p, "frame's code");
  reportIf(&p, at<PyFrameObject*>(frame, l.frame_frame_obj) != object, "frame's frame object");
  PyObject* func = untag(at<uint64_t>(frame, l.frame_func));
  reportIf(&p, !PyFunction_Check(func), "frame's function");
  reportIf(&p, at<PyObject*>(frame, l.frame_globals) != PyEval_GetGlobals(), "frame's globals");
  reportIf(&p, at<PyObject*>(frame, l.frame_builtins) != PyEval_GetBuiltins(), "frame's builtins");
  reportIf(&p, at<uint8_t>(frame, l.frame_owner) != l.frame_owner_thread, "frame's owner");
  PyObject* first = untag(at<uint64_t>(frame, l.frame_localsplus));
  reportIf(&p, !PyUnicode_Check(first) || PyUnicode_CompareWithASCIIString(first, "probe argument"),
           "frame's locals");
  int lasti = PyFrame_GetLasti(object) / 2;
  auto* instr = at<char*>(frame, l.frame_instr);
  const char* bytecode = reinterpret_cast<char*>(code.p) + l.code_bytecode;
  int64_t distance = (instr - bytecode) / l.code_unit_size;
  reportIf(&p, distance != lasti || framePosition(currentFrame(ts)) != static_cast<uint32_t>(lasti),
           "frame's position");
  auto* top = at<char*>(ts, l.ts_datastack_top);
  reportIf(&p, top <= frame || top > at<char*>(ts, l.ts_datastack_limit), "data stack");
  reportIf(&p, at<PyInterpreterState*>(ts, l.ts_interp) != PyInterpreterState_Get(),
           "thread's interpreter");
  int remaining = at<int32_t>(ts, l.ts_py_recursion_remaining);
  reportIf(&p, remaining <= 0 || remaining >= Py_GetRecursionLimit(), "recursion count");
  reportIf(&p, at<PyObject*>(ts, l.ts_current_exception) != nullptr, "current exception");
  PyObject* list = PyList_New(0);
  for (const std::string& problem : p) {
    Ref text(PyUnicode_FromString(problem.c_str()));
    if (text) PyList_Append(list, text.p);
  }
  return list;
}

PyMethodDef g_inspect = {"inspect_caller", inspectCaller, METH_NOARGS, nullptr};

void checkFrame(Problems* p) {
  Ref probe = run("def probe(a, look):\n  b = 1\n  return look()\n", "probe");
  Ref look(PyCFunction_New(&g_inspect, nullptr));
  if (reportIf(p, !probe || !look, "cannot make the frame probe")) return;
  Ref found(PyObject_CallFunction(probe.p, "sO", "probe argument", look.p));
  if (reportIf(p, !found, "the frame probe failed")) return;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(found.p); i++) {
    const char* text = PyUnicode_AsUTF8(PyList_GET_ITEM(found.p, i));
    p->push_back(text != nullptr ? text : "frame");
  }
}

// Push, fill, resume and clear a frame by our own primitives.
void checkFramePrimitives(Problems* p) {
  Ref func = run("def f(a, b):\n  return a + b\n", "f");
  if (reportIf(p, !func, "cannot make a function")) return;
  PyThreadState* ts = threadState();
  auto* function = reinterpret_cast<PyFunctionObject*>(func.p);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  PyObject** top = ts->datastack_top;
  int recursion = recursionRemaining(ts);
  Frame* frame = pushFrame(ts, function, code);
  if (reportIf(p, frame == nullptr, "cannot push a frame")) return;
  ts->py_recursion_remaining--;
  setCurrentFrame(ts, frame);
  Ref left(PyFloat_FromDouble(1.5));
  slotSetBorrowed(frame, 0, left.p);
  slotSetOwned(frame, 1, PyFloat_FromDouble(2.0));
  reportIf(p, slotGet(frame, 0) != left.p || !slotOwned(frame, 1), "frame slots");
  setNextInstr(frame, code, 0);
  makeHeapSafe(frame);
  Ref sum(resumeInterpreter(ts, frame));
  reportIf(p, !sum || PyFloat_AsDouble(sum.p) != 3.5, "resuming a frame in the interpreter");
  reportIf(p, ts->datastack_top != top || recursionRemaining(ts) != recursion,
           "frames are not given back");
}

}  // namespace

PyObject* evaluate(const char* source, int start, PyObject* globals) {
  PyObject* code = Py_CompileString(source, "<tephra>", start);
  PyObject* result = code ? PyEval_EvalCode(code, globals, globals) : nullptr;
  Py_XDECREF(code);
  return result;
}

std::vector<std::string> selfTest() {
  Problems problems;
  PyObject* pending = PyErr_GetRaisedException();
  const PyLayout& l = pyLayout();
  if (!reportIf(&problems, l.interp == 0, "not initialised")) {
    checkPrivateSymbols(&problems);
    checkVersionLayout(&problems);
  }
  // The probes below follow pointers, so they run only where the published offsets agree.
  if (problems.empty()) {
    checkNumbers(&problems, l);
    checkSequences(&problems, l);
    checkDicts(&problems, l);
    checkInstance(&problems, l);
    checkFunction(&problems, l);
    checkFrame(&problems);
  }
  if (problems.empty()) checkFramePrimitives(&problems);
  if (PyErr_Occurred()) {
    problems.push_back("the self-test raised");
    PyErr_Clear();
  }
  PyErr_SetRaisedException(pending);
  return problems;
}

std::string refusal() {
#ifdef Py_GIL_DISABLED
  return "the free-threaded build of CPython is not supported";
#endif
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    return "subinterpreters are not supported";
  }
  std::string running = Py_GetVersion();
  running = running.substr(0, running.find(' '));
  std::string expected = expectedVersion();
  if (running.rfind(expected + ".", 0) != 0) {
    return "built for CPython " + expected + ", running on " + running;
  }
  std::string built = PY_VERSION;
  if (!microVersionsAgree()) {
    return "built for CPython " + built + ", whose internals may differ from " + running + "'s";
  }
  return "";
}

}  // namespace tephra::py
