#include "runtime/passing.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "pyver/code_kind.h"
#include "runtime/compiled_function.h"
#include "runtime/helpers.h"
#include "runtime/native_waits.h"
#include "runtime/recursion.h"
#include "runtime/stack_limit.h"
#include "runtime/tools.h"

namespace tephra {
namespace {

PyObject* runBound(PyThreadState* ts, PyFunctionObject* function, PyObject** slots,
                   uint32_t count) {
  if (checkStack() != StackState::kOverflow) return py::interpretBound(ts, function, slots, count);
  for (uint32_t i = 0; i < count; ++i) py::slotReferenceDrop(slots[i]);
  setRecursionError(ts);
  return nullptr;
}

// The callee only borrows; afterwards the caller's part ends in the interpreter's order.
PyObject* callLending(PyObject* callable, vectorcallfunc call, const py::Arguments& args) {
  const size_t nargsf = args.positional | (args.room ? PY_VECTORCALL_ARGUMENTS_OFFSET : 0);
  PyObject* result = call != nullptr
                         ? call(callable, args.values, nargsf, args.kwnames)
                         : PyObject_Vectorcall(callable, args.values, nargsf, args.kwnames);
  py::releaseArguments(args);
  return result;
}

// The Python function that a specialised call of the class enters without C frames in between
// (CALL_ALLOC_AND_ENTER_INIT); null: the call goes through tp_call, which only borrows.
PyFunctionObject* inlinedInit(PyObject* callable, const py::Arguments& args) {
  if (!PyType_Check(callable) || args.kwnames || !args.room) return nullptr;
  auto* cls = reinterpret_cast<PyTypeObject*>(callable);
  if (cls->tp_new != PyBaseObject_Type.tp_new || (cls->tp_flags & Py_TPFLAGS_IS_ABSTRACT))
    return nullptr;
  static PyObject* const name = PyUnicode_InternFromString("__init__");
  PyObject* init = _PyType_Lookup(cls, name);
  if (init == nullptr || !PyFunction_Check(init)) return nullptr;
  auto* function = reinterpret_cast<PyFunctionObject*>(init);
  return py::entersInit(cls, function) ? function : nullptr;
}

PyObject* construct(PyThreadState* ts, PyObject* cls, PyFunctionObject* init, py::Arguments& args) {
  PyObject* self = tephra_new_instance(cls);
  if (self == nullptr) {
    py::releaseArguments(args);
    return nullptr;
  }
  args.prepend(Py_NewRef(self), false);
  Py_INCREF(init);
  PyObject* result = callFunction(ts, init, args);
  Py_DECREF(init);
  const bool done = result != nullptr && tephra_check_init_result(result) == 0;
  Py_XDECREF(result);
  if (done) return self;
  Py_DECREF(self);
  return nullptr;
}

// An instance whose class has a __call__ in Python. The interpreter gets there through C
// (_PyObject_MakeTpCall, slot_tp_call): a tuple and a dict hold what is passed until the call ends,
// and where there are keywords, the array that they are unpacked to, too.
PyObject* callThrough(PyThreadState* ts, PyFunctionObject* method, PyObject* self,
                      const py::Arguments& args) {
  const bool unpacked = args.kwnames != nullptr && PyTuple_GET_SIZE(args.kwnames) != 0;
  py::Arguments given = args;
  given.prepend(Py_NewRef(self), false);
  given.lent = 0;
  for (size_t k = 0; k < args.count(); ++k) Py_INCREF(args.values[k]);  // the callee's
  const Held in_containers(args.values, args.count());
  const Held in_array(given.values, unpacked ? given.count() : 0);
  Py_INCREF(method);
  PyObject* result = callFunction(ts, method, given);
  Py_DECREF(method);
  return result;
}

// Comparing keywords may run Python code, and that may take the compiled code out or give the
// function another one.
PyObject* enterByKeywords(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args,
                          CompiledFunction* compiled, PyObject** slots) {
  PyObject* callable = reinterpret_cast<PyObject*>(function);
  PyObject* code = Py_NewRef(function->func_code);
  const uint32_t count = compiled->total_args;
  bool bound = false;
  {
    NativeWait wait;  // nothing that is taken out ends here
    bound = py::bindArguments(ts, function, args, slots) == 0;
  }
  PyObject* result = nullptr;
  if (bound) {
    const bool taken_out = function->func_code == code && compiledFor(function) != compiled;
    result = taken_out || compiled->suspended ? callInterpreted(callable, slots, count)
                                              : compiled->array_entry(callable, slots);
  }
  Py_DECREF(code);
  return result;
}

// The usual calls (py::bindQuickly). Null: not one of them, and nothing has happened. `good`: else
// an exception is set, and all is dropped.
PyObject** bindUsual(PyFunctionObject* function, const py::Arguments& args, py::QuickBinding* quick,
                     bool* good) {
  if (!py::bindQuickly(function, args.positional, args.kwnames, quick)) return nullptr;
  PyObject* taken[2 * py::kQuickSlots];
  const size_t count = args.count();
  for (size_t k = 0; k < count; ++k) taken[k] = py::slotReference(args.values[k], args.isLent(k));
  *good = py::fillQuickly(function, taken, args.positional, args.kwnames, quick);
  return quick->slots;
}

PyObject* enter(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args,
                CompiledFunction* compiled) {
  PyObject* callable = reinterpret_cast<PyObject*>(function);
  py::QuickBinding quick;
  bool good = false;
  if (PyObject** slots = bindUsual(function, args, &quick, &good))
    return good ? compiled->array_entry(callable, slots) : nullptr;
  Words bound(compiled->total_args);
  if (args.kwnames != nullptr) return enterByKeywords(ts, function, args, compiled, bound.data());
  if (py::bindArguments(ts, function, args, bound.data()) < 0) return nullptr;
  if (compiled->suspended) return callInterpreted(callable, bound.data(), compiled->total_args);
  return compiled->array_entry(callable, bound.data());
}

CrossingHook crossing_hook = nullptr;
uint32_t until_sample = kCrossingsPerSample;

bool isSample() {
  if (--until_sample != 0) return false;
  until_sample = kCrossingsPerSample;
  return crossing_hook != nullptr;
}

void noteCallOut(PyThreadState* ts, PyFunctionObject* function) {
  if (isSample()) crossing_hook(ts, function, Crossing::kIntoInterpreted);
}

}  // namespace

PyObject* callInterpreted(PyObject* function, PyObject** args, int64_t count) {
  PyThreadState* ts = PyThreadState_Get();
  auto* callee = reinterpret_cast<PyFunctionObject*>(function);
  NativeWait wait;
  if (!stackIsLow()) return py::interpretBound(ts, callee, args, static_cast<uint32_t>(count));
  LowStack low(ts, callee);
  if (!low.refused()) return py::interpretBound(ts, callee, args, static_cast<uint32_t>(count));
  dropArguments(args, count);
  return nullptr;
}

void dropArguments(PyObject** args, int64_t count) {
  NativeWait wait;
  PyObject* exception = PyErr_GetRaisedException();
  for (int64_t i = 0; i < count; ++i) py::slotReferenceDrop(args[i]);
  PyErr_SetRaisedException(exception);
}

void setCrossingHook(CrossingHook hook) { crossing_hook = hook; }

PyObject* interpretFunction(PyThreadState* ts, PyFunctionObject* function,
                            const py::Arguments& args) {
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  if (!py::hasOwnLocals(code)) {
    return callLending(reinterpret_cast<PyObject*>(function), py::interpreterVectorcall(), args);
  }
  const uint32_t count = py::parameterCount(code);
  py::QuickBinding quick;
  bool good = false;
  if (PyObject** bound = bindUsual(function, args, &quick, &good))
    return good ? runBound(ts, function, bound, count) : nullptr;
  Words slots(count);
  if (py::bindArguments(ts, function, args, slots.data()) < 0) return nullptr;
  return runBound(ts, function, slots.data(), count);
}

bool isFilled(const PyFunctionObject* function, int64_t count) {
  if (function->vectorcall != py::interpreterVectorcall()) return false;
  const auto* code = reinterpret_cast<const PyCodeObject*>(function->func_code);
  return py::hasOwnLocals(code) && py::hasOnlyPositional(code) && code->co_argcount == count;
}

PyObject* interpretFilled(PyThreadState* ts, PyFunctionObject* function, PyObject** slots,
                          uint32_t count) {
  noteCallOut(ts, function);
  return runBound(ts, function, slots, count);
}

namespace {

// The arguments as a frame's slots hold them.
void toSlots(const py::Arguments& args, PyObject** slots) {
  for (size_t k = 0; k < args.positional; ++k)
    slots[k] = py::slotReference(args.values[k], args.isLent(k));
}

// By compiled code, or in the interpreter, which may have to count.
PyObject* callAnyHow(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  const Callee callee = calleeOf(ts, function);
  switch (callee.way) {
    case Way::kCounted: return countedCall(ts, function, args);
    case Way::kForeign:
      return callLending(reinterpret_cast<PyObject*>(function), function->vectorcall, args);
    case Way::kInterpreted: return interpretFunction(ts, function, args);
    case Way::kCompiled: break;
  }
  return enter(ts, function, args, callee.compiled);
}

}  // namespace

Callee calleeOf(PyThreadState* ts, PyFunctionObject* function) {
  if (isCounted(function)) return {Way::kCounted, nullptr};
  CompiledFunction* compiled = compiledFor(function);
  if (function->vectorcall == py::interpreterVectorcall() &&
      (compiled == nullptr || !adoptCompiled(function))) {
    noteCallOut(ts, function);
    const auto* code = reinterpret_cast<const PyCodeObject*>(function->func_code);
    return {py::hasOwnLocals(code) ? Way::kInterpreted : Way::kForeign, nullptr};
  }
  if (compiled == nullptr || compiled->vectorcall_entry != function->vectorcall)
    return {Way::kForeign, nullptr};
  return {leftToTools(ts, compiled) ? Way::kInterpreted : Way::kCompiled, compiled};
}

PyObject* runCallee(PyThreadState* ts, PyFunctionObject* function, const Callee& callee,
                    PyObject** slots) {
  if (callee.way == Way::kCompiled)
    return callee.compiled->array_entry(reinterpret_cast<PyObject*>(function), slots);
  const auto* code = reinterpret_cast<const PyCodeObject*>(function->func_code);
  return runBound(ts, function, slots, py::parameterCount(code));
}

// First what is most frequent: by position, and nothing is left to bind.
PyObject* callFunction(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  if (args.kwnames != nullptr || args.positional > py::kQuickSlots)
    return callAnyHow(ts, function, args);
  PyObject* slots[py::kQuickSlots];
  CompiledFunction* compiled = compiledFor(function);
  if (isFilled(function, static_cast<int64_t>(args.positional))) {
    if (compiled != nullptr && adoptCompiled(function)) return callAnyHow(ts, function, args);
    toSlots(args, slots);
    return interpretFilled(ts, function, slots, static_cast<uint32_t>(args.positional));
  }
  if (compiled == nullptr || compiled->vectorcall_entry != function->vectorcall ||
      compiled->exact_args != static_cast<int32_t>(args.positional) || leftToTools(ts, compiled)) {
    return callAnyHow(ts, function, args);
  }
  toSlots(args, slots);
  return compiled->array_entry(reinterpret_cast<PyObject*>(function), slots);
}

namespace {

PyObject* enterBound(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args) {
  CompiledFunction* compiled = compiledFor(function);
  const bool enters =
      compiled != nullptr && compiled->array_entry != nullptr && !leftToTools(ts, compiled);
  return enters ? enter(ts, function, args, compiled) : interpretFunction(ts, function, args);
}

// References from the interpreter's stack, or new ones.
void take(PyThreadState* ts, PyObject* callable, PyObject* const* args, size_t count, bool keywords,
          PyObject** taken) {
  if (py::takeFromStack(ts, callable, args, count, keywords, taken)) return;
  for (size_t k = 0; k < count; ++k) taken[k] = Py_NewRef(args[k]);
}

bool isInterpretersCall(PyThreadState* ts, PyObject* callable, PyObject* const* args,
                        size_t positional, PyObject* kwnames) {
  const size_t keywords = kwnames == nullptr ? 0 : static_cast<size_t>(PyTuple_GET_SIZE(kwnames));
  return py::isInterpretersCall(ts, callable, args, positional + keywords, kwnames != nullptr);
}

PyObject* enterByName(PyThreadState* ts, PyFunctionObject* function, CompiledFunction* compiled,
                      PyObject* const* args, size_t positional, PyObject* kwnames) {
  PyObject* callable = reinterpret_cast<PyObject*>(function);
  py::QuickBinding quick;
  if (!py::bindQuickly(function, positional, kwnames, &quick))
    return callTakingOver(callable, args, positional, kwnames, enterBound);
  const size_t keywords = kwnames == nullptr ? 0 : static_cast<size_t>(PyTuple_GET_SIZE(kwnames));
  PyObject* taken[2 * py::kQuickSlots];
  take(ts, callable, args, positional + keywords, kwnames != nullptr, taken);
  const bool filled = py::fillQuickly(function, taken, positional, kwnames, &quick);
  return filled ? compiled->array_entry(callable, quick.slots) : nullptr;
}

}  // namespace

PyObject* enterCompiled(PyObject* callable, PyObject* const* args, size_t nargsf,
                        PyObject* kwnames) {
  PyThreadState* ts = py::threadState();
  if (evaluatesElsewhere(ts)) return callTakingOver(callable, args, nargsf, kwnames, enterBound);
  auto* function = reinterpret_cast<PyFunctionObject*>(callable);
  const auto positional = static_cast<size_t>(PyVectorcall_NARGS(nargsf));
  if (isSample() && isInterpretersCall(ts, callable, args, positional, kwnames))
    crossing_hook(ts, function, Crossing::kIntoCompiled);
  CompiledFunction* compiled = compiledFor(function);
  if (compiled == nullptr || compiled->array_entry == nullptr || leftToTools(ts, compiled))
    return callTakingOver(callable, args, nargsf, kwnames, enterBound);
  if (kwnames == nullptr && static_cast<int32_t>(positional) == compiled->exact_args) {
    PyObject* slots[py::kQuickSlots];
    take(ts, callable, args, positional, false, slots);
    return compiled->array_entry(callable, slots);
  }
  return enterByName(ts, function, compiled, args, positional, kwnames);
}

PyObject* callTakingOver(PyObject* function, PyObject* const* args, size_t nargsf,
                         PyObject* kwnames, FunctionCall call) {
  PyThreadState* ts = py::threadState();
  // Before anything is taken over: the interpreter only lends to such a callee, too.
  if (evaluatesElsewhere(ts)) {
    noteEvaluator();
    return py::interpreterVectorcall()(function, args, nargsf, kwnames);
  }
  py::Arguments given;
  given.positional = static_cast<size_t>(PyVectorcall_NARGS(nargsf));
  given.kwnames = kwnames;
  const size_t count = given.count();
  Words values(count);
  given.values = values.data();
  take(ts, function, args, count, kwnames != nullptr, given.values);
  for (size_t k = 0; k < count; ++k) {
    PyObject*& value = given.values[k];
    const bool lent = py::slotReferenceLent(value);
    value = py::slotReferenceObject(value);
    if (lent && k < kMaxLent)
      given.lent |= uint64_t{1} << k;
    else if (lent)
      Py_INCREF(value);
  }
  return call(ts, reinterpret_cast<PyFunctionObject*>(function), given);
}

PyObject* callObject(PyThreadState* ts, PyObject* callable, bool lent, py::Arguments& args) {
  PyObject* result = nullptr;
  if (PyFunction_Check(callable)) {
    result = callFunction(ts, reinterpret_cast<PyFunctionObject*>(callable), args);
  } else if (PyFunctionObject* init = inlinedInit(callable, args)) {
    result = construct(ts, callable, init, args);
  } else {
    args.callable = lent ? nullptr : callable;
    PyFunctionObject* method = py::callOperator(callable);
    if (method != nullptr && args.room) {
      result = callThrough(ts, method, callable, args);
      py::releaseArguments(args);
      return result;
    }
    return callLending(callable, nullptr, args);
  }
  if (!lent) Py_DECREF(callable);
  return result;
}

}  // namespace tephra
