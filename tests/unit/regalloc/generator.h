// Random LIR for tests: structured control flow (branches, loops, cold side ways, critical edges),
// every operation, values of both banks, exits with many values. Deterministic by seed; the result
// passes the verifier.
#pragma once

#include <cstring>
#include <random>

#include "lir/builder.h"
#include "metadata/helpers.h"

namespace tephra::regalloc_test {

using lir::Bank;
using lir::Block;
using lir::Cond;
using lir::Operand;

struct GeneratorOptions {
  int size = 40;        // instructions, about
  int max_depth = 3;    // of nested structure
  int many_values = 6;  // most values of one exit
};

class Generator {
 public:
  Generator(lir::Function* f, uint64_t seed, const GeneratorOptions& options)
      : f_(f), b_(f), random_(seed), options_(options), budget_(options.size) {}

  void run() {
    f_->name = "random";
    f_->num_params = 1 + below(5);
    f_->outgoing_words = 4;
    b_.setBlock(f_->newBlock());
    for (uint32_t i = 0; i < f_->num_params; ++i) {
      if (below(8)) gp_.push_back(b_.Param(i));
    }
    if (gp_.empty()) gp_.push_back(b_.Move(Operand::imm(1)));
    fp_.push_back(b_.MoveConstF(0.5));
    sequence(options_.max_depth);
    finish();
  }

 private:
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  Operand gp() {
    return below(12) == 0 && !gp_.empty() ? pinned()
                                          : gp_[below(static_cast<uint32_t>(gp_.size()))];
  }
  Operand gpValue() { return gp_[below(static_cast<uint32_t>(gp_.size()))]; }
  // Recent values more often, so that registers stay in use; old ones for long lives.
  Operand recent() {
    return below(3)
               ? gp_[gp_.size() - 1 - below(static_cast<uint32_t>(std::min<size_t>(gp_.size(), 5)))]
               : gp();
  }
  Operand fp() { return fp_[below(static_cast<uint32_t>(fp_.size()))]; }
  Operand pinned() {
    return Operand::pinned(below(2) ? lir::Pinned::kThread : lir::Pinned::kFrame);
  }
  Operand imm() {
    static constexpr int64_t kSome[] = {
        0, 1, -1, 8, 255, 4096, 0x7fffffff, 0x123456789abcdef, INT64_MIN};
    return Operand::imm(kSome[below(9)]);
  }
  Operand gpOrImm() { return below(3) ? recent() : imm(); }
  Operand any() { return below(4) == 0 ? fp() : below(6) == 0 ? imm() : gp(); }
  Operand memory() {
    Operand base = gp();
    if (below(3)) return Operand::mem(base, static_cast<int32_t>(below(64)) * 8);
    return Operand::mem(base, 0, gpValue(), 3);
  }
  uint32_t width() { return below(2) ? 8 : 4; }
  Cond cond(uint32_t n = 10) { return static_cast<Cond>(below(n)); }
  void keep(Operand value) { (value.bank == Bank::kFp ? fp_ : gp_).push_back(value); }

  uint32_t exit(std::vector<Operand>* values) {
    ExitRecord record;
    record.kind = below(2) ? ExitKind::kDeopt : ExitKind::kRaise;
    ExitFrame frame;
    int count = static_cast<int>(below(static_cast<uint32_t>(options_.many_values) + 1));
    for (int i = 0; i < count; ++i) {
      Operand value = any();
      ValueLocation location;
      location.where = ValueLocation::kSpill;
      location.form = value.bank == Bank::kFp ? ValueLocation::kDouble : ValueLocation::kObject;
      location.offset = i;
      frame.stack.push_back(location);
      values->push_back(value);
    }
    record.frames.push_back(frame);
    f_->exits.push_back(record);
    return static_cast<uint32_t>(f_->exits.size() - 1);
  }

  void call() {
    std::vector<Operand> args;
    if (below(3) == 0) {
      uint32_t number = below(static_cast<uint32_t>(Helper::kCount));
      const HelperInfo& info = helperInfo(static_cast<Helper>(number));
      for (const char* c = info.args; *c; ++c)
        args.push_back(*c == 'd' ? fp() : below(5) ? gp() : imm());
      if (args.size() > 6) return;
      if (info.result == 'd') return keep(b_.CallF(args, number));
      Operand result = b_.Call(args, number);
      if (info.result != 'v') keep(result);
      return;
    }
    uint32_t count = below(10) == 0 ? 9 : below(5);
    for (uint32_t i = 0; i < count; ++i) args.push_back(any());
    keep(below(2) ? b_.CallAddress(args, 0x1000 + below(100)) : b_.CallCell(args, 0x2000));
  }

  void integer() {
    switch (below(15)) {
      case 0: keep(b_.Add(recent(), gpOrImm(), width())); break;
      case 1: keep(b_.Sub(recent(), gpOrImm(), width())); break;
      case 2: keep(b_.Mul(recent(), gpOrImm(), width())); break;
      case 3: keep(b_.And(recent(), gpOrImm(), width())); break;
      case 4: keep(b_.Or(gp(), gp(), width())); break;
      case 5: keep(b_.Xor(gp(), recent(), width())); break;
      case 6: keep(b_.Shl(recent(), below(2) ? gpValue() : Operand::imm(3), 8)); break;
      case 7: keep(b_.Sar(gpValue(), gpValue(), width())); break;
      case 8: keep(b_.Shr(gpValue(), gpValue(), width())); break;
      case 9: keep(b_.Neg(recent(), 8)); break;
      case 10: {
        lir::Instr* div = b_.DivRem(gpValue(), gpValue());
        keep(div->defs[0]);
        if (below(2)) keep(div->defs[1]);
        break;
      }
      case 11: keep(b_.SetCmp(gp(), gpOrImm(), cond(), width())); break;
      case 12: keep(b_.Select(gpValue(), gpValue(), gpValue())); break;
      case 13: keep(b_.Move(below(2) ? gp() : imm())); break;
      case 14: keep(b_.NegIf(recent(), gpValue(), below(64))); break;
    }
  }

  void memoryOrFloat() {
    switch (below(20)) {
      case 0: keep(b_.Load(memory(), 8, false)); break;
      case 1: keep(b_.Load(memory(), 1u << below(3), below(2))); break;
      case 2: keep(b_.LoadF(memory())); break;
      case 3: b_.Store(memory(), gpOrImm(), 1u << below(4)); break;
      case 4: b_.StoreF(memory(), fp()); break;
      case 5: keep(b_.Lea(memory())); break;
      case 6: b_.AddMem(memory(), gpOrImm(), width()); break;
      case 7: b_.StoreOut(gpOrImm(), below(4)); break;
      case 8: keep(b_.LoadOut(below(4))); break;
      case 9: b_.Incref(gpValue(), below(2)); break;
      case 10: b_.Decref(gpValue(), below(2)); break;
      case 11: keep(b_.AddF(fp(), fp())); break;
      case 12: keep(b_.SubF(fp(), fp())); break;
      case 13: keep(b_.MulF(fp(), fp())); break;
      case 14: keep(b_.NegF(fp())); break;
      case 15: keep(b_.IntToF(gpValue())); break;
      case 16: keep(b_.SetCmpF(fp(), fp(), cond(6))); break;
      case 17: keep(b_.MoveConstF(static_cast<double>(below(5)))); break;
      case 18: keep(b_.FpToGp(fp())); break;
      case 19: keep(b_.MoveF(fp())); break;
    }
  }

  void guard() {
    std::vector<Operand> values;
    uint32_t number = exit(&values);
    switch (below(8)) {
      case 0: keep(b_.AddExit(recent(), gpOrImm(), values, number)); break;
      case 1: keep(b_.SubExit(recent(), gpOrImm(), values, number)); break;
      case 2: keep(b_.MulExit(recent(), gpOrImm(), values, number)); break;
      case 3: b_.ExitCmp(recent(), gpOrImm(), values, Cond::kULt, 8, number); break;
      case 4: b_.ExitTest(gp(), Operand::imm(-1), values, Cond::kEq, 8, number); break;
      case 5: b_.ExitCmpMem(memory(), gpOrImm(), values, Cond::kEq, 8, number); break;
      case 6: b_.ExitTestMem(memory(), gpOrImm(), values, Cond::kEq, width(), number); break;
      case 7: b_.ExitCmpF(fp(), fp(), values, Cond::kEq, number); break;
    }
  }

  // frame = something, as PushFrame does.
  void writePinned() {
    Operand def[] = {Operand::pinned(lir::Pinned::kFrame)};
    Operand one[] = {gp()}, two[] = {gpValue(), gpValue()}, mem[] = {memory()};
    lir::Instr* instr = nullptr;
    switch (below(3)) {
      case 0: instr = f_->make(lir::Op::kMove, def, one); break;
      case 1: instr = f_->make(lir::Op::kLoad, def, mem); break;
      case 2: instr = f_->make(lir::Op::kAnd, def, two); break;
    }
    instr->attr[0] = 8;
    if (instr->op == lir::Op::kMove) instr->attr[0] = 0;
    lir::Function::append(b_.block(), instr);
  }

  void straight() {
    int count = 1 + static_cast<int>(below(8));
    for (int i = 0; i < count && budget_ > 0; ++i, --budget_) {
      b_.setPlace(b_.block()->id + 1);
      switch (below(12)) {
        case 0: call(); break;
        case 1:
        case 2: guard(); break;
        case 3:
        case 4:
        case 5:
        case 6: memoryOrFloat(); break;
        case 7:
          if (below(3) == 0) writePinned();
          break;
        default: integer(); break;
      }
    }
  }

  void branchTo(Block* yes, Block* no) {
    lir::Instr* branch = nullptr;
    switch (below(4)) {
      case 0: branch = b_.BranchCmp(recent(), gpOrImm(), cond(), width(), 0); break;
      case 1: branch = b_.BranchRelease(recent(), below(2) != 0, 0); break;
      case 2: branch = b_.BranchCmpMem(memory(), gpOrImm(), cond(), width(), 0); break;
      case 3: branch = b_.BranchCmpF(fp(), fp(), cond(6), 0); break;
    }
    branch->targets[0] = yes;
    branch->targets[1] = no;
  }

  void jumpTo(Block* to) {
    std::vector<Operand> args;
    for (const Operand& param : to->params) {
      if (param.bank == Bank::kFp)
        args.push_back(fp());
      else
        args.push_back(below(5) ? recent() : imm());
    }
    b_.Jump(args)->targets[0] = to;
  }

  void addParams(Block* block) {
    for (uint32_t i = below(4); i > 0; --i)
      block->params.push_back(f_->newVReg(below(4) ? Bank::kGp : Bank::kFp));
  }
  void takeParams(Block* block) {
    b_.setBlock(block);
    for (const Operand& param : block->params) keep(param);
  }

  struct Scope {
    size_t gp, fp;
  };
  Scope scope() const { return {gp_.size(), fp_.size()}; }
  void restore(Scope s) {
    gp_.resize(s.gp);
    fp_.resize(s.fp);
  }

  void diamond(int depth) {
    Block *yes = f_->newBlock(), *no = f_->newBlock(), *merge = f_->newBlock();
    if (below(2)) no->cold = true;
    branchTo(yes, no);
    addParams(merge);
    Scope outer = scope();
    for (Block* side : {yes, no}) {
      b_.setBlock(side);
      if (side == no && no->cold && below(2)) call();
      sequence(depth - 1);
      if (side == no && below(8) == 0)
        finish();
      else
        jumpTo(merge);
      restore(outer);
    }
    takeParams(merge);
  }

  // if without else: a critical edge.
  void triangle(int depth) {
    Block *then = f_->newBlock(), *merge = f_->newBlock();
    if (below(2))
      branchTo(then, merge);
    else
      branchTo(merge, then);
    then->cold = below(2);
    Scope outer = scope();
    b_.setBlock(then);
    sequence(depth - 1);
    jumpTo(merge);
    restore(outer);
    b_.setBlock(merge);
  }

  void loop(int depth) {
    Block *header = f_->newBlock(), *body = f_->newBlock(), *after = f_->newBlock();
    addParams(header);
    jumpTo(header);
    takeParams(header);
    if (below(2)) straight();
    Scope at_header = scope();
    branchTo(body, after);
    b_.setBlock(body);
    sequence(depth - 1);
    if (header->params.empty() && below(2))
      branchTo(header, after);
    else
      jumpTo(header);
    restore(at_header);
    b_.setBlock(after);
  }

  void sequence(int depth) {
    for (uint32_t i = 1 + below(3); i > 0; --i) {
      straight();
      if (depth == 0 || budget_ <= 0) continue;
      switch (below(4)) {
        case 0: diamond(depth); break;
        case 1: triangle(depth); break;
        case 2: loop(depth); break;
        case 3: break;
      }
    }
  }

  void finish() {
    if (below(6) == 0) {
      std::vector<Operand> values;
      uint32_t number = exit(&values);
      b_.Exit(values, number);
    } else {
      b_.Return(gp());
    }
  }

  lir::Function* f_;
  lir::Builder b_;
  std::mt19937_64 random_;
  GeneratorOptions options_;
  int budget_;
  std::vector<Operand> gp_, fp_;
};

}  // namespace tephra::regalloc_test
