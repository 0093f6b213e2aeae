// What lowered code does, by executing it: arithmetic at its edges, indices, frames, iterators.
#include <array>
#include <limits>

#include "evaluator.h"
#include "support.h"

namespace tephra::lower_test {
namespace {

using Memory = std::array<uint64_t, 128>;

uint64_t addressOf(const void* memory) { return reinterpret_cast<uint64_t>(memory); }

struct Compiled {
  // whole: the text is a function that may run, not a piece of one.
  Compiled(const std::string& text, const Combination& on, uint32_t args, bool whole = true)
      : unit(fakeUnit(*on.layout, args)), function(&unit) {
    hir::ParseError error{};
    TEPHRA_CHECK(hir::parse(text, &function, &error), "HIR text");
    if (whole) {
      for (const std::string& problem : hir::verify(function)) ADD_FAILURE() << problem;
    }
    auto result = lowerToLir(function, *on.target);
    TEPHRA_CHECK(result, "a lowering");
    code = std::move(*result);
  }
  ExitReason reason(const Outcome& outcome) const {
    return code->exits[static_cast<size_t>(outcome.exit)].reason;
  }
  CodeUnit unit;
  hir::Function function;
  std::unique_ptr<lir::Function> code;
};

// f(x, y): x OP y on unboxed integers; y a constant where `by` is given. The result leaves through
// an exit.
std::string binary(const std::string& op, const int64_t* by = nullptr) {
  bool exits = hir::opInfo([&] {
                 hir::Op o;
                 hir::opFromName(op, &o);
                 return o;
               }())
                   .hasExits();
  return "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n  v1:Object = LoadArg {index=1}\n"
         "  v2:State = FrameState v0, v1 {offset=2, raise_offset=2, nstack=2}\n"
         "  v3:Int64 = LoadVarSize v0\n" +
         (by ? "  v4:Int64 = ConstInt {value=" + std::to_string(*by) + "}\n"
             : "  v4:Int64 = LoadVarSize v1\n") +
         "  v5:Int64 = " + op + " v3, v4" + (exits ? ", v2" : "") + "\n" +
         "  v6:State = FrameState v5 {offset=8, raise_offset=8, nstack=1}\n"
         "  Deopt v6 {reason=Stress} @8\n}\n";
}

// The result, or nothing when the operation refuses.
std::optional<int64_t> evaluate(const std::string& op, int64_t x, int64_t y, bool constant,
                                const Combination& on) {
  Compiled compiled(binary(op, constant ? &y : nullptr), on, 2);
  Memory a{}, b{};
  a[2] = static_cast<uint64_t>(x);
  b[2] = static_cast<uint64_t>(y);
  Evaluator machine(*compiled.code);
  machine.params = {0, addressOf(&a), addressOf(&b)};
  Outcome outcome = machine.run();
  if (compiled.reason(outcome) != ExitReason::kStress) return std::nullopt;
  return static_cast<int64_t>(outcome.values[0]);
}

constexpr int64_t kMin = INT64_MIN, kMax = INT64_MAX;
constexpr int64_t kNumbers[] = {0,  1,  -1, 2,  -2,   3,     -3,   7,    -7,       8,
                                64, 63, 62, -8, 1000, -1000, kMax, kMin, kMax - 1, kMin + 1};

std::optional<int64_t> expected(const std::string& op, int64_t x, int64_t y) {
  __int128 wide = 0, a = x, b = y;
  if (op == "IntAdd") wide = a + b;
  if (op == "IntSub") wide = a - b;
  if (op == "IntMul") wide = a * b;
  if (op == "IntAnd") return x & y;
  if (op == "IntFloorDiv" || op == "IntMod") {
    if (y == 0) return std::nullopt;
    __int128 quotient = a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
    wide = op == "IntMod" ? a - quotient * b : quotient;
  }
  if (op == "IntShl") {
    if (y < 0 || y > 63) return std::nullopt;
    wide = a * (static_cast<__int128>(1) << y);
  }
  if (op == "IntShr") {
    if (y < 0) return std::nullopt;
    wide = a >> (y > 100 ? 100 : y);
  }
  if (wide < kMin || wide > kMax) return std::nullopt;
  return static_cast<int64_t>(wide);
}

TEST(LowerMeaning, Integers) {
  for (const char* op :
       {"IntAdd", "IntSub", "IntMul", "IntAnd", "IntFloorDiv", "IntMod", "IntShl", "IntShr"}) {
    for (const Combination& on : {combinations()[0], combinations()[3]}) {
      for (int64_t x : kNumbers) {
        for (int64_t y : kNumbers) {
          for (bool constant : {false, true}) {
            EXPECT_EQ(evaluate(op, x, y, constant, on), expected(op, x, y))
                << op << " " << x << " " << y << constant;
          }
        }
      }
    }
  }
}

TEST(LowerMeaning, UnboxedInts) {
  std::string text =
      "fun f {\nbb0:\n  v0:Int = LoadArg {index=0}\n  v1:State = FrameState v0 {offset=2, "
      "raise_offset=2, nstack=1}\n"
      "  v2:Int64 = UnboxInt v0, v1\n  v3:State = FrameState v2 {offset=3, raise_offset=3, "
      "nstack=1}\n"
      "  Deopt v3 {reason=Stress}\n}\n";
  struct {
    uint64_t tag, digit;
    std::optional<int64_t> value;
    uint64_t second = 0xABCD;  // not read where there is one digit only
  } cases[] = {{8, 5, 5},
               {10, 5, -5},
               {1, 0, 0},
               {5, 0, 0},
               {12, 7, 7},
               {14, 7, -7},
               {8, 0x3FFFFFFF, 0x3FFFFFFF},
               {16, 1, (int64_t{1} << 30) + 1, 1},
               {18, 1, -(int64_t{1} << 30) - 1, 1},
               {16, 0x3FFFFFFF, (int64_t{1} << 60) - 1, 0x3FFFFFFF},
               {18, 0x3FFFFFFF, -(int64_t{1} << 60) + 1, 0x3FFFFFFF},
               {16, 0, int64_t{0x2AAAAAAA} << 30, 0x2AAAAAAA},
               {24, 1, std::nullopt, 1},
               {26, 1, std::nullopt, 1}};
  for (const Combination& on : combinations()) {
    Compiled compiled(text, on, 1);
    for (const auto& test : cases) {
      Memory object{};
      object[2] = test.tag;
      object[3] = test.digit | test.second << 32;
      Evaluator machine(*compiled.code);
      machine.params = {0, addressOf(&object)};
      Outcome outcome = machine.run();
      bool fits = compiled.reason(outcome) == ExitReason::kStress;
      ASSERT_EQ(fits, test.value.has_value()) << test.tag;
      if (fits) {
        EXPECT_EQ(static_cast<int64_t>(outcome.values[0]), *test.value);
      }
    }
  }
}

// A number stored over another one: when nobody else refers to the old object, it becomes the box.
struct StoredNumber {
  uint64_t home = 0;           // what slot 1 holds afterwards
  uint64_t result = 0;         // the box
  std::vector<uint64_t> call;  // arguments of the helper; empty: it was not called
};

constexpr uint64_t kMade = 0x5550;

StoredNumber storeNumber(const std::string& box, const std::string& take, int64_t value,
                         uint64_t home, const Combination& on) {
  Compiled compiled(
      "fun f {\nbb0:\n  v0:Object = LoadArg {index=0}\n"
      "  v1:State = FrameState v0 {offset=2, raise_offset=2, nstack=1}\n"
      "  v2:Int64 = LoadVarSize v0\n  v9:Double = IntToDouble v2\n" +
          box + "  v4:" + take +
          " = TakeHome {slot=1}\n  StoreHome v3 {slot=1, old=0}\n  XDecref v4\n"
          "  v5:State = FrameState v3 {offset=3, raise_offset=3, nstack=1}\n"
          "  Deopt v5 {reason=Stress}\n}\n",
      on, 1, false);
  Memory frame{}, argument{};
  argument[2] = static_cast<uint64_t>(value);
  size_t slot = static_cast<size_t>(on.layout->frame_localsplus) / 8 + 1;
  frame[slot] = home;
  Evaluator machine(*compiled.code);
  StoredNumber stored;
  machine.frame = addressOf(&frame);
  machine.params = {0, addressOf(&argument)};
  machine.on_call = [&](const std::string& name, const std::vector<uint64_t>& args) {
    EXPECT_TRUE(name == "int_into_home" || name == "float_into_home") << name;
    EXPECT_EQ(args[0], addressOf(&frame[slot]));
    stored.call = args;
    return frame[slot] = kMade;
  };
  Outcome outcome = machine.run();
  EXPECT_EQ(compiled.reason(outcome), ExitReason::kStress);
  stored.home = frame[slot];
  stored.result = outcome.values[0];
  EXPECT_EQ(stored.home, stored.result);
  return stored;
}

TEST(LowerMeaning, IntsTakeOverTheObjectInTheHome) {
  constexpr int64_t kDigit = (1 << 30) - 1;
  struct {
    int64_t value;
    uint64_t refcount, tag;
    bool reused;
  } cases[] = {{257, 1, 8, true},           {-6, 1, 8, true},    {kDigit, 1, 10, true},
               {-kDigit, 1, 8, true},       {257, 2, 8, false},  {257, 1, 16, false},
               {257, 0xC0000000, 8, false}, {257, 1, 1, false},  {kDigit + 1, 1, 8, false},
               {-kDigit - 1, 1, 8, false},  {kMax, 1, 8, false}, {kMin, 1, 8, false}};
  for (const Combination& on : combinations()) {
    for (const auto& test : cases) {
      Memory old{};
      old[0] = test.refcount;
      old[2] = test.tag;
      old[3] = 0xABCD000000000007;
      StoredNumber stored =
          storeNumber("  v3:Int = BoxInt v2, v1\n", "Null|Int", test.value, addressOf(&old), on);
      ASSERT_EQ(stored.call.empty(), test.reused) << test.value << " " << test.tag;
      if (!test.reused) {
        EXPECT_EQ(static_cast<int64_t>(stored.call[1]), test.value);
        EXPECT_EQ(old[2], test.tag);
        continue;
      }
      EXPECT_EQ(stored.home, addressOf(&old));
      EXPECT_EQ(old[0], 1u);
      EXPECT_EQ(old[2], test.value < 0 ? 10u : 8u);
      uint64_t digit = static_cast<uint64_t>(test.value < 0 ? -test.value : test.value);
      EXPECT_EQ(old[3], 0xABCD000000000000 | digit);
    }
  }
}

TEST(LowerMeaning, SmallIntsReplaceTheObjectInTheHome) {
  for (const Combination& on : combinations()) {
    for (int64_t value : {-5, 0, 256}) {
      Memory old{};
      old[0] = 2;
      old[2] = 8;
      StoredNumber stored =
          storeNumber("  v3:Int = BoxInt v2, v1\n", "Int", value, addressOf(&old), on);
      EXPECT_TRUE(stored.call.empty());
      uint64_t place = static_cast<uint64_t>((value + 5) * on.layout->small_int_size);
      EXPECT_EQ(stored.home, on.layout->small_ints + place);
      EXPECT_EQ(old[0], 1u);
    }
  }
}

TEST(LowerMeaning, FloatsTakeOverTheObjectInTheHome) {
  for (const Combination& on : combinations()) {
    for (uint64_t refcount : {1u, 2u}) {
      Memory old{};
      old[0] = refcount;
      StoredNumber stored =
          storeNumber("  v3:Float = BoxFloat v9, v1\n", "Float", 42, addressOf(&old), on);
      ASSERT_EQ(stored.call.empty(), refcount == 1);
      if (refcount == 1) {
        EXPECT_EQ(stored.home, addressOf(&old));
        EXPECT_EQ(std::bit_cast<double>(old[2]), 42.0);
      }
    }
  }
}

TEST(LowerMeaning, EmptyHomesGetANewNumber) {
  for (const Combination& on : combinations()) {
    uint64_t null = on.layout->frame_holds_stack_refs ? 1 : 0;
    StoredNumber stored = storeNumber("  v3:Int = BoxInt v2, v1\n", "Null|Int", 1000, null, on);
    EXPECT_EQ(stored.home, kMade);
    stored = storeNumber("  v3:Float = BoxFloat v9, v1\n", "Null|Float", 1000, null, on);
    EXPECT_EQ(stored.home, kMade);
  }
}

TEST(LowerMeaning, Powers) {
  std::string text =
      "fun f {\nbb0:\n  v0:Float = LoadArg {index=0}\n  v1:Float = LoadArg {index=1}\n"
      "  v2:State = FrameState v0, v1 {offset=2, raise_offset=2, nstack=2}\n  v3:Double = "
      "UnboxFloat v0\n"
      "  v4:Double = UnboxFloat v1\n  v5:Double = DoublePow v3, v4, v2\n"
      "  v6:State = FrameState v5 {offset=3, raise_offset=3, nstack=1}\n  Deopt v6 "
      "{reason=Stress}\n}\n";
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const double numbers[] = {0.0, -0.0, 1.0, -1.0, 2.5, 1e-310, 1e308, -inf, inf, nan, -nan};
  for (const Combination& on : combinations()) {
    Compiled compiled(text, on, 2);
    for (double x : numbers) {
      for (double y : numbers) {
        Memory a{}, b{};
        a[2] = std::bit_cast<uint64_t>(x);
        b[2] = std::bit_cast<uint64_t>(y);
        Evaluator machine(*compiled.code);
        machine.params = {0, addressOf(&a), addressOf(&b)};
        machine.on_call = [](const std::string&, const std::vector<uint64_t>& args) {
          return std::bit_cast<uint64_t>(
              std::pow(std::bit_cast<double>(args[0]), std::bit_cast<double>(args[1])));
        };
        bool fits = compiled.reason(machine.run()) == ExitReason::kStress;
        EXPECT_EQ(fits,
                  x > 0 && std::isfinite(x) && std::isfinite(y) && std::isfinite(std::pow(x, y)))
            << x << " " << y;
      }
    }
  }
}

TEST(LowerMeaning, ListIndices) {
  std::string text =
      "fun f {\nbb0:\n  v0:List = LoadArg {index=0}\n  v1:Object = LoadArg {index=1}\n"
      "  v2:State = FrameState v0, v1 {offset=2, raise_offset=2, nstack=2}\n  v3:Int64 = "
      "LoadVarSize v1\n"
      "  v4:Object = LoadListItem v0, v3, v2\n  Return v4\n}\n";
  for (const Combination& on : combinations()) {
    Compiled compiled(text, on, 2);
    for (int64_t index : {0, 1, 2, 3, -1, -2, -3, -4, 100, -100}) {
      Memory list{}, number{}, items{};
      items[0] = 10, items[1] = 11, items[2] = 12;
      list[2] = 3;
      list[3] = addressOf(&items);
      number[2] = static_cast<uint64_t>(index);
      Evaluator machine(*compiled.code);
      machine.params = {0, addressOf(&list), addressOf(&number)};
      Outcome outcome = machine.run();
      bool inside = index >= -3 && index < 3;
      ASSERT_EQ(outcome.returned, inside) << index;
      if (inside) {
        EXPECT_EQ(outcome.result, static_cast<uint64_t>(10 + (index < 0 ? index + 3 : index)));
      }
    }
  }
}

TEST(LowerMeaning, ListIterators) {
  std::string text =
      "fun f {\nbb0:\n  v0:ListIter = LoadArg {index=0}\n  v1:Bool = ListIterHasNext v0\n"
      "  Branch v1, bb1, bb2 {likely=1}\nbb1 (preds bb0):\n  v2:Object = ListIterNext v0\n  Return "
      "v2\n"
      "bb2 (preds bb0):\n  v3:NoneType = ConstNone\n  Return v3\n}\n";
  for (const Combination& on : combinations()) {
    Compiled compiled(text, on, 1);
    Memory iterator{}, list{}, items{};
    items[0] = 10, items[1] = 11;
    list[2] = 2;
    list[3] = addressOf(&items);
    iterator[3] = addressOf(&list);
    auto next = [&] {
      Evaluator machine(*compiled.code);
      machine.params = {0, addressOf(&iterator)};
      return machine.run().result;
    };
    EXPECT_EQ(next(), 10u);
    EXPECT_EQ(next(), 11u);
    EXPECT_EQ(next(), on.layout->py_none);
    iterator[3] = 0;  // exhausted
    iterator[2] = ~uint64_t{0};
    EXPECT_EQ(next(), on.layout->py_none);
  }
}

}  // namespace
}  // namespace tephra::lower_test
