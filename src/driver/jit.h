// Purpose: the JIT as one object: options, layout, code memory, totals, on and off.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_set>

#include "codegen/code_memory.h"
#include "codegen/generate.h"
#include "options/options.h"
#include "policy/policy.h"
#include "pyver/contract.h"

namespace tephra::driver {

struct Totals {
  uint64_t functions = 0;  // compilations that succeeded
  double compile_seconds = 0;
  uint64_t code_bytes = 0;
  uint64_t exits = 0;
  uint64_t over_budget = 0;  // code objects that would have paid at some time
  std::map<std::string, uint64_t> bailouts;
};

struct Jit {
  bool initialised = false;
  bool ended = false;      // with its interpreter; the process may initialise another one
  std::string off_reason;  // "" = the JIT can run here
  bool enabled = false;    // automatic mode is on
  bool automatic = false;  // compile by itself when enabled: after compile_after calls, or
  bool sampled = false;    // what sampling shows to pay; then no call is counted
  uint64_t compile_after = 0;
  bool paused = false;  // compiled code is installed but nothing new is compiled
  Options options;
  policy::Policy policy;
  std::unique_ptr<CodeMemory> memory;
  RuntimeAddresses addresses;
  Totals totals;
  bool has_list = false;
  std::unordered_set<std::string> list;  // "module:qualname"

  // Do all functions that are not compiled get a vectorcall of ours, which counts?
  bool counting() const { return automatic && !sampled; }
};
extern Jit* const the_jit;  // compiled code may run until the very end of the process
inline Jit& jit() { return *the_jit; }

// Why the JIT is off in the running interpreter; "" when it can run.
std::string offReason();

}  // namespace tephra::driver
