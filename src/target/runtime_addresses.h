// Purpose: the runtime's addresses that machine code embeds, as plain numbers, so that neither the
// compiler nor its tests need the runtime's headers.
// Invariant: an address that some emitted operation needs is not 0 (emission bails out otherwise).
#pragma once

#include <array>
#include <cstdint>

#include "metadata/helpers.h"

namespace tephra {

struct RuntimeAddresses {
  std::array<uint64_t, static_cast<size_t>(Helper::kCount) + 1> helpers{};  // by Helper
  uint64_t take_exit = 0;  // tephra_take_exit(metadata, exit, registers, native fp, frame, thread)
  uint64_t call_slow = 0;  // tephra_call_slow(function, args, nargsf, kwnames)
  uint64_t call_uncompiled = 0;  // tephra_call_uncompiled(function, args, nargs)
  uint64_t dealloc = 0;          // void dealloc(object): the last reference is gone
  uint64_t thread_state = 0;     // void* get(): the current thread state
  int64_t thread_state_tls = 0;  // the same at thread pointer + this; 0 = call thread_state
  // Called by the C entries when the word at PyLayout::tls_stack_limit is 0; 0 = never.
  uint64_t init_stack_limit = 0;

  uint64_t helper(Helper which) const { return helpers[static_cast<size_t>(which)]; }
};

}  // namespace tephra
