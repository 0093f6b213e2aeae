// Purpose: the clock of the sampler: a thread that, every so often in CPU time of the process, asks
// whoever runs Python to look at what runs (by a pending call, which the interpreter and compiled
// code serve at function entries and back edges). It sleeps while the process does, blocks all
// signals, never touches a Python object and never takes the GIL; it is not there during a fork.
// Invariant: at most one request is waiting; time spent within one request to the next served one
// counts once, so that what C code takes in one piece is no heat. All functions under the GIL.
#pragma once

#include <cstdint>

#include "pyver/python.h"

namespace tephra::driver {

// What is done at a sample. `elapsed`: nanoseconds of CPU time that it stands for. True:
// something was compiled, so what runs has changed, and the next look should come soon.
using SampleFunction = bool (*)(PyThreadState* ts, uint64_t elapsed);

// Begins; `period`: nanoseconds of CPU time, at first. "" or what is missing.
const char* startSampler(SampleFunction sample, uint64_t period);
void stopSampler();  // the thread is gone when this returns
uint64_t samplesTaken();
uint64_t processCpuTime();  // nanoseconds
uint64_t threadCpuTime();   // of the calling thread: what else the process does is left out
// After an interpreter's end: the thread is gone, its figures go too.
void forgetSampler();

}  // namespace tephra::driver
