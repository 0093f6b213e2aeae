// Helpers for names and attributes. Each does what the interpreter's unspecialised instruction
// does, messages included.
#include "runtime/helpers.h"
#include "runtime/passing.h"

namespace py = tephra::py;

namespace {

// What a method lookup leaves on the value stack: the slot that is never NULL is the result, the
// other one goes to `other`.
PyObject* methodSlots(PyObject* callable, PyObject* self, PyObject** other) {
  if (callable == nullptr) return nullptr;
  if (self == nullptr || !py::pyLayout().method_null_first) {
    *other = self;
    return callable;
  }
  *other = callable;
  return self;
}

// slot_tp_getattr_hook behind a look-up that found nothing.
PyObject* callGetattr(PyObject* object, PyObject* name, PyObject* hook) {
  PyObject* values[] = {Py_NewRef(object), Py_NewRef(name)};
  py::Arguments args{values, 2};
  Py_INCREF(hook);
  PyObject* result =
      tephra::callFunction(py::threadState(), reinterpret_cast<PyFunctionObject*>(hook), args);
  Py_DECREF(hook);
  if (result == nullptr) py::nameAttribute(object, name);
  return result;
}

}  // namespace

extern "C" PyObject* tephra_load_global(_PyInterpreterFrame* frame, PyObject* name) {
  return py::loadGlobal(PyThreadState_Get(), frame->f_globals, frame->f_builtins, name);
}

extern "C" int64_t tephra_store_global(_PyInterpreterFrame* frame, PyObject* value,
                                       PyObject* name) {
  return PyDict_SetItem(frame->f_globals, name, value);
}

extern "C" int64_t tephra_delete_global(_PyInterpreterFrame* frame, PyObject* name) {
  return py::deleteGlobal(PyThreadState_Get(), frame->f_globals, name);
}

extern "C" PyObject* tephra_load_attr(PyObject* object, PyObject* name) {
  PyObject* hook = nullptr;
  PyObject* value = py::loadAttr(object, name, &hook);
  return hook == nullptr ? value : callGetattr(object, name, hook);
}

extern "C" int64_t tephra_store_attr(PyObject* object, PyObject* value, PyObject* name) {
  return py::storeAttr(object, name, value);
}

extern "C" int64_t tephra_delete_attr(PyObject* object, PyObject* name) {
  return PyObject_SetAttr(object, name, nullptr);
}

extern "C" PyObject* tephra_load_method(PyObject* object, PyObject* name, void* out) {
  PyObject *self = nullptr, *hook = nullptr;
  PyObject* callable = py::getMethod(object, name, &self, &hook);
  if (hook != nullptr) callable = callGetattr(object, name, hook);
  return methodSlots(callable, self, static_cast<PyObject**>(out));
}

extern "C" PyObject* tephra_load_super_attr(PyThreadState* ts, PyObject* super, PyObject* type,
                                            PyObject* self, PyObject* name, int64_t two_arg) {
  return py::loadSuperAttr(ts, super, type, self, name, two_arg != 0);
}

extern "C" PyObject* tephra_load_super_method(PyThreadState* ts, PyObject* super, PyObject* type,
                                              PyObject* self, PyObject* name, int64_t two_arg,
                                              void* out) {
  PyObject* bound = nullptr;
  PyObject* callable = py::loadSuperMethod(ts, super, type, self, name, two_arg != 0, &bound);
  return methodSlots(callable, bound, static_cast<PyObject**>(out));
}

extern "C" PyObject* tephra_load_special(PyThreadState* ts, PyObject* owner, int64_t kind,
                                         void* out) {
  return py::loadSpecial(ts, owner, static_cast<int>(kind), static_cast<PyObject**>(out));
}

extern "C" PyObject* tephra_before_with(PyThreadState* ts, PyObject* manager, void* out) {
  return py::beforeWith(ts, manager, static_cast<PyObject**>(out));
}

extern "C" PyObject* tephra_load_build_class(PyThreadState* ts, _PyInterpreterFrame* frame) {
  return py::loadBuildClass(ts, frame->f_builtins);
}

extern "C" PyObject* tephra_import_name(PyThreadState* ts, _PyInterpreterFrame* frame,
                                        PyObject* level, PyObject* fromlist, PyObject* name) {
  return py::importName(ts, frame, name, fromlist, level);
}

extern "C" PyObject* tephra_import_from(PyThreadState* ts, PyObject* module, PyObject* name) {
  return py::importFrom(ts, module, name);
}

extern "C" void tephra_store_inline_value_first(PyObject* object, PyObject* value, int64_t index,
                                                PyObject* name) {
  py::storeInlineValueFirst(object, value, static_cast<uint32_t>(index), name);
}
