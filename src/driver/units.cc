#include "driver/units.h"

#include <algorithm>

#include "driver/cells.h"
#include "driver/entries.h"
#include "driver/jit.h"
#include "driver/names.h"
#include "runtime/stats.h"

namespace tephra::driver {
namespace {

std::unordered_map<const CodeMetadata*, CompiledUnit*>& index() {
  static auto* units = new std::unordered_map<const CodeMetadata*, CompiledUnit*>;
  return *units;
}

// The unit ends: it leaves the index.
void forgetUnit(const CompiledUnit& unit) {
  const CodeMetadata* metadata = unit.code.metadata.get();
  if (metadata == nullptr || index().erase(metadata) == 0) return;
  const bool left = std::any_of(metadata->exits.begin(), metadata->exits.end(),
                                [](const ExitRecord& exit) { return exit.count != 0; });
  if (left) retireExitCounts(*metadata);
}

}  // namespace

CompiledUnit::~CompiledUnit() {
  unwatchNames(this);
  unwatchEntries(this);
  forgetUnit(*this);
  for (uint64_t* cell : cells) releaseCell(cell);
  if (code.base) jit().memory->free(code.base);
  for (PyObject* object : references) Py_DECREF(object);
}

void publishUnit(CodeState* state) {
  CompiledUnit& unit = *state->unit;
  unit.owner = state;
  index()[unit.code.metadata.get()] = &unit;
  registerCompiled(reinterpret_cast<PyObject*>(state->code), &unit.function);
  Totals& totals = jit().totals;
  ++totals.functions;
  totals.compile_seconds += unit.compile_seconds;
  totals.code_bytes += unit.code.size;
}

CompiledUnit* unitOf(const CodeMetadata* metadata) {
  auto found = index().find(metadata);
  return found == index().end() ? nullptr : found->second;
}

CompiledUnit* currentUnit(const CodeMetadata* metadata) {
  CompiledUnit* unit = unitOf(metadata);
  CodeState* state = unit == nullptr ? nullptr : unit->owner;
  return state != nullptr && state->unit.get() == unit ? unit : nullptr;  // else retired
}

bool expectVersion(CompiledUnit* unit, uint64_t version) {
  for (const VersionWord& word : unit->code.versions) {
    const uint64_t value = word.narrow ? version >> 8 : version;
    uint8_t* at = static_cast<uint8_t*>(unit->code.base) + word.offset;
    if (!jit().memory->write(at, &value, sizeof value)) return false;
  }
  unit->function.expected_version = version;
  return true;
}

void forgetAllUnits() {
  index().clear();
  unregisterAllCompiled();
  clearExitCounts();
}

}  // namespace tephra::driver
