#include "driver/lifecycle.h"

#include "boot/helper_thread.h"
#include "driver/code_state.h"
#include "driver/counts.h"
#include "driver/entries.h"
#include "driver/exits.h"
#include "driver/function_events.h"
#include "driver/heat.h"
#include "driver/install.h"
#include "driver/jit.h"
#include "driver/monitoring.h"
#include "driver/names.h"
#include "driver/placing.h"
#include "driver/retired.h"
#include "driver/sampler.h"
#include "driver/units.h"
#include "runtime/exit.h"
#include "runtime/helper_table.h"
#include "runtime/helpers.h"
#include "runtime/native_waits.h"
#include "runtime/passing.h"
#include "runtime/recursion.h"
#include "runtime/stack_limit.h"
#include "runtime/thread_state_tls.h"
#include "runtime/tools.h"

namespace tephra::driver {
namespace {

uint64_t addressOf(auto* function) { return reinterpret_cast<uint64_t>(function); }

void fillAddresses(RuntimeAddresses* addresses) {
  std::span<const uint64_t> helpers = helperAddresses();
  for (size_t i = 0; i < helpers.size(); ++i) addresses->helpers[i] = helpers[i];
  addresses->take_exit = addressOf(&tephra_take_exit);
  addresses->call_slow = addressOf(&tephra_call_slow);
  addresses->call_uncompiled = addressOf(&tephra_call_uncompiled);
  addresses->dealloc = addresses->helper(Helper::dealloc);
  addresses->thread_state = addressOf(&py::threadState);
  addresses->thread_state_tls = threadStateTlsOffset();
}

// The interpreter is being cleared: all modules are gone, the last finalisers still to be run. They
// run in the interpreter, as compiled code must not be there when Python is initialised again.
void interpreterEnds(PyObject*) {
  stopSampler();
  if (jit().off_reason.empty()) {
    endMonitoring();
    endEntries();
    endPlacing();
    py::endFrameObjectWatch();
    py::forgetObjects(true);
  }
  jit().ended = true;
  jit().enabled = false;
  jit().off_reason = "the interpreter has come to its end";
}

// The first reason why the JIT cannot run in this process; "" when it can.
std::string findOffReason() {
  if (!boot::noticeEnd("tephra.end", &jit(), interpreterEnds)) {
    PyErr_Clear();
    return "the end of the interpreter cannot be noticed";
  }
  if (!py::initialize()) {
    PyErr_Clear();
    return "the interpreter's internals could not be read";
  }
  py::mutablePyLayout().tls_stack_limit = stackLimitTlsOffset();
  std::vector<std::string> problems = py::selfTest();
  if (!problems.empty()) return "self-test: " + problems.front();
  Jit& self = jit();
  fillAddresses(&self.addresses);
  CodeMemoryOptions memory;
  memory.branch_targets = true;
  memory.near = {self.addresses.take_exit, addressOf(&PyObject_Vectorcall)};
  self.memory = std::make_unique<CodeMemory>(memory);
  if (!self.memory->usable()) return "no executable memory can be had on this machine";
  std::string error;
  if (!initCodeStates(codeDies, &error)) return error;
  initPlacing({countingCall, onFunctionEvent});
  initNames(loseName);
  initEntries(entriesChange);
  setRecursionHooks({countingCall, countedCall, stepAside, stepAllAside, stepBack, adoptKnown});
  initMonitoring();
  py::watchFrameObjects();
  setExitHook(onExitTaken);
  setCrossingHook(onCrossing);
  setToolHooks({settleTools, pauseForTool});
  return "";
}

// After a Py_Initialize that was not the first. No function has old code any more.
void forgetInterpreter() {
  forgetCodeStates();
  forgetPlacing();
  forgetRetired();
  forgetNames();
  forgetEntries();
  forgetAllUnits();
  forgetCounts();
  forgetSampler();
  py::forgetObjects(false);
  native_waits = 0;  // threads that ended with the interpreter
  jit() = {};
}

}  // namespace

void initJit() {
  if (!py::refusal().empty()) return;  // this interpreter's
  if (jit().ended) forgetInterpreter();
  if (jit().initialised) return;
  jit().initialised = true;
  jit().off_reason = "it is being initialised by another thread";
  jit().off_reason = findOffReason();
}

}  // namespace tephra::driver
