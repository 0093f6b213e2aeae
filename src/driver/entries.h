// Purpose: entries of globals, builtins and modules' dicts that compiled code takes for constants
// (HIR's AssumeEntry). The dicts are watched: before an entry changes, the code that knows it is
// taken out, and what runs it leaves at its next look around. An entry that has changed once is no
// constant again, and a dict whose other entries change all the time is not watched any longer.
// Invariant: `CompiledUnit::entries` and the table agree.
// Source: PyDict_Watch (Doc/c-api/dict.rst); Objects/dictobject.c calls back before the change.
#pragma once

#include <vector>

#include "driver/code_state.h"

namespace tephra::driver {

// What is called before an entry changes that these units take for a constant.
using EntriesChange = void (*)(const std::vector<CompiledUnit*>& units);
void initEntries(EntriesChange change);
// May the dict's entry (absent ones too) be taken for a constant? `name` is an interned str.
bool mayWatchEntry(PyObject* dict, PyObject* name);
// Registers all of unit->entries, for each of which mayWatchEntry() has just said so.
void watchEntries(CompiledUnit* unit);
// The unit ends.
void unwatchEntries(CompiledUnit* unit);
// No calls back any more: no compiled code will be entered.
void endEntries();
void forgetEntries();  // their interpreter is gone

}  // namespace tephra::driver
