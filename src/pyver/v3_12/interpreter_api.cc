// Purpose: private API of CPython 3.12 under Tephra's names. What libpython hides is written here
// after the interpreter's behaviour, error messages included. Patterns are in a file of their own.
#include "pyver/internal.h"

namespace tephra::py {

bool entersInit(PyTypeObject*, PyFunctionObject*) { return false; }

namespace {

void unboundError(PyObject* type, const char* format, PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  if (text == nullptr) return;
  PyErr_Format(type, format, text);
  if (type != PyExc_NameError) return;
  // Suggestions are made from the exception's `name`.
  PyObject* exc = PyErr_GetRaisedException();
  if (PyErr_GivenExceptionMatches(exc, PyExc_NameError) &&
      reinterpret_cast<PyNameErrorObject*>(exc)->name == nullptr) {
    PyObject_SetAttr(exc, &_Py_ID(name), name);
  }
  PyErr_SetRaisedException(exc);
}

constexpr const char* kUnboundLocal =
    "cannot access local variable '%s' where it is not associated with a value";
constexpr const char* kUnboundFree =
    "cannot access free variable '%s' where it is not associated with a value in enclosing scope";

}  // namespace

// --- names

void unboundLocalError(PyThreadState*, PyCodeObject* code, uint32_t slot) {
  unboundError(PyExc_UnboundLocalError, kUnboundLocal,
               PyTuple_GET_ITEM(code->co_localsplusnames, slot));
}

void unboundDerefError(PyThreadState*, PyCodeObject* code, uint32_t slot) {
  if (PyErr_Occurred()) return;
  PyObject* name = PyTuple_GET_ITEM(code->co_localsplusnames, slot);
  if (static_cast<int>(slot) < code->co_nlocalsplus - code->co_nfreevars) {
    unboundError(PyExc_UnboundLocalError, kUnboundLocal, name);
  } else {
    unboundError(PyExc_NameError, kUnboundFree, name);
  }
}

void nameError(PyThreadState*, PyObject* name) {
  unboundError(PyExc_NameError, "name '%.200s' is not defined", name);
}

// --- attributes

int lookUpAttribute(PyObject* object, PyObject* name, PyObject** value) {
  return _PyObject_LookupAttr(object, name, value);
}

namespace {

// The first class after `type` in the method resolution order of self's class that has `name`: new
// reference, or NULL with or without an exception.
PyObject* findAfter(PyTypeObject* type, PyObject* self, PyObject* name) {
  PyObject* mro = Py_XNewRef(Py_TYPE(self)->tp_mro);
  if (mro == nullptr) return nullptr;
  Py_ssize_t count = PyTuple_GET_SIZE(mro);
  Py_ssize_t i = 0;
  while (i + 1 < count && PyTuple_GET_ITEM(mro, i) != reinterpret_cast<PyObject*>(type)) i++;
  PyObject* found = nullptr;
  for (i++; i < count && found == nullptr && !PyErr_Occurred(); i++) {
    PyObject* dict = PyType_GetDict(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i)));
    found = Py_XNewRef(PyDict_GetItemWithError(dict, name));
    Py_DECREF(dict);
  }
  Py_DECREF(mro);
  return found;
}

}  // namespace

PyObject* superLookup(PyTypeObject* type, PyObject* self, PyObject* name, int* method) {
  bool of_class =
      PyType_Check(self) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(self), type);
  if (!of_class && PyType_IsSubtype(Py_TYPE(self), type)) {
    PyObject* found = findAfter(type, self, name);
    if (found != nullptr && method != nullptr &&
        PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
      *method = 1;
      return found;
    }
    if (found != nullptr) {
      descrgetfunc get = Py_TYPE(found)->tp_descr_get;
      if (get == nullptr) return found;
      PyObject* bound = get(found, self, reinterpret_cast<PyObject*>(Py_TYPE(self)));
      Py_DECREF(found);
      return bound;
    }
    if (PyErr_Occurred()) return nullptr;
  } else if (self == Py_None && !of_class) {
    // super(type, None) makes an unbound super object; the lookup without an object, which is what
    // a specialised LOAD_SUPER_ATTR does, takes None for an instance like any other.
    PyErr_SetString(PyExc_TypeError,
                    "super(type, obj): obj must be an instance or subtype of type");
    return nullptr;
  }
  // Class methods, __class__ proxies, wrong arguments, attributes of super itself: a real super
  // object.
  PyObject* args[] = {reinterpret_cast<PyObject*>(type), self};
  PyObject* proxy =
      PyObject_Vectorcall(reinterpret_cast<PyObject*>(&PySuper_Type), args, 2, nullptr);
  if (proxy == nullptr) return nullptr;
  PyObject* result = PyObject_GetAttr(proxy, name);
  Py_DECREF(proxy);
  return result;
}

// --- intrinsics

namespace {

PyObject* printExpression(PyObject* value) {
  PyObject* hook = PySys_GetObject("displayhook");  // borrowed
  if (hook == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "lost sys.displayhook");
    return nullptr;
  }
  Py_INCREF(hook);
  PyObject* result = PyObject_CallOneArg(hook, value);
  Py_DECREF(hook);
  return result;
}

}  // namespace

// The decoder refuses the kinds that only class, module and type scopes and generators use.
PyObject* intrinsic1(PyThreadState*, PyObject* value, int kind) {
  switch (kind) {
    case INTRINSIC_PRINT: return printExpression(value);
    case INTRINSIC_UNARY_POSITIVE: return PyNumber_Positive(value);
    case INTRINSIC_LIST_TO_TUPLE: return PyList_AsTuple(value);
    default:
      PyErr_Format(PyExc_SystemError, "intrinsic function %d is left to the interpreter", kind);
      return nullptr;
  }
}

PyObject* intrinsic2(PyThreadState*, PyObject* first, PyObject* second, int kind) {
  if (kind == INTRINSIC_PREP_RERAISE_STAR) return _PyExc_PrepReraiseStar(first, second);
  PyErr_Format(PyExc_SystemError, "binary intrinsic function %d is left to the interpreter", kind);
  return nullptr;
}

// --- functions and exceptions

void formatKwargsError(PyThreadState*, PyObject* callable, PyObject* kwargs) {
  if (PyErr_ExceptionMatches(PyExc_AttributeError)) {  // no keys(): not a mapping
    PyErr_Clear();
    PyObject* text = _PyObject_FunctionStr(callable);
    if (text != nullptr) {
      PyErr_Format(PyExc_TypeError, "%U argument after ** must be a mapping, not %.200s", text,
                   Py_TYPE(kwargs)->tp_name);
      Py_DECREF(text);
    }
  } else if (PyErr_ExceptionMatches(PyExc_KeyError)) {  // a duplicate
    PyObject* exc = PyErr_GetRaisedException();
    PyObject* args = reinterpret_cast<PyBaseExceptionObject*>(exc)->args;
    if (args == nullptr || !PyTuple_Check(args) || PyTuple_GET_SIZE(args) != 1) {
      PyErr_SetRaisedException(exc);
      return;
    }
    PyObject* text = _PyObject_FunctionStr(callable);
    if (text != nullptr) {
      PyErr_Format(PyExc_TypeError, "%U got multiple values for keyword argument '%S'", text,
                   PyTuple_GET_ITEM(args, 0));
      Py_DECREF(text);
    }
    Py_DECREF(exc);
  }
}

int checkExceptType(PyThreadState*, PyObject* type) {
  bool valid = true;
  if (PyTuple_Check(type)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type) && valid; i++) {
      valid = PyExceptionClass_Check(PyTuple_GET_ITEM(type, i));
    }
  } else {
    valid = PyExceptionClass_Check(type);
  }
  if (valid) return 0;
  PyErr_SetString(PyExc_TypeError,
                  "catching classes that do not inherit from BaseException is not allowed");
  return -1;
}

}  // namespace tephra::py
