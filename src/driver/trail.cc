#include "driver/trail.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "driver/jit.h"

namespace tephra::driver {
namespace {

constexpr size_t kBytes = 4096;

struct Trail {
  char* text = nullptr;
  pid_t owner = 0;
  bool complained = false;
  std::string function;
};

Trail& trail() {
  static auto* only = new Trail;
  return *only;
}

std::string pathFor(pid_t pid) {
  std::string path = jit().options.last_compiled;
  if (size_t at = path.find("%p"); at != std::string::npos) {
    path.replace(at, 2, std::to_string(pid));
  }
  return path;
}

// The mapping of this process; nullptr where the option is not set or the file cannot be had.
char* mapping() {
  if (jit().options.last_compiled.empty()) return nullptr;
  Trail& self = trail();
  const pid_t pid = getpid();
  if (self.owner == pid) return self.text;
  self.owner = pid;
  self.text = nullptr;
  const std::string path = pathFor(pid);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  void* memory = MAP_FAILED;
  // posix_fallocate: a full disk shows here and not as a SIGBUS at the first write.
  int error = file < 0 ? errno : posix_fallocate(file, 0, kBytes);
  if (error == 0) {
    memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) error = errno;
  }
  if (file >= 0) close(file);
  if (error == 0) {
    self.text = static_cast<char*>(memory);
  } else if (!self.complained) {
    self.complained = true;
    std::fprintf(stderr, "tephra: option last-compiled: %s: %s\n", path.c_str(),
                 std::strerror(error));
  }
  return self.text;
}

void write(const char* what) {
  char* text = mapping();
  if (!text) return;
  const Totals& totals = jit().totals;
  std::snprintf(text, kBytes, "%s\t%.3000s\nfunctions\t%llu\nbytes\t%llu\nexits\t%llu\n", what,
                trail().function.c_str(), static_cast<unsigned long long>(totals.functions),
                static_cast<unsigned long long>(totals.code_bytes),
                static_cast<unsigned long long>(totals.exits));
}

}  // namespace

void trailBegins(const std::string& function) {
  if (jit().options.last_compiled.empty()) return;
  trail().function = function;
  write("compiling");
}

void trailEnds(bool compiled) {
  if (jit().options.last_compiled.empty()) return;
  write(compiled ? "compiled" : "refused");
}

}  // namespace tephra::driver
