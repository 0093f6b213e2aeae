#include "target/aarch64/emit_assembly.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "target/aarch64/registers.h"

namespace tephra::aarch64 {

namespace {

std::string xName(uint32_t reg) { return "x" + std::to_string(reg); }

// 16-bit quarters of the value that differ from `filler`.
int quarters(uint64_t value, uint16_t filler) {
  int count = 0;
  for (int i = 0; i < 4; ++i) count += static_cast<uint16_t>(value >> (16 * i)) != filler;
  return count;
}

}  // namespace

Assembly::Assembly(Reach reach, std::vector<bool> long_branches, bool disassembly,
                   const TallyOptions& tally)
    : AssemblyBase(std::move(reach), disassembly, tally),
      a(*this),
      long_branches_(std::move(long_branches)) {
  start(asmjit::Arch::kAArch64, &a);
}

void Assembly::emitCounter(uint64_t address, uint32_t) {
  a64::Gp at = x(kScratchGp), value = x(kScratchGp2);
  a.stp(at, value, a64::ptr_pre(a64::sp, -16));
  moveSequence(kScratchGp, address);
  a.ldr(value, a64::ptr(at));
  a.add(value, value, 1);
  a.str(value, a64::ptr(at));
  a.ldp(at, value, a64::ptr_post(a64::sp, 16));
}

namespace {
// Little-endian, as code is on every AArch64.
std::array<uint8_t, 4> bytesOf(uint32_t word) {
  return {static_cast<uint8_t>(word), static_cast<uint8_t>(word >> 8),
          static_cast<uint8_t>(word >> 16), static_cast<uint8_t>(word >> 24)};
}
}  // namespace

void Assembly::word(uint32_t bits, const std::string& text) { embed(bytesOf(bits), text); }

void Assembly::landingPad() {
  embedUncounted(bytesOf(kBtiC), "bti c");
  beforeInstruction();
  afterInstruction(4);
}

// --- labels and branches

Label Assembly::newLabel() {
  labels_.push_back({});
  bound_.push_back(false);
  return Label(static_cast<uint32_t>(labels_.size() - 1));
}

void Assembly::bind(const Label& label) {
  labels_[label.id()] = here();
  bound_[label.id()] = true;
  tallier.split();
  if (disassembly_) logger_.logf("L%u:\n", label.id());
}

void Assembly::branch(uint32_t bits, Field field, const std::string& text, const Label& label,
                      uint32_t index) {
  beforeInstruction();  // its counter stands before the place
  fixups_.push_back({here(), field, label.id(), index});
  word(bits, disassembly_ ? text + " L" + std::to_string(label.id()) : text);
}

bool Assembly::nextIsLong(uint32_t* index) {
  *index = next_branch_++;
  return *index < long_branches_.size() && long_branches_[*index];
}

void Assembly::jumpIf(const Condition& condition, const Label& label) {
  if (condition.kind == Condition::kNever) {
    if (condition.nonzero) jump(label);
    return;
  }
  uint32_t index = 0;
  bool is_long = nextIsLong(&index);
  Condition tested = is_long ? condition.negated() : condition;
  Label over = is_long ? newLabel() : label;
  std::string reg = (tested.wide ? "x" : "w") + std::to_string(tested.reg);
  uint32_t target_index = is_long ? kNotRelaxable : index;
  switch (tested.kind) {
    case Condition::kFlags:
      branch(encodeBCond(ccOf(tested)), Field::kBranch19, std::string("b.") + ccName(ccOf(tested)),
             over, target_index);
      break;
    case Condition::kZero:
      branch(encodeCbz(tested.wide, tested.nonzero, tested.reg), Field::kBranch19,
             (tested.nonzero ? "cbnz " : "cbz ") + reg + ",", over, target_index);
      break;
    case Condition::kBit:
      branch(encodeTbz(tested.bit, tested.nonzero, tested.reg), Field::kBranch14,
             (tested.nonzero ? "tbnz " : "tbz ") + reg + ", " + std::to_string(tested.bit) + ",",
             over, target_index);
      break;
    case Condition::kNever: break;
  }
  tallier.split();
  if (!is_long) return;
  jump(label);
  bind(over);
}

// --- addresses outside the code

void Assembly::relocated(uint32_t bits, RelocationKind kind, uint64_t target,
                         const std::string& text) {
  embedRelocated(bytesOf(bits), 0, kind, target, text);
}

void Assembly::transfer(bool link, uint64_t address) {
  std::string name = link ? "bl" : "b";
  if (address == 0) return fail(name + " to an address that the runtime did not give");
  if (reach_.calls(address)) {
    return relocated(encodeB(link), RelocationKind::kArmBranch, address,
                     name + " " + hexText(address));
  }
  if (reach_.stub) {
    uint64_t stub = reach_.stub(address);
    if (stub == 0) return fail("no code memory for a stub to a far address");
    return relocated(encodeB(link), RelocationKind::kArmBranch, stub,
                     name + " " + hexText(stub) + "  ; stub to " + hexText(address));
  }
  loadImmediate(kScratchGp, address);
  if (link)
    a.blr(x(kScratchGp));
  else
    a.br(x(kScratchGp));
}

void Assembly::callThrough(uint64_t cell) {
  if (cell == 0) return fail("call through an address that is not there");
  if (reach_.addresses(cell) && cell % 8 == 0) {
    relocated(encodeAdrp(kScratchGp), RelocationKind::kArmPages, cell,
              "adrp x16, " + hexText(cell));
    relocated(encodeLdrLow12(kScratchGp, kScratchGp), RelocationKind::kArmLow12Words, cell,
              "ldr x16, [x16, low12]");
  } else {
    loadImmediate(kScratchGp, cell);
    a.ldr(x(kScratchGp), a64::ptr(x(kScratchGp)));
  }
  a.blr(x(kScratchGp));
}

// --- constants

void Assembly::moveSequence(uint32_t reg, uint64_t value) {
  bool inverted = quarters(value, 0xFFFF) < quarters(value, 0);
  bool first = true;
  for (uint32_t i = 0; i < 4; ++i) {
    auto quarter = static_cast<uint16_t>(value >> (16 * i));
    if (quarter == (inverted ? 0xFFFF : 0)) continue;
    if (!first) {
      a.movk(x(reg), quarter, 16 * i);
    } else if (inverted) {
      a.movn(x(reg), static_cast<uint16_t>(~quarter), 16 * i);
    } else {
      a.movz(x(reg), quarter, 16 * i);
    }
    first = false;
  }
  if (!first) return;
  if (inverted)
    a.movn(x(reg), 0);
  else
    a.movz(w(reg), 0);
}

// False: it would be out of reach, and something else must make the constant.
bool Assembly::loadLiteral(uint32_t bits_of_load, uint64_t value, const std::string& text) {
  uint32_t index = 0;
  if (nextIsLong(&index)) return false;
  branch(bits_of_load, Field::kBranch19, text, literalLabel(value), index);
  return true;
}

void Assembly::loadImmediate(uint32_t reg, uint64_t value) {
  uint32_t logical = 0;
  auto low = static_cast<uint32_t>(value);
  if (quarters(value, 0) <= 1 || quarters(value, 0xFFFF) <= 1) {
    moveSequence(reg, value);
  } else if (value == low && quarters(~uint64_t{low} & 0xFFFFFFFF, 0) <= 1) {
    bool upper = (low & 0xFFFF) == 0xFFFF;
    a.movn(w(reg), static_cast<uint16_t>(~low >> (upper ? 16 : 0)), upper ? 16 : 0);
  } else if (encodeMoveLogical(reg, value, true, &logical) ||
             (value == low && encodeMoveLogical(reg, low, false, &logical))) {
    word(logical, "mov " + xName(reg) + ", " + hexText(value));
  } else if (!loadLiteral(encodeLdrLiteral(reg), value,
                          "ldr " + xName(reg) + ", =" + hexText(value))) {
    moveSequence(reg, value);
  }
}

// A function of more than a megabyte would need another instruction; it is not compiled.
void Assembly::loadVersion(uint32_t reg, uint64_t bits, uint32_t width) {
  bool wide = width == 8;
  branch(wide ? encodeLdrLiteral(reg) : encodeLdrLiteralW(reg), Field::kBranch19,
         (wide ? "ldr x" : "ldr w") + std::to_string(reg) + ", =version",
         versionLabel(bits, width));
}

void Assembly::loadDouble(uint32_t reg, uint64_t bits) {
  if (bits == 0) {  // +0.0 only
    word(encodeZeroD(reg), "movi d" + std::to_string(reg) + ", 0");
    return;
  }
  if (asmjit::a64::Utils::isFP64Imm8(bits)) {
    a.fmov(d(reg), asmjit::imm(std::bit_cast<double>(bits)));
    return;
  }
  if (!loadLiteral(encodeLdrLiteralD(reg), bits,
                   "ldr d" + std::to_string(reg) + ", =" + hexText(bits))) {
    moveSequence(kScratchGp2, bits);
    a.fmov(d(reg), x(kScratchGp2));
  }
}

void Assembly::addImmediate(uint32_t to, uint32_t from, int64_t amount) {
  auto reg = [](uint32_t number) {
    return number == kStackPointer ? a64::GpX(a64::Gp::kIdSp) : x(number);
  };
  bool subtract = amount < 0;
  uint64_t size = subtract ? 0 - static_cast<uint64_t>(amount) : static_cast<uint64_t>(amount);
  auto one = [&](uint32_t source, uint64_t part) {
    if (subtract)
      a.sub(reg(to), reg(source), part);
    else
      a.add(reg(to), reg(source), part);
  };
  if (size >= UINT64_C(1) << 24) {
    moveSequence(kScratchGp2, size);
    word(encodeAddSp(subtract, to, from, kScratchGp2),
         subtract ? "sub (extended)" : "add (extended)");
    return;
  }
  uint64_t high = size & ~UINT64_C(0xFFF), low = size & 0xFFF;
  if (high != 0) one(from, high);
  if (low != 0 || high == 0) {
    if (high == 0 && low == 0 && to == from) return;
    one(high != 0 ? to : from, low);
  }
}

// --- the end of a run

void Assembly::copyBytes(EmittedCode* out) {
  const auto& hot = code_.textSection()->buffer();
  const auto& cold = cold_->buffer();
  cold_start_ = static_cast<uint32_t>(hot.size());
  out->bytes.assign(hot.data(), hot.data() + hot.size());
  out->bytes.insert(out->bytes.end(), cold.data(), cold.data() + cold.size());
  while (!literals_.empty() && out->bytes.size() % 8 != 0) out->bytes.push_back(0);
  for (size_t i = 0; i < literals_.size(); ++i) {
    auto at = static_cast<uint32_t>(out->bytes.size());
    labels_[literals_[i].second.id()] = {true, at - cold_start_};
    bound_[literals_[i].second.id()] = true;
    for (int byte = 0; byte < 8; ++byte)
      out->bytes.push_back(static_cast<uint8_t>(literals_[i].first >> (8 * byte)));
  }
  out->hot_bytes = cold_start_;
  out->cold_bytes = static_cast<uint32_t>(out->bytes.size()) - out->hot_bytes;
}

// False when some branch has to become long.
bool Assembly::applyFixups(EmittedCode* out) {
  bool good = true;
  for (const Fixup& fixup : fixups_) {
    if (!bound_[fixup.label]) {
      fail("a label was never bound");
      return false;
    }
    uint32_t at = resolve(fixup.place);
    int64_t distance = int64_t{resolve(labels_[fixup.label])} - at;
    if (!fits(fixup.field, distance)) {
      if (fixup.index == kNotRelaxable) {
        fail("a function of more than 1 MB");
        return false;
      }
      if (long_branches_.size() <= fixup.index) long_branches_.resize(fixup.index + 1, false);
      long_branches_[fixup.index] = true;
      good = false;
      continue;
    }
    uint32_t bits = 0;
    std::memcpy(&bits, out->bytes.data() + at, 4);
    bits = withDistance(bits, fixup.field, distance);
    std::memcpy(out->bytes.data() + at, &bits, 4);
  }
  return good;
}

bool Assembly::finish(EmittedCode* out) {
  if (failed()) return false;
  copyBytes(out);
  if (!applyFixups(out)) return false;
  finishTables(out);
  return !failed();
}

}  // namespace tephra::aarch64
