// Purpose: private API of interpreters with plain references, under Tephra's names. What libpython
// hides is written here after the interpreter's behaviour, error messages included.
#include "pyver/internal.h"

namespace tephra::py {

PyObject* loadGlobal(PyThreadState* ts, PyObject* globals, PyObject* builtins, PyObject* name) {
  if (PyDict_CheckExact(globals) && PyDict_CheckExact(builtins)) {
    PyObject* value = PyDict_GetItemWithError(globals, name);
    if (value == nullptr && !PyErr_Occurred()) value = PyDict_GetItemWithError(builtins, name);
    if (value == nullptr && !PyErr_Occurred()) nameError(ts, name);
    return Py_XNewRef(value);
  }
  PyObject* value = PyObject_GetItem(globals, name);
  if (value != nullptr || !PyErr_ExceptionMatches(PyExc_KeyError)) return value;
  PyErr_Clear();
  value = PyObject_GetItem(builtins, name);
  if (value == nullptr && PyErr_ExceptionMatches(PyExc_KeyError)) nameError(ts, name);
  return value;
}

PyObject* loadSpecial(PyThreadState*, PyObject*, int, PyObject**) {
  PyErr_SetString(PyExc_SystemError, "LOAD_SPECIAL does not exist in this version");
  return nullptr;
}

PyObject* beforeWith(PyThreadState*, PyObject* manager, PyObject** entered) {
  const char* type_name = Py_TYPE(manager)->tp_name;
  PyObject* enter = _PyObject_LookupSpecial(manager, &_Py_ID(__enter__));
  if (enter == nullptr) {
    if (!PyErr_Occurred()) {
      PyErr_Format(PyExc_TypeError, "'%.200s' object does not support the context manager protocol",
                   type_name);
    }
    return nullptr;
  }
  PyObject* exit = _PyObject_LookupSpecial(manager, &_Py_ID(__exit__));
  if (exit == nullptr) {
    if (!PyErr_Occurred()) {
      PyErr_Format(PyExc_TypeError,
                   "'%.200s' object does not support the context manager protocol (missed __exit__ "
                   "method)",
                   type_name);
    }
    Py_DECREF(enter);
    return nullptr;
  }
  *entered = PyObject_CallNoArgs(enter);
  Py_DECREF(enter);
  if (*entered == nullptr) Py_CLEAR(exit);
  return exit;
}

// --- containers, strings and intrinsics

PyObject* buildTuple(PyObject* const* items, Py_ssize_t count) {
  PyObject* tuple = PyTuple_New(count);
  if (tuple == nullptr) return nullptr;
  for (Py_ssize_t i = 0; i < count; i++) PyTuple_SET_ITEM(tuple, i, items[i]);
  return tuple;
}

PyObject* buildInterpolation(PyObject*, PyObject*, PyObject*, int) {
  PyErr_SetString(PyExc_SystemError, "template strings do not exist in this version");
  return nullptr;
}

PyObject* buildTemplate(PyObject*, PyObject*) {
  return buildInterpolation(nullptr, nullptr, nullptr, 0);
}

// --- functions and exceptions

void nameAnnotate(PyFunctionObject*, PyObject*) {}  // there are none

PyObject** functionField(PyFunctionObject* func, int kind) {
  switch (kind) {
    case 1: return &func->func_defaults;
    case 2: return &func->func_kwdefaults;
    case 4: return &func->func_annotations;
    default: return &func->func_closure;
  }
}

void finishFunction(PyObject* function) {
  auto* func = reinterpret_cast<PyFunctionObject*>(function);
  func->func_version = codeVersion(reinterpret_cast<PyCodeObject*>(func->func_code));
}

int checkArgsIterable(PyThreadState*, PyObject* callable, PyObject* args) {
  if (Py_TYPE(args)->tp_iter != nullptr || PySequence_Check(args)) return 0;
  PyErr_Clear();
  PyObject* text = _PyObject_FunctionStr(callable);
  if (text != nullptr) {
    PyErr_Format(PyExc_TypeError, "%U argument after * must be an iterable, not %.200s", text,
                 Py_TYPE(args)->tp_name);
    Py_DECREF(text);
  }
  return -1;
}

namespace {

int checkStarType(PyThreadState* ts, PyObject* type) {
  if (checkExceptType(ts, type) < 0) return -1;
  int group = 0;
  if (PyTuple_Check(type)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type) && group == 0; i++) {
      group = PyObject_IsSubclass(PyTuple_GET_ITEM(type, i), PyExc_BaseExceptionGroup);
    }
  } else {
    group = PyObject_IsSubclass(type, PyExc_BaseExceptionGroup);
  }
  if (group > 0) {
    PyErr_SetString(PyExc_TypeError,
                    "catching ExceptionGroup with except* is not allowed. Use except instead.");
  }
  return group == 0 ? 0 : -1;
}

}  // namespace

int exceptionGroupMatch(PyThreadState* ts, Frame*, PyObject* exc, PyObject* type, PyObject** match,
                        PyObject** rest) {
  if (checkStarType(ts, type) < 0) return -1;
  bool is_group =
      PyObject_TypeCheck(exc, reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup));
  *match = nullptr;
  *rest = nullptr;
  if (exc == Py_None) {
    *match = Py_NewRef(Py_None);
    *rest = Py_NewRef(Py_None);
  } else if (PyErr_GivenExceptionMatches(exc, type)) {
    *match = is_group ? Py_NewRef(exc)
                      : PyObject_CallFunction(PyExc_BaseExceptionGroup, "s(O)", "", exc);
    if (*match == nullptr) return -1;
    *rest = Py_NewRef(Py_None);
  } else if (is_group) {
    PyObject* pair = PyObject_CallMethod(exc, "split", "(O)", type);
    if (pair == nullptr) return -1;
    *match = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    *rest = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
    Py_DECREF(pair);
  } else {
    *match = Py_NewRef(Py_None);
    *rest = Py_NewRef(exc);
  }
  return 0;
}

}  // namespace tephra::py
