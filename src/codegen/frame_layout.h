// Purpose: the only place that computes the native frame. From high to low: return address, saved
// frame pointer, saved registers, spill slots, padding, outgoing area, stack arguments of calls.
// Invariant: areas are laid out one after the other by one cursor, so they cannot overlap; the
// stack pointer is 16-byte aligned; checkFrame() states it all again, independently.
#pragma once

#include <string>

#include "target/emit.h"

namespace tephra {

NativeFrame layOutFrame(const lir::Function& function, const Target& target);

// "" or what is wrong with the frame.
std::string checkFrame(const NativeFrame& frame);

// Does the function store to the pinned frame register (and therefore have to save it)?
bool writesPinned(const lir::Function& function, lir::Pinned which);

}  // namespace tephra
