// Purpose: the frontend's working state: one GraphBuilder makes one HIR function in one sweep over
// the blocks of the CFG in reverse post-order. Operation families live in files of their own
// (locals.cc, arithmetic.cc, ...), one member function per canonical operation.
// Invariant: `s_` is what the interpreter's frame would hold at this point: value stack bottom
// first in the running version's order, locals as SSA values (null = dead), all boxed.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "frontend/build.h"
#include "frontend/cfg.h"
#include "hir/builder.h"

namespace tephra::frontend {

// What a home holds for certain, as StoreHome's `old` counts it: told by stores alone (a guard on a
// loaded value is not counted, so that whoever follows the stores comes to the same result).
enum Known : uint8_t { kHoldsNull = 0, kHoldsObject = 1, kHoldsEither = 2 };

struct State {
  std::vector<hir::Instr*> stack;
  std::vector<hir::Instr*> locals;  // null: dead, nobody will read it
  std::vector<uint8_t> known;       // Known, for dead locals too
  // Heights of stack values that the interpreter's stack holds with a reference of its own although
  // a local has them, too. Those at the stack's top and above it are gone.
  std::set<uint32_t> held;
};

// What a build learned about its loop headers' phis; the next build starts from it.
struct Widening {
  std::map<std::pair<uint32_t, uint32_t>, hir::Type>
      types;                                             // (cfg block, place) -> type to begin with
  std::map<std::pair<uint32_t, uint32_t>, bool> either;  // (cfg block, slot): home may hold either
  int round = 0;
};
inline constexpr uint32_t kStackPlace = 0x10000;  // places of stack values begin here

class GraphBuilder {
 public:
  GraphBuilder(const CodeUnit& unit, const FrontendOptions& options, const Cfg& cfg,
               Widening& widening);
  // False: refused, see bailout().
  bool build();
  // After build(): some loop phi was given too narrow a type; build again.
  bool widened() const { return widened_; }
  const Bailout& bailout() const { return *bailout_; }
  std::unique_ptr<hir::Function> take() { return std::move(function_); }

 private:
  using Instr = hir::Instr;
  using Block = hir::Block;
  using Type = hir::Type;
  using Values = std::vector<Instr*>;

  struct Incoming {
    Block* from;
    State state;
  };
  struct HeaderPhi {
    Instr* phi;
    uint32_t place;
    Values inputs;
  };
  struct BlockInfo {
    Block* hir = nullptr;
    bool adopted = false;  // sole predecessor's block goes on as this one
    bool started = false;
    std::vector<Incoming> incoming;
    std::vector<HeaderPhi> phis;  // loop headers
    std::vector<uint8_t> known;   // loop headers: known at the start
    size_t depth = 0;
  };

  // --- build.cc: driver
  void prologue();
  void translateBlock(uint32_t index);
  void translate(uint32_t index);
  void dispatch(Canonical op);
  void finishLeaves();
  void refuse(BailoutReason reason, std::string detail);

  // --- ssa.cc
  void startBlock(uint32_t index);
  void mergeInto(uint32_t index, BlockInfo& info);
  Instr* mergePlace(uint32_t index, BlockInfo& info, uint32_t place, const Values& inputs,
                    bool in_loop);
  Type headerType(uint32_t index, uint32_t place, Type entry) const;
  void closeLoop(uint32_t index, BlockInfo& info);
  void jumpTo(uint32_t block);
  void sealPhis();
  void dropTrivialPhis();

  // --- frames.cc: stack, states, guards
  void push(Instr* value);
  void pushHeld(Instr* value);
  bool isHeld(size_t depth) const;  // 1 = top
  void loadLocal(bool held);
  Values popArguments(size_t count);
  Instr* pop();
  Values popMany(size_t count);
  Instr*& peek(uint32_t depth);  // 1 = top
  Instr* before();
  Instr* calling();
  Instr* after(uint32_t offset);
  Instr* any(Instr* instr) {
    any_done_ = true;
    last_any_ = instr;
    return instr;
  }
  void observe(uint32_t offset);
  void observeCall(uint32_t offset);
  void observeAfter(uint32_t offset);
  void replaces(const Instr* old) { replaced_ |= mayEnd(old); }
  bool passesDict(size_t build_map) const;
  bool mayEnd(const Instr* value) const;
  bool releases() const;
  bool servesEvents() const;
  void deoptHere(ExitReason reason);
  bool refused(ExitReason reason) const;
  bool siteRefused() const;   // any speculation at all failed here too often
  bool entryRefused() const;  // a dict entry behind a keys version did
  bool may(bool option) const { return option && !siteRefused(); }
  bool ofOneShape(const Instr* value);
  const FeedbackInfo& feedback() const { return unit_.feedback[in_->feedback]; }
  void refine(Instr* better);
  Instr* guardType(Instr* value, uint32_t mask);
  Instr* guardNotNull(Instr* value, ExitReason reason);
  Instr* guardIs(Instr* value, ObjRef object);
  Instr* guardVersion(Instr* value, const FeedbackInfo& fb);
  Instr* guardHeapKeys(Instr* value, const FeedbackInfo& fb);
  Instr* guardFlag(Instr* condition, ExitReason reason);
  Instr* constant(ObjRef object);
  static const Instr* origin(const Instr* value);
  const ObjectInfo* constantInfo(Instr* value, ObjRef* ref = nullptr) const;
  const ObjectInfo* info(ObjRef ref) const { return ref == kNoRef ? nullptr : &unit_.objects[ref]; }
  uint32_t exactMask(ObjRef type) const;  // kMask* of instances of a builtin class, else 0
  static bool canBe(const Instr* value, uint32_t mask) { return value->type.couldBe(mask); }
  static bool mayBeNull(const Instr* value) { return value->type.couldBe(hir::kMaskNull); }

  // --- numbers.cc: unboxed values beside boxed ones
  Instr* unboxed(Instr* value, hir::Rep rep);
  void remember(Instr* boxed, Instr* raw, bool everywhere);
  Instr* unboxInt(Instr* value);
  Instr* unboxFloat(Instr* value);
  Instr* toDouble(Instr* value);
  Instr* toExactDouble(Instr* value);
  Instr* boxInt(Instr* raw);
  Instr* boxFloat(Instr* raw);
  Instr* boxBool(Instr* raw);
  Instr* truth(Instr* value, const FeedbackInfo& fb);
  Instr* truthByType(Instr* value);
  Instr* truthByFeedback(Instr* value, const FeedbackInfo& fb);

  // --- arithmetic.cc
  bool guessInts(hir::BinOp kind, bool left_int, bool right_int) const;
  bool operandMasks(Instr* left, Instr* right, uint32_t* left_mask, uint32_t* right_mask);
  Instr* intOperation(hir::BinOp kind, Instr* left, Instr* right);
  Instr* floatOperation(hir::BinOp kind, Instr* left, Instr* right);
  Instr* speculateBinary(hir::BinOp kind, Instr* left, Instr* right);
  Instr* speculateCompare(hir::CmpKind cmp, Instr* left, Instr* right);
  void unary(hir::UnOp kind);

  // --- attributes.cc
  Instr* speculateAttr(Instr* object);
  Instr* moduleAttr(Instr* object);
  Instr* classAttr(Instr* object);
  Instr* propertyAttr(Instr* object);
  bool speculateMethod(Instr* object);
  bool speculateStore(Instr* object, Instr* value, ObjRef name);
  void pushCallable(Instr* callable);  // with the NULL beside it
  void pushMethod(Instr* method, Instr* self);

  // --- globals.cc
  Instr* speculateGlobal();
  bool storesGlobal(ObjRef name);
  Instr* constantEntry(ObjRef holder);
  Instr* guardedEntry(Instr* value);
  Instr* constantGlobal();
  bool looksStable(ObjRef object) const;

  // --- containers.cc
  Instr* speculateItem(Instr* container, Instr* key);
  bool speculateSetItem(Instr* container, Instr* key, Instr* value);
  bool speculateUnpack(Instr* sequence, uint32_t count);
  Instr* asList(Instr* value);
  Instr* iterate(uint32_t mask, uint32_t exit_block);

  // --- calls.cc
  void callWith(Instr* first, Instr* second, Values args, ObjRef kwnames);
  Instr* callKnown(Instr* callable, const Values& args, ObjRef kwnames);
  Instr* construct(ObjRef cls, Instr* callable, const Values& args, ObjRef kwnames, Values slots);
  Instr* callMatched(ObjRef ref, Instr* callable, ObjRef kwnames, Values slots);
  void fillDefaults(ObjRef ref, Instr* function, ObjRef kwnames, Values* slots);
  bool matchArguments(ObjRef ref, const Values& args, ObjRef kwnames, size_t defaults,
                      Values* slots) const;
  Instr* callMade(Instr* callable, const Values& args, ObjRef kwnames);
  Instr* callBuiltin(ObjRef ref, Instr* callable, const Values& args);
  Instr* callByName(ObjRef ref, const Values& args);
  bool directlyCallable(ObjRef ref) const;
  Instr* callFunction(ObjRef ref, Instr* callable, const Values& args);
  Type resultOfClass(Instr* callable) const;

  // --- functions.cc
  void setFunctionAttribute(Instr* function, Instr* value, uint32_t kind);

  // --- control.cc
  void branch(Instr* condition, uint32_t likely, uint32_t when_true, uint32_t when_false);
  void jumpIf(bool sense);
  void jumpIfNone(bool sense);
  void forIterGeneric(uint32_t exit_block);
  uint32_t targetBlock() const { return cfg_.block_at[in_->arg]; }
  uint32_t nextBlock() const { return cfg_.block_at[index_ + 1]; }
  uint32_t offsetOf(uint32_t block) const { return unit_.code[cfg_.blocks[block].start].offset; }

  // One per canonical operation.
#define TEPHRA_CANONICAL(name) void do##name();
#include "pyver/common/canonical_list.gen.h"
#undef TEPHRA_CANONICAL

  const CodeUnit& unit_;
  const FrontendOptions& options_;
  const Cfg& cfg_;
  const PyLayout& layout_;
  Widening& widening_;
  std::unique_ptr<hir::Function> function_;
  hir::Builder b_;
  std::vector<BlockInfo> info_;
  std::optional<Bailout> bailout_;
  bool widened_ = false;

  State s_;
  Instr* running_function_ = nullptr;
  uint32_t block_index_ = 0;
  uint32_t index_ = 0;  // canonical index
  const CanonicalInstr* in_ = nullptr;
  const CanonicalInstr* group_ = nullptr;  // first piece of the bytecode instruction
  Values group_stack_;                     // the stack before it
  Instr* before_ = nullptr;
  Block* before_block_ = nullptr;
  Instr* last_any_ = nullptr;
  bool owner_held_ = false;  // the object whose method is looked up, see State::held
  bool any_done_ = false;    // Python code may have run since the last observation
  bool replaced_ = false;    // the instruction has taken the place of an object that may end by it
  bool fused_ = false;       // the instruction before is done in one with this one
  bool ended_ = false;       // the block has its terminator
  struct Raw {
    Instr* value;
    bool everywhere;  // available wherever the boxed value is; else in its own block only
  };
  std::unordered_map<Instr*, Raw> raw_;
  std::optional<std::set<ObjRef>> stored_globals_;          // by this code, once somebody has asked
  std::unordered_set<const Instr*> several_shapes_;         // values that have had them
  std::unordered_map<const Instr*, Instr*> made_defaults_;  // of a MakeFunction: the tuple
  std::vector<std::pair<Instr*, std::vector<uint8_t>>> leaves_;  // LeaveFrame, known there
};

}  // namespace tephra::frontend
