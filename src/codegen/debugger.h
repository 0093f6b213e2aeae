// Purpose: tells debuggers about compiled code, through the JIT interface that GDB defines and LLDB
// shares: a list of small object files in memory, and a function in which the debugger has a
// breakpoint. Each file holds one symbol and the unwinding table of one piece of code.
// Invariant: the list is consistent whenever the process can be stopped by the breakpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "target/target.h"

namespace tephra {

struct DebuggerEntry;  // of the list

// An ELF file with sections .text (at `address`, not in the file), .eh_frame, .symtab.
std::vector<uint8_t> makeObjectFile(Arch arch, uint64_t address, size_t size,
                                    const std::string& name,
                                    const std::vector<uint8_t>& unwind_section);

DebuggerEntry* announceToDebugger(std::vector<uint8_t> object_file);
void withdrawFromDebugger(DebuggerEntry* entry);
size_t debuggerEntries();

}  // namespace tephra
