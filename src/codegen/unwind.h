// Purpose: DWARF call frame information of compiled code (DWARF 5, 6.4, in the .eh_frame variant of
// the Linux Standard Base): encoding, and registration with the process's unwinder (libgcc).
// Registration: unwinders of libgcc 14 and later keep a balanced tree: one table per piece of code.
// Older ones walk a list at every look-up: there, one table per 64 KiB slice of code memory, made
// anew when code comes or goes. Tables never overlap, as both need it.
// Invariant: a piece of code is registered at most once; what was registered is deregistered when
// the code is freed or the tables die.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "target/target.h"

namespace tephra {

// The common entry that all descriptions of a machine refer to.
std::vector<uint8_t> encodeUnwindCommon(const UnwindConvention& convention);
// The description of code at `address`, without the length and the reference to the common entry;
// a multiple of 8 bytes with these two.
std::vector<uint8_t> encodeUnwindRows(const UnwindConvention& convention,
                                      const std::vector<UnwindRow>& rows, uint64_t address,
                                      size_t size);
// A whole .eh_frame section: common entry, descriptions, end.
std::vector<uint8_t> encodeUnwindSection(const std::vector<uint8_t>& common,
                                         const std::vector<const std::vector<uint8_t>*>& rows);

struct UnwindStats {
  size_t pieces = 0;         // of code with a description
  size_t tables = 0;         // registered now
  size_t registrations = 0;  // ever made
  size_t bytes = 0;          // of the tables
};

// Not locked: the owner's lock protects it.
class UnwindTables {
 public:
  enum class Grouping : uint8_t { kDetect, kPerPiece, kPerSlice };
  explicit UnwindTables(Grouping grouping = Grouping::kDetect);
  ~UnwindTables();
  UnwindTables(const UnwindTables&) = delete;
  UnwindTables& operator=(const UnwindTables&) = delete;

  // `common` must be the same for all code.
  void add(const void* code, const std::vector<uint8_t>& common, std::vector<uint8_t> rows);
  void remove(const void* code);  // no-op for code that was not added
  const UnwindStats& stats() const { return stats_; }

  static constexpr size_t kSlice = size_t{64} << 10;

 private:
  struct Table {
    std::map<uint64_t, std::vector<uint8_t>> rows;  // by address of the code
    std::unique_ptr<std::vector<uint8_t>> section;  // as registered
  };
  uint64_t key(const void* code) const;
  void renew(uint64_t key);

  bool per_piece_;
  std::vector<uint8_t> common_;
  std::map<uint64_t, Table> tables_;
  // An unwinder in another thread may still read a section that was just replaced.
  std::deque<std::unique_ptr<std::vector<uint8_t>>> replaced_;
  UnwindStats stats_;
};

}  // namespace tephra
