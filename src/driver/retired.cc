#include "driver/retired.h"

#include <algorithm>

#include "driver/placing.h"
#include "runtime/native_waits.h"

namespace tephra::driver {
namespace {

// So many units wait before all frames are looked at (and twice as many as could not end then).
constexpr size_t kFewest = 16;

struct Retired {
  std::vector<std::unique_ptr<CompiledUnit>> units;
  size_t due = kFewest;
};

Retired& self() {
  static auto* retired = new Retired;  // compiled code may run until the very end of the process
  return *retired;
}

bool isLeft(const CompiledUnit& unit) {
  return nativeWaits() == 0 && unit.code.metadata->leaving == 0;
}

void endOrphans() {
  std::erase_if(self().units,
                [](const auto& unit) { return unit->owner == nullptr && isLeft(*unit); });
}

int detachAll(void*) {
  detachFunctions(self().units);
  return 0;
}

}  // namespace

void retireUnit(std::unique_ptr<CompiledUnit> unit) {
  // What a collection keeps aside no walk finds: once more when it is over.
  if (unit->owner->ever_unlisted && py::collecting()) Py_AddPendingCall(detachAll, nullptr);
  self().units.push_back(std::move(unit));
  sweepRetired();
}

void orphanUnits(CodeState* state) {
  for (auto& unit : self().units) {
    if (unit->owner == state) unit->owner = nullptr;
  }
  endOrphans();
}

void forgetRetired() {
  for (auto& unit : self().units) static_cast<void>(unit.release());  // forgotten, not destroyed
  self() = {};
}

void sweepRetired() {
  endOrphans();
  if (self().units.size() < self().due || nativeWaits() != 0) return;
  if (py::collecting() || py::stacksAreSwitched()) return;
  const auto running = py::runningCodes();
  auto ended = std::partition(self().units.begin(), self().units.end(), [&](const auto& unit) {
    return !isLeft(*unit) || running.count(unit->owner->code) != 0;
  });
  std::vector<std::unique_ptr<CompiledUnit>> ending(std::make_move_iterator(ended),
                                                    std::make_move_iterator(self().units.end()));
  self().units.erase(ended, self().units.end());
  self().due = std::max(kFewest, 2 * self().units.size());
  detachFunctions(ending);
}

}  // namespace tephra::driver
