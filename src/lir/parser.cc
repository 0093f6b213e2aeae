// Reads the text form that printer.cc writes. One statement per line; "//" starts a comment.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "lir/ir.h"
#include "lir/text_cursor.h"
#include "metadata/helpers.h"

namespace tephra::lir {
namespace {

constexpr uint32_t kMaxVReg = 1u << 20;  // a typing error must not take gigabytes

class Parser {
 public:
  Parser(Function* function) : function_(function) {}

  bool parse(const std::string& text, ParseError* error) {
    std::istringstream lines(text);
    std::string line;
    int number = 0;
    while (std::getline(lines, line)) {
      ++number;
      if (size_t comment = line.find("//"); comment != std::string::npos) line.resize(comment);
      TextCursor cursor(line);
      if (!cursor.atEnd()) statement(cursor);
      if (!cursor.failed() && !cursor.atEnd()) cursor.fail("unexpected text");
      if (cursor.failed()) return report(number, cursor.error(), error);
    }
    if (state_ != kDone) return report(number, "expected '}' at the end", error);
    for (auto& [id, block] : by_id_) {
      if (std::find(order_.begin(), order_.end(), block) == order_.end()) {
        return report(number, fmt::format("bb{} is not defined", id), error);
      }
    }
    function_->blocks() = order_;
    return true;
  }

 private:
  enum State { kStart, kBody, kDone };

  static bool report(int line, const std::string& message, ParseError* error) {
    if (error) *error = {line, message};
    return false;
  }

  void statement(TextCursor& c) {
    if (state_ == kStart) return header(c);
    if (state_ == kDone) return c.fail("text after the end of the function");
    if (c.accept('}')) {
      state_ = kDone;
      return;
    }
    if (c.acceptWord("exit")) return exitRecord(c);
    if (c.acceptWord("entry")) return entryPoint(c);
    if (c.acceptWord("scope")) return scope(c);
    uint32_t id;
    if (c.numbered("bb", &id)) return label(c, id);
    if (!block_) return c.fail("instruction outside of a block");
    instruction(c);
  }

  void header(TextCursor& c) {
    if (!c.acceptWord("fun")) return c.fail("expected 'fun'");
    function_->name = c.word();
    if (function_->name.empty()) return c.fail("expected a name");
    while (!c.failed() && !c.accept('{')) {
      std::string key = c.identifier();
      if (!c.expect('=')) return;
      uint64_t value = 0, second = 0;
      if (!c.number(&value)) return;
      if (key == "params") {
        function_->num_params = static_cast<uint32_t>(value);
      } else if (key == "outgoing") {
        function_->outgoing_words = static_cast<uint32_t>(value);
      } else if (key == "slots") {
        function_->num_slots = static_cast<uint32_t>(value);
      } else if (key == "saved") {
        if (!c.expect(',') || !c.number(&second)) return;
        function_->used_callee_saved[0] = value;
        function_->used_callee_saved[1] = second;
      } else {
        c.fail("unknown property '" + key + "'");
      }
    }
    state_ = kBody;
  }

  Block* blockFor(uint32_t id) {
    Block*& block = by_id_[id];
    if (!block) block = function_->newBlock(id);
    return block;
  }

  void label(TextCursor& c, uint32_t id) {
    if (id >= kMaxVReg) return c.fail("block number too large");
    block_ = blockFor(id);
    if (std::find(order_.begin(), order_.end(), block_) != order_.end()) {
      return c.fail(fmt::format("bb{} is defined twice", id));
    }
    order_.push_back(block_);
    if (c.accept('(')) {
      do {
        Operand param = operand(c);
        block_->params.push_back(param);
      } while (!c.failed() && c.accept(','));
      c.expect(')');
    }
    if (c.acceptWord("cold")) block_->cold = true;
    if (c.acceptWord("depth")) {
      if (!c.expect('=') || !c.number32(&block_->loop_depth)) return;
    }
    c.expect(':');
  }

  Operand vreg(TextCursor& c, uint32_t id, Bank bank) {
    if (id == 0 || id >= kMaxVReg) {
      c.fail("virtual register number out of range");
      return {};
    }
    auto [it, fresh] = banks_.try_emplace(id, bank);
    if (!fresh && it->second != bank)
      c.fail(fmt::format("register {} is used with both banks", id));
    if (fresh) function_->declareVReg(id, bank);
    return Operand::vreg(id, bank);
  }

  bool isOperand(TextCursor& c, Operand* out) {
    uint32_t id;
    if (c.numbered("g", &id))
      *out = vreg(c, id, Bank::kGp);
    else if (c.numbered("f", &id))
      *out = vreg(c, id, Bank::kFp);
    else if (c.numbered("%f", &id))
      *out = Operand::reg(id, Bank::kFp);
    else if (c.numbered("%", &id))
      *out = Operand::reg(id, Bank::kGp);
    else if (c.numbered("slot", &id))
      *out = Operand::slot(id, Bank::kGp);
    else if (c.numbered("fslot", &id))
      *out = Operand::slot(id, Bank::kFp);
    else if (c.acceptWord("thread"))
      *out = Operand::pinned(Pinned::kThread);
    else if (c.acceptWord("frame"))
      *out = Operand::pinned(Pinned::kFrame);
    else if (c.acceptWord("_"))
      *out = Operand();
    else
      return false;
    return true;
  }

  Operand operand(TextCursor& c) {
    Operand result;
    if (isOperand(c, &result)) return result;
    if (c.accept('[')) return memory(c);
    bool fp = c.accept('#');
    uint64_t value;
    if (!c.number(&value)) {
      return {};
    }
    result = Operand::imm(static_cast<int64_t>(value));
    if (fp) result.bank = Bank::kFp;
    return result;
  }

  // After '[': [base + index*scale + disp], each part optional.
  Operand memory(TextCursor& c) {
    Operand base, index;
    uint8_t scale = 0;
    int64_t disp = 0;
    bool minus = false;
    do {
      Operand part;
      if (isOperand(c, &part)) {
        if (minus) c.fail("a register cannot be subtracted");
        if (c.accept('*')) {
          uint32_t factor;
          if (!c.number32(&factor)) return {};
          if (!std::has_single_bit(factor) || factor > 64)
            c.fail("scale must be a power of two up to 64");
          index = part;
          scale = static_cast<uint8_t>(std::countr_zero(factor));
        } else {
          base = part;
        }
      } else {
        uint64_t value;
        if (!c.number(&value)) return {};
        disp = minus ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
        if (disp != static_cast<int32_t>(disp)) c.fail("displacement needs more than 32 bits");
      }
      minus = false;
      if (c.accept('+')) continue;
      if (c.accept('-')) {
        minus = true;
        continue;
      }
      break;
    } while (!c.failed());
    c.expect(']');
    return Operand::mem(base, static_cast<int32_t>(disp), index, scale);
  }

  void instruction(TextCursor& c) {
    std::vector<Operand> defs, uses;
    std::string name;
    Operand def;
    if (isOperand(c, &def)) {
      defs.push_back(def);
      while (!c.failed() && c.accept(',')) defs.push_back(operand(c));
      if (!c.expect('=')) return;
    }
    name = c.identifier();
    Op op;
    if (!opFromName(name, &op)) return c.fail("unknown operation '" + name + "'");
    std::vector<Block*> targets;
    bool more = !c.atEnd() && !c.peek('{') && !c.peek('@');
    while (more && !c.failed()) {
      uint32_t id;
      if (c.numbered("bb", &id)) {
        if (targets.size() == 2 && op != Op::kEntries) return c.fail("too many targets");
        targets.push_back(blockFor(id));
        if (op == Op::kJump && c.accept('(')) {
          do uses.push_back(operand(c));
          while (!c.failed() && c.accept(','));
          c.expect(')');
        }
      } else {
        uses.push_back(operand(c));
      }
      more = c.accept(',');
    }
    Instr* instr = function_->make(op, defs, uses);
    instr->targets.assign(targets, function_->arena());
    attributes(c, instr);
    if (c.accept('@')) c.number32(&instr->bytecode_offset);
    uint32_t scope = 0;
    if (c.accept('/')) c.number32(&scope);
    instr->scope = static_cast<uint16_t>(scope);
    Function::append(block_, instr);
  }

  void attributes(TextCursor& c, Instr* instr) {
    const OpInfo& info = instr->info();
    if (info.attrs.empty()) return;
    if (!c.expect('{')) return;
    for (size_t i = 0; i < info.attrs.size() && !c.failed(); ++i) {
      if (i) c.expect(',');
      if (!c.acceptWord(info.attrs[i].name))
        return c.fail(fmt::format("expected '{}'", info.attrs[i].name));
      if (!c.expect('=')) return;
      attribute(c, info.attrs[i], &instr->attr[i]);
    }
    c.expect('}');
  }

  void attribute(TextCursor& c, const AttrInfo& info, uint64_t* out) {
    Helper helper;
    Cond cond;
    uint32_t small = 0;
    switch (info.kind) {
      case AttrKind::kU32:
        if (std::string_view(info.name) == "helper") {
          if (c.peek('-')) return c.fail("expected a helper");
          std::string name = c.identifier();
          if (helperFromName(name, &helper)) {
            *out = static_cast<uint64_t>(helper);
          } else if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos &&
                     name.size() < 10) {
            *out = std::stoul(name);  // a number that no helper has: the verifier's business
          } else {
            c.fail("unknown helper '" + name + "'");
          }
          return;
        }
        c.number32(&small);
        *out = small;
        return;
      case AttrKind::kI64:
      case AttrKind::kU64: c.number(out); return;
      case AttrKind::kF64: c.real(out); return;
      case AttrKind::kBool:
        if (c.acceptWord("true"))
          *out = 1;
        else if (c.acceptWord("false"))
          *out = 0;
        else
          c.fail("expected true or false");
        return;
      case AttrKind::kCond:
        if (condFromName(c.identifier(), &cond))
          *out = static_cast<uint64_t>(cond);
        else
          c.fail("expected a condition");
        return;
    }
  }

  ValueLocation location(TextCursor& c) {
    ValueLocation result;
    uint32_t reg = 0;
    uint64_t value = 0;
    if (c.acceptWord("null")) {
      result.where = ValueLocation::kNull;
    } else if (c.accept('#')) {
      result.where = ValueLocation::kSpill;
      c.number(&value);
      result.offset = static_cast<int32_t>(static_cast<int64_t>(value));
    } else if (c.numbered("%f", &reg)) {
      result.where = ValueLocation::kFp;
    } else if (c.numbered("%", &reg)) {
      result.where = ValueLocation::kGp;
    } else if (c.number(&result.bits)) {
      result.where = ValueLocation::kConstant;
    }
    while (!c.failed() && c.accept(':')) {
      if (c.acceptWord("int64"))
        result.form = ValueLocation::kInt64;
      else if (c.acceptWord("double"))
        result.form = ValueLocation::kDouble;
      else if (c.acceptWord("bool"))
        result.form = ValueLocation::kBool;
      else if (c.acceptWord("object"))
        result.form = ValueLocation::kObject;
      else if (c.acceptWord("owned"))
        result.owned = true;
      else
        c.fail("unknown form of a value");
    }
    result.reg = static_cast<uint8_t>(reg);
    return result;
  }

  template <typename Item>
  void list(TextCursor& c, Item item) {
    if (!c.expect('[')) return;
    if (c.accept(']')) return;
    do item();
    while (!c.failed() && c.accept(','));
    c.expect(']');
  }

  bool property(TextCursor& c, const char* name) {
    if (!c.acceptWord(name)) return false;
    return c.expect('=');
  }

  void frame(TextCursor& c, ExitRecord* record) {
    ExitFrame frame;
    c.expect('(');
    if (property(c, "scope")) c.number32(&frame.scope);
    if (property(c, "offset")) c.number32(&frame.offset);
    if (property(c, "raise")) c.number32(&frame.raise_offset);
    if (property(c, "stack")) list(c, [&] { frame.stack.push_back(location(c)); });
    if (property(c, "locals")) {
      list(c, [&] {
        uint32_t home = kFrameFunction;
        if (!c.acceptWord("function")) c.number32(&home);
        c.expect('=');
        frame.locals.emplace_back(home, location(c));
      });
    }
    c.expect(')');
    record->frames.push_back(std::move(frame));
  }

  void entryPoint(TextCursor& c) {
    uint32_t number;
    if (!c.number32(&number)) return;
    if (number != function_->entries.size()) return c.fail("entries must be numbered in order");
    EntryPoint entry;
    std::string kind = c.identifier();
    if (!entryKindFromName(kind, &entry.kind))
      return c.fail("unknown kind of entry '" + kind + "'");
    if (c.accept('@')) c.number32(&entry.offset);
    function_->entries.push_back(entry);
  }

  void scope(TextCursor& c) {
    uint32_t number;
    if (!c.number32(&number)) return;
    if (number != function_->scopes.size()) return c.fail("scopes must be numbered in order");
    CodeScope scope;
    std::string origin = c.identifier();
    if (!frameOriginFromName(origin, &scope.frame))
      return c.fail("expected pushed, adopted or absent, found '" + origin + "'");
    function_->scopes.push_back(scope);
  }

  void exitRecord(TextCursor& c) {
    uint32_t number;
    if (!c.number32(&number) || !c.expect('{')) return;
    if (number != function_->exits.size()) return c.fail("exits must be numbered in order");
    ExitRecord record;
    if (c.acceptWord("raise"))
      record.kind = ExitKind::kRaise;
    else if (!c.acceptWord("deopt"))
      return c.fail("expected deopt or raise");
    std::string reason = c.identifier();
    if (!exitReasonFromName(reason, &record.reason))
      return c.fail("unknown exit reason '" + reason + "'");
    if (property(c, "line")) c.number32(&record.line_offset);
    if (property(c, "culprit")) {
      record.has_culprit = true;
      record.culprit = location(c);
    }
    while (!c.failed() && c.acceptWord("frame")) frame(c, &record);
    if (property(c, "drops")) list(c, [&] { record.drops.push_back(location(c)); });
    if (property(c, "count")) c.number(&record.count);
    c.expect('}');
    function_->exits.push_back(std::move(record));
  }

  Function* function_;
  State state_ = kStart;
  Block* block_ = nullptr;
  std::map<uint32_t, Block*> by_id_;
  std::map<uint32_t, Bank> banks_;
  std::vector<Block*> order_;
};

}  // namespace

bool parse(const std::string& text, Function* out, ParseError* error) {
  return Parser(out).parse(text, error);
}

}  // namespace tephra::lir
