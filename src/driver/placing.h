// Purpose: which vectorcall a function has: the interpreter's, the counting call or compiled code;
// and how all of them go out and come back while tools look on. Only the vectorcall field of plain
// functions is changed, through PyFunction_SetVectorcall. Invariant: whatever happens to a function
// (__code__, defaults, destruction), a call of it does what the interpreter would do. Compiles
// nothing and ends no unit: that is driver/install.h's.
#pragma once

#include <cstdint>

#include "driver/code_state.h"

namespace tephra::driver {

struct PlacingHooks {
  vectorcallfunc counting = nullptr;         // counts a call, then interprets it
  PyFunction_WatchCallback event = nullptr;  // what happens to functions
};
void initPlacing(const PlacingHooks& hooks);
// The interpreter comes to its end: no function has our vectorcall any more, none will get it.
void endPlacing();
// It is gone, and all its functions.
void forgetPlacing();

// What a call of a function runs.
enum class Entry : uint8_t {
  kInterpreter,
  kWaits,  // the interpreter's, until a tool has gone
  kCounting,
  kCompiled,
};
// What the function gets, which is one of the state's code: the one place where that is decided.
Entry entryOf(PyFunctionObject* function, const CodeState& state);
// A function with the interpreter's vectorcall gets that. Short, since programs make functions in
// loops.
void place(PyFunctionObject* function, CodeState* state);
// Puts in what there is: compiled code; a call that counts.
void placeUnit(PyFunctionObject* function, CodeState* state);
void placeCounting(PyFunctionObject* function, CodeState* state);
// The functions of the state that have our vectorcall count from now on.
void placeCountingInAll(CodeState* state);
// Back to the interpreter's own vectorcall, specialisable again: one function, all of the code's.
void restoreFunction(PyFunctionObject* function, uint32_t version);
void restoreAll(CodeState* state);
// Only the vectorcall: the function's code is being replaced.
void setInterpreted(PyFunctionObject* function);
void setCounting(PyFunctionObject* function);

bool isCounting(const PyFunctionObject* function);
// Is it a function with one of our vectorcalls?
bool isOurs(PyObject* object);
// Does the option "list" let the function be compiled?
bool isListed(PyFunctionObject* function);
// "module:qualname"; "" where there is no such text.
std::string nameOf(PyFunctionObject* function);

// Function events matter once a function may have one of our vectorcalls, and cost a program that
// makes many functions a little: so not before that. False: no longer possible.
bool watchFunctions();
// Automatic mode: put a counting call into the function (or its compiled code if there is some).
void watchFunction(PyFunctionObject* function);
// The same for all functions that exist.
void watchExistingFunctions();
// Takes our vectorcall out of one function.
void unwatchFunction(PyFunctionObject* function);
// No function is counted any more but those that are to be compiled at a certain call.
void stopCounting();
// A function event.
void functionIsMade(PyFunctionObject* function);
void functionLeaves(PyFunctionObject* function);

// While suspended, for whatever reason, no function has our vectorcall, and none is counted;
// afterwards those that had it get it again.
enum class Suspension : uint8_t { kCallEvents = 1, kEvaluator = 2 };
void suspendFunctions(Suspension why, bool suspended);
bool areSuspended();
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
// What runtime/tools.h found out: tools have to be told of what the code does, so it is left to the
// interpreter; or they need not, so it is used, and expects this instrumentation version.
void settleTools(CodeMetadata* metadata, bool concerned, uint64_t version);

// Near the end of the C stack (runtime/recursion.h): a function, or all, run in the interpreter for
// a while.
void stepAside(PyFunctionObject* function);
void stepAllAside();
void stepBack();

// A function that runs in the interpreter gets the compiled code that there is of its code; false:
// it may not.
bool installCompiled(PyFunctionObject* function, CodeState* state);
// Does a call of the function run compiled code?
bool isCompiled(PyFunctionObject* function);
// No function has one of these units' vectorcalls any more, not even one that a walk during a
// collection has missed.
void detachFunctions(const std::vector<std::unique_ptr<CompiledUnit>>& units);

}  // namespace tephra::driver
