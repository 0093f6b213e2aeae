// Purpose: the JIT as one object: options, layout, code memory, totals, on and off.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_set>

#include "codegen/code_memory.h"
#include "codegen/generate.h"
#include "options/options.h"
#include "pyver/contract.h"

namespace tephra::driver {

struct Totals {
  uint64_t functions = 0;  // compilations that succeeded
  double compile_seconds = 0;
  uint64_t code_bytes = 0;
  uint64_t exits = 0;
  std::map<std::string, uint64_t> bailouts;
};

struct Jit {
  bool initialised = false;
  bool ended = false;      // with its interpreter; the process may initialise another one
  std::string off_reason;  // "" = the JIT can run here
  bool enabled = false;    // automatic mode is on
  bool automatic = false;  // compile at compile_after calls when enabled
  bool paused = false;     // compiled code is installed but nothing new is compiled
  Options options;
  std::unique_ptr<CodeMemory> memory;
  RuntimeAddresses addresses;
  Totals totals;
  bool has_list = false;
  std::unordered_set<std::string> list;  // "module:qualname"
};
Jit& jit();

// At each import of the module. Checks the machine and the interpreter, once in the life of a main
// interpreter, and sets off_reason. What the JIT knew of a former main interpreter is forgotten.
void initJit();
// Why the JIT is off in the running interpreter; "" when it can run.
std::string offReason();

}  // namespace tephra::driver
