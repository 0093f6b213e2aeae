// The extension module tephra._tephra: thin wrappers around the driver; arguments are validated and
// documented in python/tephra/jit.py.
#include "pyver/contract.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "driver/compile.h"
#include "driver/counts.h"
#include "driver/function_tables.h"
#include "driver/heat.h"
#include "driver/install.h"
#include "driver/jit.h"
#include "driver/lifecycle.h"
#include "driver/placing.h"
#include "driver/sampler.h"
#include "runtime/stats.h"

namespace tephra::driver {
namespace {

PyFunctionObject* asFunction(PyObject* object) {
  if (PyMethod_Check(object)) object = PyMethod_GET_FUNCTION(object);
  if (!PyFunction_Check(object)) {
    PyErr_Format(PyExc_TypeError, "expected a Python function, got %.200s",
                 Py_TYPE(object)->tp_name);
    return nullptr;
  }
  return reinterpret_cast<PyFunctionObject*>(object);
}

CodeState* stateOfFunction(PyFunctionObject* function) {
  return findState(reinterpret_cast<PyCodeObject*>(function->func_code));
}

PyObject* text(const std::string& value) {
  return PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace");
}

// The list of make(item), a new reference, for all items; NULL with an exception when one fails.
template <typename Items, typename Make>
PyObject* listOf(const Items& items, Make make) {
  PyObject* list = PyList_New(0);
  for (const auto& each : items) {
    PyObject* item = list != nullptr ? make(each) : nullptr;
    if (item == nullptr || PyList_Append(list, item) < 0) Py_CLEAR(list);
    Py_XDECREF(item);
    if (list == nullptr) return nullptr;
  }
  return list;
}

// Sets dict[key] and gives up the reference of value. False: an exception is set.
bool put(PyObject* dict, const char* key, PyObject* value) {
  bool ok = value && PyDict_SetItemString(dict, key, value) == 0;
  Py_XDECREF(value);
  return ok;
}

PyObject* offReasonFunction(PyObject*, PyObject*) { return text(offReason()); }

PyObject* selfTest(PyObject*, PyObject*) { return listOf(py::selfTest(), text); }

// The code memory is older than the options that are read from the environment.
void applyCodeLimit() {
  if (jit().memory) jit().memory->setMaxCodeSize(static_cast<size_t>(jit().options.max_code_size));
}

// An exception that says why a function was not compiled; NULL.
PyObject* notCompiled(const Bailout& bailout) {
  PyErr_Format(PyExc_RuntimeError, "%s%s%s", bailoutText(bailout.reason),
               bailout.detail.empty() ? "" : " ", bailout.detail.c_str());
  return nullptr;
}

PyObject* setOptionFunction(PyObject*, PyObject* args) {
  const char* name;
  PyObject* value = nullptr;  // bytes: a path need not be UTF-8
  if (!PyArg_ParseTuple(args, "sO&", &name, PyUnicode_FSConverter, &value)) return nullptr;
  std::string error = setOption(&jit().options, name, PyBytes_AS_STRING(value));
  Py_DECREF(value);
  if (!error.empty()) return text(error);
  if (std::string_view(name) == "max-code-size") applyCodeLimit();
  Py_RETURN_NONE;
}

PyObject* optionsFunction(PyObject*, PyObject*) {
  static const char* kKinds[] = {"bool", "int", "str", "list"};
  return listOf(optionTable(), [](const OptionInfo& info) {
    std::string value = optionValue(jit().options, info.name);
    return Py_BuildValue("(sssssN)", info.name, kKinds[static_cast<int>(info.kind)], info.fallback,
                         info.choices, info.doc, PyUnicode_DecodeFSDefault(value.c_str()));
  });
}

// In sampled mode the sampler runs, in others it does not.
void sampleIfWanted() {
  const Jit& now = jit();
  if (!now.enabled || !now.automatic || !now.sampled) return stopSampler();
  jit().policy.setBudget(static_cast<uint32_t>(now.options.budget));
  const auto period = static_cast<uint64_t>(now.options.sample_us) * 1000;
  const char* problem = startSampler(chargeSample, period);
  if (*problem == 0) return;
  jit().enabled = false;
  jit().off_reason = problem;
}

PyObject* enable(PyObject*, PyObject*) {
  if (offReason().empty()) {
    jit().enabled = true;
    jit().paused = false;
    watchExistingFunctions();
    sampleIfWanted();
  }
  Py_RETURN_NONE;
}

PyObject* disable(PyObject*, PyObject* deopt_all) {
  int all = PyObject_IsTrue(deopt_all);
  if (all < 0) return nullptr;
  jit().enabled = false;
  sampleIfWanted();
  unwatchAll(all != 0);
  Py_RETURN_NONE;
}

PyObject* isEnabled(PyObject*, PyObject*) { return PyBool_FromLong(jit().enabled); }

PyObject* isSampled(PyObject*, PyObject*) {
  return PyBool_FromLong(jit().automatic && jit().sampled);
}

PyObject* setPaused(PyObject*, PyObject* flag) {
  int paused = PyObject_IsTrue(flag);
  if (paused < 0) return nullptr;
  bool before = jit().paused;
  jit().paused = paused != 0;
  return PyBool_FromLong(before);
}

PyObject* setCompileAfter(PyObject*, PyObject* value) {
  if (value == Py_None) {
    const bool counted = jit().counting();
    jit().automatic = jit().sampled = false;
    if (counted) stopCounting();
    sampleIfWanted();
    Py_RETURN_NONE;
  }
  long long calls = PyLong_AsLongLong(value);
  if (calls == -1 && PyErr_Occurred()) return nullptr;
  Options checked;  // the option itself stays as it was given
  std::string error = setOption(&checked, "compile-after", std::to_string(calls));
  if (!error.empty()) {
    PyErr_SetString(PyExc_ValueError, error.c_str());
    return nullptr;
  }
  if (jit().counting() && calls < 0) stopCounting();
  jit().automatic = true;
  jit().sampled = calls < 0;
  jit().compile_after = static_cast<uint64_t>(std::max(calls, 0LL));
  if (jit().enabled && calls >= 0) watchExistingFunctions();
  sampleIfWanted();
  for (CodeState* state : allStates()) {
    if (state->recompiles == 0) state->compile_at = static_cast<uint64_t>(calls);
  }
  Py_RETURN_NONE;
}

PyObject* getCompileAfter(PyObject*, PyObject*) {
  if (!jit().automatic || jit().sampled) Py_RETURN_NONE;
  return PyLong_FromUnsignedLongLong(jit().compile_after);
}

PyObject* forceCompile(PyObject*, PyObject* object) {
  PyFunctionObject* function = asFunction(object);
  return function ? text(compileFunction(function)) : nullptr;
}

PyObject* compileText(PyObject*, PyObject* args) {
  PyObject *object, *inlined;
  const char* hir;
  if (!PyArg_ParseTuple(args, "OsO!", &object, &hir, &PyTuple_Type, &inlined)) return nullptr;
  PyFunctionObject* function = asFunction(object);
  HirText source{hir, {}};
  for (Py_ssize_t i = 0; function && i < PyTuple_GET_SIZE(inlined); ++i) {
    source.inlined.push_back(asFunction(PyTuple_GET_ITEM(inlined, i)));
    if (!source.inlined.back()) return nullptr;
  }
  return function ? text(compileFunction(function, &source)) : nullptr;
}

PyObject* lazyCompile(PyObject*, PyObject* object) {
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  return PyBool_FromLong(compileAtNextCall(function));
}

PyObject* forceUncompile(PyObject*, PyObject* object) {
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  bool was = hasCompiledCode(function);
  if (was) uninstall(stateOfFunction(function));
  return PyBool_FromLong(was);
}

PyObject* setSuppressed(PyObject* object, bool suppressed) {
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  CodeState* state = stateOf(reinterpret_cast<PyCodeObject*>(function->func_code));
  if (!state) return nullptr;
  state->suppressed = suppressed;
  if (suppressed) {
    uninstall(state);
    unwatchFunction(function);
  } else if (jit().enabled) {
    watchFunction(function);
  }
  Py_RETURN_NONE;
}

PyObject* suppress(PyObject*, PyObject* object) { return setSuppressed(object, true); }
PyObject* unsuppress(PyObject*, PyObject* object) { return setSuppressed(object, false); }

PyObject* setJitList(PyObject*, PyObject* lines) {
  jit().list.clear();
  jit().has_list = lines != Py_None;
  if (!jit().has_list) Py_RETURN_NONE;
  PyObject* sequence = PySequence_Fast(lines, "expected a list of 'module:qualname' strings");
  if (!sequence) return nullptr;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
    const char* line = PyUnicode_AsUTF8(PySequence_Fast_GET_ITEM(sequence, i));
    if (!line) {
      Py_DECREF(sequence);
      return nullptr;
    }
    jit().list.insert(line);
  }
  Py_DECREF(sequence);
  Py_RETURN_NONE;
}

PyObject* getJitList(PyObject*, PyObject*) {
  if (!jit().has_list) Py_RETURN_NONE;
  PyObject* list = listOf(jit().list, text);
  if (list && PyList_Sort(list) < 0) Py_CLEAR(list);
  return list;
}

PyObject* pollToolsFunction(PyObject*, PyObject*) {
  if (jit().off_reason.empty()) pollTools();
  Py_RETURN_NONE;
}

PyObject* isCompiledFunction(PyObject*, PyObject* object) {
  if (PyMethod_Check(object)) object = PyMethod_GET_FUNCTION(object);
  if (!PyFunction_Check(object)) Py_RETURN_FALSE;
  return PyBool_FromLong(isCompiled(reinterpret_cast<PyFunctionObject*>(object)));
}

PyObject* countInterpretedCalls(PyObject*, PyObject* object) {
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  CodeState* state = stateOfFunction(function);
  return PyLong_FromUnsignedLongLong(state ? state->calls : 0);
}

PyObject* compiledFunctions(PyObject*, PyObject*) {
  std::vector<PyFunctionObject*> found;
  for (CodeState* state : allStates()) {
    listFunctions(state);
    for (auto& [function, saved] : state->functions) {
      if (isCompiled(function)) found.push_back(function);
    }
  }
  return listOf(found, [](PyFunctionObject* function) {
    return Py_NewRef(reinterpret_cast<PyObject*>(function));
  });
}

PyObject* functionInfo(PyObject*, PyObject* object) {
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  CodeState* state = stateOfFunction(function);
  if (!state || !state->unit) Py_RETURN_NONE;
  const CompiledUnit& unit = *state->unit;
  PyObject* counts = PyDict_New();
  for (const auto& [name, count] : unit.hir_counts) {
    if (counts && !put(counts, name.c_str(), PyLong_FromLong(count))) Py_CLEAR(counts);
  }
  if (!counts) return nullptr;
  const CodeMetadata& metadata = *unit.code.metadata;
  const ExitRecord* forced =
      unit.forced_exit < 0 ? nullptr : &metadata.exits[static_cast<size_t>(unit.forced_exit)];
  const ExitTotals exits = exitTotals(*state);
  return Py_BuildValue("{s:K,s:n,s:I,s:I,s:n,s:n,s:d,s:i,s:N,s:I,s:s,s:K,s:K,s:d}", "code_address",
                       reinterpret_cast<uint64_t>(unit.code.base), "code_size",
                       static_cast<Py_ssize_t>(unit.code.size), "hot_size", metadata.hot_bytes,
                       "cold_size", metadata.cold_bytes, "stack_size",
                       static_cast<Py_ssize_t>(metadata.stack_bytes), "spill_size",
                       static_cast<Py_ssize_t>(metadata.spill_bytes), "compile_time",
                       unit.compile_seconds, "recompiles", state->recompiles, "hir_opcode_counts",
                       counts, "deopt_exits", unit.deopt_exits, "forced_exit",
                       forced ? exitReasonName(forced->reason) : nullptr, "forced_exits_taken",
                       forced ? forced->count : 0, "exits", exits.exits, "lost_time",
                       1e-9 * static_cast<double>(exits.lost_ns));
}

double seconds(uint64_t nanoseconds) { return 1e-9 * static_cast<double>(nanoseconds); }

PyObject* totals(PyObject*, PyObject*) {
  PyObject* bailouts = PyDict_New();
  for (const auto& [name, count] : jit().totals.bailouts) {
    if (bailouts && !put(bailouts, name.c_str(), PyLong_FromUnsignedLongLong(count))) {
      Py_CLEAR(bailouts);
    }
  }
  if (!bailouts) return nullptr;
  const Gains gained = gains();
  return Py_BuildValue("{s:K,s:d,s:K,s:K,s:N,s:d,s:d,s:d,s:d,s:K,s:K}", "functions",
                       jit().totals.functions, "compile_time", jit().totals.compile_seconds,
                       "code_bytes", jit().totals.code_bytes, "exits", jit().totals.exits,
                       "bailouts", bailouts, "compiler_time", seconds(jit().policy.spent()),
                       "cpu_time", seconds(processCpuTime()), "compiled_time",
                       seconds(gained.compiled_ns), "gained_time", seconds(gained.gained_ns),
                       "samples", samplesTaken(), "over_budget", jit().totals.over_budget);
}

// Where compiling has not paid so far, the most expensive ones first: (name, seconds lost).
PyObject* unpaidFunctions(PyObject*, PyObject*) {
  std::vector<const CodeState*> states;
  for (const CodeState* state : allStates()) {
    if (state->compile_seconds > 0 && loss(*state) > 0) states.push_back(state);
  }
  std::sort(states.begin(), states.end(),
            [](const CodeState* a, const CodeState* b) { return loss(*a) > loss(*b); });
  return listOf(states, [](const CodeState* state) {
    return Py_BuildValue("(Od)", state->code->co_qualname, loss(*state));
  });
}

PyObject* runtimeStats(PyObject*, PyObject*) {
  return listOf(exitCounts(), [](const ExitCount& row) {
    return Py_BuildValue("{s:s,s:s,s:I,s:s,s:s,s:s,s:K}", "function", row.qualname.c_str(),
                         "filename", row.filename.c_str(), "line", row.line, "reason",
                         exitReasonName(row.reason), "kind",
                         row.kind == ExitKind::kRaise ? "raise" : "deopt", "type", row.type.c_str(),
                         "count", row.count);
  });
}

PyObject* clearRuntimeStats(PyObject*, PyObject*) {
  clearExitCounts();
  Py_RETURN_NONE;
}

PyObject* allocatorStats(PyObject*, PyObject*) {
  if (!jit().memory) return PyDict_New();
  CodeMemoryStats stats = jit().memory->stats();
  UnwindStats unwind = jit().memory->unwindStats();
  auto size = [](size_t value) { return static_cast<Py_ssize_t>(value); };
  return Py_BuildValue("{s:n,s:n,s:n,s:n,s:n,s:n,s:i}", "used_bytes", size(stats.used),
                       "committed_bytes", size(stats.committed), "limit_bytes", size(stats.limit),
                       "unwind_pieces", size(unwind.pieces), "unwind_tables", size(unwind.tables),
                       "unwind_bytes", size(unwind.bytes), "branch_targets",
                       int{stats.branch_targets});
}

PyObject* instructionCounts(PyObject*, PyObject*) { return countsAsObjects(); }

PyObject* clearInstructionCounts(PyObject*, PyObject*) {
  clearCounts();
  Py_RETURN_NONE;
}

PyObject* measure(PyObject*, PyObject* args) {
  PyObject* object;
  const char* arch;
  if (!PyArg_ParseTuple(args, "Os", &object, &arch)) return nullptr;
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  if (!offReason().empty()) {
    PyErr_SetString(PyExc_RuntimeError, offReason().c_str());
    return nullptr;
  }
  const Target* target = nullptr;
  for (const Target* each : {&x86_64Target(), &aarch64Target()}) {
    if (std::string(each->name()) == arch) target = each;
  }
  if (!target) {
    PyErr_Format(PyExc_ValueError, "unknown architecture %s; expected x86_64 or aarch64", arch);
    return nullptr;
  }
  CodeState scratch;
  if (CodeState* state = stateOfFunction(function)) scratch.refused_sites = state->refused_sites;
  scratch.code = reinterpret_cast<PyCodeObject*>(function->func_code);
  Result<CodeMeasure> result = measureFunction(function, scratch, *target);
  if (!result) return notCompiled(result.bailout());
  return measureAsObject(*target, *result);
}

PyObject* setMaxCodeSize(PyObject*, PyObject* value) {
  long long bytes = PyLong_AsLongLong(value);
  if (bytes == -1 && PyErr_Occurred()) return nullptr;
  std::string error = setOption(&jit().options, "max-code-size", std::to_string(bytes));
  if (!error.empty()) {
    PyErr_SetString(PyExc_ValueError, error.c_str());
    return nullptr;
  }
  applyCodeLimit();
  Py_RETURN_NONE;
}

PyObject* dump(PyObject*, PyObject* args) {
  PyObject* object;
  const char* kind;
  if (!PyArg_ParseTuple(args, "Os", &object, &kind)) return nullptr;
  PyFunctionObject* function = asFunction(object);
  if (!function) return nullptr;
  if (!offReason().empty()) {
    PyErr_SetString(PyExc_RuntimeError, offReason().c_str());
    return nullptr;
  }
  Dumps dumps;
  CodeState scratch;
  CodeState* state = stateOfFunction(function);
  if (state) scratch.refused_sites = state->refused_sites;
  scratch.code = reinterpret_cast<PyCodeObject*>(function->func_code);
  Result<std::unique_ptr<CompiledUnit>> result = compileUnit(function, scratch, &dumps);
  std::string wanted = kind;
  const std::string& found = wanted == "bytecode"      ? dumps.bytecode
                             : wanted == "hir-initial" ? dumps.hir_initial
                             : wanted == "hir"         ? dumps.hir
                             : wanted == "lir"         ? dumps.lir
                                                       : dumps.assembly;
  if (!result && found.empty()) return notCompiled(result.bailout());
  return text(found);
}

PyMethodDef kMethods[] = {
    {"off_reason", offReasonFunction, METH_NOARGS, "Why the JIT is off; '' when it can run."},
    {"self_test", selfTest, METH_NOARGS,
     "Differences between the expected and the running CPython."},
    {"set_option", setOptionFunction, METH_VARARGS, "Set an option; None or the error line."},
    {"options", optionsFunction, METH_NOARGS, "Rows (name, kind, default, choices, doc, value)."},
    {"enable", enable, METH_NOARGS, "Compile automatically."},
    {"disable", disable, METH_O, "Stop compiling; with True, drop compiled code too."},
    {"is_enabled", isEnabled, METH_NOARGS, "Is automatic compilation on?"},
    {"is_sampled", isSampled, METH_NOARGS, "Does sampling show what to compile?"},
    {"set_paused", setPaused, METH_O, "Pause compilation; gives the former state."},
    {"set_compile_after", setCompileAfter, METH_O,
     "Calls before compilation; None: never by itself."},
    {"get_compile_after", getCompileAfter, METH_NOARGS, "The threshold or None."},
    {"force_compile", forceCompile, METH_O, "Compile now; '' or the reason why not."},
    {"compile_text", compileText, METH_VARARGS,
     "Compile HIR in place of a function's, with the functions of its scopes; '' or why not."},
    {"lazy_compile", lazyCompile, METH_O, "Compile at the next call."},
    {"force_uncompile", forceUncompile, METH_O, "Drop a function's compiled code."},
    {"suppress", suppress, METH_O, "Never compile this function."},
    {"unsuppress", unsuppress, METH_O, "Undo suppress."},
    {"set_jit_list", setJitList, METH_O, "Compile only these 'module:qualname' functions."},
    {"get_jit_list", getJitList, METH_NOARGS, "The list or None."},
    {"poll_tools", pollToolsFunction, METH_NOARGS,
     "Put compiled code in again if the tool that it waits for is gone."},
    {"is_compiled", isCompiledFunction, METH_O, "Does a call run compiled code?"},
    {"count_interpreted_calls", countInterpretedCalls, METH_O, "Calls seen before compilation."},
    {"compiled_functions", compiledFunctions, METH_NOARGS, "All functions with compiled code."},
    {"function_info", functionInfo, METH_O,
     "Sizes, compile time, HIR counts; None if not compiled."},
    {"totals", totals, METH_NOARGS, "Totals of this process."},
    {"unpaid_functions", unpaidFunctions, METH_NOARGS, "Where compiling has not paid so far."},
    {"runtime_stats", runtimeStats, METH_NOARGS, "Exits taken, one dict per site."},
    {"clear_runtime_stats", clearRuntimeStats, METH_NOARGS, "Forget them."},
    {"allocator_stats", allocatorStats, METH_NOARGS, "Code memory."},
    {"set_max_code_size", setMaxCodeSize, METH_O, "Limit code memory, in bytes."},
    {"instruction_counts", instructionCounts, METH_NOARGS, "Counters of option count-blocks."},
    {"clear_instruction_counts", clearInstructionCounts, METH_NOARGS, "Set them to zero."},
    {"measure", measure, METH_VARARGS, "Size and instructions of a function for an architecture."},
    {"dump", dump, METH_VARARGS, "Text of a function in one form."},
    {nullptr, nullptr, 0, nullptr}};

// Run in each interpreter that imports the module, and again after Py_Finalize.
int execModule(PyObject*) {
  initJit();
  return 0;
}

PyModuleDef_Slot kSlots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(execModule)},
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
    {0, nullptr}};

PyModuleDef kModule = {PyModuleDef_HEAD_INIT,
                       "tephra._tephra",
                       "The Tephra JIT compiler.",
                       0,
                       kMethods,
                       kSlots,
                       nullptr,
                       nullptr,
                       nullptr};

}  // namespace
}  // namespace tephra::driver

// What tephra._startup.start() does where the options say no more than TEPHRA=1 and a budget ("":
// the usual one): called by src/boot, which knows the name, in a process that runs already.
extern "C" __attribute__((visibility("default"))) void tephra_start(const char* budget) {
  using namespace tephra::driver;
  initJit();
  if (!offReason().empty()) return;
  setOption(&jit().options, "enable", "1");
  if (*budget != 0) setOption(&jit().options, "budget", budget);
  jit().enabled = jit().automatic = jit().sampled = true;
  sampleIfWanted();
}

PyMODINIT_FUNC PyInit__tephra(void) { return PyModuleDef_Init(&tephra::driver::kModule); }
