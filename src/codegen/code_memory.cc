#include "codegen/code_memory.h"

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tephra {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHugeUnit = size_t{2} << 20;
constexpr size_t kCellSlab = size_t{64} << 10;
constexpr unsigned kMemfdCloexec = 1, kMemfdExec = 16;

size_t roundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }

// An unwritable, unreadable reservation: address space, no memory.
void* mapReservation(void* hint, size_t size, int extra) {
  void* at =
      mmap(hint, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | extra, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

bool rangeReaches(uint64_t start, size_t size, uint64_t address, int64_t distance) {
  auto low = static_cast<int64_t>(address - start);
  auto high = static_cast<int64_t>(address - (start + size));
  return low > -distance && low < distance && high > -distance && high < distance;
}

// Kernels that know MFD_EXEC want to hear it; older ones refuse the flag.
int memoryFile() {
  long fd = syscall(SYS_memfd_create, "tephra-code", kMemfdCloexec | kMemfdExec);
  if (fd < 0) fd = syscall(SYS_memfd_create, "tephra-code", kMemfdCloexec);
  return static_cast<int>(fd);
}

void flushInstructionCache([[maybe_unused]] void* code, [[maybe_unused]] size_t size) {
#if defined(__aarch64__)
  __builtin___clear_cache(static_cast<char*>(code), static_cast<char*>(code) + size);
#endif
}

// PROT_BTI where processor and kernel have it (AT_HWCAP2 tells of both), else nothing. The names
// are too new for the headers of some systems.
int branchTargetProtection() {
#if defined(__aarch64__)
  constexpr unsigned long kHwcap2Bti = 1UL << 17;
  constexpr int kProtBti = 0x10, kAtHwcap2 = 26;
  return (getauxval(kAtHwcap2) & kHwcap2Bti) != 0 ? kProtBti : 0;
#else
  return 0;
#endif
}

// Does execution see what is written through the other mapping, once the instruction cache was
// told? The architecture says yes; QEMU's user emulation before 8.1 keeps its translation of the
// old code, since it watches the executable mapping only.
bool seesOtherMapping([[maybe_unused]] uint8_t* code, [[maybe_unused]] uint8_t* writable) {
#if defined(__aarch64__)
  for (uint32_t value : {1u, 2u}) {
    // bti c; mov w0, value; ret
    const uint32_t words[] = {0xD503245F, 0x52800000 | value << 5, 0xD65F03C0};
    std::memcpy(writable, words, sizeof words);
    flushInstructionCache(code, sizeof words);
    if (reinterpret_cast<uint32_t (*)()>(code)() != value) return false;
  }
#endif
  return true;
}

}  // namespace

#if defined(__aarch64__)
const int64_t CodeMemory::kReach = (INT64_C(1) << 27) - 4096;
#else
const int64_t CodeMemory::kReach = (INT64_C(1) << 31) - 4096;
#endif

// All code memories of the process, for pthread_atfork. A fork while another thread writes code
// must not leave the child with a locked mutex or half-written book-keeping, hence the locking.
struct ForkHooks {
  std::mutex mutex;
  std::vector<CodeMemory*> all;

  static ForkHooks& get() {
    static ForkHooks* hooks = [] {
      auto* made = new ForkHooks;
      pthread_atfork(prepare, release, release);
      return made;
    }();
    return *hooks;
  }
  static void prepare() {
    ForkHooks& hooks = get();
    hooks.mutex.lock();
    for (CodeMemory* memory : hooks.all) {
      memory->mutex_.lock();
      memory->shareAll();
    }
  }
  static void release() {
    ForkHooks& hooks = get();
    for (CodeMemory* memory : hooks.all) memory->mutex_.unlock();
    hooks.mutex.unlock();
  }
};

CodeMemory::CodeMemory(CodeMemoryOptions options) : options_(std::move(options)) {
  options_.chunk_bytes = roundUp(std::max(options_.chunk_bytes, kPage), kPage);
  if (branchTargetProtection() == 0) options_.branch_targets = false;
  options_.reserve_bytes =
      roundUp(std::max(options_.reserve_bytes, options_.chunk_bytes + kCellSlab), kPage);
  reserve();
  ForkHooks& hooks = ForkHooks::get();
  std::lock_guard lock(hooks.mutex);
  hooks.all.push_back(this);
}

CodeMemory::~CodeMemory() {
  {
    ForkHooks& hooks = ForkHooks::get();
    std::lock_guard lock(hooks.mutex);
    std::erase(hooks.all, this);
  }
  for (auto& chunk : chunks_) {
    if (chunk->writable != nullptr) munmap(chunk->writable, chunk->size);
  }
  if (base_ != nullptr) munmap(base_, reserved_);
}

bool CodeMemory::reserveNear(uint64_t address, size_t size) {
  // Nearest first, on both sides, in steps; the kernel refuses places that are taken.
  for (int64_t step = 0; step * int64_t{1 << 23} < kReach - static_cast<int64_t>(size); ++step) {
    for (int side : {-1, 1}) {
      int64_t distance = step * int64_t{1 << 23} + (side < 0 ? static_cast<int64_t>(size) : 0);
      auto start = static_cast<int64_t>(address & ~(uint64_t{kHugeUnit} - 1)) + side * distance;
      if (start < int64_t{1 << 20} ||
          !rangeReaches(static_cast<uint64_t>(start), size, address, kReach))
        continue;
      // MAP_FIXED_NOREPLACE; a kernel that does not know it takes the address as a hint.
      void* at = mapReservation(reinterpret_cast<void*>(start), size, 0x100000);
      if (at == nullptr) continue;
      if (rangeReaches(reinterpret_cast<uint64_t>(at), size, address, kReach)) {
        base_ = static_cast<uint8_t*>(at);
        return true;
      }
      munmap(at, size);
    }
  }
  return false;
}

void CodeMemory::reserve() {
  // Less than asked for is better than nothing where address space is limited.
  for (size_t size = options_.reserve_bytes;
       base_ == nullptr && size >= options_.chunk_bytes + kCellSlab; size /= 2) {
    size = roundUp(size, kPage);
    for (uint64_t address : options_.near) {
      if (base_ == nullptr) reserveNear(address, size);
    }
    if (base_ == nullptr) base_ = static_cast<uint8_t*>(mapReservation(nullptr, size, 0));
    if (base_ != nullptr) reserved_ = size;
  }
  if (base_ == nullptr) return;
  cell_cursor_ = reserved_;
  if (newChunk(options_.chunk_bytes) != nullptr) return;
  munmap(base_, reserved_);  // no executable memory here
  base_ = nullptr;
}

// Copies all that is not free.
void CodeMemory::copyUsed(const Chunk& chunk, uint8_t* to, const uint8_t* from) {
  size_t at = 0;
  for (auto [offset, size] : chunk.holes) {
    std::memcpy(to + at, from + at, offset - at);
    at = offset + size;
  }
  std::memcpy(to + at, from + at, chunk.size - at);
}

int CodeMemory::executable() const {
  return PROT_READ | PROT_EXEC | (options_.branch_targets ? branchTargetProtection() : 0);
}

// With `content`, the mapping takes the place of one that holds code: it gets a copy, and the old
// mapping stays if there can be no new one.
bool CodeMemory::mapDual(Chunk* chunk, const uint8_t* content) {
  int fd = memoryFile();
  if (fd < 0) return false;
  bool mapped = false;
  if (ftruncate(fd, static_cast<off_t>(chunk->size)) == 0) {
    void* writable = mmap(nullptr, chunk->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (writable != MAP_FAILED) {
      auto* view = static_cast<uint8_t*>(writable);
      if (content != nullptr) copyUsed(*chunk, view, content);
      void* code = mmap(chunk->code, chunk->size, executable(), MAP_SHARED | MAP_FIXED, fd, 0);
      mapped = code != MAP_FAILED && (content != nullptr || seesOtherMapping(chunk->code, view));
      if (mapped) std::swap(view, chunk->writable);
      if (view != nullptr) munmap(view, chunk->size);
    }
  }
  close(fd);
  // A failed fixed mapping may have removed the reservation below it.
  if (!mapped && content == nullptr) mapReservation(chunk->code, chunk->size, MAP_FIXED);
  return mapped;
}

bool CodeMemory::mapSwitched(Chunk* chunk) {
  void* code = mmap(chunk->code, chunk->size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return code != MAP_FAILED && mprotect(code, chunk->size, executable()) == 0;
}

// From two mappings to one of private memory, at the same address.
bool CodeMemory::makePrivate(Chunk* chunk) {
  // Tried elsewhere first, as there is no way back.
  void* probe = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  const bool allowed = mprotect(probe, kPage, executable()) == 0;
  munmap(probe, kPage);
  if (!allowed) return false;
  void* code = mmap(chunk->code, chunk->size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (code == MAP_FAILED) return false;
  copyUsed(*chunk, chunk->code, chunk->writable);
  // Fails only where the kernel has no memory left for its own tables.
  if (mprotect(code, chunk->size, executable()) != 0) std::abort();
  flushInstructionCache(chunk->code, chunk->size);
  munmap(chunk->writable, chunk->size);
  chunk->writable = nullptr;
  chunk->shared = false;
  return true;
}

// A chunk that another process sees, too, becomes this one's own.
bool CodeMemory::unshare(Chunk* chunk) {
  if (!mapDual(chunk, chunk->code)) return makePrivate(chunk);
  flushInstructionCache(chunk->code, chunk->size);
  chunk->shared = false;
  return true;
}

CodeMemory::Chunk* CodeMemory::newChunk(size_t at_least) {
  size_t size = std::max(options_.chunk_bytes, roundUp(at_least, kPage));
  if (cursor_ + size > cell_cursor_) size = roundUp(at_least, kPage);
  if (cursor_ + size > cell_cursor_) return nullptr;
  auto chunk = std::make_unique<Chunk>();
  chunk->code = base_ + cursor_;
  chunk->size = size;
  if (options_.dual_mapping && !mapDual(chunk.get(), nullptr)) options_.dual_mapping = false;
  if (!options_.dual_mapping && !mapSwitched(chunk.get())) return nullptr;
  cursor_ += size;
  committed_ += size;
  chunk->holes[0] = size;
  chunks_.push_back(std::move(chunk));
  return chunks_.back().get();
}

void* CodeMemory::takeHole(Chunk* chunk, size_t rounded) {
  for (auto it = chunk->holes.begin(); it != chunk->holes.end(); ++it) {
    auto [offset, size] = *it;
    if (size < rounded) continue;
    chunk->holes.erase(it);
    if (size > rounded) chunk->holes[offset + rounded] = size - rounded;
    return chunk->code + offset;
  }
  return nullptr;
}

void* CodeMemory::allocate(size_t size) {
  std::lock_guard lock(mutex_);
  if (base_ == nullptr || size == 0) return nullptr;
  size_t rounded = roundUp(size, kAlignment);
  if (options_.max_code_bytes != 0 && used_ + rounded > options_.max_code_bytes) return nullptr;
  void* at = nullptr;
  for (auto& chunk : chunks_) {
    at = takeHole(chunk.get(), rounded);
    if (at != nullptr) break;
  }
  if (at == nullptr) {
    Chunk* chunk = newChunk(rounded);
    if (chunk == nullptr) return nullptr;
    at = takeHole(chunk, rounded);
  }
  blocks_[at] = {size, rounded};
  used_ += size;
  return at;
}

CodeMemory::Chunk* CodeMemory::chunkOf(const void* code) {
  auto* at = static_cast<const uint8_t*>(code);
  for (auto& chunk : chunks_) {
    if (at >= chunk->code && at < chunk->code + chunk->size) return chunk.get();
  }
  return nullptr;
}

bool CodeMemory::write(void* to, const void* code, size_t size) {
  std::lock_guard lock(mutex_);
  Chunk* chunk = chunkOf(to);
  if (chunk == nullptr) return false;
  size_t offset = static_cast<size_t>(static_cast<uint8_t*>(to) - chunk->code);
  if (offset + size > chunk->size || (chunk->shared && !unshare(chunk))) return false;
  if (chunk->writable != nullptr) {
    std::memcpy(chunk->writable + offset, code, size);
  } else {
    uint8_t* first = chunk->code + offset / kPage * kPage;
    size_t pages = roundUp(static_cast<size_t>(static_cast<uint8_t*>(to) + size - first), kPage);
    if (mprotect(first, pages, PROT_READ | PROT_WRITE) != 0) return false;
    std::memcpy(to, code, size);
    if (mprotect(first, pages, executable()) != 0) return false;
  }
  flushInstructionCache(to, size);
  return true;
}

void CodeMemory::free(void* code) {
  std::lock_guard lock(mutex_);
  auto it = blocks_.find(code);
  if (it == blocks_.end()) return;
  Block block = it->second;
  announcer_.withdraw(code);
  blocks_.erase(it);
  used_ -= block.asked;
  Chunk* chunk = chunkOf(code);
  if (chunk == nullptr) return;
  size_t offset = static_cast<size_t>(static_cast<uint8_t*>(code) - chunk->code);
  auto next = chunk->holes.lower_bound(offset);
  if (next != chunk->holes.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == offset) {
      offset = before->first;
      block.rounded += before->second;
      chunk->holes.erase(before);
    }
  }
  if (next != chunk->holes.end() && next->first == offset + block.rounded) {
    block.rounded += next->second;
    chunk->holes.erase(next);
  }
  chunk->holes[offset] = block.rounded;
}

void CodeMemory::announce(void* code, size_t size, const std::string& name, const Target& target,
                          const std::vector<UnwindRow>& rows) {
  std::lock_guard lock(mutex_);
  announcer_.announce(code, size, name, target, rows);
}

void CodeMemory::setAnnouncements(const AnnounceOptions& options) {
  std::lock_guard lock(mutex_);
  announcer_.setOptions(options);
  if (!options.perf_map || !options_.dual_mapping) return;
  options_.dual_mapping = false;
  for (auto& chunk : chunks_) {
    if (chunk->writable != nullptr) makePrivate(chunk.get());  // else it stays as it is: no names
  }
}

UnwindStats CodeMemory::unwindStats() const {
  std::lock_guard lock(mutex_);
  return announcer_.unwindStats();
}

bool CodeMemory::growCells() {
  if (cursor_ + kCellSlab > cell_cursor_) return false;
  uint8_t* slab = base_ + cell_cursor_ - kCellSlab;
  if (mprotect(slab, kCellSlab, PROT_READ | PROT_WRITE) != 0) return false;
  cell_cursor_ -= kCellSlab;
  for (size_t i = kCellSlab / 8; i-- > 0;)
    free_cells_.push_back(reinterpret_cast<uint64_t*>(slab) + i);
  return true;
}

uint64_t* CodeMemory::allocateCell() {
  std::lock_guard lock(mutex_);
  if (base_ == nullptr || (free_cells_.empty() && !growCells())) return nullptr;
  uint64_t* cell = free_cells_.back();
  free_cells_.pop_back();
  *cell = 0;
  ++cells_;
  return cell;
}

uint64_t* CodeMemory::allocateCells(size_t count) {
  std::lock_guard lock(mutex_);
  size_t size = roundUp(8 * count, kPage);
  if (base_ == nullptr || cursor_ + size > cell_cursor_) return nullptr;
  uint8_t* cells = base_ + cell_cursor_ - size;
  if (mprotect(cells, size, PROT_READ | PROT_WRITE) != 0) return nullptr;
  cell_cursor_ -= size;
  return reinterpret_cast<uint64_t*>(cells);
}

void CodeMemory::freeCell(uint64_t* cell) {
  std::lock_guard lock(mutex_);
  free_cells_.push_back(cell);
  --cells_;
}

bool CodeMemory::reaches(uint64_t address, int64_t distance) const {
  return base_ != nullptr &&
         rangeReaches(reinterpret_cast<uint64_t>(base_), reserved_, address, distance);
}

bool CodeMemory::contains(const void* address) const {
  auto* at = static_cast<const uint8_t*>(address);
  return base_ != nullptr && at >= base_ && at < base_ + reserved_;
}

void CodeMemory::setMaxCodeSize(size_t bytes) {
  std::lock_guard lock(mutex_);
  options_.max_code_bytes = bytes;
}

CodeMemoryStats CodeMemory::stats() const {
  std::lock_guard lock(mutex_);
  CodeMemoryStats stats;
  stats.used = used_;
  stats.committed = committed_;
  stats.limit = options_.max_code_bytes != 0 ? options_.max_code_bytes : reserved_;
  stats.blocks = blocks_.size();
  stats.cells = cells_;
  stats.dual_mapping = options_.dual_mapping;
  stats.branch_targets = options_.branch_targets;
  for (const auto& [at, block] : blocks_) stats.wasted += block.rounded - block.asked;
  for (const auto& chunk : chunks_) {
    // The last hole of the last chunk is still to be used; all others lie between code.
    for (const auto& [offset, size] : chunk->holes) {
      bool tail = chunk.get() == chunks_.back().get() && offset + size == chunk->size;
      if (!tail) stats.wasted += size;
    }
  }
  return stats;
}

void* CodeMemory::sharedStub(uint64_t key) const {
  auto it = shared_.find(key);
  return it == shared_.end() ? nullptr : it->second;
}

void CodeMemory::shareAll() {
  // Chunks without code too: both processes would use them. Not those of private memory, of which
  // each process has its own copy; both kinds are there when a second mapping was refused later on.
  for (auto& chunk : chunks_) chunk->shared |= chunk->writable != nullptr;
}

}  // namespace tephra
