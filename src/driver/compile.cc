#include "driver/compile.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "codegen/generate.h"
#include "driver/cells.h"
#include "driver/counts.h"
#include "driver/entries.h"
#include "driver/jit.h"
#include "driver/names.h"
#include "driver/sampler.h"
#include "driver/stress.h"
#include "frontend/build.h"
#include "lower/lower.h"
#include "metadata/register_entry.h"
#include "passes/pipeline.h"
#include "pyver/code_kind.h"
#include "regalloc/regalloc.h"

namespace tephra::driver {
namespace {

double cpuSeconds() { return 1e-9 * static_cast<double>(threadCpuTime()); }

// A phase that broke a rule is a bug of ours, and shown at once.
void showErrors(const std::string& annotated) {
  if (!annotated.empty())
    std::fprintf(stderr, "--- tephra: please report this\n%s\n", annotated.c_str());
}

Result<std::unique_ptr<lir::Function>> allocatedLir(const hir::Function& hir, const Target& target,
                                                    std::string* before) {
  const Options& options = jit().options;
  lir::PhaseContext context;
  context.verify = options.verify;
  if (listContains(options.dump, "lir-phases") &&
      hir.name.find(options.dump_filter) != std::string::npos) {
    context.dump = [](const char* phase, const lir::Function& after) {
      std::fprintf(stderr, "--- tephra lir after %s\n%s\n", phase, lir::print(after).c_str());
    };
  }
  Result<std::unique_ptr<lir::Function>> lowered =
      lowerToLir(hir, target,
                 {.force_exit = options.force_exit,
                  .reuse_boxes = options.reuse_boxes,
                  .wide_ints = options.wide_ints,
                  .loop_constants = options.loop_constants,
                  .shared_constants = options.shared_constants},
                 context);
  showErrors(context.annotated);
  if (!lowered) return lowered;
  if (before) *before = lir::print(**lowered);
  regalloc::AllocationOptions allocation;
  allocation.check = options.verify;
  allocation.spill_everything = options.stress_spill;
  allocation.shuffle_seed = static_cast<uint64_t>(options.stress_registers);
  Result<bool> allocated = regalloc::allocateRegisters(**lowered, target, allocation, context);
  showErrors(context.annotated);
  if (!allocated) return allocated.bailout();
  return lowered;
}

frontend::FrontendOptions frontendOptions(const CodeState& state) {
  const Options& options = jit().options;
  frontend::FrontendOptions result;
  if (!options.feedback) result = frontend::FrontendOptions::generic();
  result.arithmetic &= options.arithmetic;
  result.compare &= options.arithmetic;
  result.guess_ints &= options.guess_ints;
  result.attributes &= options.attributes;
  result.methods &= options.methods;
  result.globals &= options.globals;
  result.direct_calls &= options.direct_calls;
  result.builtins &= options.builtin_calls;
  result.subscripts &= options.subscripts;
  result.iteration &= options.iteration;
  result.observe_releases &= options.observe_releases;
  result.unpacking &= options.unpacking;
  result.collect_everywhere = options.stress_gc;
  result.max_instructions = static_cast<uint32_t>(options.max_function_size);
  for (auto [offset, reason] : state.refused_sites) {
    result.refused.insert({offset, static_cast<ExitReason>(reason)});
  }
  return result;
}

py::EntryQuestion entryQuestion() { return jit().options.watch_entries ? mayWatchEntry : nullptr; }

// No collection from reading the inline caches until what they name is watched: it may be garbage.
class NoCollection {
 public:
  NoCollection() : enabled_(PyGC_Disable() != 0) {}
  ~NoCollection() {
    if (enabled_) PyGC_Enable();
  }
  NoCollection(const NoCollection&) = delete;
  NoCollection& operator=(const NoCollection&) = delete;

 private:
  bool enabled_;
};

// What the finished code embeds: plain data is held, the code object holds its own constants, and
// what can die tells its death. A frame that runs holds globals and builtins.
class Embedded {
 public:
  Embedded(const hir::Function& function, CompiledUnit* compiled)
      : function_(function), compiled_(compiled) {}

  // False: an object that nothing can be said of.
  bool collect() {
    bool good = true;
    for (size_t i = 1; i < function_.scopes().size(); ++i) {  // exits make frames of their code
      const CodeUnit& inlined = *function_.scopes()[i].unit;
      compiled_->names.push_back(objectOf(inlined, inlined.code_object));
    }
    for (const hir::Block* block : function_.blocks()) {
      for (const hir::Instr* instr = block->first; instr; instr = instr->next) {
        good &= operation(*instr);
      }
    }
    return good;
  }

 private:
  static PyObject* objectOf(const CodeUnit& unit, ObjRef ref) {
    return reinterpret_cast<PyObject*>(unit.objects[ref].address);
  }

  bool operation(const hir::Instr& instr) {
    const CodeUnit& unit = *function_.scopeOf(&instr).unit;
    const auto ref = static_cast<ObjRef>(instr.attr[0]);
    switch (instr.info().embeds) {
      case hir::Embeds::kNothing: return true;
      case hir::Embeds::kObject: return name(unit, ref);
      // The cell is the function's. Without one the call is by vectorcall.
      case hir::Embeds::kCallee: return instr.attr[0] >= unit.objects.size() || callee(unit, ref);
      case hir::Embeds::kEntry: assume(unit, instr); return true;
    }
    return false;
  }

  void assume(const CodeUnit& unit, const hir::Instr& instr) {
    const DictEntry entry{py::dictOf(objectOf(unit, static_cast<ObjRef>(instr.attr[0]))),
                          objectOf(unit, static_cast<ObjRef>(instr.attr[1]))};
    if (compiled_->entries.insert(entry).second)
      compiled_->references.push_back(Py_NewRef(entry.name));
  }

  bool callee(const CodeUnit& unit, ObjRef ref) {
    const bool code = ref == unit.code_object || unit.objects[ref].keep == Keep::kAlways;
    return code || name(unit, ref);
  }

  bool name(const CodeUnit& unit, ObjRef ref) {
    const ObjectInfo& info = unit.objects[ref];
    PyObject* object = objectOf(unit, ref);
    if (!seen_.insert({info.keep, object}).second) return true;
    switch (info.keep) {
      case Keep::kAlways: return true;
      case Keep::kHold: compiled_->references.push_back(Py_NewRef(object)); return true;
      case Keep::kWatch: compiled_->names.push_back(object); return true;
      case Keep::kNever: break;
    }
    return false;
  }

  const hir::Function& function_;
  CompiledUnit* compiled_;
  std::set<std::pair<Keep, PyObject*>> seen_;
};

Result<bool> watchEmbedded(const hir::Function& hir, CompiledUnit* compiled) {
  if (!Embedded(hir, compiled).collect()) {
    return Bailout{BailoutReason::kVerifier, "the code names an object that may die unnoticed"};
  }
  watchEntries(compiled);
  if (watchNames(compiled)) return true;
  return Bailout{BailoutReason::kTooLarge, "no memory for weak references"};
}

// What the compiler may know of callees: cells of functions that it can call directly. They live
// as long as `user`, if there is one.
void addEntryCells(CodeUnit* unit, CompiledUnit* user) {
  auto use = [&](uint64_t cell) {
    if (cell == 0 || user == nullptr) return;
    user->cells.push_back(reinterpret_cast<uint64_t*>(cell));
    retainCell(user->cells.back());
  };
  auto address = [&](ObjRef ref) {
    return reinterpret_cast<PyObject*>(unit->objects[ref].address);
  };
  for (ObjectInfo& info : unit->objects) {
    if (!info.is_plain_callable || info.argcount > kMaxRegisterParameters) continue;
    PyObject* object = reinterpret_cast<PyObject*>(info.address);
    if (PyFunction_Check(object)) {
      info.entry_cell = entryCellOf(reinterpret_cast<PyFunctionObject*>(object), info.argcount);
    } else if (object != address(unit->code_object)) {
      CodeCells cells = cellsOf(reinterpret_cast<PyCodeObject*>(object), address(unit->globals),
                                address(unit->builtins));
      info.entry_cell = cells.entry;
      info.vectorcall_cell = cells.vectorcall;
    }
    use(info.entry_cell);
    use(info.vectorcall_cell);
  }
}

// Of classes that guards of the function have met; what is gone is forgotten.
std::vector<uint32_t> seenVersions(CodeState* state) {
  if (!jit().options.shapes) return {};
  std::erase_if(state->shapes, [](auto& seen) { return !py::isVersionOfClass(seen.second); });
  std::set<uint32_t> versions;
  for (auto [offset, version] : state->shapes) versions.insert(version);
  return {versions.begin(), versions.end()};
}

// Where classes that a site has met do not find the same there, it guesses no more. The others are
// known for the next time that they fail.
void settleShapes(const CodeUnit& unit, CodeState* state, CompiledUnit* compiled) {
  for (const CanonicalInstr& instr : unit.code) {
    const FeedbackInfo& info = unit.feedback[instr.feedback];
    if (instr.feedback == 0 || info.type_version == 0) continue;
    compiled->shapes.push_back({{hir::kRootScope, instr.offset}, info.type_version});
    auto seen = state->shapes.lower_bound({instr.offset, 0});
    for (; seen != state->shapes.end() && seen->first == instr.offset; ++seen) {
      if (seen->second == info.type_version || info.versions.has(seen->second)) continue;
      state->refused_sites.insert(
          {instr.offset, static_cast<int>(ExitReason::kTypeVersionChanged)});
    }
  }
}

// A handler goes back to the code behind its block by a jump that does not poll.
bool closesLoop(const CanonicalInstr& instr) {
  return instr.op == Canonical::kJumpBackward && instr.arg2 == 0;
}

// Is what the function gains by being compiled lost again when it raises? A loop makes up for it.
bool mayRaiseTooOften(const CodeUnit& unit) {
  auto any = [&](auto is) { return std::any_of(unit.code.begin(), unit.code.end(), is); };
  const bool asked = jit().options.give_up_raising != 0 || jit().options.exit_rate != 0;
  if (!asked || any(closesLoop)) return false;
  return !unit.exceptions.empty() ||
         any([](const CanonicalInstr& instr) { return instr.op == Canonical::kRaiseVarargs; });
}

void findLoops(const CodeUnit& unit, CompiledUnit* compiled) {
  auto countBetween = [&](uint32_t begin, uint32_t end) {
    return static_cast<uint32_t>(
        std::count_if(unit.code.begin(), unit.code.end(), [&](const CanonicalInstr& instr) {
          return instr.last_piece && instr.offset >= begin && instr.offset < end;
        }));
  };
  for (const CanonicalInstr& instr : unit.code) {
    if (!closesLoop(instr)) continue;
    compiled->loops.push_back(
        {instr.arg, instr.next_offset, countBetween(instr.arg, instr.next_offset)});
  }
  compiled->instructions = countBetween(0, UINT32_MAX);
}

void countOperations(const hir::Function& function, CompiledUnit* compiled) {
  std::map<std::string, int> counts;
  for (const hir::Block* block : function.blocks()) {
    for (const hir::Instr* instr = block->first; instr; instr = instr->next) {
      ++counts[instr->info().name];
    }
  }
  compiled->hir_counts.assign(counts.begin(), counts.end());
}

void printDumps(const CodeUnit& unit, const Dumps& dumps) {
  const Options& options = jit().options;
  if (unit.qualname.find(options.dump_filter) == std::string::npos) return;
  auto show = [&](const char* kind, const std::string& text) {
    if (listContains(options.dump, kind)) {
      std::fprintf(stderr, "--- tephra %s of %s\n%s\n", kind, unit.qualname.c_str(), text.c_str());
    }
  };
  show("bytecode", dumps.bytecode);
  show("hir", dumps.hir);
  show("lir", dumps.lir);
  show("asm", dumps.assembly);
}

Result<bool> runPasses(hir::Function& function) {
  const Options& options = jit().options;
  passes::PassContext context;
  context.options.disableAsIn(options);
  context.options.verify |= options.verify;
  context.stress_counter = stressCounter();
  if (listContains(options.dump, "hir-passes") &&
      function.name.find(options.dump_filter) != std::string::npos) {
    context.dump = [](const char* pass, const hir::Function& after) {
      std::fprintf(stderr, "--- tephra hir after %s\n%s\n", pass, hir::print(after).c_str());
    };
  }
  passes::runPipeline(function, context);
  showErrors(context.annotated);
  if (!context.errors.empty()) return Bailout{BailoutReason::kVerifier, context.errors.front()};
  return true;
}

// What the phases behind the passes work on.
struct Front {
  std::unique_ptr<CodeUnit> unit;
  std::vector<std::unique_ptr<CodeUnit>> inlined;
  std::unique_ptr<hir::Function> hir;
};

Result<std::unique_ptr<hir::Function>> readHir(const HirText& text, Front* front) {
  std::vector<const CodeUnit*> units;
  for (PyFunctionObject* each : text.inlined) {
    Result<std::unique_ptr<CodeUnit>> decoded = py::decode(each, {}, entryQuestion());
    if (!decoded) return decoded.bailout();
    units.push_back(decoded->get());
    front->inlined.push_back(std::move(*decoded));
  }
  auto hir = std::make_unique<hir::Function>(front->unit.get());
  hir::ParseError error{};
  if (!hir::parse(text.text, hir.get(), &error, units)) {
    return Bailout{BailoutReason::kVerifier,
                   "line " + std::to_string(error.line) + ": " + error.message};
  }
  if (hir->scopes().size() != 1 + units.size())
    return Bailout{BailoutReason::kVerifier, "the text has another number of scopes"};
  std::vector<std::string> errors = hir::verify(*hir);
  if (!errors.empty()) return Bailout{BailoutReason::kVerifier, errors.front()};
  return hir;
}

// `compiled`: null where nothing will be installed. `text`: null where the front end makes the HIR.
Result<Front> runFront(PyFunctionObject* function, CodeState* state, CompiledUnit* compiled,
                       Dumps* dumps, const HirText* text) {
  Front front;
  Result<std::unique_ptr<CodeUnit>> decoded = py::decode(
      function, compiled ? seenVersions(state) : std::vector<uint32_t>(), entryQuestion());
  if (!decoded) return decoded.bailout();
  front.unit = std::move(*decoded);
  CodeUnit& unit = *front.unit;
  if (compiled) settleShapes(unit, state, compiled);
  addEntryCells(&unit, compiled);
  if (compiled && mayRaiseTooOften(unit)) {
    compiled->calls = std::make_unique<uint64_t>(0);
    unit.call_counter = reinterpret_cast<uint64_t>(compiled->calls.get());
  }
  if (dumps) dumps->bytecode = printUnit(unit);
  Result<std::unique_ptr<hir::Function>> built =
      text ? readHir(*text, &front) : frontend::buildHir(unit, frontendOptions(*state));
  if (!built) return built.bailout();
  front.hir = std::move(*built);
  if (dumps) dumps->hir_initial = hir::print(*front.hir);
  Result<bool> passed = runPasses(*front.hir);
  if (dumps) dumps->hir = hir::print(*front.hir);
  if (!passed) return passed.bailout();
  return front;
}

}  // namespace

Result<CodeMeasure> measureFunction(PyFunctionObject* function, CodeState& state,
                                    const Target& target) {
  NoCollection no_collection;  // the unit is not held here
  Result<Front> front = runFront(function, &state, nullptr, nullptr, nullptr);
  if (!front) return front.bailout();
  Result<std::unique_ptr<lir::Function>> lowered = allocatedLir(*front->hir, target, nullptr);
  if (!lowered) return lowered.bailout();
  return measureCode(**lowered, *front->unit, target, jit().addresses,
                     static_cast<uint32_t>(jit().options.shared_calls));
}

Result<std::unique_ptr<CompiledUnit>> compileUnit(PyFunctionObject* function, CodeState& state,
                                                  Dumps* dumps, const HirText* text) {
  const double start = cpuSeconds();
  Dumps own;
  if (!dumps && !jit().options.dump.empty()) dumps = &own;
  auto compiled = std::make_unique<CompiledUnit>();
  jit().memory->setAnnouncements(
      {jit().options.unwind_tables, jit().options.debugger, jit().options.perf_map});

  NoCollection no_collection;
  Result<Front> front = runFront(function, &state, compiled.get(), dumps, text);
  if (!front) return front.bailout();
  const CodeUnit& unit = *front->unit;
  const hir::Function& hir = *front->hir;
  Result<bool> watched = watchEmbedded(hir, compiled.get());
  if (!watched) return watched.bailout();

  const Target& target = hostTarget();
  Result<std::unique_ptr<lir::Function>> lowered =
      allocatedLir(hir, target, dumps ? &dumps->lir : nullptr);
  if (!lowered) return lowered.bailout();
  if (dumps) dumps->lir += "\n--- after register allocation\n" + lir::print(**lowered);

  Result<CompiledCode> generated =
      generateCode(**lowered, unit, target, *jit().memory, jit().addresses,
                   {dumps != nullptr, jit().options.count_blocks,
                    static_cast<uint32_t>(jit().options.shared_calls)});
  if (!generated) return generated.bailout();
  if (dumps) dumps->assembly = generated->disassembly;
  compiled->code = std::move(*generated);
  compiled->code.metadata->calls = compiled->calls.get();
  compiled->function.vectorcall_entry =
      reinterpret_cast<vectorcallfunc>(compiled->code.entry(EntryKind::kVectorcall));
  compiled->function.array_entry =
      reinterpret_cast<CompiledFunction::ArrayEntry>(compiled->code.entry(EntryKind::kArray));
  compiled->deopt_exits = (*lowered)->num_deopts;
  compiled->forced_exit = (*lowered)->forced_exit;
  compiled->function.code = state.code;
  compiled->function.metadata = compiled->code.metadata.get();
  compiled->function.expected_version = unit.instrumentation_version;
  compiled->code.metadata->expected_version = &compiled->function.expected_version;
  compiled->code.metadata->drops_frame_objects = jit().options.drop_frame_objects;
  compiled->function.total_args = unit.total_args;
  if (py::hasOnlyPositional(state.code) && unit.total_args <= py::kQuickSlots)
    compiled->function.exact_args = state.code->co_argcount;
  compiled->globals = function->func_globals;
  compiled->builtins = function->func_builtins;
  countOperations(hir, compiled.get());
  findLoops(unit, compiled.get());
  if (jit().options.count_blocks) {
    const Target& other = otherTarget();
    Result<std::unique_ptr<lir::Function>> foreign = allocatedLir(hir, other, nullptr);
    Result<CodeMeasure> measure =
        foreign ? measureCode(**foreign, unit, other, jit().addresses,
                              static_cast<uint32_t>(jit().options.shared_calls))
                : Result<CodeMeasure>(foreign.bailout());
    recordCounts(unit, compiled->code, measure);
  }
  compiled->compile_seconds = cpuSeconds() - start;
  if (dumps == &own) printDumps(unit, own);
  return compiled;
}

}  // namespace tephra::driver
