// Purpose: what is particular to CPython 3.14's layout, and the comparison with the offsets that
// the running interpreter publishes (_Py_DebugOffsets).
#include "pyver/internal.h"

namespace tephra::py {

const char* expectedVersion() { return "3.14"; }

// Patch releases of 3.14 have changed structures (collector, thread state). Those that differ from
// the headers show in the table of offsets that selfTest() compares, which includes all sizes.
bool microVersionsAgree(unsigned long running, unsigned long built) {
  constexpr unsigned long kMicro = 0xFFFF;
  return (running & ~kMicro) == (built & ~kMicro) && (running & 0xF0) == 0xF0;
}

void fillVersionLayout(PyLayout* l) {
  l->version = "3.14";
  l->frame_holds_stack_refs = true;
  l->stack_pointer_is_pointer = true;
  l->eval_breaker_in_tstate = true;
  l->inline_values = true;
  l->locals_cleared_backwards = true;
  l->inputs_released_from_top = true;
  l->has_ref_tracer = true;

  l->values_pointer = MANAGED_DICT_OFFSET;
  l->values_first = offsetof(PyDictValues, values);
  l->values_valid = offsetof(PyDictValues, valid);
  l->frame_code = offsetof(Frame, f_executable);
  l->frame_instr = offsetof(Frame, instr_ptr);
  l->frame_stack = offsetof(Frame, stackpointer);
  // A bit field in debug builds; the byte after `owner` in all.
  l->frame_visited = offsetof(Frame, owner) + 1;
  l->ts_current_frame = offsetof(PyThreadState, current_frame);
  l->ts_eval_breaker = offsetof(PyThreadState, eval_breaker);
  l->incref_immortal_min = static_cast<uint32_t>(_Py_IMMORTAL_INITIAL_REFCNT) - 1;
}

namespace {

using Problems = std::vector<std::string>;

void same(Problems* problems, uint64_t theirs, uint64_t ours, const char* what) {
  reportIf(problems, theirs != ours,
           std::string(what) + ": the interpreter says " + std::to_string(theirs) +
               ", the headers say " + std::to_string(ours));
}

void compareFrameAndThread(Problems* p, const _Py_DebugOffsets& d) {
  same(p, d.interpreter_frame.size, sizeof(Frame), "sizeof(_PyInterpreterFrame)");
  same(p, d.interpreter_frame.previous, offsetof(Frame, previous), "frame.previous");
  same(p, d.interpreter_frame.executable, offsetof(Frame, f_executable), "frame.f_executable");
  same(p, d.interpreter_frame.instr_ptr, offsetof(Frame, instr_ptr), "frame.instr_ptr");
  same(p, d.interpreter_frame.localsplus, offsetof(Frame, localsplus), "frame.localsplus");
  same(p, d.interpreter_frame.owner, offsetof(Frame, owner), "frame.owner");
  same(p, d.interpreter_frame.stackpointer, offsetof(Frame, stackpointer), "frame.stackpointer");
  same(p, d.thread_state.size, sizeof(PyThreadState), "sizeof(PyThreadState)");
  same(p, d.thread_state.interp, offsetof(PyThreadState, interp), "tstate.interp");
  same(p, d.thread_state.current_frame, offsetof(PyThreadState, current_frame),
       "tstate.current_frame");
  same(p, d.thread_state.datastack_chunk, offsetof(PyThreadState, datastack_chunk),
       "tstate.datastack_chunk");
  same(p, d.debugger_support.eval_breaker, offsetof(PyThreadState, eval_breaker),
       "tstate.eval_breaker");
  same(p, d.interpreter_state.size, sizeof(PyInterpreterState), "sizeof(PyInterpreterState)");
  same(p, d.interpreter_state.ceval_gil, offsetof(PyInterpreterState, ceval.gil), "interp.gil");
  same(p, d.interpreter_state.builtins, offsetof(PyInterpreterState, builtins), "interp.builtins");
  same(p, d.gen_object.gi_iframe, offsetof(PyGenObject, gi_iframe), "generator.gi_iframe");
}

void compareObjects(Problems* p, const _Py_DebugOffsets& d) {
  same(p, d.code_object.size, sizeof(PyCodeObject), "sizeof(PyCodeObject)");
  same(p, d.code_object.co_code_adaptive, offsetof(PyCodeObject, co_code_adaptive),
       "code.co_code_adaptive");
  same(p, d.code_object.argcount, offsetof(PyCodeObject, co_argcount), "code.co_argcount");
  same(p, d.code_object.localsplusnames, offsetof(PyCodeObject, co_localsplusnames),
       "code.co_localsplusnames");
  same(p, d.code_object.localspluskinds, offsetof(PyCodeObject, co_localspluskinds),
       "code.co_localspluskinds");
  same(p, d.pyobject.ob_type, offsetof(PyObject, ob_type), "object.ob_type");
  same(p, d.type_object.size, sizeof(PyTypeObject), "sizeof(PyTypeObject)");
  same(p, d.type_object.tp_flags, offsetof(PyTypeObject, tp_flags), "type.tp_flags");
  same(p, d.tuple_object.ob_item, offsetof(PyTupleObject, ob_item), "tuple.ob_item");
  same(p, d.list_object.ob_item, offsetof(PyListObject, ob_item), "list.ob_item");
  same(p, d.dict_object.ma_keys, offsetof(PyDictObject, ma_keys), "dict.ma_keys");
  same(p, d.dict_object.ma_values, offsetof(PyDictObject, ma_values), "dict.ma_values");
  same(p, d.float_object.ob_fval, offsetof(PyFloatObject, ob_fval), "float.ob_fval");
  same(p, d.long_object.lv_tag, offsetof(PyLongObject, long_value.lv_tag), "int.lv_tag");
  same(p, d.long_object.ob_digit, offsetof(PyLongObject, long_value.ob_digit), "int.ob_digit");
}

}  // namespace

void checkPrivateSymbols(std::vector<std::string>* problems) {
#define TEPHRA_CHECK_SYMBOL(name)                                              \
  reportIf(problems, reinterpret_cast<const volatile void*>(&name) == nullptr, \
           "the interpreter lacks " #name);
  TEPHRA_PRIVATE_SYMBOLS(TEPHRA_CHECK_SYMBOL)
#undef TEPHRA_CHECK_SYMBOL
}

void checkVersionLayout(Problems* problems) {
  const _Py_DebugOffsets& d = _PyRuntime.debug_offsets;
  if (reportIf(problems, memcmp(d.cookie, _Py_Debug_Cookie, 8) != 0,
               "_PyRuntime carries no table of offsets")) {
    return;
  }
  reportIf(problems, d.free_threaded != 0, "free-threaded build");
  compareFrameAndThread(problems, d);
  compareObjects(problems, d);
}

}  // namespace tephra::py
