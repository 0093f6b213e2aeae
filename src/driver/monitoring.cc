#include "driver/monitoring.h"

#include <cstring>
#include <set>
#include <utility>

#include "driver/install.h"

namespace tephra::driver {
namespace {

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);

constexpr int kTools = 6;  // those that sys.monitoring.get_events knows
constexpr long kCall = 1 << 4;

struct Monitoring {
  PyObject* get_events = nullptr;
  long call_events = kCall;                                       // CALL, C_RETURN, C_RAISE
  std::set<std::pair<PyCodeObject*, long>> local;                 // (code, tool) with such events
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
  if (!self().local.empty()) return true;
  for (int tool = 0; tool < kTools; ++tool) {
    PyObject* events = PyObject_CallFunction(self().get_events, "i", tool);
    const long bits = events ? PyLong_AsLong(events) : 0;
    Py_XDECREF(events);
    if (PyErr_Occurred()) PyErr_Clear();
    if (bits > 0 && (bits & self().call_events)) return true;
  }
  return false;
}

// After a change of events. Gives the result of the change.
PyObject* changed(PyObject* result) {
  if (result && inMainInterpreter()) suspendFunctions(anyCallEvents());
  return result;
}

PyObject* setEvents(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
  return changed(self().set_events(module, args, nargs));
}

PyObject* setLocalEvents(PyObject* module, PyObject* const* args, Py_ssize_t nargs) {
  PyObject* result = self().set_local_events(module, args, nargs);
  if (!result || !inMainInterpreter()) return result;
  const long tool = PyLong_AsLong(args[0]);
  const long events = PyLong_AsLong(args[2]);
  std::pair<PyCodeObject*, long> place(reinterpret_cast<PyCodeObject*>(args[1]), tool);
  if (events & self().call_events) {
    self().local.insert(place);
  } else {
    self().local.erase(place);
  }
  return changed(result);
}

void forgetTool(PyObject* id) {
  const long tool = PyLong_AsLong(id);
  std::erase_if(self().local, [&](const auto& place) { return place.second == tool; });
}

PyObject* freeToolId(PyObject* module, PyObject* id) {
  PyObject* result = self().free_tool_id(module, id);
  if (result && inMainInterpreter()) forgetTool(id);
  return changed(result);
}

PyObject* clearToolId(PyObject* module, PyObject* id) {
  PyObject* result = self().clear_tool_id(module, id);
  if (result && inMainInterpreter()) forgetTool(id);
  return changed(result);
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
  self().get_events = PyObject_GetAttrString(module, "get_events");
  PyObject* events = PyObject_GetAttrString(module, "events");
  PyErr_Clear();
  self().call_events = kCall | bitOf(events, "C_RETURN") | bitOf(events, "C_RAISE");
  Py_XDECREF(events);
  if (!self().get_events || self().set_events) return;
  self().set_events = replace(module, "set_events", METH_FASTCALL, &setEvents);
  self().set_local_events = replace(module, "set_local_events", METH_FASTCALL, &setLocalEvents);
  self().free_tool_id = replace(module, "free_tool_id", METH_O, &freeToolId);
  self().clear_tool_id = replace(module, "clear_tool_id", METH_O, &clearToolId);
}

void endMonitoring() {
  Py_CLEAR(self().get_events);
  self().local.clear();
}

void forgetMonitoredCode(PyCodeObject* code) {
  if (self().local.empty()) return;
  std::erase_if(self().local, [&](const auto& place) { return place.first == code; });
}

}  // namespace tephra::driver
