// Purpose: puts vectorcalls into functions and takes them out again: counting stubs, compiled code,
// entry cells, the function watcher. Only the vectorcall field of plain functions is changed,
// through PyFunction_SetVectorcall. Invariant: whatever happens to a function (__code__, defaults,
// destruction), a call of it does what the interpreter would do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "driver/code_state.h"

namespace tephra::driver {

bool initInstall(std::string* error);
// The interpreter comes to its end: no function has our vectorcall any more, none will get it.
void endInstall();
// It is gone, and all its functions.
void forgetFunctions();

void rememberState(CodeState* state);
void forgetState(CodeState* state);
const std::unordered_set<CodeState*>& allStates();

// May Tephra ever compile this code object (a plain function's, not suppressed)? Else `why`.
bool isCandidate(PyCodeObject* code, std::string* why);

// Automatic mode: put a counting stub into the function (or its compiled code if there is some).
void watchFunction(PyFunctionObject* function);
// The same for all functions that exist.
void watchExistingFunctions();
// Takes our vectorcall out of one function, or of all (of those that are compiled only if
// `compiled`).
void unwatchFunction(PyFunctionObject* function);
void unwatchAll(bool compiled);
// No function is counted any more but those that are to be compiled at a certain call.
void stopCounting();

// While suspended, for whatever reason, no function has our vectorcall, and none is counted;
// afterwards those that had it get it again.
enum class Suspension : uint8_t { kCallEvents = 1, kEvaluator = 2 };
void suspendFunctions(Suspension why, bool suspended);
// A tool has concerned the code, or much that it calls or that calls it, for a while: its functions
// get the interpreter's vectorcall and their versions back, so that the interpreter inlines their
// calls. Null: another evaluator has got all frames for a while, and all functions do.
void pauseForTool(CompiledFunction* compiled);
// Has that come to an end? Then the compiled code is put in again. Cheap; to be asked now and then.
void pollTools();
// The same for the functions of one code object, which keep our vectorcall: calls are interpreted,
// frames that run compiled code leave it when they look next. Costs no walk over the functions.
// False: out of memory; frames may not leave.
bool suspendCode(PyCodeObject* code, bool suspended);
// Calls of the compiled code are interpreted, or not any more.
void suspendUnit(CodeState* state, bool suspended);

// The state's heat, with what it says of the bytecode, which is found out once.
const policy::Heat& examine(CodeState* state);
// Sampled mode: may the code be compiled, of which this is a function? Then compileHot does so.
bool mayCompile(PyFunctionObject* function, const CodeState& state);
void compileHot(PyFunctionObject* function, CodeState* state);
// A function that runs in the interpreter gets the compiled code that there is of its code; false:
// it may not.
bool installCompiled(PyFunctionObject* function, CodeState* state);

// Compiles the function's code and installs it. "" or the reason why not.
std::string compileFunction(PyFunctionObject* function);
// Compiles at the next call, whatever the count. False when the function cannot be compiled.
bool compileAtNextCall(PyFunctionObject* function);
// Drops compiled code; the functions are interpreted (and counted in automatic mode).
void uninstall(CodeState* state);
// An assumption of the compiled code failed too often: interpret for a while to gather fresh
// feedback, then compile again.
void learnFromExit(CodeState* state);
// Its functions stay interpreted from now on.
void giveUp(CodeState* state, const char* why);
// Does a call of the function run compiled code? Has it compiled code, which may be suspended?
bool isCompiled(PyFunctionObject* function);
bool hasCompiledCode(PyFunctionObject* function);

// Address of the register-entry cell of a function that compiled code calls directly; 0 when code
// memory is exhausted.
uint64_t entryCellOf(PyFunctionObject* function, uint32_t argcount);
// The same for the functions that code with these globals and builtins makes of `code`: the
// register entry, and the vectorcall that a function must have for it. Zeros where there are none.
struct CodeCells {
  uint64_t entry = 0, vectorcall = 0;
};
CodeCells cellsOf(PyCodeObject* code, PyObject* globals, PyObject* builtins);
// A cell is freed when nobody uses it any more: the function or code object that it leads to, and
// the code that calls through it.
void retainCell(uint64_t* cell);
void releaseCell(uint64_t* cell);

// The object dies: what is compiled with its address is taken out and, where it runs, left.
void loseName(PyObject* object);
// The same of these units, which took something for granted; they wait for so many calls, or
// longer.
void loseUnits(const std::vector<CompiledUnit*>& units, uint64_t calls);
// No function has one of these units' vectorcalls any more, not even one that a walk during a
// collection has missed.
void detachFunctions(const std::vector<std::unique_ptr<CompiledUnit>>& units);

}  // namespace tephra::driver
