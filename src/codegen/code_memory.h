// Purpose: memory for machine code, never writable and executable at once: two mappings of one
// memory file (one writable, one executable), or, where the system forbids that, one mapping whose
// protection is switched while code is written.
// Placement: one reservation of address space near the addresses that code calls, so that calls
// are direct (x86-64: within 2 GB, data too; AArch64: within 128 MB); chunks are committed inside
// it as they are needed. Invariant: callers hold the interpreter's lock while they allocate, write
// or free (with the switching fallback nobody may run compiled code meanwhile). After a fork
// neither process writes to memory that both can see: whoever writes to such a chunk first puts a
// copy of its own in its place. Linux's perf reads its map of names for anonymous memory only, so
// with the perf map on all code is in private anonymous memory, under the second scheme.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "codegen/announce.h"

namespace tephra {

#if defined(__aarch64__)
// Half of a direct call's reach: the other half remains for what is called.
inline constexpr size_t kDefaultReserve = size_t{64} << 20;
#else
inline constexpr size_t kDefaultReserve = size_t{256} << 20;
#endif

struct CodeMemoryOptions {
  size_t reserve_bytes = kDefaultReserve;  // address space only
  size_t chunk_bytes = size_t{1} << 20;
  size_t max_code_bytes = 0;   // 0 = as much as was reserved
  std::vector<uint64_t> near;  // to be reached by direct calls, most wanted first
  bool dual_mapping = true;    // false: protection switching (tests, and the fallback)
  // AArch64: indirect branches into this memory must meet landing pads, where the processor has the
  // check and the system maps memory with it. Whoever asks emits landing pads if it was granted.
  bool branch_targets = false;
};

struct CodeMemoryStats {
  size_t used = 0;       // bytes asked for and not freed
  size_t wasted = 0;     // rounding, holes between functions
  size_t committed = 0;  // bytes of all chunks
  size_t limit = 0;
  size_t blocks = 0;
  size_t cells = 0;
  bool dual_mapping = false;
  bool branch_targets = false;
};

class CodeMemory {
 public:
  explicit CodeMemory(CodeMemoryOptions options = {});
  ~CodeMemory();
  CodeMemory(const CodeMemory&) = delete;
  CodeMemory& operator=(const CodeMemory&) = delete;

  // False when no executable memory can be had at all.
  bool usable() const { return base_ != nullptr; }

  // Does the processor stop at an indirect branch to anything but a landing pad in this memory?
  bool enforcesBranchTargets() const { return options_.branch_targets; }

  // `size` executable bytes, aligned to kAlignment; nullptr when memory or the limit is exhausted.
  void* allocate(size_t size);
  // Copies code to allocated memory and makes it visible to instruction fetch.
  bool write(void* to, const void* code, size_t size);
  void free(void* code);

  // Tells unwinder, debugger and profiler what was written; free() takes it back.
  void announce(void* code, size_t size, const std::string& name, const Target& target,
                const std::vector<UnwindRow>& rows);
  void setAnnouncements(const AnnounceOptions& options);
  UnwindStats unwindStats() const;

  // 8 bytes of plain data within reach of all code (entry cells); zeroed; nullptr when exhausted.
  uint64_t* allocateCell();
  void freeCell(uint64_t* cell);
  // As many cells in a row, never freed.
  uint64_t* allocateCells(size_t count);

  // Is `address` less than `distance` bytes from every instruction of this memory?
  bool reaches(uint64_t address, int64_t distance = kReach) const;
  bool contains(const void* address) const;

  void setMaxCodeSize(size_t bytes);
  CodeMemoryStats stats() const;

  // Small pieces that many functions share (thunks), made at first use and never freed.
  void* sharedStub(uint64_t key) const;
  void setSharedStub(uint64_t key, void* code) { shared_[key] = code; }

  static constexpr size_t kAlignment = 16;
  // Within it code is placed near the addresses that it calls: the host's direct calls'.
  static const int64_t kReach;

 private:
  friend struct ForkHooks;
  struct Chunk {
    uint8_t* code = nullptr;      // executable view
    uint8_t* writable = nullptr;  // the other view; nullptr with protection switching
    size_t size = 0;
    bool shared = false;             // with another process, since a fork
    std::map<size_t, size_t> holes;  // offset → size, coalesced
  };
  struct Block {
    size_t asked = 0, rounded = 0;
  };

  void reserve();
  bool reserveNear(uint64_t address, size_t size);
  Chunk* newChunk(size_t at_least);
  bool mapDual(Chunk* chunk, const uint8_t* content);
  bool mapSwitched(Chunk* chunk);
  bool makePrivate(Chunk* chunk);
  bool unshare(Chunk* chunk);
  static void copyUsed(const Chunk& chunk, uint8_t* to, const uint8_t* from);
  int executable() const;  // the protection of code
  Chunk* chunkOf(const void* code);
  void* takeHole(Chunk* chunk, size_t rounded);
  bool growCells();
  void shareAll();

  CodeMemoryOptions options_;
  uint8_t* base_ = nullptr;  // of the reservation
  size_t reserved_ = 0;
  size_t cursor_ = 0;       // chunks grow upwards from the base
  size_t cell_cursor_ = 0;  // slabs of cells grow downwards from the end
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::unordered_map<const void*, Block> blocks_;
  std::vector<uint64_t*> free_cells_;
  size_t used_ = 0, committed_ = 0, cells_ = 0;
  std::unordered_map<uint64_t, void*> shared_;
  CodeAnnouncer announcer_;
  mutable std::mutex mutex_;
};

}  // namespace tephra
