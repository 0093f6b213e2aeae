// Purpose: what is done around every pass over HIR and every phase over LIR: time it, show its
// result, verify it, and blame it for what is wrong.
// Invariant: a Context has timings, dump, errors and annotated as passes::PassContext and
// lir::PhaseContext have them; diagnose() and print() of the function's namespace are used.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace tephra {

struct PhaseTiming {
  const char* name;
  double seconds;
  bool result;  // a pass: it changed the function; a phase over LIR: it did not give it up
};

// Adds to context.timings; the result is that of `run`.
template <typename Context, typename Run>
bool timed(const char* name, Context& context, Run run) {
  auto start = std::chrono::steady_clock::now();
  const bool result = run();
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  context.timings.push_back({name, time.count(), result});
  return result;
}

// True: nothing was found.
template <typename Function, typename Context, typename Diagnostics>
bool blame(const char* name, const Function& function, const Diagnostics& found, Context& context) {
  if (found.empty()) return true;
  for (const auto& diagnostic : found)
    context.errors.push_back(std::string(name) + ": " + diagnostic.line);
  context.annotated = print(function, found);
  return false;
}

}  // namespace tephra
