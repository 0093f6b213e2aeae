#include "codegen/debugger.h"

#include <elf.h>

#include <cstring>

// Names, layout and version are GDB's: "JIT Compilation Interface" in its manual.
extern "C" {
struct jit_code_entry {
  jit_code_entry* next_entry;
  jit_code_entry* prev_entry;
  const char* symfile_addr;
  uint64_t symfile_size;
};
struct jit_descriptor {
  uint32_t version;
  uint32_t action_flag;  // 0 nothing, 1 an entry was added, 2 one is being removed
  jit_code_entry* relevant_entry;
  jit_code_entry* first_entry;
};
__attribute__((visibility("default"), used))
jit_descriptor __jit_debug_descriptor = {1, 0, nullptr, nullptr};
__attribute__((visibility("default"), used, noinline)) void __jit_debug_register_code() {
  __asm__ volatile("" ::: "memory");
}
}

namespace tephra {

struct DebuggerEntry {
  jit_code_entry entry{};
  std::vector<uint8_t> file;
};

namespace {

size_t g_entries = 0;

class StringTable {
 public:
  uint32_t add(const std::string& text) {
    auto at = static_cast<uint32_t>(bytes.size());
    bytes += text;
    bytes.push_back('\0');
    return at;
  }
  std::string bytes{'\0'};
};

void tell(uint32_t action, jit_code_entry* entry) {
  __jit_debug_descriptor.relevant_entry = entry;
  __jit_debug_descriptor.action_flag = action;
  __jit_debug_register_code();
  __jit_debug_descriptor.action_flag = 0;
  __jit_debug_descriptor.relevant_entry = nullptr;
}

Elf64_Ehdr fileHeader(Arch arch, uint16_t sections) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = arch == Arch::kX86_64 ? EM_X86_64 : EM_AARCH64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = sections;
  header.e_shstrndx = static_cast<uint16_t>(sections - 1);
  return header;
}

}  // namespace

std::vector<uint8_t> makeObjectFile(Arch arch, uint64_t address, size_t size,
                                    const std::string& name,
                                    const std::vector<uint8_t>& unwind_section) {
  enum { kNull, kText, kUnwind, kSymbols, kStrings, kCount };
  StringTable strings;
  Elf64_Sym symbols[2] = {};
  symbols[1].st_name = strings.add(name);
  symbols[1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbols[1].st_shndx = kText;
  symbols[1].st_value = address;
  symbols[1].st_size = size;
  Elf64_Shdr sections[kCount] = {};
  auto describe = [&](int index, const char* section, uint32_t type, uint64_t flags) {
    sections[index].sh_name = strings.add(section);
    sections[index].sh_type = type;
    sections[index].sh_flags = flags;
    sections[index].sh_addralign = 8;
  };
  describe(kText, ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR);
  sections[kText].sh_addr = address;
  sections[kText].sh_size = size;
  describe(kUnwind, ".eh_frame", SHT_PROGBITS, SHF_ALLOC);
  describe(kSymbols, ".symtab", SHT_SYMTAB, 0);
  sections[kSymbols].sh_link = kStrings;
  sections[kSymbols].sh_info = 1;  // the first global symbol
  sections[kSymbols].sh_entsize = sizeof(Elf64_Sym);
  describe(kStrings, ".strtab", SHT_STRTAB, 0);

  std::vector<uint8_t> file(sizeof(Elf64_Ehdr) + sizeof sections);
  auto append = [&](int index, const void* data, size_t bytes) {
    while (file.size() % 8 != 0) file.push_back(0);
    sections[index].sh_offset = file.size();
    sections[index].sh_size = bytes;
    auto* from = static_cast<const uint8_t*>(data);
    file.insert(file.end(), from, from + bytes);
  };
  append(kUnwind, unwind_section.data(), unwind_section.size());
  append(kSymbols, symbols, sizeof symbols);
  append(kStrings, strings.bytes.data(), strings.bytes.size());
  Elf64_Ehdr header = fileHeader(arch, kCount);
  header.e_shoff = sizeof header;
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, sections, sizeof sections);
  return file;
}

DebuggerEntry* announceToDebugger(std::vector<uint8_t> object_file) {
  auto* made = new DebuggerEntry;
  made->file = std::move(object_file);
  made->entry.symfile_addr = reinterpret_cast<const char*>(made->file.data());
  made->entry.symfile_size = made->file.size();
  made->entry.next_entry = __jit_debug_descriptor.first_entry;
  if (made->entry.next_entry != nullptr) made->entry.next_entry->prev_entry = &made->entry;
  __jit_debug_descriptor.first_entry = &made->entry;
  ++g_entries;
  tell(1, &made->entry);
  return made;
}

void withdrawFromDebugger(DebuggerEntry* entry) {
  jit_code_entry& gone = entry->entry;
  if (gone.prev_entry != nullptr) gone.prev_entry->next_entry = gone.next_entry;
  if (gone.next_entry != nullptr) gone.next_entry->prev_entry = gone.prev_entry;
  if (__jit_debug_descriptor.first_entry == &gone)
    __jit_debug_descriptor.first_entry = gone.next_entry;
  --g_entries;
  tell(2, &gone);
  delete entry;
}

size_t debuggerEntries() { return g_entries; }

}  // namespace tephra
