// Purpose: the layout of the running build: what has one name in every version; the rest comes from
// v3_XX/layout.cc.
#include "pyver/internal.h"

namespace tephra::py {

namespace {

PyLayout g_layout;
Hidden g_hidden;

uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

void fillObjects(PyLayout* l) {
  l->ob_refcnt = 0;
  l->ob_type = offsetof(PyObject, ob_type);
  l->ob_size = offsetof(PyVarObject, ob_size);
  l->long_tag = offsetof(PyLongObject, long_value.lv_tag);
  l->long_digit = offsetof(PyLongObject, long_value.ob_digit);
  l->float_value = offsetof(PyFloatObject, ob_fval);
  l->list_items = offsetof(PyListObject, ob_item);
  l->tuple_items = offsetof(PyTupleObject, ob_item);
  l->cell_value = offsetof(PyCellObject, ob_ref);
  l->dict_keys = offsetof(PyDictObject, ma_keys);
  l->keys_version = offsetof(PyDictKeysObject, dk_version);
  l->keys_log2_index_bytes = offsetof(PyDictKeysObject, dk_log2_index_bytes);
  l->keys_entries = offsetof(PyDictKeysObject, dk_indices);
  l->unicode_entry_size = sizeof(PyDictUnicodeEntry);
  l->unicode_entry_value = offsetof(PyDictUnicodeEntry, me_value);
  l->module_dict = offsetof(PyModuleObject, md_dict);
  l->function_code = offsetof(PyFunctionObject, func_code);
  l->function_defaults = offsetof(PyFunctionObject, func_defaults);
  l->function_closure = offsetof(PyFunctionObject, func_closure);
  l->function_globals = offsetof(PyFunctionObject, func_globals);
  l->function_builtins = offsetof(PyFunctionObject, func_builtins);
  l->function_vectorcall = offsetof(PyFunctionObject, vectorcall);
  l->function_version = offsetof(PyFunctionObject, func_version);
  l->type_version_tag = offsetof(PyTypeObject, tp_version_tag);
  l->type_flags = offsetof(PyTypeObject, tp_flags);
  l->type_basicsize = offsetof(PyTypeObject, tp_basicsize);
  l->type_cached_keys = offsetof(PyHeapTypeObject, ht_cached_keys);
  l->range_iter_start = offsetof(_PyRangeIterObject, start);
  l->range_iter_step = offsetof(_PyRangeIterObject, step);
  l->range_iter_len = offsetof(_PyRangeIterObject, len);
  l->list_iter_index = offsetof(_PyListIterObject, it_index);
  l->list_iter_seq = offsetof(_PyListIterObject, it_seq);
  l->tuple_iter_index = offsetof(_PyTupleIterObject, it_index);
  l->tuple_iter_seq = offsetof(_PyTupleIterObject, it_seq);
}

void fillFrameAndThread(PyLayout* l) {
  l->frame_previous = offsetof(Frame, previous);
  l->frame_func = offsetof(Frame, f_funcobj);
  l->frame_globals = offsetof(Frame, f_globals);
  l->frame_builtins = offsetof(Frame, f_builtins);
  l->frame_locals = offsetof(Frame, f_locals);
  l->frame_frame_obj = offsetof(Frame, frame_obj);
  l->frame_return_offset = offsetof(Frame, return_offset);
  l->frame_owner = offsetof(Frame, owner);
  l->frame_localsplus = offsetof(Frame, localsplus);
  l->frame_owner_thread = FRAME_OWNED_BY_THREAD;
  l->ts_py_recursion_remaining = offsetof(PyThreadState, py_recursion_remaining);
  l->ts_current_exception = offsetof(PyThreadState, current_exception);
  l->ts_exc_info = offsetof(PyThreadState, exc_info);
  l->ts_datastack_top = offsetof(PyThreadState, datastack_top);
  l->ts_datastack_limit = offsetof(PyThreadState, datastack_limit);
  l->ts_datastack_chunk = offsetof(PyThreadState, datastack_chunk);
  l->ts_interp = offsetof(PyThreadState, interp);
  l->interp_eval_frame = offsetof(PyInterpreterState, eval_frame);
  l->code_instrumentation_version = offsetof(PyCodeObject, _co_instrumentation_version);
  l->code_bytecode = offsetof(PyCodeObject, co_code_adaptive);
  l->code_unit_size = sizeof(_Py_CODEUNIT);
}

void fillAddresses(PyLayout* l) {
  l->interp = address(PyInterpreterState_Main());
  l->py_true = address(Py_True);
  l->py_false = address(Py_False);
  l->py_none = address(Py_None);
  PyObject* lowest = PyLong_FromLong(-5);  // immortal
  PyObject* next = PyLong_FromLong(-4);
  l->small_ints = address(lowest);
  l->small_int_size = static_cast<int32_t>(address(next) - address(lowest));
  l->int_type = address(&PyLong_Type);
  l->float_type = address(&PyFloat_Type);
  l->bool_type = address(&PyBool_Type);
  l->str_type = address(&PyUnicode_Type);
  l->list_type = address(&PyList_Type);
  l->tuple_type = address(&PyTuple_Type);
  l->dict_type = address(&PyDict_Type);
  l->set_type = address(&PySet_Type);
  l->frozenset_type = address(&PyFrozenSet_Type);
  l->bytes_type = address(&PyBytes_Type);
  l->none_type = address(Py_TYPE(Py_None));
  l->type_type = address(&PyType_Type);
  l->function_type = address(&PyFunction_Type);
  l->builtin_type = address(&PyCFunction_Type);
  l->method_descr_type = address(&PyMethodDescr_Type);
  l->slice_type = address(&PySlice_Type);
  l->range_type = address(&PyRange_Type);
  l->range_iter_type = address(&PyRangeIter_Type);
  l->list_iter_type = address(&PyListIter_Type);
  l->tuple_iter_type = address(&PyTupleIter_Type);
  l->cell_type = address(&PyCell_Type);
  l->module_type = address(&PyModule_Type);
  l->bound_method_type = address(&PyMethod_Type);
}

// A class that defines the methods gets the slots that call them.
void findSlots(Hidden* found) {
  PyObject* type = PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "s(){sOsO}",
                                         "probe", "__call__", Py_None, "__getattr__", Py_None);
  if (type == nullptr) return PyErr_Clear();
  found->call_slot = reinterpret_cast<PyTypeObject*>(type)->tp_call;
  found->getattr_slot = reinterpret_cast<PyTypeObject*>(type)->tp_getattro;
  Py_DECREF(type);
}

// The public way is asked, too.
void findClassmethodFunction(Hidden* found) {
  PyObject* probe = PyClassMethod_New(Py_None);
  PyObject* function = probe != nullptr ? PyObject_GetAttrString(probe, "__func__") : nullptr;
  found->classmethod_function_first = function == Py_None && firstMember(probe) == Py_None;
  Py_XDECREF(function);
  Py_XDECREF(probe);
  PyErr_Clear();
}

}  // namespace

const Hidden& hidden() { return g_hidden; }
const PyLayout& pyLayout() { return g_layout; }
PyLayout& mutablePyLayout() { return g_layout; }

const char* expectedVersion() {
  return Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION);
}

// Any final release will do: the internal structures are frozen, or, where patch releases have
// changed some, those that differ from the headers show in checkVersionLayout().
bool microVersionsAgree() {
  constexpr unsigned long kMicro = 0xFFFF, kBuilt = PY_VERSION_HEX;  // micro, level, serial
  return (Py_Version & ~kMicro) == (kBuilt & ~kMicro) && (Py_Version & 0xF0) == 0xF0;
}

void checkPrivateSymbols(std::vector<std::string>* problems) {
#define TEPHRA_CHECK_SYMBOL(name)                                              \
  reportIf(problems, reinterpret_cast<const volatile void*>(&name) == nullptr, \
           "the interpreter lacks " #name);
  TEPHRA_PRIVATE_SYMBOLS(TEPHRA_CHECK_SYMBOL)
#undef TEPHRA_CHECK_SYMBOL
}

bool initialize() {
  g_layout.version = expectedVersion();
  fillObjects(&g_layout);
  fillFrameAndThread(&g_layout);
  fillAddresses(&g_layout);
  fillVersionLayout(&g_layout);
  findSlots(&g_hidden);
  findClassmethodFunction(&g_hidden);
  return interpreterVectorcall() != nullptr;
}

void visitAllObjects(gcvisitobjects_t visit, void* argument) {
  PyUnstable_GC_VisitObjects(visit, argument);
  PyGC_Head* head = &threadState()->interp->gc.permanent_generation.head;
  for (PyGC_Head* at = _PyGCHead_NEXT(head); at != head; at = _PyGCHead_NEXT(at)) {
    if (visit(reinterpret_cast<PyObject*>(at + 1), argument) == 0) return;
  }
}

void forgetObjects(bool alive) {
  forgetAttributes(alive);
  forgetTypes(alive);
}

}  // namespace tephra::py
