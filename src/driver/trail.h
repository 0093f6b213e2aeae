// Purpose: a file that outlives any crash and says which function was being compiled, or was
// compiled last, and the totals at that time. It is a shared mapping: what was written before a
// signal, SIGKILL included, is in the file. Each process has a file of its own ("%p" in the option
// last-compiled is the process id); a forked child begins one at its first compilation.
// Invariant: under the GIL only.
#pragma once

#include <string>

namespace tephra::driver {

// Compilation of a function ("module:qualname") begins; call trailEnds() when it is over.
void trailBegins(const std::string& function);
void trailEnds(bool compiled);

}  // namespace tephra::driver
