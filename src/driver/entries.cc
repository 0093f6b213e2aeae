#include "driver/entries.h"

namespace tephra::driver {
namespace {

// Each call back costs the program that stores some 30 ns: so many that tell nothing are enough.
constexpr uint32_t kMostIdleEvents = 4096;
// Dicts that are not watched any longer, by addresses which may have become others'.
constexpr size_t kMostNoisy = 1024;

struct Watched {
  std::unordered_map<PyObject*, std::unordered_set<CompiledUnit*>> units;  // by name
  std::unordered_set<PyObject*> changed;  // names, only compared: never constant again
  uint32_t idle_events = 0;
};

struct Entries {
  std::unordered_map<PyObject*, Watched> dicts;
  std::unordered_set<PyObject*> noisy;
  EntriesChange change = nullptr;
  int watcher = -1;  // none yet
  bool ended = false;
};

Entries* const the_entries = new Entries;  // dicts change until the very end of the process
Entries& self() { return *the_entries; }

using Units = std::unordered_set<CompiledUnit*>;

void takeName(PyObject* dict, Watched* watched, PyObject* name, Units* lost) {
  auto found = watched->units.find(name);
  if (found == watched->units.end()) return;
  for (CompiledUnit* unit : found->second) unit->entries.erase({dict, name});
  lost->merge(found->second);
  watched->changed.insert(name);
  watched->units.erase(found);
}

void takeAll(PyObject* dict, Watched* watched, Units* lost) {
  while (!watched->units.empty()) takeName(dict, watched, watched->units.begin()->first, lost);
}

// A str that is not interned may be equal to a name; what is no str may do as it likes.
void takeEqual(PyObject* dict, Watched* watched, PyObject* key, Units* lost) {
  if (!PyUnicode_CheckExact(key)) return takeAll(dict, watched, lost);
  if (PyUnicode_CHECK_INTERNED(key)) return takeName(dict, watched, key, lost);
  std::vector<PyObject*> equal;
  for (const auto& [name, units] : watched->units) {
    if (PyUnicode_Compare(name, key) == 0) equal.push_back(name);
  }
  for (PyObject* name : equal) takeName(dict, watched, name, lost);
}

// Whoever stores may have an exception in flight.
void lose(const Units& lost) {
  if (lost.empty()) return;
  PyObject* exception = PyErr_GetRaisedException();
  self().change({lost.begin(), lost.end()});
  PyErr_SetRaisedException(exception);
}

void stopWatching(PyObject* dict) {
  if (PyDict_Unwatch(self().watcher, dict) < 0) PyErr_Clear();
  if (self().noisy.size() >= kMostNoisy) self().noisy.clear();
  self().noisy.insert(dict);
  self().dicts.erase(dict);
}

int onDictEvent(PyDict_WatchEvent event, PyObject* dict, PyObject* key, PyObject*) {
  auto found = self().dicts.find(dict);
  if (found == self().dicts.end()) return 0;
  Watched& watched = found->second;
  Units lost;
  switch (event) {
    case PyDict_EVENT_ADDED:
    case PyDict_EVENT_MODIFIED:
    case PyDict_EVENT_DELETED:
      takeEqual(dict, &watched, key, &lost);
      if (lost.empty() && ++watched.idle_events >= kMostIdleEvents) {
        takeAll(dict, &watched, &lost);
        stopWatching(dict);
      }
      break;
    case PyDict_EVENT_CLONED:
    case PyDict_EVENT_CLEARED: takeAll(dict, &watched, &lost); break;
    case PyDict_EVENT_DEALLOCATED:
      takeAll(dict, &watched, &lost);
      self().dicts.erase(found);
      break;
  }
  lose(lost);
  return 0;
}

bool haveWatcher() {
  if (self().watcher >= 0) return true;
  self().watcher = PyDict_AddWatcher(onDictEvent);
  if (self().watcher < 0) {  // other tools have taken all of them
    PyErr_Clear();
    self().ended = true;
  }
  return self().watcher >= 0;
}

}  // namespace

void initEntries(EntriesChange change) { self().change = change; }

bool mayWatchEntry(PyObject* dict, PyObject* name) {
  if (self().ended || !haveWatcher() || self().noisy.count(dict) != 0) return false;
  auto found = self().dicts.find(dict);
  return found == self().dicts.end() || found->second.changed.count(name) == 0;
}

void watchEntries(CompiledUnit* unit) {
  for (const auto& [dict, name] : unit->entries) {
    auto [at, fresh] = self().dicts.try_emplace(dict);
    if (fresh && PyDict_Watch(self().watcher, dict) < 0) PyErr_Clear();  // it is a dict
    at->second.units[name].insert(unit);
  }
}

// The dict stays watched: what has changed in it is not forgotten.
void unwatchEntries(CompiledUnit* unit) {
  for (const auto& [dict, name] : unit->entries) {
    auto found = self().dicts.find(dict);
    if (found == self().dicts.end()) continue;
    auto units = found->second.units.find(name);
    if (units == found->second.units.end()) continue;
    units->second.erase(unit);
    if (units->second.empty()) found->second.units.erase(units);
  }
  unit->entries.clear();
}

void endEntries() {
  if (self().watcher >= 0 && PyDict_ClearWatcher(self().watcher) < 0) PyErr_Clear();
  self().watcher = -1;
  self().ended = true;
  self().dicts.clear();
}

void forgetEntries() { self() = {}; }

}  // namespace tephra::driver
