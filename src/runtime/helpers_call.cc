// Helpers for calls. The callee's result is checked exactly where the interpreter checks it:
// PyObject_Vectorcall and PyObject_Call check, direct calls of C functions do not.
#include "runtime/helpers.h"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/compiled_function.h"
#include "runtime/recursion.h"

namespace py = tephra::py;

namespace {

PyObject* vectorcall(PyThreadState* ts, PyObject* callable, PyObject** args, size_t nargsf,
                     PyObject* kwnames) {
  // A Python function that the interpreter runs costs native stack, which the interpreter would
  // not need for the same call: watch the stack itself instead of counting.
  if (!PyFunction_Check(callable)) return PyObject_Vectorcall(callable, args, nargsf, kwnames);
  // What runs is compiled code or the interpreter: nothing that needs its result checked.
  auto* function = reinterpret_cast<PyFunctionObject*>(callable);
  if (!tephra::entersInterpreter(callable)) {
    return function->vectorcall(callable, args, nargsf, kwnames);
  }
  tephra::NativeRecursion recursion(ts);
  if (recursion.refused()) return nullptr;
  return function->vectorcall(callable, args, nargsf, kwnames);
}

size_t withFreeSlot(int64_t positional) {
  return static_cast<size_t>(positional) | PY_VECTORCALL_ARGUMENTS_OFFSET;
}

PyObject* callWithSelf(PyThreadState* ts, PyObject* callable, PyObject* self, PyObject** args,
                       int64_t positional, PyObject* kwnames) {
  if (self == nullptr) return vectorcall(ts, callable, args, withFreeSlot(positional), kwnames);
  args[-1] = self;
  return vectorcall(ts, callable, args - 1, static_cast<size_t>(positional) + 1, kwnames);
}

}  // namespace

extern "C" PyObject* tephra_call_vector(PyThreadState* ts, PyObject* callable, void* args,
                                        int64_t positional, PyObject* kwnames) {
  return vectorcall(ts, callable, static_cast<PyObject**>(args), withFreeSlot(positional), kwnames);
}

extern "C" PyObject* tephra_call_maybe_method(PyThreadState* ts, PyObject* callable, PyObject* self,
                                              void* args, int64_t positional, PyObject* kwnames) {
  // The slots as a method lookup leaves them.
  if (self != nullptr && py::pyLayout().method_null_first) std::swap(callable, self);
  return callWithSelf(ts, callable, self, static_cast<PyObject**>(args), positional, kwnames);
}

extern "C" PyObject* tephra_call_kw(PyThreadState* ts, PyObject* callable, PyObject* self,
                                    PyObject* names, void* args, int64_t count) {
  return callWithSelf(ts, callable, self, static_cast<PyObject**>(args),
                      count - PyTuple_GET_SIZE(names), names);
}

extern "C" PyObject* tephra_call_ex(PyThreadState* ts, PyObject* callable, PyObject* args,
                                    PyObject* kwargs) {
  if (!tephra::entersInterpreter(callable)) return py::callEx(ts, callable, args, kwargs);
  tephra::NativeRecursion recursion(ts);
  return recursion.refused() ? nullptr : py::callEx(ts, callable, args, kwargs);
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
  return vectorcall(PyThreadState_Get(), function, static_cast<PyObject**>(args),
                    static_cast<size_t>(count), nullptr);
}

// The opposite of bindArguments: positional parameters, *args, then keyword-only ones and **kwargs.
extern "C" PyObject* tephra_call_interpreted(PyObject* function, void* args, int64_t count) {
  PyObject** bound = static_cast<PyObject**>(args);
  auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  const int positional = code->co_argcount, keyword_only = code->co_kwonlyargcount;
  int next = positional + keyword_only;
  std::vector<PyObject*> values(bound, bound + positional);
  if (code->co_flags & CO_VARARGS) {
    PyObject* rest = bound[next++];
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(rest); ++i)
      values.push_back(PyTuple_GET_ITEM(rest, i));
  }
  const size_t nargs = values.size();
  std::vector<PyObject*> names;
  PyObject* locals = PyObject_GetAttrString(reinterpret_cast<PyObject*>(code), "co_varnames");
  if (locals == nullptr) return nullptr;
  for (int i = positional; i < positional + keyword_only; ++i) {
    names.push_back(PyTuple_GET_ITEM(locals, i));
    values.push_back(bound[i]);
  }
  if (code->co_flags & CO_VARKEYWORDS) {
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(bound[next], &at, &key, &value);) {
      names.push_back(key);
      values.push_back(value);
    }
  }
  PyObject* kwnames = names.empty() ? nullptr : PyTuple_New(static_cast<Py_ssize_t>(names.size()));
  PyObject* result = nullptr;
  if (names.empty() || kwnames != nullptr) {
    for (size_t i = 0; i < names.size(); ++i) {
      PyTuple_SET_ITEM(kwnames, static_cast<Py_ssize_t>(i), Py_NewRef(names[i]));
    }
    result =
        tephra::stackIsLow()
            ? tephra::callWithLowStack(PyThreadState_Get(), function, values.data(), nargs, kwnames)
            : py::interpreterVectorcall()(function, values.data(), nargs, kwnames);
  }
  Py_XDECREF(kwnames);
  Py_DECREF(locals);
  static_cast<void>(count);
  return result;
}

extern "C" PyObject* tephra_call_slow(PyObject* function, void* args, int64_t nargsf,
                                      PyObject* kwnames) {
  PyObject** values = static_cast<PyObject**>(args);
  tephra::CompiledFunction* compiled = tephra::compiledFor(function);
  if (compiled == nullptr || compiled->array_entry == nullptr) {
    return py::interpreterVectorcall()(function, values, static_cast<size_t>(nargsf), kwnames);
  }
  constexpr size_t kFew = 16;
  std::array<PyObject*, kFew> few;
  std::unique_ptr<PyObject*[]> many;
  PyObject** bound = few.data();
  const uint32_t total = compiled->total_args;
  if (total > kFew) {
    many = std::make_unique<PyObject*[]>(total);
    bound = many.get();
  }
  if (py::bindArguments(PyThreadState_Get(), reinterpret_cast<PyFunctionObject*>(function), values,
                        static_cast<size_t>(PyVectorcall_NARGS(static_cast<size_t>(nargsf))),
                        kwnames, bound) < 0) {
    return nullptr;
  }
  PyObject* result = compiled->array_entry(function, bound);
  for (uint32_t i = 0; i < total; ++i) Py_XDECREF(bound[i]);
  return result;
}
