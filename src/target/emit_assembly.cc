#include "target/emit_assembly.h"

#include <algorithm>
#include <cstdio>

namespace tephra {

std::string hexText(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return text;
}

void AssemblyBase::start(asmjit::Arch arch, asmjit::BaseAssembler* assembler) {
  assembler_ = assembler;
  asmjit::Environment environment(arch);
  environment.setPlatform(asmjit::Platform::kLinux);
  code_.init(environment);
  code_.setErrorHandler(this);
  if (disassembly_) {
    logger_.addFlags(asmjit::FormatFlags::kHexImms | asmjit::FormatFlags::kHexOffsets);
    code_.setLogger(&logger_);
  }
  code_.attach(assembler);
  code_.newSection(&cold_, ".cold", SIZE_MAX, asmjit::SectionFlags::kExecutable, 1);
}

void AssemblyBase::comment(const std::string& text) {
  if (disassembly_) assembler_->comment(("; " + text).c_str());
}

void AssemblyBase::count() {
  if (!tallier.pending() || tallier.options().counters == 0) return;
  uint32_t segment = tallier.begin();
  if (tallier.overflow()) return fail("more segments than counters");
  counting_ = true;
  emitCounter(tallier.options().counters + 8 * uint64_t{segment}, segment);
  counting_ = false;
}

void AssemblyBase::embedUncounted(std::span<const uint8_t> bytes, const std::string& text) {
  if (disassembly_) {
    logger_.logf("%s\n", text.c_str());
    code_.setLogger(nullptr);
  }
  assembler_->embed(bytes.data(), bytes.size());
  if (disassembly_) code_.setLogger(&logger_);
}

void AssemblyBase::embed(std::span<const uint8_t> bytes, const std::string& text) {
  if (!counting_) beforeInstruction();
  embedUncounted(bytes, text);
  if (!counting_) afterInstruction(static_cast<uint32_t>(bytes.size()));
}

void AssemblyBase::embedRelocated(std::span<const uint8_t> bytes, uint32_t at, RelocationKind kind,
                                  uint64_t target, const std::string& text) {
  if (!counting_) beforeInstruction();  // its counter stands before the place
  Place place = here();
  relocations_.push_back({{place.cold, place.offset + at}, kind, target});
  embed(bytes, text);
}

Label AssemblyBase::literalLabel(uint64_t bits) {
  auto [it, inserted] = literal_index_.try_emplace(bits, literals_.size());
  if (inserted) literals_.push_back({bits, newLabel()});
  return literals_[it->second].second;
}

Label AssemblyBase::versionLabel(uint64_t bits, uint32_t width) {
  auto [it, inserted] = versions_.try_emplace(width, literals_.size());
  if (inserted) literals_.push_back({bits, newLabel()});
  return literals_[it->second].second;
}

void AssemblyBase::finishTables(EmittedCode* out) {
  for (const PendingRelocation& relocation : relocations_)
    out->relocations.push_back({resolve(relocation.place), relocation.target, relocation.kind});
  for (const auto& [width, index] : versions_)
    out->versions.push_back({resolve(placeOf(literals_[index].second)), width == 4});
  out->instructions = instructions_;
  out->tally = tallier.take();
  for (const auto& [place, state] : unwinding_) out->unwinding.push_back({resolve(place), state});
  std::stable_sort(out->unwinding.begin(), out->unwinding.end(),
                   [](const UnwindRow& a, const UnwindRow& b) { return a.offset < b.offset; });
  if (disassembly_) out->disassembly.assign(logger_.data(), logger_.dataSize());
}

}  // namespace tephra
