// The checker finds each kind of wrong count; random functions come out of the pass sound.
#include <gtest/gtest.h>

#include <random>

#include "hir/builder.h"
#include "passes/pipeline.h"
#include "passes/refcount_checker.h"
#include "passes/refcount_insertion.h"

namespace tephra::passes {
namespace {

using hir::Block;
using hir::Instr;

std::string check(const std::string& body, const std::string& scopes = "") {
  hir::Function function(nullptr);
  hir::ParseError error{};
  std::string text = "fun f {\n" + scopes +
                     "bb0:\n  v0:Object = LoadArg {index=0}\n  v9:Null = ConstNull\n  PushFrame\n"
                     "  v1:State = FrameState v0\n {offset=0, raise_offset=0, nstack=1}\n";
  text.erase(text.find("\n {offset"), 1);
  EXPECT_TRUE(hir::parse(text + body + "}\n", &function, &error)) << error.line << error.message;
  for (const std::string& line : hir::verify(function)) ADD_FAILURE() << line;
  RefcountCheck result = checkRefcounts(function);
  return result.errors.empty() ? "sound" : result.errors[0];
}

void expectError(const std::string& body, const std::string& expected) {
  std::string found = check(body);
  EXPECT_NE(found.find(expected), std::string::npos)
      << "expected '" << expected << "', found: " << found;
}

TEST(RefcountChecker, FindsEachMistake) {
  const std::string neg = "  v2:Object = UnaryOp v0, v1 {kind=neg}\n";
  const std::string end = "  Incref v0\n  LeaveFrame aux[0]\n  Return v0\n";
  expectError(neg + "  Decref v2\n" + end, "sound");
  expectError(neg + end, "leaks a reference of v2");
  expectError(neg + "  Decref v2\n  Decref v2\n" + end, "no register owns");
  expectError("  LeaveFrame aux[0]\n  Return v0\n", "nobody keeps alive");
  expectError("  LeaveFrame\n  Return v0\n", "sound");  // the home's own reference
  expectError(neg + "  CheckPeriodic v1 {behind_call=false}\n  Decref v2\n" + end,
              "exit_owned says 0");
  expectError(neg + "  CheckPeriodic v1 {behind_call=false} owned(v2, v2)\n  Decref v2\n" + end,
              "exit_owned says 2");
  expectError(neg + "  Decref v2\n  v3:Bool = IsTruthy v2, v1\n" + end, "nobody keeps alive");
  expectError(neg + "  StoreHome v2 {slot=1}\n" + end, "leaks");
  expectError(neg + "  StoreHome v2 {slot=1}\n  LeaveFrame aux[0, 2]\n  Return v2\n",
              "nobody keeps alive");
  expectError(neg + "  StoreHome v2 {slot=1}\n  LeaveFrame aux[0]\n  Return v2\n", "sound");
  expectError(neg + "  StoreHome v2 {slot=1}\n  StoreHome v9 {slot=1}\n" + end, "leaks");
  expectError(neg + "  StoreHome v2 {slot=1, old=1}\n  LeaveFrame aux[0]\n  Return v2\n",
              "still says");
  expectError(neg +
                  "  StoreHome v2 {slot=1}\n  v3:Object = TakeHome {slot=1}\n  Decref v3\n"
                  "  v4:OptObject = LoadHome {slot=1}\n" +
                  end,
              "was taken");
  expectError("  v2:Object = TakeHome {slot=0}\n  Decref v2\n" + end, "was taken");
  expectError("  LeaveFrame aux[0]\n  Incref v0\n  Return v0\n", "may be gone");
  // Given operands are consumed on both ways, lent ones on none.
  const std::string called = "  v2:Object = Call v0, v0, v1 {kwnames=none}";
  expectError(called + "\n  Decref v2\n" + end, "no register owns");
  expectError("  Incref v0\n" + called + " lent(0)\n  Decref v2\n" + end, "sound");
  expectError("  Incref v0\n" + called + " lent(0, 1)\n  Decref v2\n" + end, "exit_owned says 0");
  expectError("  Incref v0\n  Incref v0\n" + called + "\n  Decref v2\n" + end, "sound");
  expectError("  LeaveFrame aux[2]\n  Incref v0\n  Return v0\n", "may be NULL");
  expectError(
      "  v4:Tuple = GuardType v0, v1 {type=Tuple}\n  v2:Object = LoadTupleItemAt v4 {index=0}\n"
      "  v5:Bool = IsTruthy v2, v1\n" +
          end,
      "nobody keeps alive");
  expectError(
      "  v4:Tuple = GuardType v0, v1 {type=Tuple}\n  v2:Object = LoadTupleItemAt v4 {index=0}\n"
      "  CheckPeriodic v1 {behind_call=false}\n  Incref v2\n  Decref v2\n" +
          end,
      "may be gone");
  expectError("  Incref v0\n  Return v0\n", "returns without LeaveFrame");
  expectError(neg +
                  "  v3:Bool = ConstBool {value=true}\n  Branch v3, bb1, bb2\nbb1:\n  Decref v2\n" +
                  end + "bb2:\n" + end,
              "leaks a reference on the way to bb2");
}

// Each frame's homes own what they hold; leaving one releases its own.
TEST(RefcountChecker, FramesInFrames) {
  auto expect = [](const std::string& body, const std::string& expected) {
    std::string found = check(body, "scope 1 in 0 @10 pushed inner\n");
    EXPECT_NE(found.find(expected), std::string::npos) << expected << ", found: " << found;
  };
  const std::string push = "  Incref v0\n  PushInlinedFrame v0, v0, v1 owned(v0) @0/1\n";
  const std::string outer = "  Incref v0 @12\n  LeaveFrame aux[0] @12\n  Return v0 @12\n";
  expect(push + "  LeaveFrame aux[0] @8/1\n" + outer, "sound");
  expect(push + "  LeaveFrame @8/1\n" + outer, "leaks a reference of v0");
  expect("  PushInlinedFrame v0, v0, v1 @0/1\n  LeaveFrame aux[0] @8/1\n" + outer,
         "no register owns");
  expect(push +
             "  v2:Object = TakeHome {slot=0} @4/1\n  Decref v2 @4/1\n"
             "  LeaveFrame aux[0] @8/1\n" +
             outer,
         "was taken");
  // Without the outer frame's home nobody keeps it.
  expect(push + "  LeaveFrame aux[0] @8/1\n  LeaveFrame aux[0] @12\n  Return v0 @12\n",
         "nobody keeps alive");
}

// Random structured functions: sequences, branches with merging phis, loops with phis.
class Generator {
 public:
  Generator(hir::Function& function, uint32_t seed, bool tries)
      : function_(function),
        builder_(&function, function.newBlock()),
        random_(seed),
        tries_(tries) {}

  void run() {
    for (uint32_t i = 0; i < 2; ++i) values_.push_back(builder_.LoadArg(i));
    constant_ = builder_.ConstBool(true);
    number_ = builder_.ConstInt(1);
    null_ = builder_.ConstNull();
    values_.push_back(builder_.ConstObject(0));
    values_.push_back(builder_.ConstObject(1));
    builder_.PushFrame();
    if (pick(2)) {
      first_slot_ = 1;
      builder_.StoreHome(value(), 1, 1);
    }
    sequence(3, 12);
    leave();
    function_.recomputeCfg();
  }

 private:
  uint32_t pick(uint32_t end) { return static_cast<uint32_t>(random_() % end); }
  Instr* value() {
    return values_[pick(4) == 0 ? pick(values_.size())
                                : values_.size() - 1 - pick(std::min<size_t>(values_.size(), 4))];
  }
  Instr* state() {
    std::vector<Instr*> stack;
    for (uint32_t i = pick(4); i > 0; --i) stack.push_back(value());
    return builder_.FrameState(stack, {}, 1, 1, static_cast<uint32_t>(stack.size()));
  }
  void add(Instr* instr) { values_.push_back(instr); }

  void leave() {
    std::vector<uint32_t> aux;
    for (uint32_t slot = 0; slot < kSlots; ++slot) aux.push_back(slot * 2 + 1);
    Instr* result = value();
    Instr* leave = builder_.LeaveFrame();
    leave->aux = function_.arena().copy(std::span<const uint32_t>(aux));
    builder_.Return(result);
  }

  void operation() {
    switch (pick(16)) {
      case 0:
      case 1: return add(builder_.BinaryOp(value(), value(), hir::BinOp::kAdd, state()));
      case 2: return add(builder_.BoxInt(number_, state()));
      case 3:
      case 4: {
        Instr* item = builder_.LoadField(value(), 16);
        return add(builder_.GuardNotNull(item, ExitReason::kNullAttribute, state()));
      }
      case 5: return add(builder_.MakeTuple(std::vector<Instr*>{value(), value()}, state()));
      case 6:
      case 7:
      case 8: builder_.StoreHome(value(), slot(), 2); return;
      case 9: {
        Instr* local = builder_.LoadHome(slot());
        return add(builder_.GuardNotNull(local, ExitReason::kUnboundLocal, state()));
      }
      case 10: builder_.ExchangeField(value(), value(), 24); return;
      case 11: {
        Instr* guard = builder_.GuardType(value(), hir::kTypeFloat, state());
        guard->type = pick(2) ? hir::kTypeFloat : hir::kTypeObject;
        return add(guard);
      }
      case 12: builder_.StoreHome(null_, slot(), 2); return;
      case 13: builder_.CheckPeriodic(false, state()); return;
      case 14: {
        Instr* method = builder_.LoadMethod(value(), 0, state());
        Instr* self = builder_.LoadMethodSelf(method);
        std::vector<Instr*> args;
        for (uint32_t i = pick(3); i > 0; --i) args.push_back(value());
        return add(builder_.CallMaybeMethod(method, self, args, 0xFFFFFFFF, state()));
      }
      default: builder_.GuardUnobserved(state()); return;
    }
  }

  void sequence(int depth, uint32_t length) {
    for (uint32_t i = 2 + pick(length); i > 0; --i) {
      uint32_t kind = pick(10);
      if (depth > 0 && tries_ && pick(9) == 0) {
        attempt(depth - 1);
      } else if (depth > 0 && kind == 0) {
        branch(depth - 1);
      } else if (depth > 0 && kind == 1) {
        loop(depth - 1);
      } else {
        operation();
      }
    }
  }

  // An operation that goes to a handler if it raises; the builder is where it goes on.
  void raising(Block* handler) {
    Instr* instr = nullptr;
    switch (pick(4)) {
      case 0: instr = builder_.MakeTuple(std::vector<Instr*>{value(), value()}, state()); break;
      case 1: instr = builder_.LoadMethod(value(), 0, state()); break;
      case 2: {
        std::vector<Instr*> args{value(), value()};
        instr = builder_.CallMaybeMethod(value(), value(), args, 0xFFFFFFFF, state());
        break;
      }
      default: instr = builder_.BinaryOp(value(), value(), hir::BinOp::kAdd, state());
    }
    Block* next = function_.newBlock();
    for (Block* to : {next, handler}) to->preds.push_back(builder_.block());
    instr->targets[0] = next;
    instr->targets[1] = handler;
    builder_.setBlock(next);
    if (instr->op == hir::Op::kLoadMethod) {
      Instr* self = builder_.LoadMethodSelf(instr);
      instr = builder_.CallMaybeMethod(instr, self, std::vector<Instr*>{}, 0xFFFFFFFF, state());
    }
    add(instr);
  }

  // Several operations with one handler, which takes a value of each place.
  void attempt(int depth) {
    Block *handler = function_.newBlock(), *join = function_.newBlock();
    const size_t scope = values_.size();
    std::vector<Instr*> at_raise, a, b;
    for (uint32_t i = 1 + pick(3); i > 0; --i) {
      at_raise.push_back(value());
      raising(handler);
      if (pick(2)) operation();
    }
    for (int i = 0; i < 2; ++i) a.push_back(value());
    values_.resize(scope);
    edgeTo(join);
    builder_.setBlock(handler);
    Instr* taken = builder_.Phi(at_raise, hir::kTypeObject);
    add(builder_.CatchException());
    add(taken);
    sequence(depth, 3);
    for (int i = 0; i < 2; ++i) b.push_back(value());
    values_.resize(scope);
    edgeTo(join);
    builder_.setBlock(join);
    for (int i = 0; i < 2; ++i)
      add(builder_.Phi(std::vector<Instr*>{a[i], b[i]}, hir::kTypeObject));
  }

  Block* edgeTo(Block* block) {
    builder_.Jump();
    builder_.block()->last->targets[0] = block;
    block->preds.push_back(builder_.block());
    return block;
  }
  void fork(Block* yes, Block* no) {
    Instr* branch = builder_.Branch(constant_, 0);
    branch->targets[0] = yes;
    branch->targets[1] = no;
    yes->preds.push_back(builder_.block());
    no->preds.push_back(builder_.block());
  }

  void branch(int depth) {
    Block *yes = function_.newBlock(), *no = function_.newBlock(), *join = function_.newBlock();
    bool half = pick(3) == 0;  // if without else: a critical edge
    std::vector<Instr*> a, b;
    size_t scope = values_.size();
    for (int i = 0; i < 2; ++i) b.push_back(value());
    fork(yes, half ? join : no);
    builder_.setBlock(yes);
    sequence(depth, 4);
    for (int i = 0; i < 2; ++i) a.push_back(value());
    values_.resize(scope);
    if (pick(8) == 0) {
      leave();
      a.clear();
    } else {
      edgeTo(join);
    }
    if (!half) {
      builder_.setBlock(no);
      sequence(depth, 4);
      b.clear();
      for (int i = 0; i < 2; ++i) b.push_back(value());
      values_.resize(scope);
      edgeTo(join);
    }
    builder_.setBlock(join);
    for (int i = 0; i < 2; ++i) {
      add(builder_.Phi(inputsOf(half, a, b, i), hir::kTypeObject));
    }
  }
  // In the order of preds: an if without else has the edge that skips it first.
  static std::vector<Instr*> inputsOf(bool half, const std::vector<Instr*>& a,
                                      const std::vector<Instr*>& b, int i) {
    if (a.empty()) return {b[i]};
    return half ? std::vector<Instr*>{b[i], a[i]} : std::vector<Instr*>{a[i], b[i]};
  }

  void loop(int depth) {
    Block *header = function_.newBlock(), *body = function_.newBlock(),
          *exit = function_.newBlock();
    std::vector<Instr*> first{value(), value()};
    edgeTo(header);
    builder_.setBlock(header);
    std::vector<Instr*> phis;
    for (int i = 0; i < 2; ++i) {
      phis.push_back(builder_.Phi(std::vector<Instr*>{first[i], first[i]}, hir::kTypeObject));
    }
    for (Instr* phi : phis) add(phi);
    size_t scope = values_.size();
    fork(body, exit);
    builder_.setBlock(body);
    sequence(depth, 6);
    for (Instr* phi : phis) phi->operands[1] = value();
    edgeTo(header);
    values_.resize(scope);
    builder_.setBlock(exit);
  }

  uint32_t slot() { return first_slot_ + pick(kSlots - first_slot_); }

  static constexpr uint32_t kSlots = 5;  // 0 and 1 are parameters; 0 is never written
  uint32_t first_slot_ = 2;              // 1: the second parameter is written
  hir::Function& function_;
  hir::Builder builder_;
  std::mt19937 random_;
  bool tries_;
  std::vector<Instr*> values_;
  Instr *constant_ = nullptr, *number_ = nullptr, *null_ = nullptr;
};

// The unit of random functions: an immortal object, a mortal one, two parameters.
void fill(CodeUnit& unit) {
  unit.total_args = 2;
  unit.locals.resize(8);
  unit.addObject(ObjectInfo());
  unit.addObject(ObjectInfo());
  unit.objects[0].immortal = true;
}

void insertInRandomFunctions(bool tries) {
  size_t exhausted = 0;
  for (uint32_t seed = 0; seed < (tries ? 600 : 1000); ++seed) {
    CodeUnit unit;
    fill(unit);
    hir::Function function(&unit);
    Generator(function, seed, tries).run();
    std::string before = hir::print(function);
    for (const std::string& line : hir::verify(function))
      FAIL() << "seed " << seed << ": " << line << before;
    PassContext context;
    refcount_insertion(function, context);
    for (const std::string& line : hir::verify(function)) FAIL() << "seed " << seed << ": " << line;
    RefcountCheck check = checkRefcounts(function, 3000);
    exhausted += check.exhausted;
    for (const std::string& line : check.errors) {
      FAIL() << "seed " << seed << ": " << line << "\n" << before << "\n" << hir::print(function);
    }
  }
  EXPECT_LT(exhausted, tries ? 200u : 100u);
}

TEST(RefcountInsertion, RandomFunctionsAreSound) { insertInRandomFunctions(false); }
TEST(RefcountInsertion, RandomFunctionsWithHandlersAreSound) { insertInRandomFunctions(true); }

TEST(Pipeline, RandomFunctionsStaySound) {
  for (uint32_t seed = 5000; seed < 5300; ++seed) {
    CodeUnit unit;
    fill(unit);
    hir::Function function(&unit);
    Generator(function, seed, seed % 2 != 0).run();
    std::string before = hir::print(function);
    PassContext context;
    context.options.verify = true;
    runPipeline(function, context);
    for (const std::string& line : context.errors) {
      FAIL() << "seed " << seed << ": " << line << "\n" << before << "\n" << hir::print(function);
    }
    std::string text = hir::print(function);
    hir::Function again(&unit);
    hir::ParseError error{};
    ASSERT_TRUE(hir::parse(text, &again, &error)) << error.message;
    EXPECT_EQ(hir::print(again), text);
  }
}

}  // namespace
}  // namespace tephra::passes
