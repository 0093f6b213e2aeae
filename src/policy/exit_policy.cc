#include "policy/exit_policy.h"

#include <algorithm>

namespace tephra::policy {
namespace {

bool isWorthRelearning(const ExitRules& rules, const ExitFacts& exit) {
  if (rules.recompile_after != 0) return exit.count >= rules.recompile_after;
  if (exit.nature == ExitNature::kTools) return exit.count >= ExitPolicy::kToolsAfter;
  // The first exit tells nothing: it may be the only one.
  const uint64_t cost = exit.lost_ns + exit.count * ExitPolicy::kExitNs;
  return exit.count > 1 && cost >= ExitPolicy::kWorth * exit.compile_ns;
}

bool raisesNearlyAlways(const ExitRules& rules, const ExitFacts& exit) {
  if (rules.give_up_raising == 0 || exit.calls == 0) return false;
  return exit.raised >= rules.give_up_raising && 4 * exit.raised >= 3 * exit.calls;
}

}  // namespace

// What the unit did in the last window that it took part in.
void ExitPolicy::settle(ExitHistory* history) const {
  const bool stormy = history->window == stormy_ && stormy_ + 1 == window_;
  if (!stormy) {
    history->strikes = 0;
  } else if (2 * history->exits >= most_in_stormy_) {  // else others go first
    ++history->strikes;
  }
}

bool ExitPolicy::isStormy(const ExitRules& rules, ExitHistory* history) {
  if (began_ == 0) began_ = clock_();
  if (history->window != window_) {
    settle(history);
    history->window = window_;
    history->exits = 0;
  }
  most_ = std::max(most_, ++history->exits);
  if (++exits_ == kWindow) {
    const uint64_t now = clock_();
    if (kWindow * uint64_t{1'000'000'000} > rules.rate * (now - began_)) {
      stormy_ = window_;
      most_in_stormy_ = most_;
    }
    ++window_;
    began_ = now;
    exits_ = most_ = 0;
  }
  return history->strikes >= kStrikes;
}

ExitVerdict ExitPolicy::judge(const ExitRules& rules, const ExitFacts& exit, ExitHistory* history) {
  if (raisesNearlyAlways(rules, exit)) return ExitVerdict::kRaisesTooOften;
  const bool seldom = exit.calls != 0 && exit.unit_exits * kSeldom <= exit.calls;
  const bool storms = rules.rate != 0 && !seldom && isStormy(rules, history);
  if (exit.nature == ExitNature::kUnavoidable) {
    return storms ? ExitVerdict::kLeavesTooOften : ExitVerdict::kKeep;
  }
  if (!storms && !isWorthRelearning(rules, exit)) return ExitVerdict::kKeep;
  return exit.recompiles < rules.max_recompiles ? ExitVerdict::kRelearn
                                                : ExitVerdict::kFailsTooOften;
}

}  // namespace tephra::policy
