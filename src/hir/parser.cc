// Text to HIR: the inverse of printer.cc. Blocks and values may be used before they are defined, so
// lines are read first and names resolved at the end. Preds that the text leaves out are computed
// in the order of the blocks; attributes that it leaves out are 0 (objects: none).
#include <algorithm>
#include <cctype>
#include <map>

#include "hir/attr_text.h"
#include "hir/ir.h"

namespace tephra::hir {
namespace {

class Parser {
 public:
  Parser(const std::string& text, Function* out, std::span<const CodeUnit* const> units)
      : text_(text), function_(out), units_(units) {}

  bool run(ParseError* error) {
    bool ok = parseLines() && resolve();
    if (!ok && error) *error = error_;
    return ok;
  }

 private:
  struct Pending {
    Instr* instr;
    int line;
    std::vector<uint32_t> operands;
    std::vector<uint32_t> targets;
    std::vector<uint32_t> owned;
  };

  bool fail(const std::string& message) {
    error_ = {line_, message};
    return false;
  }

  // --- characters of the current line
  void skipSpace() {
    while (true) {
      while (at_ < cur_.size() && std::isspace(static_cast<unsigned char>(cur_[at_]))) ++at_;
      if (cur_.compare(at_, 2, "/*") != 0) break;
      size_t end = cur_.find("*/", at_);
      at_ = end == std::string::npos ? cur_.size() : end + 2;
    }
  }
  bool atEnd() {
    skipSpace();
    return at_ >= cur_.size();
  }
  bool accept(const std::string& token) {
    skipSpace();
    if (cur_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }
  bool expect(const std::string& token) {
    return accept(token) || fail("expected '" + token + "' at '" + cur_.substr(at_) + "'");
  }
  std::string word(const char* extra = "_") {
    skipSpace();
    size_t from = at_;
    while (at_ < cur_.size() && (std::isalnum(static_cast<unsigned char>(cur_[at_])) ||
                                 std::string(extra).find(cur_[at_]) != std::string::npos)) {
      ++at_;
    }
    return cur_.substr(from, at_ - from);
  }
  bool number(uint32_t* out) {
    std::string digits = word("");
    if (digits.empty() || digits.size() > 10 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
      return fail("expected a number, found '" + digits + "'");
    }
    *out = static_cast<uint32_t>(std::stoull(digits));
    return true;
  }
  // "v12" or "bb3": the prefix, then digits.
  bool named(const char* prefix, uint32_t* out) {
    return accept(prefix) ? number(out) : fail(std::string("expected ") + prefix + "N");
  }

  // --- lines
  bool parseLines() {
    size_t from = 0;
    bool open = false, closed = false;
    while (from < text_.size()) {
      size_t end = text_.find('\n', from);
      if (end == std::string::npos) end = text_.size();
      cur_ = text_.substr(from, end - from);
      from = end + 1;
      at_ = 0;
      ++line_;
      size_t comment = cur_.find("//");
      if (comment != std::string::npos) cur_.resize(comment);
      if (atEnd()) continue;
      if (closed) return fail("text after the closing brace");
      if (!open) {
        if (!parseHeader()) return false;
        open = true;
      } else if (accept("scope ")) {
        if (!parseScope()) return false;
      } else if (accept("}")) {
        closed = true;
      } else if (cur_.compare(at_, 2, "bb") == 0) {
        if (!parseBlockHeader()) return false;
      } else if (!parseInstr()) {
        return false;
      }
    }
    return closed || fail("missing closing brace");
  }

  bool parseHeader() {
    if (!expect("fun")) return false;
    skipSpace();
    size_t brace = cur_.rfind('{');
    if (brace == std::string::npos) return fail("expected '{'");
    std::string name = cur_.substr(at_, brace - at_);
    while (!name.empty() && name.back() == ' ') name.pop_back();
    function_->name = name;
    return true;
  }

  // "scope 1 in 0 @24 absent NAME"
  bool parseScope() {
    uint32_t number;
    Scope scope;
    if (!this->number(&number) || !expect("in") || !this->number(&scope.parent)) return false;
    if (number != function_->scopes().size() || scope.parent >= number)
      return fail("scopes must be numbered in order, behind the scope that each is in");
    if (!expect("@") || !this->number(&scope.call_offset)) return false;
    std::string origin = word();
    if (!frameOriginFromName(origin, &scope.frame))
      return fail("expected pushed, adopted or absent, found '" + origin + "'");
    scope.name = word("_.<>");
    scope.unit = number <= units_.size() ? units_[number - 1] : function_->unit();
    function_->addScope(std::move(scope));
    return atEnd() || fail("text after the scope");
  }

  Block* blockOf(uint32_t id) {
    auto [at, added] = blocks_.try_emplace(id, nullptr);
    if (added) at->second = function_->newBlock();
    return at->second;
  }

  bool parseBlockHeader() {
    uint32_t id;
    if (!named("bb", &id)) return false;
    block_ = blockOf(id);
    if (!defined_.emplace(id, line_).second) return fail("block defined twice");
    order_.push_back({id, block_});
    if (accept("cold")) block_->cold = true;
    if (accept("loop")) block_->is_loop_header = true;
    if (accept("(")) {
      if (!expect("preds")) return false;
      do {
        uint32_t pred;
        if (!named("bb", &pred)) return false;
        block_->preds.push_back(blockOf(pred));
      } while (accept(","));
      if (!expect(")")) return false;
      has_preds_.emplace(id, true);
    }
    return expect(":") && (atEnd() || fail("text after the block header"));
  }

  bool parseInstr() {
    if (!block_) return fail("instruction before the first block");
    Pending pending;
    pending.line = line_;
    Type type;
    uint32_t id = 0;
    bool has_result = false;
    size_t start = at_;
    if (accept("v") && at_ < cur_.size() && std::isdigit(static_cast<unsigned char>(cur_[at_]))) {
      has_result = true;
      if (!number(&id) || !expect(":")) return false;
      std::string name = word("_|-#");
      if (!parseType(name, &type)) return fail("unknown type '" + name + "'");
      if (!expect("=")) return false;
    } else {
      at_ = start;
    }
    std::string name = word();
    Op op;
    if (!opFromName(name, &op)) return fail("unknown operation '" + name + "'");
    pending.instr = function_->make(op, {}, has_result ? type : kTypeNone);
    if (has_result) {
      if (!values_.emplace(id, pending.instr).second) return fail("value defined twice");
      pending.instr->id = id;
    } else {
      void_instrs_.push_back(pending.instr);
    }
    if (!parseOperands(&pending) || !parseTail(&pending)) return false;
    Function::append(block_, pending.instr);
    pending_.push_back(std::move(pending));
    return true;
  }

  bool parseOperands(Pending* pending) {
    for (bool first = true; first || accept(","); first = false) {
      skipSpace();
      uint32_t id;
      if (cur_.compare(at_, 2, "bb") == 0) {
        if (!named("bb", &id)) return false;
        pending->targets.push_back(id);
      } else if (at_ < cur_.size() && cur_[at_] == 'v') {
        if (!named("v", &id)) return false;
        pending->operands.push_back(id);
      } else {
        return first || fail("expected an operand");
      }
    }
    if (pending->targets.size() > 2 && pending->instr->op != Op::kEntries)
      return fail("more than two targets");
    return true;
  }

  bool parseTail(Pending* pending) {
    Instr* instr = pending->instr;
    const OpInfo& info = instr->info();
    for (size_t i = 0; i < info.attrs.size(); ++i) {
      if (info.attrs[i].kind == AttrKind::kObj) instr->attr[i] = kNoObject;
      if (info.attrs[i].kind == AttrKind::kType) instr->attr[i] = kTypeObject.encode();
    }
    while (!atEnd()) {
      if (accept("{")) {
        if (!parseAttrs(instr)) return false;
      } else if (accept("aux[")) {
        if (!parseAux(instr)) return false;
      } else if (accept("owned(")) {
        do {
          uint32_t id;
          if (!named("v", &id)) return false;
          pending->owned.push_back(id);
        } while (accept(","));
        if (!expect(")")) return false;
      } else if (accept("lent(")) {
        do {
          uint32_t operand;
          if (!number(&operand)) return false;
          if (operand >= kMaxLent) return fail("an operand that cannot be lent");
          instr->lent |= uint64_t{1} << operand;
        } while (accept(","));
        if (!expect(")")) return false;
      } else if (accept("@")) {
        if (!number(&instr->offset)) return false;
        uint32_t scope = kRootScope;
        if (accept("/") && !number(&scope)) return false;
        if (scope >= function_->scopes().size()) return fail("no scope " + std::to_string(scope));
        instr->scope = static_cast<uint16_t>(scope);
      } else {
        return fail("unexpected '" + cur_.substr(at_) + "'");
      }
    }
    return true;
  }

  bool parseAttrs(Instr* instr) {
    const OpInfo& info = instr->info();
    do {
      std::string name = word();
      size_t i = 0;
      while (i < info.attrs.size() && name != info.attrs[i].name) ++i;
      if (i == info.attrs.size())
        return fail(std::string(info.name) + " has no attribute '" + name + "'");
      if (!expect("=")) return false;
      std::string value = word("_#.+-|:");
      if (!attrFromText(info.attrs[i].kind, value, &instr->attr[i])) {
        return fail("bad value '" + value + "' of attribute " + name);
      }
    } while (accept(","));
    return expect("}");
  }

  bool parseAux(Instr* instr) {
    std::vector<uint32_t> aux;
    do {
      uint32_t slot = kParentState;
      if (accept("function"))
        slot = kFrameFunction;
      else if (!accept("parent") && !number(&slot))
        return false;
      aux.push_back(slot);
    } while (accept(","));
    instr->aux = function_->arena().copy(std::span<const uint32_t>(aux));
    return expect("]");
  }

  // --- names
  bool lookUp(const std::vector<uint32_t>& ids, std::vector<Instr*>* out) {
    for (uint32_t id : ids) {
      auto at = values_.find(id);
      if (at == values_.end()) return fail("undefined value v" + std::to_string(id));
      out->push_back(at->second);
    }
    return true;
  }

  bool resolve() {
    for (Pending& pending : pending_) {
      line_ = pending.line;
      std::vector<Instr*> operands, owned;
      if (!lookUp(pending.operands, &operands) || !lookUp(pending.owned, &owned)) return false;
      function_->setOperands(pending.instr, operands);
      pending.instr->exit_owned = function_->arena().copy(std::span<Instr* const>(owned));
      std::vector<Block*> targets;
      for (uint32_t id : pending.targets) {
        if (!defined_.count(id)) return fail("undefined block bb" + std::to_string(id));
        targets.push_back(blocks_[id]);
      }
      pending.instr->targets.assign(targets, function_->arena());
    }
    for (const auto& [id, block] : blocks_) {
      if (!defined_.count(id)) return fail("undefined block bb" + std::to_string(id));
    }
    numberAll();
    return order_.empty() ? fail("a function needs a block") : true;
  }

  void numberAll() {
    std::vector<Block*>& blocks = function_->blocks();
    blocks.clear();
    // Ids as in the text; newBlock's counter must stay above them.
    uint32_t next = 0;
    for (auto& [id, block] : order_) {
      block->id = id;
      next = std::max(next, id + 1);
      blocks.push_back(block);
    }
    function_->reserveBlockIds(next);
    uint32_t value = values_.empty() ? 0 : values_.rbegin()->first + 1;
    for (Instr* instr : void_instrs_) instr->id = value++;
    function_->resetIds(value);
    for (auto& [from_id, from] : order_) {
      for (Block* succ : from->succs()) {
        if (!has_preds_.count(succ->id)) succ->preds.push_back(from);
      }
    }
  }

  const std::string& text_;
  Function* function_;
  std::span<const CodeUnit* const> units_;
  std::string cur_;
  size_t at_ = 0;
  int line_ = 0;
  ParseError error_{0, ""};
  Block* block_ = nullptr;
  std::map<uint32_t, Block*> blocks_;
  std::map<uint32_t, int> defined_;
  std::map<uint32_t, bool> has_preds_;
  std::vector<std::pair<uint32_t, Block*>> order_;
  std::map<uint32_t, Instr*> values_;
  std::vector<Instr*> void_instrs_;
  std::vector<Pending> pending_;
};

}  // namespace

bool parse(const std::string& text, Function* out, ParseError* error,
           std::span<const CodeUnit* const> units) {
  return Parser(text, out, units).run(error);
}

}  // namespace tephra::hir
