// Purpose: the compiled units that have been installed, by their metadata, which is all that
// machine code and exits know of them. Invariant: a unit is in the index from publishUnit() to its
// end.
#pragma once

#include "driver/code_state.h"

namespace tephra::driver {

// The state's new unit can be found by its metadata and is counted in the totals.
void publishUnit(CodeState* state);
// The unit with that metadata; null: there is none.
CompiledUnit* unitOf(const CodeMetadata* metadata);
// The same, if it is its code object's present one.
CompiledUnit* currentUnit(const CodeMetadata* metadata);
// The unit's code expects this instrumentation version. False: no memory; it stays as it is.
bool expectVersion(CompiledUnit* unit, uint64_t version);
void forgetAllUnits();  // their interpreter is gone

}  // namespace tephra::driver
