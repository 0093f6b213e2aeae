// Purpose: argument binding as the interpreter does it (initialize_locals). Success is done here;
// every failure is handed to the interpreter's own vectorcall with the same arguments, which fails
// in the same place with its exact message (suggestions included) and never gets to run the body.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

enum class Bound { kYes, kRaised, kMisfit };  // kMisfit: the interpreter is to say why not

struct Binder {
  PyFunctionObject* func;
  PyCodeObject* code;
  PyObject** slots;
  Py_ssize_t positional, keyword_slots, total;
  PyObject* kwdict = nullptr;  // borrowed from its slot

  Binder(PyFunctionObject* f, PyObject** s)
      : func(f), code(reinterpret_cast<PyCodeObject*>(f->func_code)), slots(s) {
    positional = code->co_argcount;
    keyword_slots = positional + code->co_kwonlyargcount;
    total = keyword_slots + ((code->co_flags & CO_VARARGS) ? 1 : 0) +
            ((code->co_flags & CO_VARKEYWORDS) ? 1 : 0);
  }

  void release() {
    for (Py_ssize_t i = 0; i < total; i++) Py_CLEAR(slots[i]);
  }

  Bound bindPositional(PyObject* const* args, Py_ssize_t nargs) {
    Py_ssize_t taken = nargs < positional ? nargs : positional;
    for (Py_ssize_t i = 0; i < taken; i++) slots[i] = Py_NewRef(args[i]);
    if (code->co_flags & CO_VARARGS) {
      for (Py_ssize_t i = taken; i < nargs; i++) Py_INCREF(args[i]);
      slots[keyword_slots] = buildTuple(args + taken, nargs - taken);
      if (slots[keyword_slots] == nullptr) {
        for (Py_ssize_t i = taken; i < nargs; i++) Py_DECREF(args[i]);
        return Bound::kRaised;
      }
    }
    return Bound::kYes;
  }

  // The slot that `keyword` names, -1 = none, -2 = comparing raised.
  Py_ssize_t findSlot(PyObject* keyword) {
    PyObject** names = reinterpret_cast<PyTupleObject*>(code->co_localsplusnames)->ob_item;
    for (Py_ssize_t i = code->co_posonlyargcount; i < keyword_slots; i++) {
      if (names[i] == keyword) return i;
    }
    for (Py_ssize_t i = code->co_posonlyargcount; i < keyword_slots; i++) {
      int same = PyObject_RichCompareBool(keyword, names[i], Py_EQ);
      if (same > 0) return i;
      if (same < 0) return -2;
    }
    return -1;
  }

  Bound bindKeywords(PyObject* const* values, PyObject* kwnames) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
      PyObject* keyword = PyTuple_GET_ITEM(kwnames, i);
      if (!PyUnicode_Check(keyword)) return Bound::kMisfit;
      Py_ssize_t slot = findSlot(keyword);
      if (slot == -2) return Bound::kRaised;
      if (slot >= 0) {
        if (slots[slot] != nullptr) return Bound::kMisfit;  // multiple values
        slots[slot] = Py_NewRef(values[i]);
      } else {
        if (kwdict == nullptr) return Bound::kMisfit;
        if (PyDict_SetItem(kwdict, keyword, values[i]) < 0) return Bound::kRaised;
      }
    }
    return Bound::kYes;
  }

  Bound bindDefaults() {
    PyObject* defaults = func->func_defaults;
    Py_ssize_t count = defaults != nullptr ? PyTuple_GET_SIZE(defaults) : 0;
    Py_ssize_t required = positional - count;
    for (Py_ssize_t i = 0; i < positional; i++) {
      if (slots[i] != nullptr) continue;
      if (i < required) return Bound::kMisfit;
      slots[i] = Py_NewRef(PyTuple_GET_ITEM(defaults, i - required));
    }
    for (Py_ssize_t i = positional; i < keyword_slots; i++) {
      if (slots[i] != nullptr) continue;
      if (func->func_kwdefaults == nullptr) return Bound::kMisfit;
      PyObject* value = PyDict_GetItemWithError(func->func_kwdefaults,
                                                PyTuple_GET_ITEM(code->co_localsplusnames, i));
      if (value == nullptr) return PyErr_Occurred() ? Bound::kRaised : Bound::kMisfit;
      slots[i] = Py_NewRef(value);
    }
    return Bound::kYes;
  }

  Bound bind(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    if (code->co_flags & CO_VARKEYWORDS) {
      kwdict = PyDict_New();
      if (kwdict == nullptr) return Bound::kRaised;
      slots[total - 1] = kwdict;
    }
    Bound result = bindPositional(args, nargs);
    if (result == Bound::kYes && kwnames != nullptr) result = bindKeywords(args + nargs, kwnames);
    if (result != Bound::kYes) return result;
    if (nargs > positional && !(code->co_flags & CO_VARARGS)) return Bound::kMisfit;
    return bindDefaults();
  }
};

// Positional arguments, and defaults for the last parameters: by far the most frequent.
bool bindPlain(PyFunctionObject* func, PyObject* const* args, Py_ssize_t nargs, PyObject** slots) {
  auto* code = reinterpret_cast<PyCodeObject*>(func->func_code);
  PyObject* defaults = func->func_defaults;
  const Py_ssize_t count = defaults != nullptr ? PyTuple_GET_SIZE(defaults) : 0;
  const Py_ssize_t missing = code->co_argcount - nargs;
  const bool plain = code->co_kwonlyargcount == 0 &&
                     (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0 && missing >= 0 &&
                     missing <= count;
  if (!plain) return false;
  for (Py_ssize_t i = 0; i < nargs; i++) slots[i] = Py_NewRef(args[i]);
  for (Py_ssize_t i = 0; i < missing; i++) {
    slots[nargs + i] = Py_NewRef(PyTuple_GET_ITEM(defaults, count - missing + i));
  }
  return true;
}

}  // namespace

int bindArguments(PyThreadState*, PyFunctionObject* func, PyObject* const* args, size_t nargs,
                  PyObject* kwnames, PyObject** slots) {
  if (kwnames == nullptr && bindPlain(func, args, static_cast<Py_ssize_t>(nargs), slots)) return 0;
  Binder binder(func, slots);
  for (Py_ssize_t i = 0; i < binder.total; i++) slots[i] = nullptr;
  Bound bound = binder.bind(args, static_cast<Py_ssize_t>(nargs), kwnames);
  if (bound == Bound::kYes) return 0;
  binder.release();
  if (bound == Bound::kMisfit) {
    PyObject* result =
        interpreterVectorcall()(reinterpret_cast<PyObject*>(func), args, nargs, kwnames);
    if (result != nullptr) {  // only if comparing keywords has side effects
      Py_DECREF(result);
      PyErr_SetString(PyExc_SystemError, "Tephra and CPython disagree about arguments");
    }
  }
  return -1;
}

}  // namespace tephra::py
