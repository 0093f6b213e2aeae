#include "target/x86_64/emit_assembly.h"

#include <algorithm>

namespace tephra::x86_64 {

Assembly::Assembly(Reach reach, std::vector<bool> short_jumps, bool disassembly,
                   const TallyOptions& tally)
    : AssemblyBase(std::move(reach), disassembly, tally),
      a(*this),
      short_jumps_(std::move(short_jumps)) {
  start(asmjit::Arch::kX64, &a);
  a.addEncodingOptions(asmjit::EncodingOptions::kOptimizeForSize);
}

void Assembly::emitCounter(uint64_t address, uint32_t segment) {
  a.pushfq();
  relocated({0x48, 0xFF, 0x05}, address, "inc qword [" + std::to_string(segment) + "]");
  a.popfq();
}

void Assembly::bind(const Label& label) {
  a.bind(label);
  tallier.split();
}

void Assembly::jumpBy(asmjit::InstId id, const Label& label) {
  size_t index = jumps_.size();
  if (index < short_jumps_.size() && short_jumps_[index]) a.short_();
  a.emit(id, label);
  jumps_.push_back({here(), label});
  tallier.split();
}

void Assembly::relocated(std::initializer_list<uint8_t> opcode, uint64_t target,
                         const std::string& text) {
  uint8_t bytes[8] = {};
  std::copy(opcode.begin(), opcode.end(), bytes);
  embedRelocated({bytes, opcode.size() + 4}, static_cast<uint32_t>(opcode.size()),
                 RelocationKind::kX86Relative, target, text);
}

void Assembly::transfer(uint8_t opcode, asmjit::InstId indirect, const char* name,
                        uint64_t address) {
  if (address == 0) return fail(std::string(name) + " of an address that the runtime did not give");
  if (reach_.calls(address)) {
    relocated({opcode}, address, std::string(name) + " " + hexText(address));
  } else {
    a.emit(indirect, literal(address));
  }
}

void Assembly::callThrough(uint64_t cell) {
  if (cell == 0) return fail("call through an address that is not there");
  if (reach_.calls(cell)) {
    relocated({0xFF, 0x15}, cell, "call [" + hexText(cell) + "]");
  } else if (isInt32(cell)) {
    a.call(x86::ptr_abs(cell, 8));
  } else {
    a.mov(x86::r11, cell);
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
  } else if (reach_.calls(value)) {  // lea reg, [rip + displacement]: 3 bytes less than movabs
    auto rex = static_cast<uint8_t>(to.id() >= 8 ? 0x4C : 0x48);
    auto modrm = static_cast<uint8_t>((to.id() & 7) << 3 | 5);
    relocated({rex, 0x8D, modrm}, value,
              "lea r" + std::to_string(to.id()) + ", [" + hexText(value) + "]");
  } else {
    a.mov(to.r64(), value);
  }
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
  finishTables(out);
  return !failed();
}

AssemblyBase::Place Assembly::placeOf(const Label& label) const {
  return {code_.labelEntry(label)->section() == cold_,
          static_cast<uint32_t>(code_.labelOffset(label))};
}

std::vector<bool> Assembly::shortJumps() {
  std::vector<bool> result(jumps_.size(), false);
  bool any = false;
  for (size_t i = 0; i < jumps_.size(); ++i) {
    const Jump& jump = jumps_[i];
    Place target = placeOf(jump.label);
    if (target.cold != jump.end.cold) continue;
    int64_t distance = int64_t{target.offset} - jump.end.offset;
    result[i] = distance >= -120 && distance <= 127;
    any |= result[i];
  }
  if (!any) result.clear();
  return result;
}

}  // namespace tephra::x86_64
