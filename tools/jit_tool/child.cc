#include "tools/jit_tool/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace tephra::tool {

Outcome inChild(const std::function<int()>& body, unsigned seconds) {
  int ends[2];
  std::fflush(nullptr);  // or the child would write it, too
  if (pipe(ends) != 0) return {127, "no pipe"};
  const pid_t child = fork();
  if (child < 0) return {127, "no process"};
  if (child == 0) {
    alarm(seconds);
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    const int status = body();
    std::fflush(nullptr);
    _exit(status);
  }
  close(ends[1]);
  Outcome outcome;
  char buffer[4096];
  for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;)
    outcome.output.append(buffer, static_cast<size_t>(size));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

int shell(const std::string& command) {
  execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  return 127;
}

}  // namespace tephra::tool
