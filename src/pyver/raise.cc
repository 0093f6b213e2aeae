// Purpose: raise statements and the handled exception.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

// "raise Class" makes an instance. New reference or NULL.
PyObject* instantiate(PyObject* type) {
  PyObject* value = PyObject_CallNoArgs(type);
  if (value != nullptr && !PyExceptionInstance_Check(value)) {
    PyErr_Format(PyExc_TypeError,
                 "calling %R should have returned an instance of BaseException, not %R", type,
                 Py_TYPE(value));
    Py_CLEAR(value);
  }
  return value;
}

bool attachCause(PyObject* value, PyObject* cause) {
  PyObject* fixed = nullptr;
  if (PyExceptionClass_Check(cause)) {
    fixed = kChecksCauseInstance ? instantiate(cause) : PyObject_CallNoArgs(cause);
    if (fixed == nullptr) return false;
  } else if (PyExceptionInstance_Check(cause)) {
    fixed = Py_NewRef(cause);
  } else if (cause != Py_None) {
    PyErr_SetString(PyExc_TypeError, "exception causes must derive from BaseException");
    return false;
  }
  PyException_SetCause(value, fixed);  // steals
  return true;
}

}  // namespace

bool doRaise(PyThreadState* ts, PyObject* exc, PyObject* cause) {
  if (exc == nullptr) {
    PyObject* handled = nullptr;
    for (_PyErr_StackItem* item = ts->exc_info; item != nullptr; item = item->previous_item) {
      handled = item->exc_value;
      if (handled != nullptr && handled != Py_None) break;
    }
    if (handled == nullptr || handled == Py_None) {
      PyErr_SetString(PyExc_RuntimeError, "No active exception to reraise");
      return false;
    }
    PyErr_SetRaisedException(Py_NewRef(handled));
    return true;
  }
  PyObject* value = nullptr;
  if (PyExceptionClass_Check(exc)) {
    value = instantiate(exc);
    if (value == nullptr) return false;
  } else if (PyExceptionInstance_Check(exc)) {
    value = Py_NewRef(exc);
  } else {
    PyErr_SetString(PyExc_TypeError, "exceptions must derive from BaseException");
    return false;
  }
  if (cause == nullptr || attachCause(value, cause)) {
    // The type is the class that was named, where one was: it only serves the context chaining.
    PyErr_SetObject(PyExceptionClass_Check(exc) ? exc : PyExceptionInstance_Class(value), value);
  }
  Py_DECREF(value);
  return false;
}

PyObject* handledException(PyThreadState* ts) { return ts->exc_info->exc_value; }

void setHandledException(PyThreadState* ts, PyObject* exc) {
  if (exc == Py_None) Py_CLEAR(exc);
  PyObject* old = ts->exc_info->exc_value;
  ts->exc_info->exc_value = exc;
  Py_XDECREF(old);
}

}  // namespace tephra::py
