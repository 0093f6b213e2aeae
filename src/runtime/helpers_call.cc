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

extern "C" PyObject* tephra_call_slow(PyObject* function, void* args, int64_t nargsf,
                                      PyObject* kwnames) {
  return tephra::enterCompiled(function, static_cast<PyObject**>(args), static_cast<size_t>(nargsf),
                               kwnames);
}
