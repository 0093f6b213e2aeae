#include "target/x86_64/emit_assembly.h"

#include <algorithm>
#include <cstdio>

namespace tephra::x86_64 {

using asmjit::Label;

asmjit::Error CountedAssembler::_emit(asmjit::InstId id, const asmjit::Operand_& o0,
                                      const asmjit::Operand_& o1, const asmjit::Operand_& o2,
                                      const asmjit::Operand_* more) {
  if (owner_.counting()) return Assembler::_emit(id, o0, o1, o2, more);
  // The options belong to this instruction, not to those of a counter.
  asmjit::InstOptions options = instOptions();
  resetInstOptions();
  owner_.beforeInstruction();
  setInstOptions(options);
  size_t before = offset();
  asmjit::Error error = Assembler::_emit(id, o0, o1, o2, more);
  owner_.afterInstruction(static_cast<uint32_t>(offset() - before));
  return error;
}

Assembly::Assembly(std::function<bool(uint64_t)> reaches, std::vector<bool> short_jumps,
                   bool disassembly, const TallyOptions& tally)
    : a(*this),
      tallier(tally),
      reaches_(std::move(reaches)),
      short_jumps_(std::move(short_jumps)),
      disassembly_(disassembly) {
  asmjit::Environment environment(asmjit::Arch::kX64);
  environment.setPlatform(asmjit::Platform::kLinux);
  code_.init(environment);
  code_.setErrorHandler(this);
  if (disassembly_) {
    logger_.addFlags(asmjit::FormatFlags::kHexImms | asmjit::FormatFlags::kHexOffsets);
    code_.setLogger(&logger_);
  }
  code_.attach(&a);
  a.addEncodingOptions(asmjit::EncodingOptions::kOptimizeForSize);
  code_.newSection(&cold_, ".cold", SIZE_MAX, asmjit::SectionFlags::kExecutable, 1);
}

void Assembly::beforeInstruction() {
  if (tallier.pending()) count();
}

void Assembly::afterInstruction(uint32_t bytes) {
  ++instructions_;
  tallier.add(bytes);
}

// Neither flags nor registers change: any place will do.
void Assembly::count() {
  if (!tallier.pending() || tallier.options().counters == 0) return;
  uint32_t segment = tallier.begin();
  if (tallier.overflow()) return fail("more segments than counters");
  counting_ = true;
  uint64_t address = tallier.options().counters + 8 * uint64_t{segment};
  a.pushfq();
  relocated({0x48, 0xFF, 0x05}, address, "inc qword [" + std::to_string(segment) + "]");
  a.popfq();
  counting_ = false;
}

void Assembly::comment(const std::string& text) {
  if (disassembly_) a.comment(("; " + text).c_str());
}

void Assembly::jump(asmjit::InstId id, const Label& label) {
  size_t index = jumps_.size();
  if (index < short_jumps_.size() && short_jumps_[index]) a.short_();
  a.emit(id, label);
  jumps_.push_back({here(), label});
  tallier.split();
}

// Opcode bytes and four bytes that the placement fills in; the disassembly shows `text` for them.
void Assembly::relocated(std::initializer_list<uint8_t> opcode, uint64_t target,
                         const std::string& text) {
  if (!counting_) beforeInstruction();
  if (disassembly_) {
    logger_.logf("%s\n", text.c_str());
    code_.setLogger(nullptr);
  }
  for (uint8_t byte : opcode) a.embedUInt8(byte);
  relocations_.push_back({here(), target});
  a.embedUInt32(0);
  if (!counting_) afterInstruction(static_cast<uint32_t>(opcode.size()) + 4);
  if (disassembly_) code_.setLogger(&logger_);
}

namespace {
std::string hex(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return text;
}
}  // namespace

void Assembly::transfer(uint8_t opcode, int slash, const char* name, uint64_t address) {
  if (address == 0) return fail(std::string(name) + " of an address that the runtime did not give");
  if (!reaches_ || !reaches_(address)) {
    x86::Mem pointer = literal(address);
    a.emit(slash == 2 ? x86::Inst::kIdCall : x86::Inst::kIdJmp, pointer);
    return;
  }
  relocated({opcode}, address, std::string(name) + " " + hex(address));
}

void Assembly::callThrough(uint64_t address) {
  if (address == 0) return fail("call through an address that is not there");
  if (reaches_ && reaches_(address)) {
    relocated({0xFF, 0x15}, address, "call [" + hex(address) + "]");
  } else if (isInt32(address)) {
    a.call(x86::ptr_abs(address, 8));
  } else {
    a.mov(x86::r11, address);
    a.call(x86::qword_ptr(x86::r11));
  }
}

void Assembly::loadImmediate(const x86::Gp& to, uint64_t value, bool may_clobber_flags) {
  if (value == 0 && may_clobber_flags) {
    a.xor_(to.r32(), to.r32());
  } else if (value <= UINT32_MAX) {
    a.mov(to.r32(), value);
  } else if (isInt32(value)) {
    a.mov(to.r64(), static_cast<int64_t>(value));
  } else if (reaches_ &&
             reaches_(value)) {  // lea reg, [rip + displacement]: 3 bytes less than movabs
    auto rex = static_cast<uint8_t>(to.id() >= 8 ? 0x4C : 0x48);
    auto modrm = static_cast<uint8_t>((to.id() & 7) << 3 | 5);
    relocated({rex, 0x8D, modrm}, value,
              "lea r" + std::to_string(to.id()) + ", [" + hex(value) + "]");
  } else {
    a.mov(to.r64(), value);
  }
}

x86::Mem Assembly::literal(uint64_t bits) {
  auto [it, inserted] = literal_index_.try_emplace(bits, literals_.size());
  if (inserted) literals_.push_back({bits, a.newLabel()});
  return x86::ptr(literals_[it->second].second, 0, 8);
}

x86::Mem Assembly::version(uint64_t bits, uint32_t width) {
  auto [it, inserted] = versions_.try_emplace(width, literals_.size());
  if (inserted) literals_.push_back({bits, a.newLabel()});
  return x86::ptr(literals_[it->second].second, 0, width);
}

void Assembly::emitLiterals() {
  if (literals_.empty()) return;
  enterCold();
  // Code starts at a multiple of 16, but where the cold section starts is not known yet; an
  // unaligned literal costs nothing unless it crosses a cache line.
  for (auto& [bits, label] : literals_) {
    a.bind(label);
    a.embedUInt64(bits);
  }
}

bool Assembly::finish(EmittedCode* out) {
  emitLiterals();
  if (failed()) return false;
  code_.flatten();
  code_.resolveUnresolvedLinks();
  if (failed()) return false;
  if (code_.hasUnresolvedLinks() || code_.relocEntries().size() != 0) {
    fail("a label was never bound");
    return false;
  }
  cold_start_ = static_cast<uint32_t>(cold_->offset());
  out->bytes.assign(code_.codeSize(), 0);
  code_.copyFlattenedData(out->bytes.data(), out->bytes.size());
  out->hot_bytes = static_cast<uint32_t>(code_.textSection()->bufferSize());
  out->cold_bytes = static_cast<uint32_t>(out->bytes.size()) - out->hot_bytes;
  out->instructions = instructions_;
  out->tally = tallier.take();
  for (const auto& relocation : relocations_) {
    out->relocations.push_back({resolve(relocation.place), relocation.target});
  }
  for (const auto& [width, index] : versions_) {
    auto at = static_cast<uint32_t>(code_.labelOffset(literals_[index].second));
    out->versions.push_back({at + cold_start_, width == 4});
  }
  for (const auto& [place, state] : unwinding_) out->unwinding.push_back({resolve(place), state});
  std::stable_sort(out->unwinding.begin(), out->unwinding.end(),
                   [](const UnwindRow& a, const UnwindRow& b) { return a.offset < b.offset; });
  if (disassembly_) out->disassembly.assign(logger_.data(), logger_.dataSize());
  return !failed();
}

std::vector<bool> Assembly::shortJumps() {
  std::vector<bool> result(jumps_.size(), false);
  bool any = false;
  for (size_t i = 0; i < jumps_.size(); ++i) {
    const Jump& jump = jumps_[i];
    bool target_cold = code_.labelEntry(jump.label)->section() == cold_;
    if (target_cold != jump.end.cold) continue;
    int64_t distance = static_cast<int64_t>(code_.labelOffset(jump.label)) - jump.end.offset;
    result[i] = distance >= -120 && distance <= 127;
    any |= result[i];
  }
  if (!any) result.clear();
  return result;
}

}  // namespace tephra::x86_64
