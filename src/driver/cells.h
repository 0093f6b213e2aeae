// Purpose: the words in code memory through which compiled code calls functions directly: the
// register entry of a function, or that and the vectorcall of what code makes of a code object.
// Invariant: a function's own cell always leads somewhere that may be called with its number of
// arguments: compiled code or the stub for that number; a code object's cells are zero while
// nothing may be entered. A cell lives as long as somebody has retained it.
#pragma once

#include <cstdint>

#include "driver/code_state.h"

namespace tephra::driver {

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

// The code object's cells: full while compiled code may be entered that is for their globals and
// builtins. What has another vectorcall than they say is called through that.
void openCell(CodeState* state);
void closeCell(CodeState* state);
void releaseCellsOf(CodeState* state);  // it dies

// The function's own cell, if it has one, gets its compiled code, or the stub.
void fillCell(PyFunctionObject* function, CodeState* state);
void resetCell(PyFunctionObject* function);
// Who compiles a call of the function from now on gets another cell.
void dropCell(PyFunctionObject* function);

void forgetCells();  // their interpreter is gone

}  // namespace tephra::driver
