// Purpose: canonical bytecode to HIR: abstract interpretation of the value stack, SSA on the fly,
// speculation from the interpreter's feedback.
// Invariant in: a CodeUnit whose indices are in range (checked by the decoder).
// Invariant out: verified-form HIR; only code that normal flow reaches (handlers are entered by
// leaving compiled code); each exit has a FrameState; each operation that may run Python code is
// followed by GuardUnobserved on every way on, each other one that may release something by
// ObserveRelease; no critical edges.
// Source: Braun et al. 2013 (SSA during abstract interpretation); loop phis start with the type of
// the loop's entry and are widened by building again, a data-flow fixpoint over whole builds.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include "base/result.h"
#include "hir/ir.h"
#include "metadata/exits.h"
#include "pyver/common/unit.h"

namespace tephra::frontend {

// (bytecode offset, why): an assumption that failed too often there.
using Refusals = std::set<std::pair<uint32_t, ExitReason>>;

struct FrontendOptions {
  bool arithmetic = true;           // int, float and str operators
  bool compare = true;              // comparisons of ints, floats and strs
  bool guess_ints = true;           // operands of operators that have no feedback
  bool truth = true;                // truth of known and guessed types
  bool subscripts = true;           // list, tuple and dict items
  bool attributes = true;           // instance values, slots, modules, classes, properties
  bool methods = true;              // method look-up through type versions
  bool globals = true;              // globals and builtins by keys version
  bool constant_globals = true;     // and by identity, where the value looks stable
  bool direct_calls = true;         // compiled-to-compiled calls
  bool builtins = true;             // C functions by address, len, isinstance, list.append
  bool iteration = true;            // range, list and tuple loops
  bool unpacking = true;            // tuples and lists of known length
  bool observe_releases = true;     // look behind releases that may run a finaliser
  bool loop_types = true;           // loop phis begin with the type of the loop's entry
  bool collect_everywhere = false;  // stress: a garbage collection before every instruction
  uint32_t max_instructions = 20000;
  Refusals refused;

  // No speculation at all: the interpreter's generic operations.
  static FrontendOptions generic();
};

Result<std::unique_ptr<hir::Function>> buildHir(const CodeUnit& unit,
                                                const FrontendOptions& options = {});

}  // namespace tephra::frontend
