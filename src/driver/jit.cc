#include "driver/jit.h"

#include "driver/compile.h"
#include "driver/install.h"
#include "driver/monitoring.h"
#include "runtime/exit.h"
#include "runtime/helper_table.h"
#include "runtime/helpers.h"
#include "runtime/stack_limit.h"
#include "runtime/thread_state_tls.h"

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

// The first reason why the JIT cannot run in this process; "" when it can.
std::string findOffReason() {
  if (std::string refusal = py::refusal(); !refusal.empty()) return refusal;
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
  if (!initCodeStates(&error) || !initInstall(&error)) return error;
  initMonitoring();
  setExitHook(onExitTaken);
  return "";
}

}  // namespace

Jit& jit() {
  static Jit* instance = new Jit;  // compiled code may run until the very end of the process
  return *instance;
}

void initJit() {
  if (jit().initialised) return;
  jit().initialised = true;
  jit().off_reason = findOffReason();
}

}  // namespace tephra::driver
