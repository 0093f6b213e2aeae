// A plugin of qemu's user-mode emulation: counts the guest instructions that a program executes, in
// all and in code that was made at run time, which is what Tephra compiled: it lies in no file or
// in the memory file "tephra-code".
//   QEMU_PLUGIN=file=count_instructions.so,out=FILE qemu-aarch64 PROGRAM
// appends a line `PID TOTAL COMPILED` to FILE when a process ends. Threads may lose counts, since
// they add without synchronisation; a single-threaded program is counted exactly.
//
// Debian's packages hold no header of the interface: what is used of version 1 is declared here.
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                                  void (*)(uint64_t id, struct qemu_plugin_tb*));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb*, int operation,
                                                     void* counter, uint64_t addend);
extern void qemu_plugin_register_atexit_cb(uint64_t id, void (*)(uint64_t id, void*), void*);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
extern struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t index);
extern void* qemu_plugin_insn_haddr(const struct qemu_plugin_insn*);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;

static uint64_t other_instructions, compiled_instructions;
static char out_file[4096];

// Is the host address, from which the guest executes, in code memory? Asks the kernel once per
// page.
static bool inCompiledCode(uintptr_t address) {
  enum { kPages = 1 << 16, kPageBits = 12 };
  static uintptr_t known[kPages];  // page number * 2 + answer
  uintptr_t page = address >> kPageBits;
  uintptr_t* slot = &known[page % kPages];
  if (*slot >> 1 == page) return *slot & 1;
  bool found = false;
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[1024];
  while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
    uintptr_t low = 0, high = 0;
    unsigned long inode = 0;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %lu", &low, &high, &inode) != 3)
      continue;
    if (address >= low && address < high)
      found = inode == 0 || strstr(line, "memfd:tephra-code") != NULL;
  }
  if (maps != NULL) fclose(maps);
  *slot = page * 2 + found;
  return found;
}

static void onTranslation(uint64_t id, struct qemu_plugin_tb* block) {
  (void)id;
  void* first = qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(block, 0));
  uint64_t* counter =
      inCompiledCode((uintptr_t)first) ? &compiled_instructions : &other_instructions;
  qemu_plugin_register_vcpu_tb_exec_inline(block, 0, counter, qemu_plugin_tb_n_insns(block));
}

static void onExit(uint64_t id, void* data) {
  (void)id;
  (void)data;
  FILE* out = fopen(out_file, "a");
  if (out == NULL) return;
  fprintf(out, "%d %" PRIu64 " %" PRIu64 "\n", (int)getpid(),
          other_instructions + compiled_instructions, compiled_instructions);
  fclose(out);
}

EXPORTED int qemu_plugin_install(uint64_t id, const void* info, int argc, char** argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "out=", 4) == 0) snprintf(out_file, sizeof(out_file), "%s", argv[i] + 4);
  }
  if (out_file[0] == '\0') {
    fprintf(stderr, "count_instructions: out=FILE is missing\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, onTranslation);
  qemu_plugin_register_atexit_cb(id, onExit, NULL);
  return 0;
}
