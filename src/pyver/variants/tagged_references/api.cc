// Purpose: private API of interpreters with tagged references, under Tephra's names: nearly all of
// it is exported.
#include "pyver/internal.h"

namespace tephra::py {

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

// --- attributes

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

PyObject* buildInterpolation(PyObject* value, PyObject* str, PyObject* spec, int conversion) {
  static PyObject* const empty = PyUnicode_New(0, 0);
  return _PyInterpolation_Build(value, str, conversion, spec != nullptr ? spec : empty);
}

PyObject* buildTemplate(PyObject* strings, PyObject* interpolations) {
  return _PyTemplate_Build(strings, interpolations);
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

int exceptionGroupMatch(PyThreadState* ts, Frame* frame, PyObject* exc, PyObject* type,
                        PyObject** match, PyObject** rest) {
  if (_PyEval_CheckExceptStarTypeValid(ts, type) < 0) return -1;
  return _PyEval_ExceptionGroupMatch(frame, exc, type, match, rest) < 0 ? -1 : 0;
}

}  // namespace tephra::py
