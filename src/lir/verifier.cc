// Checks the invariants of ir.h and ops.tbl; every message names the place.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lir/cfg.h"
#include "lir/ir.h"
#include "metadata/helpers.h"

namespace tephra::lir {
namespace {

class Verifier {
 public:
  explicit Verifier(const Function& function) : function_(function) {}

  std::vector<Diagnostic> run() {
    if (function_.blocks().empty()) {
      problem("the function has no block");
      return std::move(problems_);
    }
    blocks();
    if (!problems_.empty()) return std::move(problems_);  // the rest walks the graph
    definitions();
    for (const Block* block : function_.blocks()) {
      for (const Instr* instr = block->first; instr; instr = instr->next) instruction(*instr);
    }
    entry();
    if (problems_.empty()) dominance();
    return std::move(problems_);
  }

 private:
  // Messages that name the place themselves.
  void problem(const std::string& message, const Block* block = nullptr,
               const Instr* instr = nullptr) {
    problems_.push_back({block, instr, message, function_.name + ": " + message});
  }
  void problem(const Instr& instr, const std::string& message) {
    problems_.push_back({instr.block, &instr, message,
                         fmt::format("{}: bb{}: `{}`: {}", function_.name,
                                     instr.block ? instr.block->id : 0, print(instr), message)});
  }

  void blocks() {
    std::vector<uint32_t> ids;
    for (const Block* block : function_.blocks()) {
      if (std::find(ids.begin(), ids.end(), block->id) != ids.end()) {
        problem(fmt::format("two blocks are bb{}", block->id), block);
      }
      ids.push_back(block->id);
    }
    for (const Block* block : function_.blocks()) {
      if (!block->last) {
        problem(fmt::format("bb{} is empty", block->id), block);
        continue;
      }
      const Instr* prev = nullptr;
      for (const Instr* instr = block->first; instr; prev = instr, instr = instr->next) {
        if (instr->block != block || instr->prev != prev)
          problem(fmt::format("bb{}: broken links", block->id), block, instr);
        if (instr->info().is_terminator != (instr == block->last)) {
          problem(fmt::format("bb{}: a terminator must be exactly the last instruction", block->id),
                  block, instr);
        }
        targets(*instr);
      }
      if (prev != block->last) problem(fmt::format("bb{}: broken links", block->id), block);
    }
  }

  void targets(const Instr& instr) {
    size_t expected = 0;
    switch (instr.op) {
      case Op::kEntries: expected = std::max<size_t>(function_.entries.size(), 1); break;
      case Op::kJump: expected = 1; break;
      case Op::kBranchCmp:
      case Op::kBranchCmpMem:
      case Op::kBranchRelease:
      case Op::kUnlinkFrame:
      case Op::kBranchLook:
      case Op::kBranchCmpF: expected = 2; break;
      default: break;
    }
    size_t count = instr.targets.size();
    if (count != expected) {
      return problem(
          fmt::format("{}: has {} targets, expected {}", instr.info().name, count, expected),
          instr.block, &instr);
    }
    for (size_t i = 0; i < count; ++i) {
      const auto& all = function_.blocks();
      if (std::find(all.begin(), all.end(), instr.targets[i]) == all.end()) {
        problem(fmt::format("{}: target is not a block of the function", instr.info().name),
                instr.block, &instr);
      }
    }
  }

  void definitions() {
    definer_.assign(function_.numVRegs(), nullptr);
    for (const Block* block : function_.blocks()) {
      for (const Operand& param : block->params) {
        if (!param.isVReg()) {
          problem(fmt::format("bb{}: a parameter must be a virtual register", block->id), block);
        } else if (vregInRange(param, block, nullptr)) {
          define(param, block, nullptr);
        }
      }
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        for (const Operand& def : instr->defs) {
          if (def.isVReg() && vregInRange(def, block, instr)) define(def, block, instr);
        }
      }
    }
  }

  bool vregInRange(const Operand& operand, const Block* block, const Instr* instr) {
    if (operand.base == 0 || operand.base >= function_.numVRegs()) {
      problem(fmt::format("virtual register {} does not exist", operand.base), block, instr);
      return false;
    }
    return true;
  }

  void define(const Operand& operand, const Block* block, const Instr* instr) {
    const auto where = [&] { return instr ? print(*instr) : fmt::format("bb{}", block->id); };
    if (definer_[operand.base])
      problem(fmt::format("register {} is defined twice: {}", operand.base, where()), block, instr);
    if (function_.bankOf(operand.base) != operand.bank) {
      problem(fmt::format("register {} has the other bank: {}", operand.base, where()), block,
              instr);
    }
    definer_[operand.base] = block;
  }

  void instruction(const Instr& instr) {
    const OpInfo& info = instr.info();
    if (instr.defs.size() != info.defs.size()) {
      return problem(
          instr, fmt::format("{} definitions, expected {}", instr.defs.size(), info.defs.size()));
    }
    bool variadic = !info.uses.empty() && info.uses.back().variadic;
    size_t least = info.uses.size() - (variadic ? 1 : 0);
    if (instr.uses.size() < least || (!variadic && instr.uses.size() != least)) {
      return problem(instr, fmt::format("{} operands, expected {}{}", instr.uses.size(),
                                        variadic ? "at least " : "", least));
    }
    for (size_t i = 0; i < instr.defs.size(); ++i) definition(instr, instr.defs[i], info.defs[i]);
    for (size_t i = 0; i < instr.uses.size(); ++i) {
      use(instr, instr.uses[i], info.uses[std::min(i, info.uses.size() - 1)]);
    }
    attributes(instr);
    if (instr.op == Op::kJump)
      jump(instr);
    else
      branch(instr);
    if (info.has_exit) exitOf(instr);
    if (instr.op == Op::kCall || instr.op == Op::kCallF) helperCall(instr);
  }

  void definition(const Instr& instr, const Operand& def, const OperandInfo& info) {
    Bank bank = info.policy == Policy::kFpReg ? Bank::kFp : Bank::kGp;
    switch (def.kind) {
      case Operand::kNone:
        if (!instr.info().is_call) problem(instr, "only a call may ignore its result");
        return;
      case Operand::kPinned:
        if (bank != Bank::kGp) problem(instr, "a pinned register is a general one");
        return;
      case Operand::kSlot:
        if (instr.op != Op::kMove && instr.op != Op::kMoveF)
          problem(instr, "only moves write slots");
        if (def.base >= function_.num_slots) problem(instr, "slot out of range");
        return;
      case Operand::kVReg:
      case Operand::kReg:
        if (def.bank != bank) problem(instr, fmt::format("'{}' has the wrong bank", info.name));
        return;
      case Operand::kImm:
      case Operand::kMem: problem(instr, fmt::format("'{}' is not a register", info.name)); return;
    }
  }

  void use(const Instr& instr, const Operand& use, const OperandInfo& info) {
    bool any = info.policy == Policy::kAny;
    bool moves = instr.op == Op::kMove || instr.op == Op::kMoveF;
    switch (use.kind) {
      case Operand::kNone: return problem(instr, fmt::format("operand '{}' is missing", info.name));
      case Operand::kMem:
        if (info.policy != Policy::kMem)
          problem(instr, fmt::format("'{}' is no memory operand", info.name));
        return memory(instr, use);
      case Operand::kImm:
        if (!any && info.policy != Policy::kRegOrImm)
          problem(instr, fmt::format("'{}' must be a register", info.name));
        return;
      case Operand::kSlot:
        if (!any && !moves) problem(instr, fmt::format("'{}' must not be a slot", info.name));
        if (use.base >= function_.num_slots) problem(instr, "slot out of range");
        return;
      case Operand::kPinned:
        if (info.policy == Policy::kFpReg || info.policy == Policy::kMem)
          problem(instr, "misplaced pinned register");
        return;
      case Operand::kVReg:
      case Operand::kReg: break;
    }
    if (info.policy == Policy::kMem)
      return problem(instr, fmt::format("'{}' must be a memory operand", info.name));
    if (use.isVReg() && !known(instr, use.base)) return;
    Bank bank = info.policy == Policy::kFpReg ? Bank::kFp : Bank::kGp;
    if (!any && use.bank != bank) problem(instr, fmt::format("'{}' has the wrong bank", info.name));
    if (use.isVReg() && use.bank != function_.bankOf(use.base))
      problem(instr, "operand and register differ in bank");
  }

  bool known(const Instr& instr, uint32_t vreg) {
    if (vreg != 0 && vreg < function_.numVRegs() && definer_[vreg]) return true;
    problem(instr, fmt::format("register {} is not defined anywhere", vreg));
    return false;
  }

  void memory(const Instr& instr, const Operand& mem) {
    if (mem.scale > 6) problem(instr, "scale above 64");
    switch (mem.base_kind) {
      case Operand::kNone:
      case Operand::kReg:
      case Operand::kPinned: break;
      case Operand::kVReg:
        if (known(instr, mem.base) && function_.bankOf(mem.base) != Bank::kGp)
          problem(instr, "base is a double");
        break;
      default: problem(instr, "bad base of a memory operand");
    }
    switch (mem.index_kind) {
      case Operand::kNone:
      case Operand::kReg: break;
      case Operand::kVReg:
        if (known(instr, mem.index) && function_.bankOf(mem.index) != Bank::kGp)
          problem(instr, "index is a double");
        break;
      default: problem(instr, "bad index of a memory operand");
    }
  }

  void attributes(const Instr& instr) {
    const OpInfo& info = instr.info();
    bool fp = !info.uses.empty() && info.uses[0].policy == Policy::kFpReg;
    bool memory = instr.op == Op::kLoad || instr.op == Op::kStore || instr.op == Op::kAddMem ||
                  instr.op == Op::kBranchCmpMem || instr.op == Op::kExitCmpMem ||
                  instr.op == Op::kExitTestMem;
    for (size_t i = 0; i < info.attrs.size(); ++i) {
      uint64_t value = instr.attr[i];
      const char* name = info.attrs[i].name;
      if (!std::strcmp(name, "width")) {
        bool good = value == 4 || value == 8 || (memory && (value == 1 || value == 2));
        if (!good) problem(instr, fmt::format("width {}", value));
      }
      if (info.attrs[i].kind == AttrKind::kCond && (value > 9 || (fp && value > 5)))
        problem(instr, "bad condition");
      if (info.attrs[i].kind == AttrKind::kBool && value > 1)
        problem(instr, fmt::format("{} is not 0 or 1", name));
    }
    bool outgoing =
        instr.op == Op::kLoadOut || instr.op == Op::kStoreOut || instr.op == Op::kLeaOut;
    if (outgoing && instr.u32(0) >= function_.outgoing_words)
      problem(instr, "beyond the outgoing area");
  }

  void jump(const Instr& instr) {
    const auto& params = instr.targets[0]->params;
    if (params.size() != instr.uses.size()) {
      return problem(
          instr, fmt::format("{} arguments for {} parameters", instr.uses.size(), params.size()));
    }
    for (size_t i = 0; i < params.size(); ++i) {
      bool same = instr.uses[i].bank == params[i].bank;
      if (!same) problem(instr, fmt::format("argument {} has the other bank", i));
    }
  }

  void branch(const Instr& instr) {
    for (int i = 0; i < instr.numTargets(); ++i) {
      if (!instr.targets[i]->params.empty())
        problem(instr, "only Jump may go to a block with parameters");
    }
  }

  void exitOf(const Instr& instr) {
    uint32_t number = instr.exitIndex();
    if (number >= function_.exits.size()) return problem(instr, "no such exit");
    if (exit_user_.size() < function_.exits.size())
      exit_user_.resize(function_.exits.size(), nullptr);
    if (exit_user_[number]) problem(instr, "its exit belongs to another instruction");
    exit_user_[number] = &instr;
    const ExitRecord& record = function_.exits[number];
    if (record.frames.empty()) problem(instr, "its exit has no frame");
    const size_t values = instr.uses.size() - instr.firstExitValue();
    named_.assign(values, false);
    size_t next = 0;
    if (record.has_culprit) location(instr, record.culprit, &next);
    for (const ExitFrame& frame : record.frames) {
      scopeOf(instr, frame);
      for (const ValueLocation& value : frame.stack) location(instr, value, &next);
      for (const auto& [home, value] : frame.locals) location(instr, value, &next);
    }
    for (const ValueLocation& value : record.drops) {
      location(instr, value, &next);
      if (!value.owned) problem(instr, "an exit drops a value that it does not own");
    }
    if (next != values) problem(instr, fmt::format("{} values, its exit names {}", values, next));
  }

  void scopeOf(const Instr& instr, const ExitFrame& frame) {
    const std::vector<CodeScope>& scopes = function_.scopes;
    const bool known = frame.scope == 0 || frame.scope < scopes.size();
    if (!known) return problem(instr, "its exit has a frame of a scope that does not exist");
    const bool absent = !scopes.empty() && scopes[frame.scope].frame == FrameOrigin::kAbsent;
    const bool named = std::any_of(frame.locals.begin(), frame.locals.end(),
                                   [](const auto& local) { return local.first == kFrameFunction; });
    if (absent != named) {
      problem(instr, absent ? "its exit does not say whose function an absent frame is of"
                            : "its exit names the function of a frame that is there");
    }
  }

  // Before code generation a location is the index of a value operand, and each has one. (Released
  // inputs are the first values and stand among the drops, the last places.)
  void location(const Instr& instr, const ValueLocation& location, size_t* next) {
    if (location.where == ValueLocation::kConstant || location.where == ValueLocation::kNull)
      return;
    if (location.where != ValueLocation::kSpill)
      return problem(instr, "an exit names a machine location");
    const size_t place = (*next)++;
    const auto index = static_cast<size_t>(location.offset);
    if (index >= named_.size() || named_[index]) {
      return problem(instr,
                     fmt::format("its exit names value {} in place {}", location.offset, place));
    }
    named_[index] = true;
    bool fp = instr.uses[instr.firstExitValue() + index].bank == Bank::kFp;
    if (fp != (location.form == ValueLocation::kDouble)) {
      problem(instr, fmt::format("value {} has another bank than its exit says", index));
    }
  }

  void helperCall(const Instr& instr) {
    if (instr.u32(0) >= static_cast<uint32_t>(Helper::kCount))
      return problem(instr, "no such helper");
    const HelperInfo& helper = helperInfo(static_cast<Helper>(instr.u32(0)));
    size_t count = std::strlen(helper.args);
    if (count != instr.uses.size()) {
      return problem(instr, fmt::format("{} takes {} arguments", helper.name, count));
    }
    for (size_t i = 0; i < count; ++i) {
      bool fp = instr.uses[i].bank == Bank::kFp;
      if (fp != (helper.args[i] == 'd'))
        problem(instr, fmt::format("argument {} has the wrong bank", i));
    }
    if ((helper.result == 'd') != (instr.op == Op::kCallF))
      problem(instr, "result has the wrong bank");
    if (helper.result == 'v' && instr.defs[0].isVReg() && used(instr.defs[0].base)) {
      problem(instr, "the helper gives nothing");
    }
  }

  bool used(uint32_t vreg) {
    if (used_.empty()) {
      used_.assign(function_.numVRegs(), false);
      for (const Block* block : function_.blocks()) {
        for (const Instr* instr = block->first; instr; instr = instr->next) {
          for (const Operand& use : instr->uses) {
            if (use.isVReg()) used_[use.base] = true;
            if (use.isMem() && use.base_kind == Operand::kVReg) used_[use.base] = true;
            if (use.isMem() && use.index_kind == Operand::kVReg) used_[use.index] = true;
          }
        }
      }
    }
    return used_[vreg];
  }

  void entry() {
    const Block* first = function_.blocks()[0];
    if (!first->params.empty()) problem("the entry block has parameters", first);
    std::vector<uint32_t> seen;
    const Block* call = callEntry(function_.blocks().front());
    for (const Block* block : function_.blocks()) {
      if (block->last->op == Op::kEntries && (block != first || block->first != block->last))
        problem(*block->last, "not alone in the entry block");
      for (int i = 0; i < block->last->numTargets(); ++i) {
        if (block->last->targets[i] == first) problem(*block->last, "goes back to the entry block");
      }
      bool top = block == call;
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        if (instr->op != Op::kParam) {
          bool move =
              instr->op == Op::kMove || instr->op == Op::kMoveF;  // of allocation, between them
          top &=
              move && !instr->defs.empty() && (instr->defs[0].isReg() || instr->defs[0].isSlot());
          continue;
        }
        if (!top) problem(*instr, "not at the top of the entry block");
        if (instr->u32(0) >= function_.num_params)
          problem(*instr, "the function has fewer parameters");
        if (std::find(seen.begin(), seen.end(), instr->u32(0)) != seen.end())
          problem(*instr, "read twice");
        seen.push_back(instr->u32(0));
      }
    }
  }

  void dominance() {
    Cfg cfg(function_);
    std::vector<uint8_t> here(function_.numVRegs(),
                              0);  // defined in this block, above this instruction
    for (const Block* block : cfg.order()) {
      std::fill(here.begin(), here.end(), uint8_t{0});
      for (const Operand& param : block->params) here[param.base] = 1;
      for (const Instr* instr = block->first; instr; instr = instr->next) {
        auto check = [&](uint32_t vreg) {
          const Block* from = definer_[vreg];
          bool good =
              from == block ? here[vreg] != 0 : cfg.reachable(from) && cfg.dominates(from, block);
          if (!good) problem(*instr, fmt::format("register {} does not reach this use", vreg));
        };
        for (const Operand& use : instr->uses) {
          if (use.isVReg()) check(use.base);
          if (use.isMem() && use.base_kind == Operand::kVReg) check(use.base);
          if (use.isMem() && use.index_kind == Operand::kVReg) check(use.index);
        }
        for (const Operand& def : instr->defs) {
          if (def.isVReg()) here[def.base] = 1;
        }
      }
    }
  }

  const Function& function_;
  std::vector<Diagnostic> problems_;
  std::vector<const Block*> definer_;
  std::vector<const Instr*> exit_user_;
  std::vector<bool> named_;  // by number of the value: the exit at hand names it
  std::vector<bool> used_;
};

}  // namespace

std::vector<Diagnostic> diagnose(const Function& function) { return Verifier(function).run(); }
std::vector<std::string> verify(const Function& function) { return linesOf(diagnose(function)); }

}  // namespace tephra::lir
