// The rules of hir/ir.h and of ops.tbl's rows, each checked; a broken rule gives one diagnostic on
// the block or instruction. Reference counts are checked by passes/refcount_checker.
#include <algorithm>
#include <map>
#include <set>

#include "hir/dominators.h"
#include "hir/ir.h"

namespace tephra::hir {
namespace {

class Verifier {
 public:
  explicit Verifier(const Function& function) : function_(function) {}

  std::vector<Diagnostic> run() {
    if (function_.blocks().empty()) {
      const char* message = "a function needs an entry block";
      errors_.push_back({nullptr, nullptr, message, message});
      return errors_;
    }
    checkLists();
    checkScopes();
    checkGraph();
    if (!errors_.empty()) return errors_;  // what follows walks lists, edges and operands
    Dominators dominators(function_);
    for (const Block* block : function_.blocks()) {
      if (!dominators.reachable(block)) fail(block, "is not reachable");
    }
    if (!errors_.empty()) return errors_;
    for (const Block* block : function_.blocks()) {
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        checkOperandTypes(*instr);
        checkResult(*instr);
        checkAttributes(*instr);
        checkAux(*instr);
        checkScope(*instr);
        checkPlace(*instr);
        checkDominance(*instr, dominators);
      }
    }
    checkFrames();
    checkExceptions();
    return errors_;
  }

 private:
  void fail(const Block* block, const std::string& message) {
    errors_.push_back({block, nullptr, message, "bb" + std::to_string(block->id) + " " + message});
  }
  void fail(const Instr& instr, const std::string& message) {
    errors_.push_back({instr.block, &instr, message,
                       "bb" + std::to_string(instr.block ? instr.block->id : 0) + ": " +
                           print(instr) + ": " + message});
  }

  // Links, ids, operand counts and null pointers: all that the later checks rely on.
  void checkLists() {
    std::set<uint32_t> block_ids;
    for (const Block* block : function_.blocks()) {
      members_.insert(block);
      if (!block_ids.insert(block->id).second) fail(block, "has an id that another block has");
      if (block->id >= function_.numBlocks()) fail(block, "has an id out of range");
      const Instr* prev = nullptr;
      for (const Instr* instr = block->first; instr; prev = instr, instr = instr->next) {
        if (instr->block != block) fail(*instr, "its block pointer is wrong");
        if (instr->prev != prev) fail(*instr, "its prev pointer is wrong");
        values_.insert(instr);
        checkOperandCount(*instr);
        if (!ids_.insert(instr->id).second) fail(*instr, "another instruction has its id");
        if (instr->id >= function_.numValues()) fail(*instr, "its id is out of range");
      }
      if (block->last != prev) fail(block, "its last pointer is wrong");
    }
    for (const Instr* instr : values_) {
      if (instr->scope >= function_.scopes().size())
        fail(*instr, "is of a scope that does not exist");
      for (const Instr* operand : instr->operands) {
        if (operand && !values_.count(operand))
          fail(*instr, "uses an instruction that is in no block");
      }
    }
  }

  void checkScopes() {
    const std::vector<Scope>& scopes = function_.scopes();
    for (size_t i = 1; i < scopes.size(); ++i) {
      const bool under_none = scopes[scopes[i].parent].frame == FrameOrigin::kAbsent;
      if (under_none && scopes[i].frame != FrameOrigin::kAbsent) {
        const std::string message =
            "scope " + std::to_string(i) + " has a frame, the scope that calls it none";
        errors_.push_back({nullptr, nullptr, message, message});
      }
    }
  }

  void checkOperandCount(const Instr& instr) {
    const OpInfo& info = instr.info();
    bool variadic = !info.operands.empty() && info.operands.back().variadic;
    size_t fixed = info.operands.size() - (variadic ? 1 : 0);
    size_t state = info.hasExits() ? 1 : 0;
    size_t have = instr.operands.size();
    if (variadic ? have < fixed + state : have != fixed + state) {
      fail(instr, "has " + std::to_string(have) + " operands, its row " +
                      std::to_string(fixed + state) + (variadic ? " or more" : ""));
    }
    for (const Instr* operand : instr.operands) {
      if (!operand) fail(instr, "has a null operand");
    }
  }

  void checkTargets(const Instr& instr) {
    size_t have = instr.targets.size();
    if (instr.op == Op::kEntries) {
      checkEntries(instr);
    } else {
      size_t expected = instr.op == Op::kJump ? 1 : instr.op == Op::kBranch ? 2 : 0;
      if (instr.handler() != nullptr) {
        expected = instr.info().terminator ? 1 : 2;
        checkHandler(instr);
      }
      if (have != expected)
        fail(instr, "has " + std::to_string(have) + " targets, not " + std::to_string(expected));
    }
    for (const Block* target : instr.targets) {
      if (!members_.count(target)) fail(instr, "jumps to a block that was removed");
    }
  }

  void checkHandler(const Instr& instr) {
    const Instr* state = instr.state();
    const bool stale = state != nullptr && state->op == Op::kFrameState &&
                       std::any_of(state->aux.begin(), state->aux.end(),
                                   [](uint32_t slot) { return slot < kFrameFunction; });
    if (stale) fail(instr, "its handler would find stale homes");
    if (function_.scopeOf(&instr).frame == FrameOrigin::kAbsent)
      fail(instr, "has a handler in a scope without a frame");
    if (instr.info().terminator) return;
    if (instr.targets[0]->preds.size() != 1) fail(instr, "goes on in a block that is not its own");
    const Instr* first = instr.targets[0]->first;
    if (first != nullptr && first->op == Op::kPhi) fail(*first, "a phi of one way");
  }

  // A table of ways in: where each leads, its kind and its bytecode offset.
  void checkEntries(const Instr& instr) {
    if (instr.block != function_.entry()) fail(instr, "is not at the end of the root block");
    if (instr.targets.empty()) fail(instr, "has no targets");
    if (instr.aux.size() != 2 * instr.targets.size())
      fail(instr, "does not give kind and offset for each target");
    for (size_t i = 0; i < instr.aux.size(); i += 2) {
      if (instr.aux[i] >= kEntryKinds) fail(instr, "has an entry of no known kind");
    }
    for (const Block* target : instr.targets) {
      if (target->preds.size() != 1) fail(instr, "enters a block that others jump to");
    }
  }

  void checkGraph() {
    std::map<const Block*, std::vector<const Block*>> edges;
    for (const Block* block : function_.blocks()) {
      if (!block->terminator()) fail(block, "does not end with a terminator");
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        checkTargets(*instr);
        if (instr->isTerminator() && instr->next)
          fail(*instr, "a terminator before the block's end");
      }
      for (const Block* succ : block->succs()) edges[succ].push_back(block);
    }
    for (const Block* block : function_.blocks()) {
      std::vector<const Block*> listed(block->preds.begin(), block->preds.end());
      std::vector<const Block*> real = edges[block];
      std::sort(listed.begin(), listed.end());
      std::sort(real.begin(), real.end());
      if (listed != real) fail(block, "has preds that differ from the edges that lead to it");
    }
    if (!function_.entry()->preds.empty()) fail(function_.entry(), "is the entry and has preds");
  }

  void checkOperandTypes(const Instr& instr) {
    const OpInfo& info = instr.info();
    if (instr.op == Op::kPhi) return checkPhi(instr);
    if (instr.op == Op::kFrameState) return;
    size_t inputs = instr.inputs().size();
    for (size_t i = 0; i < inputs; ++i) {
      const Instr* operand = instr.operands[i];
      Type want = operandInfo(info, i).type;
      if (want.rep == Rep::kNone) continue;
      if (!operand->type.isSubtypeOf(want)) {
        fail(instr, "operand " + std::to_string(i) + " is " + typeName(operand->type) + ", not " +
                        typeName(want));
      }
    }
    if (info.hasExits() && instr.operands.back()->op != Op::kFrameState) {
      fail(instr, "its last operand is no FrameState");
    }
  }

  void checkPhi(const Instr& phi) {
    if (phi.operands.size() != phi.block->preds.size()) {
      fail(phi, "has another number of inputs than its block has preds");
    }
    if (phi.prev && phi.prev->op != Op::kPhi) fail(phi, "a phi after other instructions");
    for (const Instr* input : phi.operands) {
      if (!function_.typeFor(&phi, input).isSubtypeOf(phi.type)) {
        fail(phi, "input v" + std::to_string(input->id) + " is " + typeName(input->type));
      }
    }
  }

  void checkResult(const Instr& instr) {
    checkName(instr, instr.type);
    Type row = instr.info().result;
    if (instr.op == Op::kPhi) {
      bool sound = instr.type.rep != Rep::kNone && instr.type.rep != Rep::kState;
      if (!sound) fail(instr, "a phi must be an object, a number or a truth value");
      return;
    }
    if (instr.type.rep != row.rep) {
      fail(instr, "its result is " + typeName(instr.type) + ", its row's " + typeName(row));
    } else if (row.isObject() && !instr.type.isSubtypeOf(row)) {
      fail(instr, "its result is wider than its row's " + typeName(row));
    }
    if (instr.op == Op::kGuardType && !instr.type.isSubtypeOf(Type::decode(instr.attr[0])) &&
        instr.type != kTypeObject) {
      fail(instr, "its result is wider than the type that it guards");
    }
  }

  static constexpr AliasSets kFrameSets = alias::kFrame | alias::kHome | alias::kPosition;

  const CodeUnit* unitOf(const Instr& instr) const { return function_.scopeOf(&instr).unit; }

  // What is inlined leaves by a chain of states, one for each scope out to the root; what a frame
  // that is absent would be asked for is not there.
  void checkScope(const Instr& instr) {
    const Scope& scope = function_.scopeOf(&instr);
    const Instr* state = instr.state();
    // The interpreter makes the call that would have pushed the frame.
    const bool calls = instr.op == Op::kPushInlinedFrame;
    if (state && state->scope != (calls ? scope.parent : instr.scope))
      fail(instr, "its frame state is another scope's");
    if (instr.op == Op::kFrameState) {
      const bool has = !instr.aux.empty() && instr.aux.back() == kParentState;
      if (has == (instr.scope == kRootScope))
        fail(instr, has ? "the root has no parent state" : "an inlined state needs its parent's");
      if (has && instr.operands.back()->scope != scope.parent)
        fail(instr, "its parent state is not of the scope that calls it");
    }
    const OpInfo& info = instr.info();
    const bool touches = ((info.reads | info.writes) & kFrameSets) != 0;
    if (scope.frame == FrameOrigin::kAbsent && (info.runs_python || info.drops_old || touches))
      fail(instr, "may look at the frame of a scope that has none");
  }

  // A class or function stands for all that the value can be, NULL aside.
  void checkName(const Instr& instr, Type type) {
    if (!type.isNamed()) return;
    const uint32_t object = type.mask & ~kMaskNull;
    if (!type.isObject() || (object != kMaskOther && object != kMaskFunction))
      fail(instr, "only Other and Function may be named, not " + typeName(type));
    if (const CodeUnit* unit = unitOf(instr))
      checkRange(instr, "the name of its type", type.name(), unit->objects.size());
  }

  void checkRange(const Instr& instr, const char* what, uint64_t value, uint64_t end) {
    if (value >= end) fail(instr, std::string(what) + " is out of range");
  }

  void checkAttributes(const Instr& instr) {
    const OpInfo& info = instr.info();
    for (size_t i = 0; i < info.attrs.size(); ++i) {
      uint64_t value = instr.attr[i];
      const char* name = info.attrs[i].name;
      switch (info.attrs[i].kind) {
        case AttrKind::kU32: checkRange(instr, name, value, uint64_t{1} << 32); break;
        case AttrKind::kBool: checkRange(instr, name, value, 2); break;
        case AttrKind::kCmp: checkRange(instr, name, value, 6); break;
        case AttrKind::kBinOp: checkRange(instr, name, value, 26); break;
        case AttrKind::kUnOp: checkRange(instr, name, value, 3); break;
        case AttrKind::kReason:
          checkRange(instr, name, value, static_cast<uint64_t>(ExitReason::kRaised) + 1);
          break;
        case AttrKind::kObj:
          checkRange(instr, name, value, uint64_t{1} << 32);
          if (const CodeUnit* unit = unitOf(instr); unit && value != kNoObject)
            checkRange(instr, name, value, unit->objects.size());
          break;
        case AttrKind::kType: {
          Type type = Type::decode(value);
          if (!type.isObject() || (type.mask & ~kMaskObject) || !type.mask) {
            fail(instr, "its type attribute is no object type");
          }
          checkName(instr, type);
          break;
        }
        case AttrKind::kI64:
        case AttrKind::kU64:
        case AttrKind::kF64: break;
      }
    }
    checkSpecialAttributes(instr);
  }

  void checkSpecialAttributes(const Instr& instr) {
    if ((instr.op == Op::kConstObject || instr.op == Op::kWeakObject) && instr.attr[0] == kNoObject)
      fail(instr, "names no object");
    if (instr.op == Op::kGuardType && Type::decode(instr.attr[0]).isNamed())
      fail(instr, "guards a type, not a name");
    if (instr.op == Op::kPushInlinedFrame && unitOf(instr) &&
        instr.inputs().size() != 1 + size_t{unitOf(instr)->total_args})
      fail(instr, "does not give each parameter a value");
    if (instr.op == Op::kBranch) checkRange(instr, "likely", instr.attr[0], 3);
    if (instr.op == Op::kCallBuiltin) checkRange(instr, "convention", instr.attr[2], 4);
    const CodeUnit* unit = unitOf(instr);
    if (instr.op == Op::kLoadArg && unit)
      checkRange(instr, "index", instr.attr[0], unit->total_args);
    if (instr.op == Op::kStoreHome) checkRange(instr, "old", instr.attr[1], 3);
    bool home =
        instr.op == Op::kStoreHome || instr.op == Op::kLoadHome || instr.op == Op::kTakeHome;
    if (home && unit) checkRange(instr, "slot", instr.attr[0], unit->locals.size());
  }

  void checkFrameState(const Instr& instr) {
    size_t nstack = instr.attr[2];
    if (instr.operands.size() != nstack + instr.aux.size()) {
      fail(instr, "has " + std::to_string(instr.operands.size()) + " values, not nstack + aux");
      return;
    }
    std::set<uint32_t> slots;
    for (size_t i = 0; i < instr.aux.size(); ++i) {
      const Instr* value = instr.operands[nstack + i];
      bool parent = instr.aux[i] == kParentState;
      if (parent && i + 1 != instr.aux.size()) fail(instr, "its parent is not the last value");
      if (parent != (value->op == Op::kFrameState)) fail(instr, "its parent must be a FrameState");
      if (!slots.insert(instr.aux[i]).second) fail(instr, "overrides a home twice");
      const bool function = instr.aux[i] == kFrameFunction;
      if (function && !value->type.isObject()) fail(instr, "its function is no object");
      if (!parent && !function && unitOf(instr))
        checkRange(instr, "aux slot", instr.aux[i], unitOf(instr)->locals.size());
    }
    const bool absent = function_.scopeOf(&instr).frame == FrameOrigin::kAbsent;
    if (slots.contains(kFrameFunction) != absent)
      fail(instr, absent ? "does not say whose function its frame, which is absent, is of"
                         : "names the function of a frame that is there");
    for (size_t i = 0; i < instr.operands.size(); ++i) {
      Rep rep = instr.operands[i]->type.rep;
      bool plain =
          rep == Rep::kObject || rep == Rep::kInt64 || rep == Rep::kDouble || rep == Rep::kBool;
      bool is_parent = i >= nstack && instr.aux[i - nstack] == kParentState;
      if (!plain && !is_parent) fail(instr, "a value must be an object, a number or a truth value");
    }
  }

  void checkAux(const Instr& instr) {
    if (instr.op == Op::kFrameState) {
      checkFrameState(instr);
    } else if (instr.op == Op::kLeaveFrame) {
      for (size_t i = 0; i < instr.aux.size(); ++i) {
        if (i && instr.aux[i] / 2 <= instr.aux[i - 1] / 2)
          fail(instr, "its homes are not in slot order");
        if (unitOf(instr))
          checkRange(instr, "aux slot", instr.aux[i] / 2, unitOf(instr)->locals.size());
      }
    } else if (!instr.aux.empty() && instr.op != Op::kEntries) {
      fail(instr, "has aux, which only FrameState, LeaveFrame and Entries have");
    }
    for (size_t i = 0; i < kMaxLent && instr.lent >> i; ++i) {
      if (instr.isLent(i) && (i >= instr.inputs().size() || !instr.isGiven(i)))
        fail(instr, "lends operand " + std::to_string(i) + ", which it does not give");
    }
    if (!instr.exit_owned.empty() && !instr.hasState()) fail(instr, "owns at an exit but has none");
    for (const Instr* owned : instr.exit_owned) {
      if (!values_.count(owned) || !owned->type.isObject() ||
          rootOf(const_cast<Instr*>(owned)) != owned) {
        fail(instr, "exit_owned must name roots");
      }
    }
  }

  void checkPlace(const Instr& instr) {
    if (!isPartner(instr.op)) return;
    const Instr* prev = before(&instr);
    const Instr* first = prev;
    while (first && isPartner(first->op)) first = before(first);
    bool sound;
    if (instr.op == Op::kLoadMethodSelf) {
      sound = prev && prev == instr.operands[0] &&
              (prev->op == Op::kLoadMethod || prev->op == Op::kLoadSuperMethod ||
               prev->op == Op::kLoadSpecial);
    } else {
      sound = first && (first->op == Op::kUnpackSequence || first->op == Op::kUnpackEx ||
                        first->op == Op::kBeforeWith);
    }
    if (!sound) fail(instr, "does not follow its partner");
  }

  // Is the value there at the block's end, or in it behind its definition? What raises gives none.
  static bool reaches(const Instr& value, const Block& block, const Dominators& dominators) {
    const bool goes_on = value.handler() != nullptr && !value.info().terminator;
    return dominators.dominates(goes_on ? value.targets[0] : value.block, &block);
  }

  void checkDominance(const Instr& instr, const Dominators& dominators) {
    if (instr.op == Op::kPhi) {
      size_t n = std::min(instr.operands.size(), instr.block->preds.size());
      for (size_t i = 0; i < n; ++i) {
        if (!reaches(*instr.operands[i], *instr.block->preds[i], dominators)) {
          fail(instr,
               "input v" + std::to_string(instr.operands[i]->id) + " does not reach its edge");
        }
      }
      return;
    }
    for (const Instr* operand : instr.operands) {
      if (!dominators.dominates(operand, &instr) || !reaches(*operand, *instr.block, dominators)) {
        fail(instr, "v" + std::to_string(operand->id) + " does not dominate this use");
      }
    }
    for (const Instr* owned : instr.exit_owned) {
      if (!dominators.dominates(owned, &instr)) {
        fail(instr, "v" + std::to_string(owned->id) + " does not dominate this exit");
      }
    }
  }

  // --- frames: the scope whose frame is the innermost one that is there

  static constexpr int kNoFrame = -1;
  static constexpr int kUnclear = -2;  // it depends on the way
  static constexpr int kUnreached = -3;

  int frameAfter(const Instr& instr, int frame) const {
    switch (instr.op) {
      case Op::kPushFrame:
      case Op::kPushInlinedFrame: return instr.scope;
      case Op::kLeaveFrame:
        return instr.scope == kRootScope ? kNoFrame
                                         : static_cast<int>(function_.scopeOf(&instr).parent);
      default: return frame;
    }
  }

  void checkFrames() {
    std::map<const Block*, int> at_start{{function_.entry(), kNoFrame}};
    std::vector<const Block*> work{function_.entry()};
    while (!work.empty()) {
      const Block* block = work.back();
      work.pop_back();
      int frame = at_start.at(block);
      for (const Instr* i = block->first; i; i = i->next) frame = frameAfter(*i, frame);
      for (size_t i = 0; i < block->succs().size(); ++i) {
        const bool adopts = adoptsFrame(block, static_cast<int>(i));
        const int there = adopts ? static_cast<int>(kRootScope) : frame;
        int& known = at_start.try_emplace(block->succs()[i], kUnreached).first->second;
        if (known == there || known == kUnclear) continue;
        known = known == kUnreached ? there : kUnclear;
        work.push_back(block->succs()[i]);
      }
    }
    for (const auto& [block, frame] : at_start) checkFramesOf(*block, frame);
  }

  void checkFramesOf(const Block& block, int frame) {
    for (const Instr* instr = block.first; instr; instr = instr->next) {
      const OpInfo& info = instr->info();
      const bool touches = !info.runs_python && ((info.reads | info.writes) & kFrameSets) != 0;
      if (instr->op == Op::kPushFrame) {
        if (&block != callEntry(function_.entry()))
          fail(*instr, "PushFrame belongs to the entry block");
        else if (frame != kNoFrame)
          fail(*instr, "a second PushFrame");
      } else if (instr->op == Op::kPushInlinedFrame) {
        const Scope& scope = function_.scopeOf(instr);
        if (instr->scope == kRootScope || scope.frame != FrameOrigin::kPushed)
          fail(*instr, "its scope is none that is inlined with a frame");
        else if (frame != static_cast<int>(scope.parent))
          fail(*instr, "the frame of the scope that calls it is not the innermost one");
      } else if ((touches || instr->op == Op::kLeaveFrame) && frame != instr->scope) {
        fail(*instr, frame == kNoFrame || frame == kUnclear
                         ? "no PushFrame before it"
                         : "its scope's frame is not the innermost one");
      }
      frame = frameAfter(*instr, frame);
    }
  }

  // --- exceptions: is one set?

  static bool mayStandWithException(const Instr& instr) {
    const OpInfo& info = instr.info();
    if (info.releases || instr.op == Op::kJump || instr.op == Op::kCatchException) return true;
    return !info.runs_python && !info.hasExits() && !info.terminator && info.writes == 0;
  }

  void checkExceptions() {
    std::map<const Block*, bool> at_start{{function_.entry(), false}};
    std::vector<const Block*> work{function_.entry()};
    while (!work.empty()) {
      const Block* block = work.back();
      work.pop_back();
      bool set = at_start.at(block);
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        if (instr->op == Op::kCatchException) {
          if (!set) fail(*instr, "no exception is set here");
          set = false;
        } else if (set && !mayStandWithException(*instr)) {
          fail(*instr, "an exception is set here: CatchException comes first");
        }
      }
      for (size_t i = 0; i < block->succs().size(); ++i) {
        const bool raised = set || raisesAlong(block, static_cast<int>(i));
        auto [at, fresh] = at_start.try_emplace(block->succs()[i], raised);
        if (fresh) work.push_back(block->succs()[i]);
        if (at->second != raised)
          fail(*block->last, "whether an exception is set depends on the way");
      }
    }
  }

  const Function& function_;
  std::vector<Diagnostic> errors_;
  std::set<const Block*> members_;
  std::set<const Instr*> values_;
  std::set<uint32_t> ids_;
};

}  // namespace

std::vector<Diagnostic> diagnose(const Function& function) { return Verifier(function).run(); }
std::vector<std::string> verify(const Function& function) { return linesOf(diagnose(function)); }

}  // namespace tephra::hir
