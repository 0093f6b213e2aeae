#include "codegen/unwind.h"

#include <dlfcn.h>

#include <algorithm>

extern "C" {
void __register_frame(void* begin) __attribute__((weak));
void __deregister_frame(void* begin) __attribute__((weak));
}

namespace tephra {

namespace {

enum : uint8_t {
  kNop = 0x00,
  kAdvance1 = 0x02,
  kAdvance2 = 0x03,
  kAdvance4 = 0x04,
  kOffsetExtended = 0x05,
  kSameValue = 0x08,
  kDefCfa = 0x0C,
  kDefCfaRegister = 0x0D,
  kDefCfaOffset = 0x0E,
  kAdvance = 0x40,  // | distance
  kOffset = 0x80,   // | register
  kRestore = 0xC0,  // | register
};
constexpr int32_t kDataAlignment = -8;
constexpr size_t kKeptReplaced = 64;

class Bytes {
 public:
  std::vector<uint8_t> data;

  void byte(uint64_t value) { data.push_back(static_cast<uint8_t>(value)); }
  void fixed(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) byte(value >> (8 * i));
  }
  void uleb(uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(value | 0x80);
    byte(value);
  }
  // So that the entry has a multiple of 8 bytes, `extra` of them not in `data`.
  void pad(size_t extra) {
    while ((data.size() + extra) % 8 != 0) byte(kNop);
  }
};

void advance(Bytes* out, uint32_t distance) {
  if (distance == 0) return;
  if (distance < 0x40) {
    out->byte(kAdvance | distance);
  } else if (distance <= 0xFF) {
    out->byte(kAdvance1);
    out->fixed(distance, 1);
  } else if (distance <= 0xFFFF) {
    out->byte(kAdvance2);
    out->fixed(distance, 2);
  } else {
    out->byte(kAdvance4);
    out->fixed(distance, 4);
  }
}

void savedAt(Bytes* out, uint8_t reg, int32_t offset) {
  auto factored = static_cast<uint64_t>(offset / kDataAlignment);
  if (reg < 0x40) {
    out->byte(kOffset | reg);
  } else {
    out->byte(kOffsetExtended);
    out->uleb(reg);
  }
  out->uleb(factored);
}

const int32_t* placeOf(const UnwindState& state, uint8_t reg) {
  for (const auto& [saved, offset] : state.saved) {
    if (saved == reg) return &offset;
  }
  return nullptr;
}

void change(Bytes* out, const UnwindState& from, const UnwindState& to) {
  if (from.cfa_register != to.cfa_register && from.cfa_offset != to.cfa_offset) {
    out->byte(kDefCfa);
    out->uleb(to.cfa_register);
    out->uleb(static_cast<uint64_t>(to.cfa_offset));
  } else if (from.cfa_register != to.cfa_register) {
    out->byte(kDefCfaRegister);
    out->uleb(to.cfa_register);
  } else if (from.cfa_offset != to.cfa_offset) {
    out->byte(kDefCfaOffset);
    out->uleb(static_cast<uint64_t>(to.cfa_offset));
  }
  for (const auto& [reg, offset] : to.saved) {
    const int32_t* before = placeOf(from, reg);
    if (before == nullptr || *before != offset) savedAt(out, reg, offset);
  }
  for (const auto& [reg, offset] : from.saved) {
    if (placeOf(to, reg) != nullptr) continue;
    if (reg < 0x40) {
      out->byte(kRestore | reg);  // as in the common entry: not saved
    } else {
      out->byte(kSameValue);
      out->uleb(reg);
    }
  }
}

// libgcc 14 defines this; there, look-ups take no lock and no list is walked.
bool unwinderHasTree() { return dlsym(RTLD_DEFAULT, "__gcc_nested_func_ptr_created") != nullptr; }

void append(std::vector<uint8_t>* to, const std::vector<uint8_t>& what) {
  to->insert(to->end(), what.begin(), what.end());
}

}  // namespace

std::vector<uint8_t> encodeUnwindCommon(const UnwindConvention& convention) {
  Bytes out;
  out.fixed(0, 4);  // marks the common entry
  out.byte(1);      // version
  out.byte(0);      // no augmentation: addresses are absolute
  out.uleb(convention.code_alignment);
  out.byte(kDataAlignment & 0x7F);  // sleb128
  out.byte(convention.return_address);
  out.byte(kDefCfa);
  out.uleb(convention.entry.cfa_register);
  out.uleb(static_cast<uint64_t>(convention.entry.cfa_offset));
  for (const auto& [reg, offset] : convention.entry.saved) savedAt(&out, reg, offset);
  out.pad(4);
  Bytes whole;
  whole.fixed(out.data.size(), 4);
  append(&whole.data, out.data);
  return whole.data;
}

std::vector<uint8_t> encodeUnwindRows(const UnwindConvention& convention,
                                      const std::vector<UnwindRow>& rows, uint64_t address,
                                      size_t size) {
  Bytes out;
  out.fixed(address, 8);
  out.fixed(size, 8);
  const UnwindState* state = &convention.entry;
  uint32_t at = 0;
  for (const UnwindRow& row : rows) {
    if (*state == row.state) continue;
    advance(&out, (row.offset - at) / convention.code_alignment);
    change(&out, *state, row.state);
    at = row.offset;
    state = &row.state;
  }
  out.pad(8);
  return out.data;
}

std::vector<uint8_t> encodeUnwindSection(const std::vector<uint8_t>& common,
                                         const std::vector<const std::vector<uint8_t>*>& rows) {
  Bytes out;
  out.data = common;
  for (const std::vector<uint8_t>* each : rows) {
    out.fixed(each->size() + 4, 4);
    out.fixed(out.data.size(), 4);  // back to the common entry, from here
    append(&out.data, *each);
  }
  out.fixed(0, 4);
  return std::move(out.data);
}

UnwindTables::UnwindTables(Grouping grouping)
    : per_piece_(grouping == Grouping::kPerPiece ||
                 (grouping == Grouping::kDetect && unwinderHasTree())) {}

UnwindTables::~UnwindTables() {
  for (auto& [key, table] : tables_) {
    if (table.section != nullptr) __deregister_frame(table.section->data());
  }
}

uint64_t UnwindTables::key(const void* code) const {
  auto address = reinterpret_cast<uint64_t>(code);
  return per_piece_ ? address : address / kSlice;
}

void UnwindTables::renew(uint64_t key) {
  auto it = tables_.find(key);
  Table& table = it->second;
  std::unique_ptr<std::vector<uint8_t>> section;
  if (!table.rows.empty()) {
    std::vector<const std::vector<uint8_t>*> rows;
    for (const auto& [address, row] : table.rows) rows.push_back(&row);
    section = std::make_unique<std::vector<uint8_t>>(encodeUnwindSection(common_, rows));
  }
  if (table.section != nullptr) {
    __deregister_frame(table.section->data());
    --stats_.tables;
    stats_.bytes -= table.section->size();
    replaced_.push_back(std::move(table.section));
    if (replaced_.size() > kKeptReplaced) replaced_.pop_front();
  }
  if (section == nullptr) {
    tables_.erase(it);
    return;
  }
  __register_frame(section->data());
  ++stats_.tables;
  ++stats_.registrations;
  stats_.bytes += section->size();
  table.section = std::move(section);
}

void UnwindTables::add(const void* code, const std::vector<uint8_t>& common,
                       std::vector<uint8_t> rows) {
  if (__register_frame == nullptr || __deregister_frame == nullptr) return;
  common_ = common;
  auto address = reinterpret_cast<uint64_t>(code);
  bool fresh = tables_[key(code)].rows.insert_or_assign(address, std::move(rows)).second;
  if (fresh) ++stats_.pieces;
  renew(key(code));
}

void UnwindTables::remove(const void* code) {
  auto it = tables_.find(key(code));
  if (it == tables_.end() || it->second.rows.erase(reinterpret_cast<uint64_t>(code)) == 0) return;
  --stats_.pieces;
  renew(key(code));
}

}  // namespace tephra
