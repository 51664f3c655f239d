/*
 * Guards the process: keeps forked children out of Go, keeps signals of the host away from Go's threads, and tells hosts
 * about handlers that would hurt.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"
#include "guard.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/*
 * A page that the kernel wipes in a child, however it was forked. Where the kernel is too old for that (before 4.14), the
 * atfork handler clears the word; it misses children of _Fork and of raw system calls.
 */
static _Atomic uint32_t without_page;
static _Atomic uint32_t *alive_word = &without_page;
static _Atomic uint32_t entered;

int tkc_alive(void) { return atomic_load_explicit(alive_word, memory_order_acquire) != 0; }

void tkc_entered(void) {
  if (!atomic_load_explicit(&entered, memory_order_relaxed)) atomic_store_explicit(&entered, 1, memory_order_relaxed);
}

/* ---- descriptors that must not live on in a child ---- */

/* A slot is fd + 1, so that 0 is a free one; the inode tells whether the number is still the same file. */
#define MOST_FDS 1024
static struct { _Atomic int fd; _Atomic ino_t inode; } fds[MOST_FDS];

/* As a system call: the function of that name came with glibc 2.33, and the older one is a macro away. */
static int inode_of(int fd, ino_t *inode) {
  struct stat st;
  if (syscall(SYS_fstat, fd, &st) != 0) return -1;
  *inode = st.st_ino;
  return 0;
}

void tkc_fd_register(int fd) {
  ino_t inode;
  if (fd < 0 || inode_of(fd, &inode) != 0) return;
  for (int i = 0; i < MOST_FDS; i++) {
    int none = 0;
    if (atomic_compare_exchange_strong(&fds[i].fd, &none, -1)) { /* taken, not yet to be closed */
      atomic_store(&fds[i].inode, inode);
      atomic_store(&fds[i].fd, fd + 1);
      return;
    }
  }
}

void tkc_fd_forget(int fd) {
  for (int i = 0; i < MOST_FDS; i++) {
    int expected = fd + 1;
    if (atomic_compare_exchange_strong(&fds[i].fd, &expected, 0)) return;
  }
}

/* An inherited eventfd shares its counter with the parent, and an inherited connection keeps PostgreSQL's session alive. */
static void in_child(void) {
  atomic_store_explicit(alive_word, 0, memory_order_release);
  for (int i = 0; i < MOST_FDS; i++) {
    int fd = atomic_load(&fds[i].fd) - 1;
    ino_t inode;
    if (fd >= 0 && inode_of(fd, &inode) == 0 && inode == atomic_load(&fds[i].inode)) close(fd);
  }
}

/* ---- load ---- */

sigset_t tkc_host_signals;
static sigset_t host_mask;
static int masked;

/* Runs before Go starts its threads, which inherit the mask: so no handler of the host ever runs on one of them. The signals
 * left open are those that Go needs on each thread, and those that the C library keeps for itself. */
__attribute__((constructor(101))) static void before_go(void) {
  static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGURG, SIGPIPE, 32, 33, 34};
  sigfillset(&tkc_host_signals);
  for (size_t i = 0; i < sizeof open / sizeof *open; i++) sigdelset(&tkc_host_signals, open[i]);
  masked = pthread_sigmask(SIG_BLOCK, &tkc_host_signals, &host_mask) == 0;
}

/* Runs after Go's own constructor. */
__attribute__((constructor(65535))) static void after_go(void) {
  if (masked) pthread_sigmask(SIG_SETMASK, &host_mask, NULL);
  long size = sysconf(_SC_PAGESIZE);
  void *page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED && madvise(page, (size_t)size, MADV_WIPEONFORK) == 0)
    alive_word = page;
  else if (page != MAP_FAILED)
    munmap(page, (size_t)size);
  pthread_atfork(NULL, NULL, in_child);
  atomic_store_explicit(alive_word, 1, memory_order_release);
}

/* ---- signals ---- */

/* The first and the last byte of this library, as the linker sees them. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static int ours(const void *address) { return (const char *)address >= __ehdr_start && (const char *)address < _end; }

static int lacks_onstack(const struct sigaction *a) {
  return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN && !(a->sa_flags & SA_ONSTACK);
}

TASKER_API int32_t tasker_signals_harden(uint32_t mask) {
  int32_t lacking = 0;
  for (int s = 1; s < 32; s++) {
    struct sigaction a;
    if ((mask != 0 && !(mask >> (s - 1) & 1)) || sigaction(s, NULL, &a) != 0 || !lacks_onstack(&a)) continue;
    lacking++;
    a.sa_flags |= SA_ONSTACK;
    if (mask != 0) sigaction(s, &a, NULL);
  }
  return lacking;
}

/* ---- what else is loaded ---- */

struct neighbours { int go, musl; };

static int has_go_note(const struct dl_phdr_info *info) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_NOTE) continue;
    const char *at = (const char *)(info->dlpi_addr + p->p_vaddr), *end = at + p->p_memsz;
    while (end - at >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
      const ElfW(Nhdr) *n = (const void *)at;
      const char *name = at + sizeof *n;
      if (n->n_type == 4 && n->n_namesz == 4 && end - name >= 4 && memcmp(name, "Go\0\0", 4) == 0) return 1;
      at = name + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u);
    }
  }
  return 0;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *into) {
  (void)size;
  struct neighbours *found = into;
  if (info->dlpi_name && strstr(info->dlpi_name, "ld-musl")) found->musl = 1;
  if ((const char *)info->dlpi_addr != __ehdr_start && has_go_note(info)) found->go = 1;
  return 0;
}

TASKER_API uint32_t tasker_process_state(void) {
  uint32_t state = 0;
  if (!tkc_alive()) state |= TASKER_PROCESS_FORKED;
  if (atomic_load_explicit(&entered, memory_order_relaxed)) state |= TASKER_PROCESS_GO_STARTED;
  struct sigaction a;
  if (sigaction(SIGSEGV, NULL, &a) == 0 && !ours((const void *)a.sa_sigaction)) state |= TASKER_PROCESS_SEGV_NOT_GO;
  if (tasker_signals_harden(0) > 0) state |= TASKER_PROCESS_HANDLERS_NO_ONSTACK;
  struct neighbours found = {0};
  dl_iterate_phdr(look_at, &found);
  if (found.go) state |= TASKER_PROCESS_OTHER_GO_RUNTIME;
  if (found.musl) state |= TASKER_PROCESS_MUSL;
  return state;
}
