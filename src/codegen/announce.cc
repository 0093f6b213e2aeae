#include "codegen/announce.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace tephra {

CodeAnnouncer::~CodeAnnouncer() {
  for (auto& [code, known] : known_) {
    if (known.debugger != nullptr) withdrawFromDebugger(known.debugger);
  }
  if (perf_file_ >= 0) close(perf_file_);
}

void CodeAnnouncer::announce(const void* code, size_t size, const std::string& name,
                             const Target& target, const std::vector<UnwindRow>& rows) {
  if (target.arch() != hostTarget().arch()) return;
  bool table = !rows.empty() && (options_.unwinder || options_.debugger);
  Known known;
  known.size = size;
  if (table) {
    std::vector<uint8_t> common = encodeUnwindCommon(target.unwinding());
    auto address = reinterpret_cast<uint64_t>(code);
    std::vector<uint8_t> encoded = encodeUnwindRows(target.unwinding(), rows, address, size);
    if (options_.debugger) {
      // The brackets keep GDB from taking names with two underscores for Ada's.
      known.debugger = announceToDebugger(makeObjectFile(
          target.arch(), address, size, "<" + name + ">", encodeUnwindSection(common, {&encoded})));
    }
    if (options_.unwinder) tables_.add(code, common, std::move(encoded));
  }
  if (options_.perf_map) {
    known.name = name;
    writePerfMap(code, known);
  }
  if (known.debugger != nullptr || options_.perf_map) known_[code] = std::move(known);
}

void CodeAnnouncer::withdraw(const void* code) {
  tables_.remove(code);
  auto it = known_.find(code);
  if (it == known_.end()) return;
  if (it->second.debugger != nullptr) withdrawFromDebugger(it->second.debugger);
  known_.erase(it);
}

// The interpreter's own perf support appends whole lines to the same file. A forked child needs a
// file of its own that names the code it has inherited, too.
void CodeAnnouncer::writePerfMap(const void* code, const Known& known) {
  auto line = [this](const void* at, const Known& what) {
    char numbers[48];
    int length =
        snprintf(numbers, sizeof numbers, "%llx %zx ",
                 static_cast<unsigned long long>(reinterpret_cast<uint64_t>(at)), what.size);
    std::string text(numbers, static_cast<size_t>(length));
    text += what.name + "\n";
    return write(perf_file_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  };
  int process = getpid();
  if (perf_process_ != process) {
    perf_process_ = process;
    if (perf_file_ >= 0) close(perf_file_);
    std::string path = "/tmp/perf-" + std::to_string(process) + ".map";
    perf_file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    for (const auto& [at, what] : known_) {
      if (perf_file_ >= 0 && !what.name.empty() && !line(at, what)) return;
    }
  }
  if (perf_file_ >= 0 && !line(code, known)) close(perf_file_), perf_file_ = -1;
}

}  // namespace tephra
