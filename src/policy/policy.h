// Purpose: what is worth compiling, and when. A function pays when the CPU time that it was seen to
// take in the interpreter, less what it would still take compiled, exceeds what compiling it will
// cost (the rent-or-buy rule: whatever comes, at most twice the cost of knowing everything), by the
// cost per bytecode unit that was measured in this very process. And compile time in all stays
// within a share of the CPU time that the process has used.
// Invariant: pure: no Python, no clock, no memory of functions. All under the GIL.
#pragma once

#include <cstdint>

namespace tephra::policy {

// Nanoseconds of CPU time.
using CpuTime = uint64_t;

// Who calls a function. The interpreter runs calls from its own code to its own code without any C
// in between, so that a small function loses more by being entered than its body gains.
enum class Caller : uint8_t {
  kOutside,      // C code, or compiled code: an entry of ours costs less than the interpreter's
  kCompilable,   // interpreted code that may be compiled some day
  kInterpreted,  // interpreted code that will stay so
};

// How much code runs together: the effective number of functions that samples have met lately (the
// inverse of the chance that two samples meet the same one; Simpson, Nature 163, 1949).
class Mix {
 public:
  struct Share {  // one function's
    double time = 0;
    CpuTime until = 0;
  };
  // A sample of so much time, of a function, or (null) of code that is never compiled.
  void note(Share* share, CpuTime time, CpuTime now);
  double functions() const;

 private:
  double time_ = 0, together_ = 0, alone_ = 0;  // and squares: of functions' times, of samples'
  CpuTime until_ = 0;
};

// What the policy must know of a code object.
struct Heat {
  Mix::Share share;
  CpuTime seen = 0;    // charged to it while it was interpreted, since it was taken out last
  CpuTime since = 0;   // what the process had used when that began
  CpuTime looped = 0;  // of `seen`: when a loop went on
  CpuTime sample = 0;  // the longest time that was charged at once
  // Lost in calls between it and compiled code; nothing of that is left when it is compiled, too.
  CpuTime crossed = 0;
  uint32_t units = 0;                // of bytecode, inline caches included
  uint32_t work = 0;                 // instructions, without those that only run for exceptions
  uint32_t recompiles = 0;           // how often its compiled code was taken out again
  bool loops = false;                // the code has a backward jump
  Caller caller = Caller::kOutside;  // where it was seen last
};

enum class Verdict : uint8_t {
  kWait,        // not hot enough yet
  kCompile,     // it pays, and the budget allows it
  kOverBudget,  // it would pay
};

class Policy {
 public:
  // Option "budget": percent of the usual budget; 0 refuses everything.
  Policy() = default;
  explicit Policy(uint32_t budget_percent) : percent_(budget_percent) {}

  void setBudget(uint32_t percent) { percent_ = percent; }

  // `used`: by the process so far, compiling included.
  Verdict judge(const Heat& heat, CpuTime used) const;
  // 0: never while things are as they are. Else the gain that compiling is expected to bring for
  // each nanosecond that it costs.
  double worth(const Heat& heat, CpuTime used) const;

  // A compilation was done (or given up), of so many bytecode units.
  void spend(uint32_t units, CpuTime took);

  Mix mix;  // of all code, compiled or not

  CpuTime spent() const { return spent_; }
  CpuTime allowed(CpuTime used) const;         // compile time in all until now
  CpuTime expectedCost(uint32_t units) const;  // of compiling so much

 private:
  uint32_t percent_ = 100;
  CpuTime spent_ = 0;
  // Measured; older compilations count less and less.
  double recent_time_ = 0, recent_units_ = 0;
};

// The share of a hot function's interpreted time that compiling it saves: the suite's programs run
// twice as fast (docs/performance.md), in a few functions that call each other.
inline constexpr double kSaved = 0.5;

}  // namespace tephra::policy
