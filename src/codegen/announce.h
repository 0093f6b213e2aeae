// Purpose: who is told about compiled code beside the runtime: the process's unwinder, a debugger,
// Linux's perf. Each can be switched off; code that was announced is withdrawn when it is freed.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "codegen/debugger.h"
#include "codegen/unwind.h"

namespace tephra {

struct AnnounceOptions {
  bool unwinder = true;
  bool debugger = false;
  bool perf_map = false;
};

// Not locked: the owner's lock protects it.
class CodeAnnouncer {
 public:
  CodeAnnouncer() = default;
  ~CodeAnnouncer();
  CodeAnnouncer(const CodeAnnouncer&) = delete;
  CodeAnnouncer& operator=(const CodeAnnouncer&) = delete;

  void setOptions(const AnnounceOptions& options) { options_ = options; }
  // `code` was written; `rows` as its emitter gave them, empty when nothing is known. Code for
  // another machine is not announced.
  void announce(const void* code, size_t size, const std::string& name, const Target& target,
                const std::vector<UnwindRow>& rows);
  void withdraw(const void* code);  // no-op for code that was not announced
  const UnwindStats& unwindStats() const { return tables_.stats(); }

 private:
  struct Known {
    size_t size = 0;
    std::string name;  // with perf_map only
    DebuggerEntry* debugger = nullptr;
  };
  void writePerfMap(const void* code, const Known& known);

  AnnounceOptions options_;
  UnwindTables tables_;
  std::map<const void*, Known> known_;
  int perf_process_ = 0;  // whose file is open
  int perf_file_ = -1;
};

}  // namespace tephra
