// Purpose: runs something in a process of its own and says how it ended, so that what crashes or
// never ends takes nobody with it.
#pragma once

#include <functional>
#include <string>

namespace tephra::tool {

struct Outcome {
  int status = 0;      // exit status; 128 + the signal that ended it
  std::string output;  // both streams
};

// `body` gives the exit status. Ends it after `seconds`.
Outcome inChild(const std::function<int()>& body, unsigned seconds);
int shell(const std::string& command);  // for inChild: does not return when it succeeds

}  // namespace tephra::tool
