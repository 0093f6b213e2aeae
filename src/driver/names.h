// Purpose: which compiled code names which objects by their address, so that the death of one is
// known. Nothing here holds an object: functions are watched (driver/function_events.cc), the
// others have a weak reference with a callback. Invariant: `CompiledUnit::names` and the table
// agree; an object leaves the table before its memory can become another's.
#pragma once

#include <vector>

#include "driver/code_state.h"

namespace tephra::driver {

// What is called when an object dies that code names, functions aside.
using NamedDies = void (*)(PyObject* object);
void initNames(NamedDies dies);
// Registers all of unit->names. False: one of them cannot be watched (out of memory).
bool watchNames(CompiledUnit* unit);
// The unit ends.
void unwatchNames(CompiledUnit* unit);
void forgetNames();  // their interpreter is gone
// The object dies, or is no longer what the code took it for: the units that name it, which are
// registered for it no more.
std::vector<CompiledUnit*> takeUnitsNaming(PyObject* object);

}  // namespace tephra::driver
