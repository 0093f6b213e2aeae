#include "driver/monitoring.h"

#include <cstring>

#include "driver/local_events.h"
#include "driver/placing.h"

namespace tephra::driver {
namespace {

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);

constexpr int kTools = 6;  // those that sys.monitoring.get_events knows

struct Monitoring {
  PyObject* get_events = nullptr;
  long call_events = kCallEvent;                                  // CALL, C_RETURN, C_RAISE
  FastFunction set_events = nullptr, set_local_events = nullptr;  // the originals
  PyCFunction free_tool_id = nullptr, clear_tool_id = nullptr;
};

Monitoring& self() {
  static auto* only = new Monitoring;
  return *only;
}

// The method definitions are shared by all interpreters, of later ones too; the JIT works in one.
bool inMainInterpreter() {
  return self().get_events && PyInterpreterState_Get() == PyInterpreterState_Main();
}

bool anyCallEvents() {
  if (anyLocalCallEvents()) return true;
  for (int tool = 0; tool < kTools; ++tool) {
    PyObject* events = PyObject_CallFunction(self().get_events, "i", tool);
    const long bits = events ? PyLong_AsLong(events) : 0;
    Py_XDECREF(events);
    if (PyErr_Occurred()) PyErr_Clear();
    if (bits > 0 && (bits & self().call_events)) return true;
  }
  return false;
}

// After a change of the code's own events: it says itself which there are now.
bool localEventsChanged(PyCodeObject* code) {
  const bool calls_before = anyLocalCallEvents();
  const uint32_t events = py::localEvents(code);
  noteLocalEvents(code, events);
  const bool done = suspendCode(code, events != 0);
  if (calls_before != anyLocalCallEvents())
    suspendFunctions(Suspension::kCallEvents, anyCallEvents());
  return done;
}

int resume(void*) {
  suspendFunctions(Suspension::kCallEvents, anyCallEvents());
  return 0;
}

PyObject* setEvents(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
  PyObject* result = self().set_events(module, args, nargs);
  if (!result || !inMainInterpreter()) return result;
  suspendFunctions(Suspension::kCallEvents, anyCallEvents());
  pollTools();
  return result;
}

PyObject* setLocalEvents(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
  PyObject* result = self().set_local_events(module, args, nargs);
  if (!result || !inMainInterpreter()) return result;
  auto* code = reinterpret_cast<PyCodeObject*>(args[1]);
  if (!localEventsChanged(code)) {
    Py_DECREF(result);
    return PyErr_NoMemory();
  }
  if (!knowsLocalEvents(code)) pollTools();
  return result;
}

// A tool id was freed. Whether that ends its local events depends on the version of CPython.
PyObject* toolChanged(PyObject* result) {
  if (!result || !inMainInterpreter()) return result;
  for (PyCodeObject* code : codesWithLocalEvents()) localEventsChanged(code);  // events only go
  suspendFunctions(Suspension::kCallEvents, anyCallEvents());
  pollTools();
  return result;
}

PyObject* freeToolId(PyObject* module, PyObject* id) {
  return toolChanged(self().free_tool_id(module, id));
}

PyObject* clearToolId(PyObject* module, PyObject* id) {
  return toolChanged(self().clear_tool_id(module, id));
}

// Puts `ours` in the place of a function of the module, which must take its arguments as `flags`
// say; gives the original, nullptr where there is no such function.
template <class Function>
Function replace(PyObject* module, const char* name, int flags, Function ours) {
  PyObject* function = PyObject_GetAttrString(module, name);
  Function original = nullptr;
  if (function && PyCFunction_CheckExact(function)) {
    PyMethodDef* definition = reinterpret_cast<PyCFunctionObject*>(function)->m_ml;
    if (definition->ml_flags == flags) {
      std::memcpy(&original, &definition->ml_meth, sizeof original);
      std::memcpy(&definition->ml_meth, &ours, sizeof ours);
    }
  }
  PyErr_Clear();
  Py_XDECREF(function);  // the module keeps it
  return original;
}

long bitOf(PyObject* events, const char* name) {
  PyObject* value = events ? PyObject_GetAttrString(events, name) : nullptr;
  const long bit = value ? PyLong_AsLong(value) : 0;
  Py_XDECREF(value);
  PyErr_Clear();
  return bit > 0 ? bit : 0;
}

}  // namespace

void initMonitoring() {
  PyObject* module = PySys_GetObject("monitoring");  // borrowed
  if (!module || self().get_events) return;
  initLocalEvents(resume);
  self().get_events = PyObject_GetAttrString(module, "get_events");
  PyObject* events = PyObject_GetAttrString(module, "events");
  PyErr_Clear();
  self().call_events = kCallEvent | bitOf(events, "C_RETURN") | bitOf(events, "C_RAISE");
  Py_XDECREF(events);
  if (!self().get_events) return;
  if (!self().set_events) {  // else a former interpreter's life has left ours in place
    self().set_events = replace(module, "set_events", METH_FASTCALL, &setEvents);
    self().set_local_events = replace(module, "set_local_events", METH_FASTCALL, &setLocalEvents);
    self().free_tool_id = replace(module, "free_tool_id", METH_O, &freeToolId);
    self().clear_tool_id = replace(module, "clear_tool_id", METH_O, &clearToolId);
  }
  suspendFunctions(Suspension::kCallEvents, anyCallEvents());
}

void endMonitoring() {
  Py_CLEAR(self().get_events);
  forgetAllLocalEvents();
}

}  // namespace tephra::driver
