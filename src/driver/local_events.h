// Purpose: in which code objects some tool of sys.monitoring has events of its own, and whether
// events of calls are among them. Invariant: what driver/monitoring.cc was told last, less the code
// that has died since.
#pragma once

#include <cstdint>
#include <vector>

#include "pyver/contract.h"

namespace tephra::driver {

// sys.monitoring.events.CALL
inline constexpr uint32_t kCallEvent = 1 << 4;

// `calls_end`: a pending call for when the last code with events of calls has died. Not then:
// objects die during collections, when nobody may walk over all of them.
void initLocalEvents(int (*calls_end)(void*));
void forgetAllLocalEvents();

// Asks the code object itself; true: it has some.
bool hasLocalEvents(PyCodeObject* code);
void noteLocalEvents(PyCodeObject* code, uint32_t events);
bool knowsLocalEvents(PyCodeObject* code);
bool anyLocalEvents();
bool anyLocalCallEvents();
std::vector<PyCodeObject*> codesWithLocalEvents();
// A code object dies: no tool has events in it any more.
void forgetLocalEvents(PyCodeObject* code);

}  // namespace tephra::driver
