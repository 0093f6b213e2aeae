// Random programs through register allocation and code generation, run on the host: what they
// compute is known while they are made. Each leaves through an exit that names all live values.
#include <cstring>
#include <random>

#include "regalloc/regalloc.h"
#include "tests/unit/codegen/support.h"

namespace tephra::codegen_test {
namespace {

std::vector<uint64_t> seen;

uint64_t takeExit(CodeMetadata* metadata, uint32_t exit, RegisterFile* registers, char* fp, void*,
                  void*) {
  seen.clear();
  for (const ValueLocation& location : metadata->exits[exit].frames[0].stack) {
    uint64_t bits = location.bits;
    if (location.where == ValueLocation::kGp) bits = registers->gp[location.reg];
    if (location.where == ValueLocation::kFp)
      bits = std::bit_cast<uint64_t>(registers->fp[location.reg]);
    if (location.where == ValueLocation::kSpill) std::memcpy(&bits, fp + location.offset, 8);
    seen.push_back(bits);
  }
  return 0xE817;
}

uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g,
             uint64_t h) {
  return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h;
}
uint64_t mixF(double a, uint64_t b, double c) {
  return std::bit_cast<uint64_t>(a) + b + std::bit_cast<uint64_t>(c);
}
void dealloc(uint64_t* object) { object[1] += 1; }

struct Value {
  bool fp = false;
  uint32_t id = 0;
  uint64_t bits = 0;
};

class Program {
 public:
  explicit Program(uint32_t seed) : random_(seed) {
    text_ = "bb0:\n";
    for (int i = 0; i < 4; ++i) {
      inputs.push_back(pick(2) ? random_() : random_() % 100);
      define(false, inputs.back(), "Param {index=" + std::to_string(i) + "}");
    }
    for (uint32_t i = 0, count = 5 + pick(60); i < count; ++i) step();
    finish();
  }
  std::vector<uint64_t> inputs, expected;
  std::string text() const { return text_; }

 private:
  uint32_t pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  const Value& any(bool fp) {
    std::vector<const Value*> fitting;
    for (const Value& value : values_) {
      if (value.fp == fp) fitting.push_back(&value);
    }
    if (fitting.empty())
      return define(true, std::bit_cast<uint64_t>(1.5), "MoveConstF {value=1.5}");
    return *fitting[pick(static_cast<uint32_t>(fitting.size()))];
  }
  static std::string name(const Value& value) {
    return (value.fp ? "f" : "g") + std::to_string(value.id);
  }
  const Value& define(bool fp, uint64_t bits, const std::string& operation) {
    values_.reserve(1000);  // references to values stay valid
    values_.push_back({fp, next_++, bits});
    text_ += "  " + name(values_.back()) + " = " + operation + "\n";
    return values_.back();
  }

  void step() {
    switch (pick(9)) {
      case 0:
      case 1:
      case 2: return binary();
      case 3: return shift();
      case 4: return divide();
      case 5: return doubles();
      case 6: return choose();
      case 7: return call();
      default: return diamond();
    }
  }

  void binary() {
    const Value &a = any(false), &b = any(false);
    int64_t constant = static_cast<int32_t>(random_());
    bool immediate = pick(3) == 0;
    uint64_t y = immediate ? static_cast<uint64_t>(constant) : b.bits;
    std::string right = immediate ? std::to_string(constant) : name(b);
    static const char* const kNames[] = {"Add", "Sub", "Mul", "And", "Or", "Xor"};
    uint32_t op = pick(6);
    uint64_t results[] = {a.bits + y, a.bits - y, a.bits * y, a.bits & y, a.bits | y, a.bits ^ y};
    bool narrow = pick(3) == 0;
    uint64_t result = narrow ? static_cast<uint32_t>(results[op]) : results[op];
    define(false, result,
           kNames[op] + (" " + name(a) + ", ") + right + (narrow ? " {width=4}" : " {width=8}"));
  }

  void shift() {
    const Value& a = any(false);
    const Value& b = any(false);
    const Value& count = define(false, b.bits & 63, "And " + name(b) + ", 63 {width=8}");
    auto n = static_cast<unsigned>(count.bits);
    std::string operands = " " + name(a) + ", " + name(count) + " {width=8}";
    switch (pick(3)) {
      case 0: define(false, a.bits << n, "Shl" + operands); break;
      case 1: define(false, a.bits >> n, "Shr" + operands); break;
      default:
        define(false, static_cast<uint64_t>(static_cast<int64_t>(a.bits) >> n), "Sar" + operands);
    }
  }

  void divide() {
    const Value &a = any(false), &b = any(false);
    const Value& low = define(false, b.bits & 255, "And " + name(b) + ", 255 {width=8}");
    const Value& divisor = define(false, low.bits | 1, "Or " + name(low) + ", 1 {width=8}");
    auto x = static_cast<int64_t>(a.bits), y = static_cast<int64_t>(divisor.bits);
    Value quotient{false, next_++, static_cast<uint64_t>(x / y)},
        rest{false, next_++, static_cast<uint64_t>(x % y)};
    text_ += "  " + name(quotient) + ", " + name(rest) + " = DivRem " + name(a) + ", " +
             name(divisor) + "\n";
    values_.push_back(quotient);
    values_.push_back(rest);
  }

  void doubles() {
    const Value &a = any(true), &b = any(true), &i = any(false);
    double x = std::bit_cast<double>(a.bits), y = std::bit_cast<double>(b.bits);
    std::string operands = " " + name(a) + ", " + name(b);
    switch (pick(6)) {
      case 0: define(true, std::bit_cast<uint64_t>(x + y), "AddF" + operands); break;
      case 1: define(true, std::bit_cast<uint64_t>(x - y), "SubF" + operands); break;
      case 2: define(false, x < y, "SetCmpF" + operands + " {cond=lt}"); break;
      case 3: define(false, x == y, "SetCmpF" + operands + " {cond=eq}"); break;
      case 4: define(true, std::bit_cast<uint64_t>(-x), "NegF " + name(a)); break;
      default:
        define(true, std::bit_cast<uint64_t>(static_cast<double>(static_cast<int64_t>(i.bits))),
               "IntToF " + name(i));
    }
  }

  void choose() {
    const Value &a = any(false), &b = any(false), &c = any(false);
    const Value& less = define(false, static_cast<int64_t>(a.bits) < static_cast<int64_t>(b.bits),
                               "SetCmp " + name(a) + ", " + name(b) + " {cond=lt, width=8}");
    define(false, less.bits ? c.bits : a.bits,
           "Select " + name(less) + ", " + name(c) + ", " + name(a));
    define(false, b.bits >> 7 & 1 ? 0 - c.bits : c.bits,
           "NegIf " + name(c) + ", " + name(b) + " {bit=7}");
  }

  void call() {
    const Value* v[8];
    for (auto& one : v) one = &any(false);
    if (pick(3) == 0) {
      const Value &x = any(true), &y = any(true);
      define(false, mixF(std::bit_cast<double>(x.bits), v[0]->bits, std::bit_cast<double>(y.bits)),
             "Call " + name(x) + ", " + name(*v[0]) + ", " + name(y) + " {helper=store_global}");
      return;
    }
    std::string arguments;
    for (int i = 0; i < 7; ++i) arguments += name(*v[i]) + ", ";
    uint64_t result =
        mix(v[0]->bits, v[1]->bits, v[2]->bits, v[3]->bits, v[4]->bits, v[5]->bits, v[6]->bits, 99);
    define(false, result, "Call " + arguments + "99 {helper=load_global}");
  }

  // Both ways give a value of each bank to the block where they meet.
  void diamond() {
    const Value a = any(false), b = any(false), c = any(false), x = any(true), y = any(true);
    uint32_t block = blocks_;
    blocks_ += 3;
    auto bb = [&](uint32_t i) { return "bb" + std::to_string(block + i); };
    text_ += "  BranchCmp " + name(a) + ", " + name(b) + ", " + bb(0) + ", " + bb(1) +
             " {cond=ult, width=8, likely=" + std::to_string(pick(3)) + "}\n";
    bool first = a.bits < b.bits;
    text_ += bb(0) + ":\n";
    Value sum{false, next_++, a.bits + c.bits};
    text_ += "  " + name(sum) + " = Add " + name(a) + ", " + name(c) + " {width=8}\n";
    text_ += "  Jump " + bb(2) + "(" + name(sum) + ", " + name(c) + ", " + name(x) + ")\n";
    text_ += bb(1) + (pick(2) ? " cold" : "") + ":\n  Jump " + bb(2) + "(" + name(c) + ", 7, " +
             name(y) + ")\n";
    Value p{false, next_++, first ? sum.bits : c.bits}, q{false, next_++, first ? c.bits : 7},
        r{true, next_++, first ? x.bits : y.bits};
    text_ += bb(2) + "(" + name(p) + ", " + name(q) + ", " + name(r) + "):\n";
    for (const Value& value : {p, q, r}) values_.push_back(value);
  }

  void finish() {
    std::string operands, stack;
    std::shuffle(values_.begin(), values_.end(), random_);
    for (size_t i = 0; i < values_.size() && i < 25; ++i) {
      expected.push_back(values_[i].bits);
      operands += (i ? ", " : "") + name(values_[i]);
      stack += (i ? ", #" : "#") + std::to_string(i);
    }
    text_ += "  Exit " + operands + " {exit=0}\n";
    text_ = "fun random params=4 outgoing=0 {\n" + text_ +
            "exit 0 {deopt TypeChanged line=0 frame(offset=0 raise=0 stack=[" + stack +
            "] locals=[]) drops=[]}\n}\n";
  }

  std::mt19937 random_;
  std::string text_;
  std::vector<Value> values_;
  uint32_t next_ = 1, blocks_ = 1;
};

class Allocated : public ::testing::Test {
 protected:
  void SetUp() override {
    addresses.helpers[static_cast<size_t>(Helper::load_global)] = addressOf(&mix);
    addresses.helpers[static_cast<size_t>(Helper::store_global)] = addressOf(&mixF);
    addresses.take_exit = addressOf(&takeExit);
    addresses.call_slow = addresses.thread_state = addressOf(&mix);
    addresses.dealloc = addressOf(&dealloc);
    unit.layout = &layout();
  }
  Result<CompiledCode> compile(const std::string& text,
                               const regalloc::AllocationOptions& options) {
    lir::Function function;
    if (!parseInto(text, &function)) return Bailout{BailoutReason::kVerifier, ""};
    Result<bool> allocated = regalloc::allocateRegisters(function, hostTarget(), options);
    if (!allocated) return allocated.bailout();
    return generateCode(function, unit, hostTarget(), memory, addresses);
  }
  CodeMemory memory{
      CodeMemoryOptions{.reserve_bytes = size_t{64} << 20, .near = {addressOf(&mix)}}};
  RuntimeAddresses addresses;
  CodeUnit unit;
};

TEST_F(Allocated, RandomProgramsComputeWhatTheyShould) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    Program program(seed);
    for (bool spill : {false, true}) {
      regalloc::AllocationOptions options;
      options.spill_everything = spill;
      Result<CompiledCode> code = compile(program.text(), options);
      ASSERT_TRUE(code) << code.bailout().detail << "\n" << program.text();
      auto entry = reinterpret_cast<uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t)>(
          code->entry(EntryKind::kRegister));
      EXPECT_EQ(entry(program.inputs[0], program.inputs[1], program.inputs[2], program.inputs[3]),
                0xE817u);
      ASSERT_EQ(seen, program.expected) << "seed " << seed << " spill " << spill << "\n"
                                        << program.text();
      memory.free(code->base);
    }
  }
}

TEST_F(Allocated, LoopsAndReferenceCounts) {
  // for (i = 0; i < n; i++) { incref(o); sum += i; decref(o); }
  Result<CompiledCode> code = compile(
      "fun loop params=2 outgoing=0 {\nbb0:\n  g1 = Param {index=0}\n  g2 = Param {index=1}\n  "
      "Jump bb1(0, 0)\n"
      "bb1(g3, g4) depth=1:\n  BranchCmp g3, g2, bb2, bb3 {cond=lt, width=8, likely=1}\n"
      "bb2 depth=1:\n  Incref g1 {maybe_null=false}\n  g5 = Add g4, g3 {width=8}\n  Decref g1 "
      "{maybe_null=false}\n"
      "  g6 = Add g3, 1 {width=8}\n  Jump bb1(g6, g5)\nbb3:\n  Decref g1 {maybe_null=true}\n  "
      "Return g4\n}\n",
      {});
  ASSERT_TRUE(code) << code.bailout().detail;
  uint64_t object[2] = {1, 0};
  auto entry =
      reinterpret_cast<uint64_t (*)(uint64_t*, uint64_t)>(code->entry(EntryKind::kRegister));
  EXPECT_EQ(entry(object, 1000), 499500u);
  EXPECT_EQ(object[0], 0u);
  EXPECT_EQ(object[1], 1u);
}

}  // namespace
}  // namespace tephra::codegen_test
