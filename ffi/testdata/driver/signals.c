/* Signals: waits end by them, Go's threads never run a handler of the host, and the host is told what would hurt. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static _Atomic int64_t handled_at;
static _Atomic long handled, elsewhere;
static pthread_t main_thread;

static void note(int s) {
  (void)s;
  handled_at = now_ns();
  handled++;
  if (!pthread_equal(pthread_self(), main_thread)) elsewhere++;
}

static void handle(int s, int flags) {
  struct sigaction a = {.sa_handler = note, .sa_flags = flags};
  sigaction(s, &a, NULL);
}

static void sleep_ms(long ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

static _Atomic int returned;

/* A signal that comes before the wait ends nothing, so there is another one until it has returned. */
static void *kill_main_later(void *arg) {
  for (sleep_ms(50); !returned; sleep_ms(50)) pthread_kill(main_thread, *(int *)arg);
  return NULL;
}

/* Waits for frames or for the log until a signal comes, and returns how long after it that was. */
static int64_t lateness(tasker_handle w, int log) {
  int s = SIGUSR1;
  long before;
  pthread_t killer;
  tasker_buf out = {0};
  int32_t rc;
  returned = 0;
  CHECK(pthread_create(&killer, NULL, kill_main_later, &s) == 0);
  do {
    tasker_buf_free(&out);
    before = handled;
    rc = log ? tasker_log_poll(8, PATIENCE_MS, &out) : tasker_poll(w, 1, 0, PATIENCE_MS, &out);
  } while (log && rc == TASKER_OK);
  int64_t late = handled == before + 1 ? now_ns() - handled_at : INT64_MAX; /* of several, it is not known which one did it */
  returned = 1;
  pthread_join(killer, NULL);
  CHECK(rc == TASKER_INTERRUPTED, "%s", tasker_status_name(rc));
  return late;
}

/* A wait ends within 10 ms of a signal, whether or not its handler asks for system calls to be restarted. The machine may
 * take its time to let it, so the quickest of some counts. */
static void interrupt(void) {
  tasker_handle w = worker_started("");
  for (int i = 0; i < 4; i++) {
    handle(SIGUSR1, i % 2 ? SA_RESTART : 0);
    int64_t quickest = INT64_MAX;
    for (int tries = 0; tries < 50 && quickest >= 10000000; tries++) {
      int64_t late = lateness(w, i / 2);
      if (late < quickest) quickest = late;
    }
    printf("interrupted after %.3f ms\n", (double)quickest / 1e6);
    CHECK(quickest < 10000000, "%lld us", (long long)quickest / 1000);
  }
  worker_end(w);
}

/* The mask of blocked signals of a thread. */
static unsigned long long blocked(const char *tid) {
  char path[300], line[256];
  unsigned long long mask = 0;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
  FILE *f = fopen(path, "r");
  if (!f) return ~0ULL;
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "SigBlk: %llx", &mask) == 1) break;
  fclose(f);
  return mask;
}

static void masks(void) {
  tasker_handle w = worker_started("\"loopback.steps\":100");
  for (int i = 0; i < 20; i++) {
    tasker_token t = next_token(w);
    CHECK(tasker_complete(w, t, STR("{\"success\":true}"), PATIENCE_MS, NULL) == TASKER_OK);
  }
  char self[32];
  snprintf(self, sizeof self, "%d", (int)getpid());
  CHECK(blocked(self) == 0, "the host's own mask is %llx", blocked(self));
  DIR *d = opendir("/proc/self/task");
  int others = 0;
  for (struct dirent *e; (e = readdir(d));) {
    if (e->d_name[0] == '.' || !strcmp(e->d_name, self)) continue;
    unsigned long long m = blocked(e->d_name);
    /* All that hosts use, but for SIGCHLD, which Go keeps open: its handlers want SA_ONSTACK. */
    static const int closed[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGVTALRM, SIGWINCH, SIGIO};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
      CHECK(m >> (closed[i] - 1) & 1, "thread %s takes signal %d: %llx", e->d_name, closed[i], m);
    others++;
  }
  closedir(d);
  CHECK(others >= 2, "%d threads of Go", others);
  printf("threads=%d\n", others);
  worker_end(w);
}

static volatile sig_atomic_t storming;

/* Signals that find their like pending are lost, so how many arrive is the machine's to say: it storms until told. */
static void *storm_of(void *arg) {
  for (int i = 0; storming; i++) kill(getpid(), i % 2 ? SIGUSR1 : SIGUSR2);
  (void)arg;
  return NULL;
}

/* Handlers without SA_ONSTACK, installed after load, under a storm of signals to the process: they run on the host's threads
 * only. */
static void storm(void) {
  tasker_handle w = worker_started("\"loopback.steps\":-1");
  handle(SIGUSR1, 0);
  handle(SIGUSR2, SA_RESTART);
  sigset_t all, before;
  sigfillset(&all);
  pthread_t sender;
  pthread_sigmask(SIG_BLOCK, &all, &before);
  storming = 1;
  CHECK(pthread_create(&sender, NULL, storm_of, NULL) == 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  long steps = 0;
  for (int64_t end = now_ns() + 2000000000; now_ns() < end || handled < 200;) {
    tasker_buf out = {0};
    int32_t rc = tasker_poll(w, 8, 0, 100, &out);
    CHECK(rc == TASKER_OK || rc == TASKER_INTERRUPTED || rc == TASKER_TIMEOUT, "%s", tasker_status_name(rc));
    size_t at = 0;
    for (uint32_t i = 0, n = rc == TASKER_OK ? frame_count(&out) : 0; i < n; i++, steps++)
      CHECK(tasker_complete(w, frame_next(&out, &at).number, STR("{\"success\":true}"), PATIENCE_MS, NULL) == TASKER_OK);
    tasker_buf_free(&out);
  }
  storming = 0;
  pthread_join(sender, NULL);
  printf("signals=%ld on_other_threads=%ld steps=%ld\n", handled, elsewhere, steps);
  CHECK(elsewhere == 0);
  worker_end(w);
}

/* A profiler: SIGPROF cannot be kept from Go's threads, so its handler must be hardened. */
static void prof(void) {
  tasker_handle w = worker_started("\"loopback.steps\":-1");
  handle(SIGPROF, SA_RESTART);
  CHECK(tasker_process_state() & TASKER_PROCESS_HANDLERS_NO_ONSTACK);
  CHECK(tasker_signals_harden(1u << (SIGPROF - 1)) == 1);
  struct itimerval every = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_PROF, &every, NULL);
  for (int64_t end = now_ns() + 60000000000; handled <= 200 && now_ns() < end;) { /* the timer counts the processor's time */
    tasker_buf out = {0};
    int32_t rc = tasker_poll(w, 8, 0, 100, &out);
    size_t at = 0;
    for (uint32_t i = 0, n = rc == TASKER_OK ? frame_count(&out) : 0; i < n; i++)
      CHECK(tasker_complete(w, frame_next(&out, &at).number, STR("{\"success\":true}"), PATIENCE_MS, NULL) == TASKER_OK);
    tasker_buf_free(&out);
  }
  memset(&every, 0, sizeof every);
  setitimer(ITIMER_PROF, &every, NULL);
  printf("profiled=%ld on_other_threads=%ld\n", handled, elsewhere);
  CHECK(handled > 200);
  worker_end(w);
}

static void harden(void) {
  worker_end(worker_started(""));
  CHECK(tasker_signals_harden(0) == 0, "load itself leaves no handler without an alternate stack");
  CHECK(!(tasker_process_state() & (TASKER_PROCESS_HANDLERS_NO_ONSTACK | TASKER_PROCESS_SEGV_NOT_GO)));
  CHECK(tasker_process_state() & TASKER_PROCESS_GO_STARTED);
  handle(SIGTERM, 0);
  handle(SIGUSR1, SA_RESTART);
  CHECK(tasker_signals_harden(0) == 2);
  struct sigaction a;
  sigaction(SIGTERM, NULL, &a);
  CHECK(!(a.sa_flags & SA_ONSTACK), "0 only counts");
  CHECK(tasker_signals_harden(1u << (SIGTERM - 1)) == 1);
  sigaction(SIGTERM, NULL, &a);
  CHECK(a.sa_flags & SA_ONSTACK && a.sa_handler == note);
  CHECK(tasker_signals_harden(UINT32_MAX) == 1 && tasker_signals_harden(UINT32_MAX) == 0);
  sigaction(SIGUSR1, NULL, &a);
  CHECK(a.sa_flags & SA_ONSTACK && a.sa_flags & SA_RESTART, "other flags stay");
  handle(SIGSEGV, SA_ONSTACK);
  CHECK(tasker_process_state() & TASKER_PROCESS_SEGV_NOT_GO);
}

/* Standard output and error that nobody reads: the core writes to neither, and SIGPIPE stays the host's business. */
static void broken_pipe(void) {
  int fds[2], saved = dup(1);
  CHECK(pipe(fds) == 0);
  close(fds[0]);
  dup2(fds[1], 1);
  dup2(fds[1], 2);
  tasker_handle w = worker_started("\"loopback.steps\":10");
  call(w, "test.database", "{\"up\":false}"); /* has it log warnings */
  for (int i = 0; i < 10; i++) CHECK(tasker_complete(w, next_token(w), STR("{\"success\":true}"), PATIENCE_MS, NULL) == TASKER_OK);
  tasker_buf out = {0};
  CHECK(tasker_call(w, STR("test.panic"), STR("{\"text\":\"x\"}"), PATIENCE_MS, &out) == TASKER_E_PANIC);
  tasker_buf_free(&out);
  call(w, "test.database", "{\"up\":true}");
  worker_end(w);
  signal(SIGPIPE, SIG_IGN);
  CHECK(write(1, "x", 1) == -1, "and the host's own writes fail as ever");
  dup2(saved, 1);
}

void scenario_signals(const char *which) {
  main_thread = pthread_self();
  if (!strcmp(which, "interrupt")) interrupt();
  else if (!strcmp(which, "masks")) masks();
  else if (!strcmp(which, "storm")) storm();
  else if (!strcmp(which, "prof")) prof();
  else if (!strcmp(which, "harden")) harden();
  else if (!strcmp(which, "pipe")) broken_pipe();
  else CHECK(0, "no such case: %s", which);
}
