#include "passes/refcount_checker.h"

#include <algorithm>
#include <map>
#include <set>

#include "passes/refcount_state.h"
#include "passes/root_liveness.h"

namespace tephra::passes {
namespace {

using hir::Block;
using hir::Instr;
using hir::Op;
using hir::Ownership;

constexpr int kEmpty = -1;  // a home that holds NULL
constexpr int kTaken = -2;  // a home whose reference TakeHome took and that was not stored to yet

struct Object {
  int regs = 0;           // references that registers own
  bool external = false;  // a constant: somebody else keeps it alive
  bool argument = false;  // an unwritten parameter: its home keeps it alive, lent or owned
  bool heap = false;      // read from memory, which may still hold it
  bool null = false;
  bool immortal = false;
  uint32_t mask = hir::kMaskOptObject;

  bool counted() const { return !null && !immortal; }
};

struct Home {
  int object = kEmpty;
  bool owns = false;
};

struct State {
  std::map<uint32_t, int> objects_of;  // root id -> object
  std::vector<Object> objects;
  std::vector<Home> homes;  // by their place in the row
  int frames = 0;           // that are there
  bool infeasible = false;  // a guard cannot have held on this path
};

class Checker {
 public:
  Checker(const hir::Function& function, size_t max_states)
      : function_(function), liveness_(function), row_(function), max_states_(max_states) {
    for (const Block* block : function.blocks()) {
      for (Instr* instr = block->first; instr; instr = instr->next) scan(instr);
    }
  }

  RefcountCheck run() {
    State start;
    start.homes.resize(row_.size());
    enter(function_.entry(), std::move(start));
    while (!work_.empty() && result_.errors.size() < 20) {
      if (result_.states >= max_states_) {
        result_.exhausted = true;
        break;
      }
      auto [block, state] = std::move(work_.back());
      work_.pop_back();
      ++result_.states;
      walk(block, std::move(state));
    }
    return result_;
  }

 private:
  void scan(const Instr* instr) {
    if (instr->op == Op::kStoreHome) written_.insert(row_.of(instr));
    if (instr->op == Op::kLoadArg) args_[instr->u32(0)] = instr;
  }

  void fail(const Instr* at, const std::string& message) {
    std::string line =
        "bb" + std::to_string(at->block->id) + ": " + hir::print(*at) + ": " + message;
    if (std::find(result_.errors.begin(), result_.errors.end(), line) == result_.errors.end()) {
      result_.errors.push_back(line);
      result_.diagnostics.push_back({at->block, at, message, line});
    }
  }

  // --- objects
  static int add(State& state, Object object) {
    object.immortal |= (object.mask & ~kMaskImmortal) == 0;
    state.objects.push_back(object);
    return static_cast<int>(state.objects.size() - 1);
  }

  // Index of the value's object; -1 and an error when the value is dead here.
  int objectOf(State& state, const Instr* value, const Instr* at) {
    const Instr* root = hir::rootOf(const_cast<Instr*>(value));
    auto found = state.objects_of.find(root->id);
    if (found != state.objects_of.end()) return found->second;
    fail(at, "uses v" + std::to_string(value->id) + ", which is dead on some path");
    return -1;
  }

  static bool inOwningHome(const State& state, int object) {
    return std::any_of(state.homes.begin(), state.homes.end(),
                       [&](const Home& home) { return home.owns && home.object == object; });
  }

  static bool alive(const State& state, int index, bool memory_counts) {
    const Object& object = state.objects[index];
    return !object.counted() || object.external || object.argument || object.regs > 0 ||
           (memory_counts && object.heap) || inOwningHome(state, index);
  }

  // Takes one reference away from the registers.
  void consume(State& state, int index, const Instr* at, const Instr* value) {
    Object& object = state.objects[index];
    if (!object.counted()) return;
    if (object.regs == 0) {
      fail(at,
           "gives away a reference of v" + std::to_string(value->id) + " that no register owns");
      return;
    }
    --object.regs;
  }

  static void forgetMemory(State& state) {
    for (Object& object : state.objects) object.heap = false;
  }

  // --- one instruction
  void step(State& state, Instr* instr) {
    if (instr->info().releases) return decref(state, instr);
    switch (instr->op) {
      case Op::kPhi:
      case Op::kFrameState: return;
      case Op::kPushFrame: return pushFrame(state);
      case Op::kPushInlinedFrame: return pushInlinedFrame(state, instr);
      case Op::kStoreHome: return storeHome(state, instr);
      case Op::kTakeHome:
      case Op::kLoadHome: return readHome(state, instr);
      case Op::kLeaveFrame: return leaveFrame(state, instr);
      case Op::kIncref:
      case Op::kXIncref: return incref(state, instr);
      default: return ordinary(state, instr);
    }
  }

  void pushFrame(State& state) {
    ++state.frames;
    uint32_t total = function_.unit() ? function_.unit()->total_args : 0;
    for (uint32_t slot = 0; slot < row_.end(hir::kRootScope); ++slot) {
      auto arg = args_.find(slot);
      if (arg == args_.end() && slot >= total) continue;
      int object;
      auto known =
          arg == args_.end() ? state.objects_of.end() : state.objects_of.find(arg->second->id);
      if (known != state.objects_of.end()) {
        object = known->second;
      } else {
        object = add(state, {.argument = true, .mask = hir::kMaskObject});
        if (arg != args_.end()) state.objects_of[arg->second->id] = object;
      }
      state.homes[slot] = {object, true};
      state.objects[object].argument = written_.count(slot) == 0;
    }
  }

  // The interpreter's frame: whatever its homes hold, they own it.
  void adoptFrame(State& state) {
    ++state.frames;
    for (size_t home = 0; home < row_.end(hir::kRootScope); ++home)
      state.homes[home] = {add(state, Object()), true};
  }

  // Its homes own the references that the operation takes.
  void pushInlinedFrame(State& state, Instr* instr) {
    std::vector<int> arguments;
    for (Instr* value : instr->inputs().subspan(1))
      arguments.push_back(objectOf(state, value, instr));
    ordinary(state, instr);
    ++state.frames;
    for (size_t home = row_.first(instr->scope); home < row_.end(instr->scope); ++home) {
      const size_t slot = home - row_.first(instr->scope);
      state.homes[home] = {};
      if (slot < arguments.size()) state.homes[home] = {arguments[slot], true};
    }
  }

  // A home that owns its content loses it without a release: a register must name it from now on.
  void handOver(State& state, Home& home) {
    if (home.owns && home.object >= 0 && state.objects[home.object].counted()) {
      ++state.objects[home.object].regs;
    }
    home = {};
  }

  void storeHome(State& state, Instr* instr) {
    Home& home = state.homes[row_.of(instr)];
    int object = objectOf(state, instr->operands[0], instr);
    if (object < 0) return;
    consume(state, object, instr, instr->operands[0]);
    handOver(state, home);
    home = {state.objects[object].null ? kEmpty : object, true};
    if (instr->attr[1] != 0) fail(instr, "still says that the home held something");
  }

  void readHome(State& state, Instr* instr) {
    Home& home = state.homes[row_.of(instr)];
    if (home.object == kTaken) return fail(instr, "reads a home whose content was taken");
    bool takes = instr->op == Op::kTakeHome;
    int object = home.object;
    if (object == kEmpty) {
      if (!instr->type.couldBe(hir::kMaskNull)) fail(instr, "the home may hold NULL");
      object = add(state, {.null = true});
    } else if (takes) {
      if (!home.owns) fail(instr, "the home owns no reference");
      if (state.objects[object].counted()) ++state.objects[object].regs;
    }
    state.objects_of[instr->id] = object;
    if (takes) home = {kTaken, false};
  }

  void leaveFrame(State& state, Instr* instr) {
    forgetMemory(state);
    for (uint32_t entry : instr->aux) {
      Home& home = state.homes[row_.of(instr, entry / 2)];
      std::string name = "home " + std::to_string(entry / 2);
      if (home.object == kTaken) fail(instr, name + " was taken");
      if (home.object == kEmpty && entry % 2 == 0) fail(instr, name + " may be NULL");
      if (home.object >= 0 && !home.owns) fail(instr, name + " owns nothing to release");
      home = {};
    }
    for (size_t home = row_.first(instr->scope); home < row_.end(instr->scope); ++home)
      handOver(state, state.homes[home]);
    --state.frames;
    if (instr->scope != hir::kRootScope) return;
    for (Object& object : state.objects) object.argument = false;
  }

  void incref(State& state, Instr* instr) {
    int index = objectOf(state, instr->operands[0], instr);
    if (index < 0) return;
    if (!alive(state, index, true)) fail(instr, "takes a reference of an object that may be gone");
    if (state.objects[index].counted()) ++state.objects[index].regs;
  }

  void decref(State& state, Instr* instr) {
    int index = objectOf(state, instr->operands[0], instr);
    if (index < 0) return;
    consume(state, index, instr, instr->operands[0]);
    // Memory that still holds it was not touched since; otherwise its end may run code and free
    // more.
    bool last = !alive(state, index, true);
    bool harmless = (state.objects[index].mask & ~kMaskHarmless) == 0;
    if (!harmless && last) forgetMemory(state);
  }

  void checkExit(State& state, Instr* instr) {
    std::map<int, int> owned;
    for (Instr* root : instr->exit_owned) {
      int index = objectOf(state, root, instr);
      if (index >= 0 && state.objects[index].counted()) ++owned[index];
    }
    // At these exits the value is NULL.
    bool null_exit = instr->op == Op::kCheckExpected || instr->op == Op::kGuardNotNull;
    int null_object = null_exit ? objectOf(state, instr->operands[0], instr) : -1;
    for (int i = 0; i < static_cast<int>(state.objects.size()); ++i) {
      if (i == null_object || !state.objects[i].counted()) continue;
      if (state.objects[i].regs != owned[i]) {
        fail(instr, "at its exit registers own " + std::to_string(state.objects[i].regs) +
                        " references of " + nameOf(state, i) + ", exit_owned says " +
                        std::to_string(owned[i]));
      }
    }
  }

  std::string nameOf(const State& state, int object) {
    for (const auto& [id, index] : state.objects_of) {
      if (index == object) return "v" + std::to_string(id);
    }
    return "an object without a name";
  }

  void ordinary(State& state, Instr* instr) {
    const hir::OpInfo& info = instr->info();
    std::vector<Instr*> used;
    rootsUsed(instr, &used);
    for (Instr* root : used) {
      int index = objectOf(state, root, instr);
      if (index >= 0 && !alive(state, index, !info.runs_python)) {
        fail(instr, "uses v" + std::to_string(root->id) + ", which nobody keeps alive");
      }
    }
    std::span<Instr*> inputs = instr->inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!instr->isGiven(i) || instr->isLent(i) || !inputs[i]->type.isObject()) continue;
      int index = objectOf(state, inputs[i], instr);
      if (index >= 0) consume(state, index, instr, inputs[i]);
    }
    if (instr->hasState()) checkExit(state, instr);
    if (instr->handler() != nullptr) {
      raised_ = state;
      if (info.writesHeap()) forgetMemory(raised_);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!instr->isStolen(i) || !inputs[i]->type.isObject()) continue;
      int index = objectOf(state, inputs[i], instr);
      if (index >= 0) consume(state, index, instr, inputs[i]);
    }
    if (info.writesHeap()) forgetMemory(state);
    define(state, instr);
    if (instr->op == Op::kReturn) checkReturn(state, instr);
  }

  void define(State& state, Instr* instr) {
    if (instr->op == Op::kGuardNull) {
      int index = objectOf(state, instr->operands[0], instr);
      if (index >= 0) state.objects[index] = {.null = true};
    }
    if (!instr->type.isObject()) return;
    if (instr->info().ownership == Ownership::kAlias) {
      int index = objectOf(state, instr->operands[0], instr);
      if (index < 0) return;
      // A guard that NULL does not pass: no path goes on here.
      if (state.objects[index].null && !instr->type.couldBe(hir::kMaskNull))
        state.infeasible = true;
      narrow(state.objects[index], instr->type.mask);
      return;
    }
    if (instr->op == Op::kLoadArg && state.objects_of.count(instr->id))
      return;  // PushFrame was first
    Object object{.mask = instr->type.mask};
    if (instr->op == Op::kConstNull) object.null = true;
    if (instr->op == Op::kConstObject) {
      const ObjectInfo* info = function_.object(instr, instr->attr[0]);
      object.immortal = info != nullptr && info->immortal;
    }
    switch (instr->info().ownership) {
      case Ownership::kNew: object.regs = 1; break;
      case Ownership::kBorrowed: object.heap = true; break;
      case Ownership::kUncounted:
        (instr->op == Op::kLoadArg ? object.argument : object.external) = true;
        break;
      case Ownership::kNone:
      case Ownership::kAlias: break;
    }
    state.objects_of[instr->id] = add(state, object);
  }

  static void narrow(Object& object, uint32_t mask) {
    object.mask &= mask;
    if ((object.mask & ~kMaskImmortal) == 0) object.immortal = true;
  }

  void checkReturn(State& state, Instr* instr) {
    for (int i = 0; i < static_cast<int>(state.objects.size()); ++i) {
      const Object& object = state.objects[i];
      if (object.counted() && object.regs) fail(instr, "leaks a reference of " + nameOf(state, i));
    }
    if (state.frames != 0) fail(instr, "returns without LeaveFrame");
  }

  // --- blocks
  void walk(const Block* block, State state) {
    for (Instr* instr = block->first; instr; instr = instr->next) {
      step(state, instr);
      // What follows an error would only repeat it.
      // The last one may still raise.
      const bool ends = state.infeasible && instr != block->last;
      if (!result_.errors.empty() || ends) return;
    }
    for (int which = 0; which < static_cast<int>(block->succs().size()); ++which) {
      const bool raises = hir::raisesAlong(block, which);
      if (raises || !state.infeasible) takeEdge(block, which, raises ? raised_ : state);
    }
  }

  void takeEdge(const Block* from, int which, State state) {
    const Block* to = from->succs()[which];
    size_t index = hir::predIndex(from, which);
    applyBranch(from->last, which, state);
    if (hir::adoptsFrame(from, which)) adoptFrame(state);
    std::map<uint32_t, int> phis;
    for (Instr* phi = to->first; phi && phi->op == Op::kPhi; phi = phi->next) {
      if (!phi->type.isObject() || !liveness_.liveIn(to).test(phi->id)) continue;
      phis[phi->id] = objectOf(state, phi->operands[index], from->last);
    }
    std::map<uint32_t, int> live;
    liveness_.liveIn(to).forEach([&](uint32_t id) {
      if (auto phi = phis.find(id); phi != phis.end()) {
        live[id] = phi->second;
      } else if (auto old = state.objects_of.find(id); old != state.objects_of.end()) {
        live[id] = old->second;
      } else {
        fail(from->last, "v" + std::to_string(id) + " is live in bb" + std::to_string(to->id) +
                             " but not defined");
      }
    });
    if (!result_.errors.empty()) return;
    state.objects_of = std::move(live);
    for (int i = 0; i < static_cast<int>(state.objects.size()); ++i) {
      const Object& object = state.objects[i];
      if (!object.counted() || object.regs == 0 || nameOf(state, i)[0] == 'v') continue;
      fail(from->last, "leaks a reference on the way to bb" + std::to_string(to->id));
    }
    enter(to, std::move(state));
  }

  // The sides of a comparison with NULL know which one they are.
  void applyBranch(const Instr* branch, int which, State& state) {
    if (branch->op != Op::kBranch || branch->targets[0] == branch->targets[1]) return;
    const Instr* condition = branch->operands[0];
    bool truth = which == 0;
    for (; condition->op == Op::kBoolNot; condition = condition->operands[0]) truth = !truth;
    if (condition->op != Op::kPtrEqual) return;
    for (int i = 0; i < 2; ++i) {
      const Instr* value = hir::rootOf(condition->operands[i]);
      if (hir::rootOf(condition->operands[1 - i])->op != Op::kConstNull) continue;
      auto found = state.objects_of.find(value->id);
      if (found == state.objects_of.end()) continue;
      if (truth) {
        state.objects[found->second] = {.null = true};
      } else {
        narrow(state.objects[found->second], hir::kMaskObject);
      }
    }
  }

  // Renumbers objects by first mention, drops unnamed ones, and walks the block unless it was
  // entered with the same state before.
  void enter(const Block* block, State state) {
    State fresh;
    fresh.frames = state.frames;
    std::map<int, int> renamed;
    auto rename = [&](int old) {
      if (old < 0) return old;
      auto [at, added] = renamed.try_emplace(old, static_cast<int>(fresh.objects.size()));
      if (added) fresh.objects.push_back(state.objects[old]);
      return at->second;
    };
    for (const auto& [id, object] : state.objects_of) fresh.objects_of[id] = rename(object);
    for (const Home& home : state.homes) fresh.homes.push_back({rename(home.object), home.owns});
    std::string key = std::to_string(block->id) + "f" + std::to_string(fresh.frames) + ":";
    for (const auto& [id, object] : fresh.objects_of) {
      key += std::to_string(id) + "=" + std::to_string(object) + ",";
    }
    for (const Home& home : fresh.homes)
      key += std::to_string(home.object) + (home.owns ? "o" : "b");
    for (const Object& o : fresh.objects) {
      key += ";" + std::to_string(o.regs) + (o.external ? "e" : "") + (o.argument ? "a" : "") +
             (o.heap ? "h" : "") + (o.null ? "n" : "") + (o.immortal ? "i" : "") +
             std::to_string(o.mask);
    }
    if (seen_.insert(std::move(key)).second) work_.push_back({block, std::move(fresh)});
  }

  const hir::Function& function_;
  RootLiveness liveness_;
  HomeRow row_;
  size_t max_states_;
  State raised_;              // of the operation with a handler that was walked last, as it raises
  std::set<size_t> written_;  // homes
  std::map<uint32_t, const Instr*> args_;
  std::vector<std::pair<const Block*, State>> work_;
  std::set<std::string> seen_;
  RefcountCheck result_;
};

}  // namespace

RefcountCheck checkRefcounts(const hir::Function& function, size_t max_states) {
  return Checker(function, max_states).run();
}

}  // namespace tephra::passes
