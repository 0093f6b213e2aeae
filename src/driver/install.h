// Purpose: compiles and puts compiled code into functions; takes it out again when what it took for
// granted is no longer true, when exits speak against it, or when its code object dies. Invariant:
// a unit that is taken out is in no function and no cell when it is retired (driver/retired.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "driver/code_state.h"

namespace tephra::driver {

struct HirText;  // driver/compile.h

// The vectorcall that counts a call, then interprets it (PlacingHooks); the same with arguments
// that are handed over (RecursionHooks).
PyObject* countingCall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* kwnames);
PyObject* countedCall(PyThreadState* ts, PyFunctionObject* function, const py::Arguments& args);
// The function gets the compiled code that is there already, if it may (RecursionHooks).
bool adoptKnown(PyFunctionObject* function);
// The code object dies (CodeDies).
void codeDies(CodeState* state);

// Takes compiled code out of all functions, and if not `compiled` only the counting calls.
void unwatchAll(bool compiled);

// The state's heat, with what it says of the bytecode, which is found out once.
const policy::Heat& examine(CodeState* state);
// Sampled mode: may the code be compiled, of which this is a function? Then compileHot does so.
bool mayCompile(PyFunctionObject* function, const CodeState& state);
void compileHot(PyFunctionObject* function, CodeState* state);

// Compiles the function's code (from the text, if there is one) and installs it. "" or the reason
// why not.
std::string compileFunction(PyFunctionObject* function, const HirText* text = nullptr);
// Compiles at the next call, whatever the count. False when the function cannot be compiled.
bool compileAtNextCall(PyFunctionObject* function);
// Drops compiled code; the functions are interpreted (and counted in automatic mode).
void uninstall(CodeState* state);
// An assumption of the compiled code failed too often: it is interpreted for so many calls, to
// gather fresh feedback, then compiled again.
void learnFromExit(CodeState* state, uint64_t calls);
// Its functions stay interpreted from now on.
void giveUp(CodeState* state, const char* why);

// The object dies, or is no longer what code took it for: what is compiled with its address is
// taken out and, where it runs, left (NamedDies).
void loseName(PyObject* object);
// The same for an entry that these units take for a constant (EntriesChange).
void entriesChange(const std::vector<CompiledUnit*>& units);

}  // namespace tephra::driver
