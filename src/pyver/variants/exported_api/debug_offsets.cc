// Purpose: the layout compared with the offsets that the running interpreter publishes
// (_Py_DebugOffsets).
#include "pyver/internal.h"

namespace tephra::py {

namespace {

using Problems = std::vector<std::string>;

void same(Problems* problems, uint64_t theirs, uint64_t ours, const char* what) {
  reportIf(problems, theirs != ours,
           std::string(what) + ": the interpreter says " + std::to_string(theirs) +
               ", the headers say " + std::to_string(ours));
}

// Templates: each version's table has some fields more.
template <typename Offsets>
void compareFrameAndThread(Problems* p, const Offsets& d) {
  same(p, d.interpreter_frame.size, sizeof(Frame), "sizeof(_PyInterpreterFrame)");
  same(p, d.interpreter_frame.previous, offsetof(Frame, previous), "frame.previous");
  same(p, d.interpreter_frame.executable, offsetof(Frame, f_executable), "frame.f_executable");
  same(p, d.interpreter_frame.instr_ptr, offsetof(Frame, instr_ptr), "frame.instr_ptr");
  same(p, d.interpreter_frame.localsplus, offsetof(Frame, localsplus), "frame.localsplus");
  same(p, d.interpreter_frame.owner, offsetof(Frame, owner), "frame.owner");
  if constexpr (requires { d.interpreter_frame.stackpointer; }) {
    same(p, d.interpreter_frame.stackpointer, static_cast<uint64_t>(pyLayout().frame_stack),
         "frame.stackpointer");
  }
  same(p, d.thread_state.size, sizeof(PyThreadState), "sizeof(PyThreadState)");
  same(p, d.thread_state.interp, offsetof(PyThreadState, interp), "tstate.interp");
  same(p, d.thread_state.current_frame, offsetof(PyThreadState, current_frame),
       "tstate.current_frame");
  same(p, d.thread_state.datastack_chunk, offsetof(PyThreadState, datastack_chunk),
       "tstate.datastack_chunk");
  if constexpr (requires { d.debugger_support; }) {
    same(p, d.debugger_support.eval_breaker, offsetof(PyThreadState, eval_breaker),
         "tstate.eval_breaker");
  }
  same(p, d.interpreter_state.size, sizeof(PyInterpreterState), "sizeof(PyInterpreterState)");
  same(p, d.interpreter_state.ceval_gil, offsetof(PyInterpreterState, ceval.gil), "interp.gil");
  same(p, d.interpreter_state.builtins, offsetof(PyInterpreterState, builtins), "interp.builtins");
  if constexpr (requires { d.gen_object; }) {
    same(p, d.gen_object.gi_iframe, offsetof(PyGenObject, gi_iframe), "generator.gi_iframe");
  }
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
