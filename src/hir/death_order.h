// Purpose: the order in which the interpreter's instruction releases what it has taken from the
// value stack, once it has specialised itself. Up to 3.13 from the bottom of the stack to the top,
// later from the top down (PyLayout::inputs_released_from_top); displays always from the top, and
// some instructions have an order of their own (Python/bytecodes.c of each version).
#pragma once

#include <vector>

#include "hir/ir.h"

namespace tephra::hir {

// Sorts `roots`, whose last use is `instr`, into the order of their release: what `instr` has
// taken, its unused result, and then the rest of the value stack, which later instructions pop.
void sortDeaths(const Instr* instr, const PyLayout* layout, std::vector<Instr*>* roots);

// `owned`, in the order of ids: what an exit of `instr` releases. Where that is within the call of
// a class, the instance that is being made ends before the arguments, which the caller holds; what
// an
// __init__ returns that should be None, before both.
void sortConstruction(const Instr* instr, const PyLayout* layout, std::vector<Instr*>* owned);

// The inputs of `instr` in the order of their release, if the instruction releases all of them when
// it raises, too, before the exception unwinds the stack, and in another order than from the top.
std::vector<Instr*> releasedWhenRaising(const Instr* instr, const PyLayout* layout);

}  // namespace tephra::hir
