#include "policy/policy.h"

#include <algorithm>
#include <cmath>

namespace tephra::policy {
namespace {

constexpr CpuTime kMillisecond = 1'000'000;
constexpr CpuTime kSecond = 1000 * kMillisecond;

// In the first three seconds a twentieth, and something to begin with; a tenth afterwards.
constexpr CpuTime kAdvance = 50 * kMillisecond;
constexpr CpuTime kEarly = 3 * kSecond;
constexpr CpuTime kEarlyShare = 20, kLateShare = 10;

// A function costs what it would if it were longer by so many units, and none for itself.
constexpr uint32_t kFixedUnits = 45;
// What one unit costs before anything was measured, and how many units that counts for.
constexpr double kUnitTime = 8'000, kUnitWeight = 200;
// A measurement loses half its weight when so many units have been compiled after it.
constexpr double kMemory = 20'000;

// Straight-line code of fewer instructions gains less than an entry from the interpreter costs:
// some 170 machine instructions, of which one of bytecode saves about five (callgrind).
constexpr uint32_t kSmall = 40;
// Where its caller may be compiled, that should come first; but two that call each other must not
// wait for each other.
constexpr double kCallerFirst = 0.1;

// A function that takes an eighth of all CPU time is hot. Code that takes less saves less, by the
// cube of that, or where it loops by the square: it is not in the processor's caches when it is
// called, nor are those compiled that it calls and that call it. (Of 33 real programs some ran
// at 1.1 of the interpreter's time, with fewer instructions executed, where lukewarm functions were
// compiled; docs/performance.md.) Shares are of the time since the function was seen first, or of
// this much where that is less, and of so many samples: one alone tells little.
constexpr double kHot = 0.125;
constexpr CpuTime kShareOf = 200 * kMillisecond;
constexpr CpuTime kShareOfSamples = 25;
// Where few functions run together, they stay in the caches with smaller shares: a 150th for each
// of them. (Of the suite's programs most run four to twenty, of the real ones all but a few twenty
// to two hundred. With a tenth, and a 400th, autograd's training loop compiles twice as many
// functions and takes 4 % and 8 % more time.)
constexpr double kOfMix = 1.0 / 150, kLeastHot = 0.01;
// Calls between it and compiled code speak for a function more than the least that they cost where
// few functions run together: by the square of this number over that which runs, so many times at
// most. Half compiled is the worst: a training step of 175 calls in PyTorch takes 1.05 to 1.09 of
// the interpreter's time with a third of its 57 functions compiled, as if each of the 58 calls
// across cost 700 ns, and 0.97 with all of them; without this it took 10 s to get there, with it 2
// to 4 (autograd_training on 3.12: 0.94 instead of 0.97 in the long run). In the first second also
// by the share of the CPU time that the calls cost, of this much, since much runs then that will
// not come again. (deltablue, of some twenty functions, is warm after 0.27 s of CPU time instead of
// 0.6; with 40 and 8 after 0.42. With sixteen times for whatever number of functions, mypy_checker
// compiles 432 in 3 s instead of 17 and takes 4 % more time.)
constexpr CpuTime kBeginning = kSecond;
constexpr double kBusy = 0.0005, kFewTogether = 80, kMostCrossings = 16;
constexpr CpuTime kBusyOf = 20 * kMillisecond;  // at least
// A sample counts for half after so much time.
constexpr CpuTime kHalfLife = 500 * kMillisecond;

// What compiling would have saved of the time that was seen.
double saved(const Heat& heat, CpuTime used, double functions) {
  const CpuTime time =
      std::max({used - std::min(used, heat.since), kShareOf, kShareOfSamples * heat.sample});
  const double share = static_cast<double>(heat.seen) / static_cast<double>(time);
  const double hot = std::clamp(functions * kOfMix, kLeastHot, kHot);
  const double warmth = std::min(share / hot, 1.0);
  const auto looped = static_cast<double>(heat.looped);
  const double called = static_cast<double>(heat.seen) - looped;
  return kSaved * warmth * warmth * (looped + warmth * called);
}

double crossings(const Heat& heat, CpuTime used, double functions) {
  const auto crossed = static_cast<double>(heat.crossed);
  const double few = kFewTogether / std::max(functions, 1.0);
  double times = few * few;
  if (used <= kBeginning) {
    const CpuTime time = std::max(used - std::min(used, heat.since), kBusyOf);
    times = std::min(times, crossed / static_cast<double>(time) / kBusy);
  }
  return crossed * std::clamp(times, 1.0, kMostCrossings);
}

double halved(CpuTime since, CpuTime now) {
  return std::exp2(-static_cast<double>(now - std::min(now, since)) / kHalfLife);
}

}  // namespace

void Mix::note(Share* share, CpuTime time, CpuTime now) {
  const double part = halved(until_, now), added = static_cast<double>(time);
  time_ *= part;
  together_ *= part * part;
  alone_ *= part * part;
  const double before = share == nullptr ? 0 : share->time * halved(share->until, now);
  time_ += added;
  together_ += added * (2 * before + added);
  alone_ += added * added;
  until_ = now;
  if (share != nullptr) *share = {before + added, now};
}

// Of two samples, not of one and itself.
double Mix::functions() const {
  constexpr double kVeryMany = 1e6;
  const double pairs = time_ * time_ - alone_, same = together_ - alone_;
  return same > pairs / kVeryMany ? pairs / same : kVeryMany;
}

CpuTime Policy::allowed(CpuTime used) const {
  const CpuTime early = std::min(used, kEarly), late = used - early;
  return (kAdvance + early / kEarlyShare + late / kLateShare) * percent_ / 100;
}

CpuTime Policy::expectedCost(uint32_t units) const {
  const double unit = (recent_time_ + kUnitTime * kUnitWeight) / (recent_units_ + kUnitWeight);
  return static_cast<CpuTime>(unit * (units + kFixedUnits));
}

double Policy::worth(const Heat& heat, CpuTime used) const {
  const bool small = heat.work < kSmall && !heat.loops;
  double part = 1;
  if (small && heat.caller == Caller::kCompilable) part = kCallerFirst;
  if (small && heat.caller == Caller::kInterpreted) part = 0;
  const double cost = static_cast<double>(std::max<CpuTime>(expectedCost(heat.units), 1));
  const double functions = mix.functions();
  const double gain = part * saved(heat, used, functions) + crossings(heat, used, functions);
  // Code that was taken out again must be hotter each time: it pays for what went before.
  return gain / (1.0 + heat.recompiles) / cost;
}

Verdict Policy::judge(const Heat& heat, CpuTime used) const {
  if (worth(heat, used) < 1) return Verdict::kWait;
  const bool affordable = spent_ + expectedCost(heat.units) <= allowed(used);
  return affordable ? Verdict::kCompile : Verdict::kOverBudget;
}

void Policy::spend(uint32_t units, CpuTime took) {
  spent_ += took;
  units += kFixedUnits;
  const double kept = kMemory / (kMemory + units);
  recent_time_ = recent_time_ * kept + static_cast<double>(took);
  recent_units_ = recent_units_ * kept + units;
}

}  // namespace tephra::policy
