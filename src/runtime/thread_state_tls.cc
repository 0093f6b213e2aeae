#include "runtime/thread_state_tls.h"

#include "pyver/contract.h"

#include <link.h>
#include <pthread.h>

#include <vector>

namespace tephra {

namespace {

struct Range {
  uintptr_t low, high;
};

// The blocks of thread-local variables that this thread has.
std::vector<Range> threadBlocks() {
  std::vector<Range> blocks;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t size, void* out) {
        if (size < offsetof(dl_phdr_info, dlpi_tls_data) + sizeof(void*)) return 1;
        if (info->dlpi_tls_data == nullptr) return 0;
        const auto low = reinterpret_cast<uintptr_t>(info->dlpi_tls_data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
          static_cast<std::vector<Range>*>(out)->push_back({low, low + info->dlpi_phdr[i].p_memsz});
        }
        return 0;
      },
      &blocks);
  return blocks;
}

uintptr_t threadPointer() { return reinterpret_cast<uintptr_t>(__builtin_thread_pointer()); }

uintptr_t wordAt(uintptr_t address) {
  return *reinterpret_cast<const volatile uintptr_t*>(address);
}

// Keeps the offsets at which this thread has a variable that holds `expected`.
void keep(std::vector<int64_t>* offsets, uintptr_t expected) {
  const std::vector<Range> blocks = threadBlocks();
  std::erase_if(*offsets, [&](int64_t offset) {
    const uintptr_t address = threadPointer() + static_cast<uintptr_t>(offset);
    for (const Range& block : blocks) {
      if (address >= block.low && address + sizeof(uintptr_t) <= block.high) {
        return wordAt(address) != expected;
      }
    }
    return true;
  });
}

void* onOtherThread(void* argument) {
  auto* offsets = static_cast<std::vector<int64_t>*>(argument);
  const PyGILState_STATE state = PyGILState_Ensure();
  keep(offsets, reinterpret_cast<uintptr_t>(PyThreadState_Get()));
  PyGILState_Release(state);
  keep(offsets, 0);  // without the GIL there is no current thread state
  return nullptr;
}

}  // namespace

int64_t threadStateTlsOffset() {
  const auto current = reinterpret_cast<uintptr_t>(PyThreadState_Get());
  std::vector<int64_t> offsets;
  for (const Range& block : threadBlocks()) {
    for (uintptr_t at = (block.low + 7) & ~uintptr_t{7}; at + 8 <= block.high; at += 8) {
      if (wordAt(at) == current) offsets.push_back(static_cast<int64_t>(at - threadPointer()));
    }
  }
  if (offsets.empty()) return 0;
  PyThreadState* saved = PyEval_SaveThread();
  keep(&offsets, 0);
  pthread_t thread;
  const bool started = pthread_create(&thread, nullptr, onOtherThread, &offsets) == 0;
  if (started) pthread_join(thread, nullptr);
  PyEval_RestoreThread(saved);
  keep(&offsets, current);
  return started && offsets.size() == 1 ? offsets.front() : 0;
}

}  // namespace tephra
