#include "driver/function_tables.h"

#include <algorithm>

namespace tephra::driver {

std::array<uint32_t, kFunctionKinds> marked_functions;

namespace {

std::unordered_set<PyFunctionObject*>& marked() {
  static auto* functions = new std::unordered_set<PyFunctionObject*>;
  return *functions;
}

struct Search {
  PyCodeObject* code;  // null: any
  std::vector<PyFunctionObject*> found;
};

int collect(PyObject* object, void* out) {
  if (!PyFunction_Check(object)) return 1;
  auto* search = static_cast<Search*>(out);
  auto* function = reinterpret_cast<PyFunctionObject*>(object);
  auto* code = reinterpret_cast<PyCodeObject*>(function->func_code);
  bool wanted = (search->code == nullptr || code == search->code) &&
                function->vectorcall != py::interpreterVectorcall();
  if (wanted) search->found.push_back(function);
  return 1;
}

void list(CodeState* state, PyFunctionObject* function) {
  const uint32_t saved = py::savedVersion(function, state->code_version);
  if (state->functions.try_emplace(function, saved).second) markFunction(function);
}

}  // namespace

void noteFunction(CodeState* state, PyFunctionObject* function) {
  if (state->listed >= kListedFunctions) {
    if (!isMarked(function) || state->functions.count(function) == 0) {
      state->unlisted = state->ever_unlisted = true;
    }
    return;
  }
  const uint32_t saved = py::savedVersion(function, state->code_version);
  if (!state->functions.try_emplace(function, saved).second) return;
  markFunction(function);
  ++state->listed;
}

void listFunctionsOf(const std::unordered_set<CodeState*>& states) {
  if (std::none_of(states.begin(), states.end(), [](CodeState* each) { return each->unlisted; })) {
    return;
  }
  Search search{nullptr, {}};
  py::visitAllObjects(collect, &search);
  for (PyFunctionObject* function : search.found) {
    CodeState* state = findState(reinterpret_cast<PyCodeObject*>(function->func_code));
    if (state && state->unlisted) list(state, function);
  }
  for (CodeState* state : states) state->unlisted = false;
}

void listFunctions(CodeState* state) {
  if (!state->unlisted) return;
  state->unlisted = false;
  Search search{state->code, {}};
  py::visitAllObjects(collect, &search);
  for (PyFunctionObject* function : search.found) list(state, function);
}

void listFunction(CodeState* state, PyFunctionObject* function) {
  if (state->unlisted && function->vectorcall != py::interpreterVectorcall()) {
    list(state, function);
  }
}

void markFunction(PyFunctionObject* function) {
  if (marked().insert(function).second) ++marked_functions[kindOf(function)];
}

void unmarkFunction(PyFunctionObject* function) {
  if (marked().erase(function) != 0) --marked_functions[kindOf(function)];
}

void unmarkAllFunctions() {
  marked().clear();
  marked_functions = {};
}

}  // namespace tephra::driver
