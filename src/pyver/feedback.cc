// Purpose: resolving what inline caches hold; the parts with one text for all versions.
// Invariant: caches hold borrowed pointers and versions that may be stale; nothing is believed
// unless the version still matches (checked here, under the GIL, with no code run in between).
#include "pyver/decode.h"

namespace tephra::py {

Feedback unspecialised(const RawInstr& raw) {
  if (raw.cache == nullptr || raw.next == raw.at + 1) return Feedback::kNone;
  // Counter: value << 4 | backoff; each failed specialisation raises the backoff (it starts at 1).
  constexpr uint16_t kManyFailures = 5;
  return (raw.cache[0] & 15) >= kManyFailures ? Feedback::kMegamorphic : Feedback::kNone;
}

PyObject* dictEntryValue(PyObject* dict, uint32_t keys_version, int32_t index) {
  if (!PyDict_CheckExact(dict)) return nullptr;
  PyDictKeysObject* keys = reinterpret_cast<PyDictObject*>(dict)->ma_keys;
  if (keys->dk_version != keys_version || !DK_IS_UNICODE(keys)) return nullptr;
  if (index < 0 || index >= keys->dk_nentries) return nullptr;
  return DK_UNICODE_ENTRIES(keys)[index].me_value;
}

void attachGlobal(Decoder& d, FeedbackInfo* info, bool builtin) {
  PyFunctionObject* func = d.function();
  PyObject* value = builtin ? dictEntryValue(func->func_builtins, info->keys_version2, info->index)
                            : dictEntryValue(func->func_globals, info->keys_version, info->index);
  if (value != nullptr) info->object = d.object(value);
}

void attachType(Decoder& d, FeedbackInfo* info) {
  if (info->type_version == 0) return;
  PyTypeObject* type = typeByVersion(info->type_version);
  if (type != nullptr) info->type = d.object(reinterpret_cast<PyObject*>(type));
}

}  // namespace tephra::py
