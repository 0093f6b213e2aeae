// Purpose: in front of a map from addresses: what was found last, since callers ask for the same
// few again and again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tephra {

template <typename Key, typename Value>
class AddressCache {
 public:
  // What `map` has for `key`, or null, which is remembered too.
  template <typename Map>
  Value* find(const Map& map, Key* key) {
    Entry& last = entry(key);
    if (last.key != key) {
      auto found = map.find(key);
      last = {key, found == map.end() ? nullptr : found->second};
    }
    return last.value;
  }

  // The same without the map; false: it was not asked for lately.
  bool peek(Key* key, Value** value) const {
    const Entry& last = entries_[index(key)];
    *value = last.value;
    return last.key == key;
  }

  // `map` changes at `key`.
  void forget(Key* key) { entry(key) = {}; }
  void forgetAll() { *this = {}; }

 private:
  struct Entry {
    Key* key;
    Value* value;
  };
  static constexpr size_t kEntries = 256;

  static size_t index(Key* key) {
    auto address = reinterpret_cast<uintptr_t>(key);
    return (address >> 4 ^ address >> 12) % kEntries;
  }
  Entry& entry(Key* key) { return entries_[index(key)]; }

  Entry entries_[kEntries] = {};
};

}  // namespace tephra
