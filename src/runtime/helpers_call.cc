// Helpers for calls. The callee's result is checked exactly where the interpreter checks it:
// PyObject_Vectorcall and PyObject_Call check, direct calls of C functions do not.
#include "runtime/helpers.h"

#include <utility>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/native_waits.h"
#include "runtime/passing.h"
#include "runtime/recursion.h"

namespace py = tephra::py;

namespace {

void release(PyObject* object, bool lent) {
  if (!lent) Py_XDECREF(object);
}

// A bound method is taken apart, as CALL does; `args` has room for self.
PyObject* callMethod(PyThreadState* ts, PyObject* method, bool lent, py::Arguments& args) {
  PyObject* function = Py_NewRef(PyMethod_GET_FUNCTION(method));
  args.prepend(Py_NewRef(PyMethod_GET_SELF(method)), false);
  release(method, lent);
  return tephra::callObject(ts, function, false, args);
}

// kwargs behind the positional values; false: they are not what a frame can be made for, and the
// interpreter says so.
bool takeKeywords(PyObject* kwargs, PyObject** values, PyObject** names) {
  *names = PyTuple_New(PyDict_GET_SIZE(kwargs));
  if (*names == nullptr) return false;
  PyObject *key, *value;
  Py_ssize_t done = 0;
  for (Py_ssize_t at = 0; PyDict_Next(kwargs, &at, &key, &value) && PyUnicode_Check(key);) {
    PyTuple_SET_ITEM(*names, done, Py_NewRef(key));
    values[done++] = Py_NewRef(value);
  }
  if (done == PyDict_GET_SIZE(kwargs)) return true;
  while (done > 0) Py_DECREF(values[--done]);
  Py_CLEAR(*names);
  return false;
}

// CALL_FUNCTION_EX of a Python function: tuple and dict are gone before its body runs. Consumes the
// references of both; false: nothing is done, as the dict is not one that a frame can be made for.
bool callUnpacked(PyThreadState* ts, PyObject* function, PyObject* tuple, PyObject* kwargs,
                  PyObject** result) {
  if (kwargs != nullptr && !PyDict_CheckExact(kwargs)) return false;
  const auto positional = static_cast<size_t>(PyTuple_GET_SIZE(tuple));
  const Py_ssize_t keywords = kwargs == nullptr ? 0 : PyDict_GET_SIZE(kwargs);
  tephra::Words values(positional + static_cast<size_t>(keywords));
  py::Arguments given;
  given.values = values.data();
  given.positional = positional;
  if (keywords != 0 && !takeKeywords(kwargs, values.data() + positional, &given.kwnames)) {
    PyErr_Clear();
    return false;
  }
  for (size_t i = 0; i < positional; ++i)
    given.values[i] = Py_NewRef(PyTuple_GET_ITEM(tuple, static_cast<Py_ssize_t>(i)));
  Py_DECREF(tuple);
  Py_XDECREF(kwargs);
  *result = tephra::callFunction(ts, reinterpret_cast<PyFunctionObject*>(function), given);
  Py_XDECREF(given.kwnames);
  return true;
}

}  // namespace

namespace {

// `args` has room for self.
PyObject* callConsuming(PyThreadState* ts, PyObject* callable, bool lent, py::Arguments& args) {
  if (PyMethod_Check(callable)) return callMethod(ts, callable, lent, args);
  return tephra::callObject(ts, callable, lent, args);
}

}  // namespace

extern "C" PyObject* tephra_call_plain(PyThreadState* ts, PyObject* callable, void* arguments,
                                       int64_t count, PyObject* kwnames, int64_t lent) {
  const Py_ssize_t names = kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames);
  py::Arguments args{static_cast<PyObject**>(arguments), static_cast<size_t>(count - names),
                     kwnames, static_cast<uint64_t>(lent) >> 1, true};
  return callConsuming(ts, callable, (lent & 1) != 0, args);
}

extern "C" PyObject* tephra_call_passed(PyThreadState* ts, void* operands, int64_t count,
                                        PyObject* kwnames, int64_t lent) {
  auto** words = static_cast<PyObject**>(operands);
  PyObject *callable = words[0], *self = words[1];
  bool callable_lent = (lent & 1) != 0, self_lent = (lent & 2) != 0;
  const Py_ssize_t names = kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames);
  py::Arguments args{words + 2, static_cast<size_t>(count - names), kwnames,
                     static_cast<uint64_t>(lent) >> 2, true};
  if (self == nullptr) return callConsuming(ts, callable, callable_lent, args);
  if (py::pyLayout().method_null_first) {  // the slots as a method look-up leaves them
    std::swap(callable, self);
    std::swap(callable_lent, self_lent);
  }
  args.prepend(self, self_lent);
  return tephra::callObject(ts, callable, callable_lent, args);
}

extern "C" PyObject* tephra_call_ex(PyThreadState* ts, PyObject* callable, PyObject* args,
                                    PyObject* kwargs, int64_t lent) {
  PyObject* tuple = py::callArguments(ts, callable, args);
  release(args, (lent & 1) != 0);
  if ((lent & 2) != 0) Py_XINCREF(kwargs);
  PyObject* result = nullptr;
  if (tuple != nullptr && PyFunction_Check(callable) &&
      callUnpacked(ts, callable, tuple, kwargs, &result))
    return result;
  if (tuple != nullptr) result = PyObject_Call(callable, tuple, kwargs);
  Py_XDECREF(tuple);
  Py_XDECREF(kwargs);
  return result;
}

// METH_NOARGS and METH_O count as C recursion in the interpreter, METH_FASTCALL does not.
extern "C" PyObject* tephra_call_builtin_noargs(PyThreadState*, void* function, PyObject* self) {
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result = reinterpret_cast<PyCFunction>(function)(self, nullptr);
  Py_LeaveRecursiveCall();
  return result;
}

extern "C" PyObject* tephra_call_builtin_o(PyThreadState*, void* function, PyObject* self,
                                           PyObject* argument) {
  if (Py_EnterRecursiveCall(" while calling a Python object")) return nullptr;
  PyObject* result = reinterpret_cast<PyCFunction>(function)(self, argument);
  Py_LeaveRecursiveCall();
  return result;
}

extern "C" PyObject* tephra_call_builtin_fast(PyThreadState*, void* function, PyObject* self,
                                              void* args, int64_t count) {
  using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
  return reinterpret_cast<Fast>(function)(self, static_cast<PyObject**>(args), count);
}

extern "C" PyObject* tephra_call_builtin_fast_kw(PyThreadState*, void* function, PyObject* self,
                                                 void* args, int64_t positional,
                                                 PyObject* kwnames) {
  using FastKw = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
  return reinterpret_cast<FastKw>(function)(self, static_cast<PyObject**>(args), positional,
                                            kwnames);
}

extern "C" PyObject* tephra_call_uncompiled(PyObject* function, void* args, int64_t count) {
  auto** references = static_cast<PyObject**>(args);
  auto* callee = reinterpret_cast<PyFunctionObject*>(function);
  if (tephra::isFilled(callee, count)) {
    return tephra::interpretFilled(PyThreadState_Get(), callee, references,
                                   static_cast<uint32_t>(count));
  }
  py::Arguments given;
  given.positional = static_cast<size_t>(count);
  std::vector<PyObject*> values(references, references + count);
  for (size_t k = 0; k < values.size(); ++k) {
    if (!py::slotReferenceLent(values[k])) continue;
    values[k] = py::slotReferenceObject(values[k]);
    if (k < tephra::kMaxLent)
      given.lent |= uint64_t{1} << k;
    else
      Py_INCREF(values[k]);
  }
  given.values = values.data();
  return tephra::callFunction(PyThreadState_Get(), callee, given);
}

extern "C" PyObject* tephra_call_interpreted(PyObject* function, void* args, int64_t count) {
  PyThreadState* ts = PyThreadState_Get();
  auto** bound = static_cast<PyObject**>(args);
  auto* callee = reinterpret_cast<PyFunctionObject*>(function);
  tephra::NativeWait wait;
  if (!tephra::stackIsLow())
    return py::interpretBound(ts, callee, bound, static_cast<uint32_t>(count));
  tephra::LowStack low(ts, callee);
  if (!low.refused()) return py::interpretBound(ts, callee, bound, static_cast<uint32_t>(count));
  tephra_drop_arguments(args, count);
  return nullptr;
}

extern "C" void tephra_drop_arguments(void* args, int64_t count) {
  auto** references = static_cast<PyObject**>(args);
  tephra::NativeWait wait;
  PyObject* exception = PyErr_GetRaisedException();
  for (int64_t i = 0; i < count; ++i) py::slotReferenceDrop(references[i]);
  PyErr_SetRaisedException(exception);
}

extern "C" PyObject* tephra_call_slow(PyObject* function, void* args, int64_t nargsf,
                                      PyObject* kwnames) {
  return tephra::enterCompiled(function, static_cast<PyObject**>(args), static_cast<size_t>(nargsf),
                               kwnames);
}
