// The whole answer to an exit, as a table: what was met, what is learned from it.
#include <gtest/gtest.h>

#include "policy/exit_answer.h"

namespace tephra::policy {
namespace {

using Kind = ExitAnswer::Kind;
using Sites = std::vector<ExitSite>;
using Learned = std::vector<Shape>;
using Refused = std::vector<std::pair<Site, int>>;

constexpr int kType = 1, kClass = 2, kRaised = 3;

uint64_t clock() { return 1'000'000; }

Site at(uint32_t offset, uint32_t scope = 0) { return {scope, offset}; }

ExitSite site(uint32_t offset, int reason, uint64_t count, std::vector<uint32_t> met = {}) {
  ExitSite result;
  result.at = at(offset);
  result.reason = reason;
  result.count = count;
  result.avoidable = reason != kRaised;
  result.by_class = reason == kClass;
  result.met = std::move(met);
  return result;
}

struct Row {
  const char* name;
  ExitScene scene;
  ExitFacts facts;
  ExitRules rules;
  // What is expected.
  Kind kind;
  uint64_t calls;
  Learned shapes;
  Refused refused;
};

// The first site fails, for the tenth time, at a cost that speaks for compiling again.
Row row(const char* name, Sites sites) {
  Row result{};
  result.name = name;
  result.scene.sites = std::move(sites);
  result.scene.learns_shapes = true;
  result.facts.nature = ExitNature::kAssumption;
  result.facts.count = 10;
  result.facts.lost_ns = 1'000'000;
  result.facts.compile_ns = 1'000;
  result.rules.max_recompiles = 8;
  result.kind = Kind::kRelearn;
  result.calls = kRelearnCalls;
  return result;
}

std::vector<Row> plainRows() {
  std::vector<Row> rows;
  Row each = row("what fails is refused", {site(4, kType, 10)});
  each.refused = {{at(4), kType}};
  rows.push_back(each);

  each = row("cheap: kept", {site(4, kType, 10)});
  each.facts.lost_ns = 0;
  each.facts.compile_ns = 1'000'000;
  each.kind = Kind::kKeep;
  each.calls = 0;
  rows.push_back(each);

  each = row("a loop has told enough", {site(4, kType, 10)});
  each.scene.loops = true;
  each.calls = 1;
  each.refused = {{at(4), kType}};
  rows.push_back(each);

  each = row("what fails about as often goes, too",
             {site(4, kType, 10), site(8, kType, 5), site(12, kType, 4), site(16, kRaised, 90)});
  each.refused = {{at(4), kType}, {at(8), kType}};
  rows.push_back(each);

  each = row("by scope, whose offsets mean different instructions",
             {site(4, kType, 10), site(4, kClass, 10, {71})});
  each.scene.sites[1].at.scope = 1;
  each.scene.assumed = {{at(4), 70}};
  each.refused = {{at(4), kType}};
  each.shapes = {{at(4, 1), 71}};
  rows.push_back(each);

  each = row("where exits are counted, only the one", {site(4, kType, 10), site(8, kType, 9)});
  each.rules.recompile_after = 10;
  each.refused = {{at(4), kType}};
  rows.push_back(each);

  each = row("compiled often enough", {site(4, kType, 10)});
  each.facts.recompiles = 8;
  each.kind = Kind::kGiveUp;
  each.calls = 0;
  rows.push_back(each);

  each = row("an exception is nobody's fault", {site(4, kRaised, 10)});
  each.facts.nature = ExitNature::kUnavoidable;
  each.kind = Kind::kKeep;
  each.calls = 0;
  rows.push_back(each);
  return rows;
}

std::vector<Row> shapeRows() {
  std::vector<Row> rows;
  Row each = row("classes are added to the one assumed", {site(4, kClass, 10, {71, 72})});
  each.scene.assumed = {{at(4), 70}, {at(8), 60}};
  each.shapes = {{at(4), 71}, {at(4), 72}, {at(4), 70}};
  rows.push_back(each);

  each = row("classes known before are no news", {site(4, kClass, 10, {71})});
  each.scene.shapes = {{at(4), 71}};
  each.scene.assumed = {{at(4), 70}};
  each.refused = {{at(4), kClass}};
  rows.push_back(each);

  each = row("none of them lives", {site(4, kClass, 10)});
  each.refused = {{at(4), kClass}};
  rows.push_back(each);

  each = row("half of the recompilations are for shapes", {site(4, kClass, 10, {71})});
  each.facts.recompiles = 4;
  each.refused = {{at(4), kClass}};
  rows.push_back(each);

  each = row("the option is off", {site(4, kClass, 10, {71})});
  each.scene.learns_shapes = false;
  each.refused = {{at(4), kClass}};
  rows.push_back(each);

  each = row("the function has enough", {site(4, kClass, 10, {71, 72})});
  for (uint32_t i = 1; i < kMostShapes; ++i) each.scene.shapes.insert({at(i), 7});
  each.shapes = {{at(4), 71}};
  rows.push_back(each);
  each.name = "it has too many";
  each.scene.shapes.insert({at(99), 7});
  each.shapes = {};
  each.refused = {{at(4), kClass}};
  rows.push_back(each);
  return rows;
}

void expectAnswers(const std::vector<Row>& rows) {
  for (const Row& each : rows) {
    SCOPED_TRACE(each.name);
    ExitPolicy policy(clock);
    ExitHistory history;
    bool asked = false;
    const ExitAnswer answer = answerExit(&policy, each.rules, each.facts, &history, [&] {
      asked = true;
      return each.scene;
    });
    EXPECT_EQ(answer.kind, each.kind);
    EXPECT_EQ(asked, each.kind == Kind::kRelearn);
    EXPECT_EQ(answer.calls, each.calls);
    EXPECT_EQ(answer.shapes, each.shapes);
    EXPECT_EQ(answer.refused, each.refused);
    EXPECT_EQ(*answer.why == 0, each.kind != Kind::kGiveUp);
  }
}

TEST(ExitAnswer, WhatIsNotAssumedAgain) { expectAnswers(plainRows()); }
TEST(ExitAnswer, WhichClassesAreLetThrough) { expectAnswers(shapeRows()); }

TEST(ExitAnswer, EachWayToGiveUpSaysWhy) {
  ExitRules rules{.give_up_raising = 200, .max_recompiles = 8};
  ExitFacts facts;
  facts.raised = facts.calls = 200;
  ExitPolicy policy(clock);
  ExitHistory history;
  const ExitAnswer answer = answerExit(&policy, rules, facts, &history, [] { return ExitScene(); });
  EXPECT_EQ(answer.kind, Kind::kGiveUp);
  EXPECT_STREQ(answer.why, "it raises in nearly every call, which the interpreter does faster");
}

}  // namespace
}  // namespace tephra::policy
