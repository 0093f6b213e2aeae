// CALL_FUNCTION_EX: callable(*args, **kwargs). A Python function, or a method made of one, is bound
// straight from the tuple and the dict, without the array and the tuple of names in between.
#include <algorithm>

#include "runtime/compiled_function.h"
#include "runtime/helpers.h"
#include "runtime/passing.h"

namespace py = tephra::py;

namespace {

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

// A Python function whose binding has more to do: tuple and dict are gone before its body runs.
// Consumes the references of both; false: nothing is done, as the dict is not one that a frame can
// be made for.
bool callByNames(PyThreadState* ts, PyObject* function, PyObject* tuple, PyObject* kwargs,
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

// What the instruction has: `lent` ones are the caller's.
struct Given {
  PyObject *callable, *args, *kwargs;
  bool args_lent, kwargs_lent;
  bool unmerged;  // kwargs is a dict of the caller's own, not the call's

  void release() const {  // in the order in which a call's arguments go
    PyObject* values[] = {args, kwargs};
    const uint64_t lent = uint64_t{args_lent} | uint64_t{kwargs_lent} << 1;
    py::releaseArguments(
        {.values = values, .positional = kwargs == nullptr ? 1U : 2U, .lent = lent});
  }
};

bool isSpare(PyObject* object, bool lent) { return !lent && object && Py_REFCNT(object) == 1; }

// Where there are keywords, the array that they are unpacked to holds all but self
// (_PyStack_UnpackDict), and the merged dict the keywords' values.
PyObject* runMethod(PyThreadState* ts, const Given& given, const tephra::Callee& callee,
                    PyObject** slots) {
  auto* function = reinterpret_cast<PyFunctionObject*>(PyMethod_GET_FUNCTION(given.callable));
  if (given.kwargs == nullptr || PyDict_GET_SIZE(given.kwargs) == 0)
    return tephra::runCallee(ts, function, callee, slots);
  const auto items = static_cast<size_t>(PyTuple_GET_SIZE(given.args));
  const auto keywords = static_cast<size_t>(PyDict_GET_SIZE(given.kwargs));
  tephra::Words array(items + keywords);
  PyObject** values =
      std::copy_n(reinterpret_cast<PyTupleObject*>(given.args)->ob_item, items, array.data());
  PyObject *keyword, *value, **end = values;
  for (Py_ssize_t at = 0; PyDict_Next(given.kwargs, &at, &keyword, &value);) *end++ = value;
  const tephra::Held in_dict(values, given.unmerged ? keywords : 0);
  const tephra::Held in_array(array.data(), items + keywords);
  return tephra::runCallee(ts, function, callee, slots);
}

// The usual calls. Behind a function's binding tuple and dict are gone, as in the interpreter; a
// method is called through C there, which keeps all of them to the end. False: nothing is done.
bool callQuickly(PyThreadState* ts, const Given& given, PyObject** result) {
  const bool method = PyMethod_Check(given.callable);
  PyObject* target = method ? PyMethod_GET_FUNCTION(given.callable) : given.callable;
  if (!PyFunction_Check(target) || !PyTuple_CheckExact(given.args)) return false;
  if (given.kwargs != nullptr && !PyDict_CheckExact(given.kwargs)) return false;
  auto* function = reinterpret_cast<PyFunctionObject*>(target);
  const tephra::Callee callee = tephra::calleeOf(ts, function);
  if (callee.way != tephra::Way::kCompiled && callee.way != tephra::Way::kInterpreted) return false;
  py::Unpacked unpacked{.tuple = given.args, .dict = given.kwargs};
  if (method) {
    unpacked.self = PyMethod_GET_SELF(given.callable);
  } else {
    unpacked.tuple_is_spare = isSpare(given.args, given.args_lent);
    unpacked.dict_is_spare = !given.unmerged && isSpare(given.kwargs, given.kwargs_lent);
  }
  PyObject* slots[py::kQuickSlots];
  if (!py::bindUnpacked(function, unpacked, slots)) return false;
  if (!method) {
    given.release();
    *result = tephra::runCallee(ts, function, callee, slots);
    return true;
  }
  *result = runMethod(ts, given, callee, slots);
  given.release();
  return true;
}

// kwargs becomes the call's own.
bool merge(Given* given) {
  PyObject* merged = PyDict_New();
  const bool good = merged != nullptr && PyDict_Update(merged, given->kwargs) == 0;
  if (!good) Py_CLEAR(merged);
  if (!given->kwargs_lent) Py_DECREF(given->kwargs);
  given->kwargs = merged;
  given->kwargs_lent = given->unmerged = false;
  return good;
}

}  // namespace

extern "C" PyObject* tephra_call_ex(PyThreadState* ts, PyObject* callable, PyObject* args,
                                    PyObject* kwargs, int64_t flags) {
  Given given{callable, args, kwargs, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
  PyObject* result = nullptr;
  if (callQuickly(ts, given, &result)) return result;
  PyObject* tuple = nullptr;
  if (!given.unmerged || merge(&given)) tuple = py::callArguments(ts, callable, args);
  if (!given.args_lent) Py_DECREF(args);
  if (given.kwargs_lent) Py_XINCREF(given.kwargs);
  given = {callable, tuple, given.kwargs, false, false, false};
  if (tuple != nullptr && PyFunction_Check(callable) &&
      callByNames(ts, callable, tuple, given.kwargs, &result))
    return result;
  if (tuple == nullptr) return Py_XDECREF(given.kwargs), nullptr;
  result = PyObject_Call(callable, tuple, given.kwargs);
  given.release();
  return result;
}
