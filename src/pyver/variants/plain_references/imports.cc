// Purpose: imports and unpacking where the interpreter's own functions are hidden; written after
// their behaviour, error messages included.
#include "pyver/internal.h"

namespace tephra::py {

PyObject* importName(PyThreadState*, Frame* frame, PyObject* name, PyObject* fromlist,
                     PyObject* level) {
  PyObject* function = PyDict_GetItemWithError(frame->f_builtins, &_Py_ID(__import__));
  if (function == nullptr) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ImportError, "__import__ not found");
    return nullptr;
  }
  PyObject* locals = frame->f_locals != nullptr ? frame->f_locals : Py_None;
  PyObject* args[] = {name, frame->f_globals, locals, fromlist, level};
  Py_INCREF(function);
  PyObject* module = PyObject_Vectorcall(function, args, 5, nullptr);
  Py_DECREF(function);
  return module;
}

namespace {

// Steals nothing; package may be NULL (its name is unknown).
void importFromError(PyObject* module, PyObject* name, PyObject* package) {
  PyObject* path = PyModule_GetFilenameObject(module);
  if (path == nullptr || !PyUnicode_Check(path)) PyErr_Clear();
  PyObject* shown =
      package != nullptr ? Py_NewRef(package) : PyUnicode_FromString("<unknown module name>");
  PyObject* message = nullptr;
  if (shown != nullptr && (path == nullptr || !PyUnicode_Check(path))) {
    message = PyUnicode_FromFormat("cannot import name %R from %R (unknown location)", name, shown);
    Py_CLEAR(path);
  } else if (shown != nullptr) {
    PyObject* spec = PyObject_GetAttr(module, &_Py_ID(__spec__));
    const char* format = _PyModuleSpec_IsInitializing(spec)
                             ? "cannot import name %R from partially initialized module %R (most "
                               "likely due to a circular import) (%S)"
                             : "cannot import name %R from %R (%S)";
    Py_XDECREF(spec);
    message = PyUnicode_FromFormat(format, name, shown, path);
  }
  if (message != nullptr) {
    PyErr_SetImportError(message, package, path);
    PyObject* exc = PyErr_GetRaisedException();
    if (exc != nullptr && PyErr_GivenExceptionMatches(exc, PyExc_ImportError)) {
      PyObject_SetAttrString(exc, "name_from", name);
    }
    PyErr_SetRaisedException(exc);
  }
  Py_XDECREF(message);
  Py_XDECREF(shown);
  Py_XDECREF(path);
}

}  // namespace

PyObject* importFrom(PyThreadState*, PyObject* module, PyObject* name) {
  PyObject* value = nullptr;
  if (lookUpAttribute(module, name, &value) != 0) return value;
  // Perhaps a circular import: the submodule may be in sys.modules already.
  PyObject* package = PyObject_GetAttr(module, &_Py_ID(__name__));
  if (package != nullptr && PyUnicode_Check(package)) {
    PyObject* full = PyUnicode_FromFormat("%U.%U", package, name);
    if (full == nullptr) {
      Py_DECREF(package);
      return nullptr;
    }
    value = PyImport_GetModule(full);
    Py_DECREF(full);
    if (value != nullptr || PyErr_Occurred()) {
      Py_DECREF(package);
      return value;
    }
  } else {
    Py_CLEAR(package);
  }
  PyErr_Clear();
  importFromError(module, name, package);
  Py_XDECREF(package);
  return nullptr;
}

// --- unpacking

namespace {

int tooFew(int argcnt, int argcntafter, int got) {
  if (PyErr_Occurred()) return -1;
  if (argcntafter == -1) {
    PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected %d, got %d)", argcnt,
                 got);
  } else {
    PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected at least %d, got %d)",
                 argcnt + argcntafter, got);
  }
  return -1;
}

// After the items before the star: nothing may be left, or the rest becomes list and tail.
int unpackRest(PyObject* iterator, int argcnt, int argcntafter, PyObject** out) {
  if (argcntafter == -1) {
    PyObject* extra = PyIter_Next(iterator);
    if (extra == nullptr) return PyErr_Occurred() ? -1 : 0;
    Py_DECREF(extra);
    PyErr_Format(PyExc_ValueError, "too many values to unpack (expected %d)", argcnt);
    return -1;
  }
  PyObject* list = PySequence_List(iterator);
  if (list == nullptr) return -1;
  Py_ssize_t length = PyList_GET_SIZE(list);
  if (length < argcntafter) {
    PyErr_Format(PyExc_ValueError, "not enough values to unpack (expected at least %d, got %zd)",
                 argcnt + argcntafter, argcnt + length);
    Py_DECREF(list);
    return -1;
  }
  out[argcnt] = list;
  for (int i = 0; i < argcntafter; i++) {
    out[argcnt + 1 + i] = PyList_GET_ITEM(list, length - argcntafter + i);
  }
  Py_SET_SIZE(list, length - argcntafter);  // the tail's references went to `out`
  return 0;
}

}  // namespace

int unpackIterable(PyThreadState*, PyObject* sequence, int argcnt, int argcntafter,
                   PyObject** out) {
  PyObject* iterator = PyObject_GetIter(sequence);
  if (iterator == nullptr) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) && Py_TYPE(sequence)->tp_iter == nullptr &&
        !PySequence_Check(sequence)) {
      PyErr_Format(PyExc_TypeError, "cannot unpack non-iterable %.200s object",
                   Py_TYPE(sequence)->tp_name);
    }
    return -1;
  }
  int got = 0;
  int result = 0;
  for (; got < argcnt && result == 0; got++) {
    out[got] = PyIter_Next(iterator);
    if (out[got] == nullptr) {
      result = tooFew(argcnt, argcntafter, got);
      break;
    }
  }
  if (result == 0) result = unpackRest(iterator, argcnt, argcntafter, out);
  if (result < 0) {
    while (got > 0) Py_CLEAR(out[--got]);
  }
  Py_DECREF(iterator);
  return result;
}

// --- match statements

}  // namespace tephra::py
