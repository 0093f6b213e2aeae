// Purpose: the whole answer to an exit: keep the code, compile it again (after how many calls, what
// it lets through then, what it does not guess any more), or leave it to the interpreter, and why.
// What the code's exits have met is asked for only where an answer needs it. Invariant: pure, as
// policy/exit_policy.h, which weighs the exit.
#pragma once

#include <compare>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "policy/exit_policy.h"

namespace tephra::policy {

// An instruction of the function, or of what is inlined into it.
struct Site {
  uint32_t scope = 0;   // number of its hir::Scope
  uint32_t offset = 0;  // in its bytecode
  auto operator<=>(const Site&) const = default;
};

// A place where the code can be left, all by the number of its exit. Reasons are only compared.
struct ExitSite {
  Site at;
  int reason = 0;
  uint64_t count = 0;
  bool avoidable = false;     // the code can be compiled without what it assumes here
  bool by_class = false;      // what it assumes is a class
  std::vector<uint32_t> met;  // versions of classes that it has met and that are there still
};

using Shape = std::pair<Site, uint32_t>;  // and the version of a class

struct ExitScene {
  std::vector<ExitSite> sites;
  size_t failed = 0;  // the site of the exit that is being taken
  bool learns_shapes = false;
  std::set<Shape> shapes;      // of former generations, known to be let through
  std::vector<Shape> assumed;  // of this one
  bool loops = false;
};

struct ExitAnswer {
  enum class Kind : uint8_t { kKeep, kRelearn, kGiveUp } kind = Kind::kKeep;
  // kRelearn: interpreted calls before it is compiled again, classes that it lets through then,
  // what it does not assume any more (site, reason).
  uint64_t calls = 0;
  std::vector<Shape> shapes;
  std::vector<std::pair<Site, int>> refused;
  const char* why = "";  // kGiveUp
};

// Enough calls for the interpreter's adaptive instructions (warm-up 1, back-off up to 64
// executions) to see the new types.
inline constexpr uint64_t kRelearnCalls = 70;
// Classes to be let through in all sites of a function.
inline constexpr size_t kMostShapes = 12;

ExitAnswer answerExit(ExitPolicy* policy, const ExitRules& rules, const ExitFacts& exit,
                      ExitHistory* history, const std::function<ExitScene()>& scene);

}  // namespace tephra::policy
