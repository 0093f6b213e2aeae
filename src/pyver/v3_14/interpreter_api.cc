// Purpose: private API of CPython 3.14 under Tephra's names: nearly all of it is exported.
#include "pyver/internal.h"

namespace tephra::py {

// As get_init_for_simple_managed_python_class in specialize.c.
bool entersInit(PyTypeObject* cls, PyFunctionObject* init) {
  constexpr unsigned long kNeeded = Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_INLINE_VALUES;
  constexpr int kBindsMore = CO_VARARGS | CO_VARKEYWORDS;
  auto* code = reinterpret_cast<PyCodeObject*>(init->func_code);
  return (cls->tp_flags & kNeeded) == kNeeded && cls->tp_new == PyBaseObject_Type.tp_new &&
         cls->tp_alloc == PyType_GenericAlloc && Py_TYPE(cls) == &PyType_Type &&
         (code->co_flags & CO_OPTIMIZED) != 0 && (code->co_flags & kBindsMore) == 0 &&
         code->co_kwonlyargcount == 0;
}

namespace {

PyObject* steal(_PyStackRef ref) {
  return PyStackRef_IsNull(ref) ? nullptr : PyStackRef_AsPyObjectSteal(ref);
}

_PyStackRef nullRef() {
  _PyStackRef ref;
  ref.bits = PyStackRef_NULL_BITS;
  return ref;
}

}  // namespace

// --- names

PyObject* loadGlobal(PyThreadState*, PyObject* globals, PyObject* builtins, PyObject* name) {
  _PyStackRef result = nullRef();
  _PyEval_LoadGlobalStackRef(globals, builtins, name, &result);
  return steal(result);
}

void unboundLocalError(PyThreadState* ts, PyCodeObject* code, uint32_t slot) {
  _PyEval_FormatExcCheckArg(
      ts, PyExc_UnboundLocalError,
      "cannot access local variable '%s' where it is not associated with a value",
      PyTuple_GET_ITEM(code->co_localsplusnames, slot));
}

void unboundDerefError(PyThreadState* ts, PyCodeObject* code, uint32_t slot) {
  _PyEval_FormatExcUnbound(ts, code, static_cast<int>(slot));
}

void nameError(PyThreadState* ts, PyObject* name) {
  _PyEval_FormatExcCheckArg(ts, PyExc_NameError, "name '%.200s' is not defined", name);
}

PyObject* importName(PyThreadState* ts, Frame* frame, PyObject* name, PyObject* fromlist,
                     PyObject* level) {
  return _PyEval_ImportName(ts, frame, name, fromlist, level);
}

PyObject* importFrom(PyThreadState* ts, PyObject* module, PyObject* name) {
  return _PyEval_ImportFrom(ts, module, name);
}

// --- attributes

PyObject* superLookup(PyTypeObject* type, PyObject* self, PyObject* name, int* method) {
  return _PySuper_Lookup(type, self, name, method);
}

PyDictValues* instanceValues(PyObject* object) { return _PyObject_InlineValues(object); }

PyObject* loadSpecial(PyThreadState*, PyObject* owner, int kind, PyObject** self) {
  *self = nullptr;
  _PyStackRef pair[2] = {nullRef(), PyStackRef_FromPyObjectNew(owner)};
  int found = _PyObject_LookupSpecialMethod(_Py_SpecialMethods[kind].name, pair);
  if (found > 0) {
    *self = steal(pair[1]);
    return steal(pair[0]);
  }
  if (found == 0) {
    const char* format = _PyEval_SpecialMethodCanSuggest(owner, kind)
                             ? _Py_SpecialMethods[kind].error_suggestion
                             : _Py_SpecialMethods[kind].error;
    PyErr_Format(PyExc_TypeError, format, owner);
  }
  PyStackRef_XCLOSE(pair[1]);
  return nullptr;
}

PyObject* beforeWith(PyThreadState*, PyObject*, PyObject**) {
  PyErr_SetString(PyExc_SystemError, "BEFORE_WITH does not exist in this version");
  return nullptr;
}

// --- containers

PyObject* buildTuple(PyObject* const* items, Py_ssize_t count) {
  // A plain pointer is a counted stack reference.
  return _PyTuple_FromStackRefStealOnSuccess(reinterpret_cast<const _PyStackRef*>(items), count);
}

int unpackIterable(PyThreadState* ts, PyObject* sequence, int argcnt, int argcntafter,
                   PyObject** out) {
  int total = argcnt + (argcntafter >= 0 ? 1 + argcntafter : 0);
  constexpr int kOnStack = 32;
  _PyStackRef small[kOnStack];
  std::unique_ptr<_PyStackRef[]> large;
  _PyStackRef* refs = small;
  if (total > kOnStack) {
    large.reset(new (std::nothrow) _PyStackRef[static_cast<size_t>(total)]);
    if (!large) {
      PyErr_NoMemory();
      return -1;
    }
    refs = large.get();
  }
  // Written downwards: the first item ends up highest.
  if (!_PyEval_UnpackIterableStackRef(ts, sequence, argcnt, argcntafter, refs + total)) return -1;
  for (int i = 0; i < total; i++) out[i] = steal(refs[total - 1 - i]);
  return 0;
}

void formatKwargsError(PyThreadState* ts, PyObject* callable, PyObject* kwargs) {
  _PyEval_FormatKwargsError(ts, callable, kwargs);
}

PyObject* matchKeys(PyThreadState* ts, PyObject* subject, PyObject* keys) {
  return _PyEval_MatchKeys(ts, subject, keys);
}

PyObject* matchClass(PyThreadState* ts, PyObject* subject, PyObject* type, PyObject* names,
                     int npos) {
  PyObject* attrs = _PyEval_MatchClass(ts, subject, type, npos, names);
  if (attrs == nullptr && !PyErr_Occurred()) return Py_NewRef(Py_None);
  return attrs;
}

PyObject* buildInterpolation(PyObject* value, PyObject* str, PyObject* spec, int conversion) {
  static PyObject* const empty = PyUnicode_New(0, 0);
  return _PyInterpolation_Build(value, str, conversion, spec != nullptr ? spec : empty);
}

PyObject* buildTemplate(PyObject* strings, PyObject* interpolations) {
  return _PyTemplate_Build(strings, interpolations);
}

PyObject* intrinsic1(PyThreadState* ts, PyObject* value, int kind) {
  return _PyIntrinsics_UnaryFunctions[kind].func(ts, value);
}

PyObject* intrinsic2(PyThreadState* ts, PyObject* first, PyObject* second, int kind) {
  return _PyIntrinsics_BinaryFunctions[kind].func(ts, first, second);
}

// --- functions and exceptions

// Does this release rename them? Its own behaviour says: a module body is always interpreted.
bool renamesAnnotate() {
  static const bool renames = [] {
    PyObject* globals = PyDict_New();
    PyObject* done = globals ? evaluate("def f() -> int: pass\n", Py_file_input, globals) : nullptr;
    PyObject* f = done ? PyDict_GetItemString(globals, "f") : nullptr;
    PyObject* annotate = f ? reinterpret_cast<PyFunctionObject*>(f)->func_annotate : nullptr;
    const bool found =
        annotate && PyFunction_Check(annotate) &&
        PyUnicode_EqualToUTF8(reinterpret_cast<PyFunctionObject*>(annotate)->func_qualname,
                              "f.__annotate__") != 0;
    Py_XDECREF(done);
    Py_XDECREF(globals);
    PyErr_Clear();
    return found;
  }();
  return renames;
}

void nameAnnotate(PyFunctionObject* func, PyObject* annotate) {
  if (!PyFunction_Check(annotate) || !renamesAnnotate()) return;
  PyObject* name = PyUnicode_FromFormat("%U.__annotate__", func->func_qualname);
  if (name == nullptr) {
    PyErr_Clear();  // out of memory: the old name stays
    return;
  }
  Py_SETREF(reinterpret_cast<PyFunctionObject*>(annotate)->func_qualname, name);
}

PyObject** functionField(PyFunctionObject* func, int kind) {
  auto* base = reinterpret_cast<char*>(func);
  return reinterpret_cast<PyObject**>(base + _Py_FunctionAttributeOffsets[kind]);
}

void finishFunction(PyObject* function) {
  auto* func = reinterpret_cast<PyFunctionObject*>(function);
  uint32_t version = codeVersion(reinterpret_cast<PyCodeObject*>(func->func_code));
  if (version < FUNC_VERSION_FIRST_VALID) {
    func->func_version = version;
  } else {
    _PyFunction_SetVersion(func, version);
  }
}

int checkArgsIterable(PyThreadState* ts, PyObject* callable, PyObject* args) {
  return _Py_Check_ArgsIterable(ts, callable, args);
}

bool checksCauseInstance() { return true; }

int checkExceptType(PyThreadState* ts, PyObject* type) {
  return _PyEval_CheckExceptTypeValid(ts, type) < 0 ? -1 : 0;
}

int exceptionGroupMatch(PyThreadState* ts, Frame* frame, PyObject* exc, PyObject* type,
                        PyObject** match, PyObject** rest) {
  if (_PyEval_CheckExceptStarTypeValid(ts, type) < 0) return -1;
  return _PyEval_ExceptionGroupMatch(frame, exc, type, match, rest) < 0 ? -1 : 0;
}

}  // namespace tephra::py
