// Purpose: what follows from an exit of compiled code. An exit weighs by what it costs: its own
// work, and the time that the interpreter then takes for the rest of the call. A failed assumption
// is compiled again without it when its exits have cost more than compiling will (the rent-or-buy
// rule: whatever comes, at most a small multiple of the cost of knowing everything). What no
// compilation avoids, exceptions above all, goes back to the interpreter for good where the process
// takes more exits than a bounded number per second of CPU time.
// Invariant: pure: no Python, no memory of units but what the caller keeps for it, time only from
// the given clock. All under the GIL.
#pragma once

#include <cstdint>

namespace tephra::policy {

enum class ExitNature : uint8_t {
  kAssumption,   // compiled without it, the code does not leave there
  kTools,        // instrumentation changed: compiled again, the code knows
  kUnavoidable,  // an exception, an observed frame, what compiled code leaves to the interpreter
};

// As the options of these names say.
struct ExitRules {
  uint64_t rate = 0;             // exits per second of CPU time; 0: no bound
  uint64_t recompile_after = 0;  // exits by one assumption, exactly; 0: by what they cost
  uint64_t give_up_raising = 0;  // exceptions, in three of four calls; 0: never
  uint64_t max_recompiles = 0;
};

// What the policy remembers of one generation of compiled code.
struct ExitHistory {
  uint64_t window = 0;  // the last one that it left its code in
  uint32_t exits = 0;   // in that window
  uint32_t strikes = 0;
};

// One exit that is being taken.
struct ExitFacts {
  ExitNature nature = ExitNature::kUnavoidable;
  uint64_t count = 0;       // exits at this place, with this one
  uint64_t lost_ns = 0;     // CPU time in the interpreter behind the earlier ones
  uint64_t unit_exits = 0;  // of the same code at all places
  uint64_t raised = 0;      // those that were exceptions
  uint64_t calls = 0;       // of the code; 0: not counted
  uint64_t compile_ns = 0;  // what compiling it has cost
  uint64_t recompiles = 0;  // of the function so far
};

enum class ExitVerdict : uint8_t {
  kKeep,
  kRelearn,        // compile again, without the assumption
  kFailsTooOften,  // the other three: interpret it from now on
  kRaisesTooOften,
  kLeavesTooOften,
};

class ExitPolicy {
 public:
  // CPU time of the process in nanoseconds.
  using Clock = uint64_t (*)();

  explicit ExitPolicy(Clock clock) : clock_(clock) {}

  ExitVerdict judge(const ExitRules& rules, const ExitFacts& exit, ExitHistory* history);

  // Exits between two looks at the clock.
  static constexpr uint32_t kWindow = 512;
  // Windows above the rate, one after the other, in which a unit was among those that left most.
  static constexpr uint32_t kStrikes = 4;
  // An exit in so many calls costs less than any function gains by being compiled.
  static constexpr uint64_t kSeldom = 64;
  // About what the exit itself costs, by the clock (docs/deopt.md).
  static constexpr uint64_t kExitNs = 150;
  // Of the time behind an exit compiled code would have needed half.
  static constexpr uint64_t kWorth = 2;
  // Exits because of tools before the code is compiled for them.
  static constexpr uint64_t kToolsAfter = 30;

 private:
  bool isStormy(const ExitRules& rules, ExitHistory* history);
  void settle(ExitHistory* history) const;

  Clock clock_;
  uint64_t window_ = 2, began_ = 0;  // no history has been in a window that was before
  uint32_t exits_ = 0, most_ = 0;    // in the window: all, and of one unit
  uint64_t stormy_ = 0;              // the last window above the rate
  uint32_t most_in_stormy_ = 0;
};

}  // namespace tephra::policy
