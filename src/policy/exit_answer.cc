#include "policy/exit_answer.h"

namespace tephra::policy {
namespace {

// The classes that the site has met and may let through the next time. False: there are too many,
// or they were let through before.
bool learnShapes(const ExitScene& scene, const ExitSite& site, std::set<Shape>* known,
                 ExitAnswer* answer) {
  auto add = [&](uint32_t version) {
    const bool fresh = known->insert({site.at, version}).second;
    if (fresh) answer->shapes.emplace_back(site.at, version);
    return fresh;
  };
  bool news = false;
  for (uint32_t version : site.met) {
    if (known->size() < kMostShapes) news |= add(version);
  }
  for (const auto& [at, version] : scene.assumed) {
    if (news && at == site.at) add(version);
  }
  return news;
}

// The assumption that fails is not made again. Where exits are weighed, neither are the others that
// fail about as often: each would be learned at the price of another compilation.
void learn(const ExitRules& rules, const ExitFacts& exit, const ExitScene& scene,
           ExitAnswer* answer) {
  const ExitSite& failed = scene.sites[scene.failed];
  // The other half of the recompilations is for what the function must not guess.
  const bool learns = scene.learns_shapes && 2 * exit.recompiles < rules.max_recompiles;
  std::set<Shape> known = scene.shapes;
  for (const ExitSite& site : scene.sites) {
    const bool as_often = rules.recompile_after == 0 && 2 * site.count >= failed.count;
    if ((&site != &failed && !as_often) || !site.avoidable) continue;
    if (site.by_class && learns && learnShapes(scene, site, &known, answer)) continue;
    answer->refused.emplace_back(site.at, site.reason);
  }
}

ExitAnswer giveUp(const char* why) {
  ExitAnswer answer;
  answer.kind = ExitAnswer::Kind::kGiveUp;
  answer.why = why;
  return answer;
}

ExitAnswer relearn(const ExitRules& rules, const ExitFacts& exit, const ExitScene& scene) {
  ExitAnswer answer;
  answer.kind = ExitAnswer::Kind::kRelearn;
  // A loop that was interpreted to its end has told the interpreter enough.
  answer.calls = scene.loops ? 1 : kRelearnCalls;
  learn(rules, exit, scene, &answer);
  return answer;
}

}  // namespace

ExitAnswer answerExit(ExitPolicy* policy, const ExitRules& rules, const ExitFacts& exit,
                      ExitHistory* history, const std::function<ExitScene()>& scene) {
  switch (policy->judge(rules, exit, history)) {
    case ExitVerdict::kKeep: return {};
    case ExitVerdict::kRelearn: return relearn(rules, exit, scene());
    case ExitVerdict::kFailsTooOften: return giveUp("its assumptions failed too often");
    case ExitVerdict::kRaisesTooOften:
      return giveUp("it raises in nearly every call, which the interpreter does faster");
    case ExitVerdict::kLeavesTooOften:
      return giveUp("it leaves its compiled code too often, most often by exceptions");
  }
  return {};
}

}  // namespace tephra::policy
