#include "driver/local_events.h"

#include <unordered_map>

namespace tephra::driver {
namespace {

struct LocalEvents {
  std::unordered_map<PyCodeObject*, uint32_t> of_code;
  size_t calls = 0;  // those with CALL among them
  int (*calls_end)(void*) = nullptr;
};

LocalEvents& self() {
  static auto* only = new LocalEvents;  // code dies until the very end of the process
  return *only;
}

}  // namespace

void initLocalEvents(int (*calls_end)(void*)) { self().calls_end = calls_end; }

void forgetAllLocalEvents() {
  self().of_code.clear();
  self().calls = 0;
}

bool hasLocalEvents(PyCodeObject* code) {
  const uint32_t events = py::localEvents(code);
  if (events != 0 || anyLocalEvents()) noteLocalEvents(code, events);
  return events != 0;
}

void noteLocalEvents(PyCodeObject* code, uint32_t events) {
  auto found = self().of_code.find(code);
  if (found != self().of_code.end()) {
    if (found->second & kCallEvent) --self().calls;
    self().of_code.erase(found);
  }
  if (events & kCallEvent) ++self().calls;
  if (events != 0) self().of_code.emplace(code, events);
}

bool knowsLocalEvents(PyCodeObject* code) { return self().of_code.count(code) != 0; }
bool anyLocalEvents() { return !self().of_code.empty(); }
bool anyLocalCallEvents() { return self().calls != 0; }

std::vector<PyCodeObject*> codesWithLocalEvents() {
  std::vector<PyCodeObject*> codes;
  for (const auto& [code, events] : self().of_code) codes.push_back(code);
  return codes;
}

void forgetLocalEvents(PyCodeObject* code) {
  if (!anyLocalEvents()) return;
  const bool before = anyLocalCallEvents();
  noteLocalEvents(code, 0);
  if (before && !anyLocalCallEvents()) Py_AddPendingCall(self().calls_end, nullptr);
}

}  // namespace tephra::driver
