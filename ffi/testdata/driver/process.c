/* Panics that are injected, the environment, the log, and a host that serves steps of a database. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

static const char *good = "{\"success\":true,\"result\":{\"value\":\"1\"}}";

/* Has the next call of a function panic. */
static void inject(tasker_handle w, const char *function) {
  char name[64];
  snprintf(name, sizeof name, "\"%s\"", function);
  call(w, "test.inject", name);
}

#define PANICS(function, ...)                              \
  do {                                                     \
    inject(w, #function);                                  \
    EXPECT(TASKER_E_PANIC, function(__VA_ARGS__));         \
  } while (0)

void scenario_panic(void) {
  tasker_buf out = {0};
  tasker_handle h, w = worker_started("\"loopback.steps\":2");
  tasker_token t = next_token(w);
  PANICS(tasker_worker_new, NULL, 0, PATIENCE_MS, &h, &out);
  PANICS(tasker_worker_register, w, STR("[]"), &out);
  PANICS(tasker_worker_start, w, &out);
  PANICS(tasker_worker_status, w, &out);
  PANICS(tasker_worker_drain, w);
  PANICS(tasker_worker_stop, w, PATIENCE_MS, &out);
  PANICS(tasker_worker_free, w);
  PANICS(tasker_poll, w, 1, 0, PATIENCE_MS, &out);
  PANICS(tasker_wake, w);
  PANICS(tasker_event_fd, w);
  PANICS(tasker_complete, w, t, STR(good), PATIENCE_MS, &out);
  inject(w, "tasker_complete_batch");
  complete_batch(w, 1, &(tasker_token){t}, &good, &(int32_t){TASKER_E_PANIC});
  PANICS(tasker_checkpoint, w, t, STR("{}"), PATIENCE_MS, &out);
  PANICS(tasker_heartbeat, w, t, NULL, 0, &out);
  PANICS(tasker_release, w, t, NULL, 0, &out);
  PANICS(tasker_client_new, NULL, 0, PATIENCE_MS, &h, &out);
  PANICS(tasker_client_free, 1);
  PANICS(tasker_call, w, STR("test.echo"), NULL, 0, PATIENCE_MS, &out);
  PANICS(tasker_call_async, w, 1, STR("test.echo"), NULL, 0, PATIENCE_MS, &out);
  PANICS(tasker_call_cancel, w, 1);
  PANICS(tasker_log_poll, 1, PATIENCE_MS, &out);
  PANICS(tasker_log_fd);
  PANICS(tasker_log_write, 3, STR("\"x\""));
  PANICS(tasker_set_log_callback, NULL, NULL);
  CHECK(tasker_call(w, STR("test.panic"), STR("{\"text\":\"in a goroutine\"}"), PATIENCE_MS, &out) == TASKER_E_PANIC);
  tasker_buf_free(&out);
  /* All goes on, and the status tells. */
  CHECK(tasker_worker_status(w, &out) == TASKER_OK && memmem(out.data, out.len, "\"degraded\":true", 15));
  tasker_buf_free(&out);
  CHECK(tasker_complete(w, t, STR(good), PATIENCE_MS, NULL) == TASKER_OK);
  CHECK(tasker_complete(w, next_token(w), STR(good), PATIENCE_MS, NULL) == TASKER_OK);
  worker_end(w);
}

void scenario_process(void) {
  /* A variable that is new, and one that is changed, after load. */
  setenv("TASKER_DRIVER_NEW", "1", 1);
  tasker_handle w = worker_new("");
  tasker_buf out = {0};
  CHECK(tasker_call(w, STR("test.environ"), STR("{\"text\":\"TASKER_DRIVER_NEW=1\"}"), PATIENCE_MS, &out) == TASKER_OK && !memcmp(out.data, "true", 4));
  tasker_buf_free(&out);
  worker_end(w);
  unsetenv("TASKER_DRIVER_NEW");
  w = worker_new("");
  CHECK(tasker_call(w, STR("test.environ"), STR("{\"text\":\"TASKER_DRIVER_NEW=1\"}"), PATIENCE_MS, &out) == TASKER_OK && !memcmp(out.data, "false", 5));
  tasker_buf_free(&out);
  worker_end(w);

  CHECK(!(tasker_process_state() & (TASKER_PROCESS_OTHER_GO_RUNTIME | TASKER_PROCESS_MUSL)));
  const char *second = getenv("TASKER_DRIVER_SECOND_LIBRARY");
  if (second) {
    void *lib = dlopen(second, RTLD_NOW | RTLD_LOCAL);
    CHECK(lib, "%s", dlerror());
    CHECK(tasker_process_state() & TASKER_PROCESS_OTHER_GO_RUNTIME);
    w = worker_started("\"loopback.steps\":1"); /* both work side by side */
    CHECK(tasker_complete(w, next_token(w), STR(good), PATIENCE_MS, NULL) == TASKER_OK);
    worker_end(w);
    dlclose(lib);
  }
}

/* ---- log ---- */

typedef struct {
  _Atomic int calls, running, state_errors;
  _Atomic int slow, watched; /* a slow callback runs until it is watched, and a while longer */
} log_host;

static void on_log(void *user_data, int32_t level, const uint8_t *json, size_t n) {
  log_host *host = user_data;
  host->running = 1;
  CHECK(level >= TASKER_LOG_ERROR && level <= TASKER_LOG_TRACE && n > 2 && json[0] == '{');
  if (tasker_set_log_callback(NULL, NULL) == TASKER_E_STATE) host->state_errors++;
  if (host->slow) {
    while (!host->watched) usleep(100);
    usleep(100000);
  }
  host->calls++;
  host->running = 0;
}

void scenario_log(void) {
  tasker_buf out = {0};
  int fd = tasker_log_fd();
  CHECK(fd >= 0);
  for (int i = 0; i < 5000; i++) CHECK(tasker_log_write(TASKER_LOG_INFO, STR("{\"message\":\"from the host\"}")) == TASKER_OK);
  CHECK(tasker_log_poll(10000, PATIENCE_MS, &out) == TASKER_OK);
  size_t at = 0;
  frame f = frame_next(&out, &at);
  CHECK(f.type == TASKER_FRAME_DROPPED && memmem(f.payload, f.len, "\"count\":904", 11), "%.*s", (int)f.len, (const char *)f.payload);
  f = frame_next(&out, &at);
  CHECK(f.type == TASKER_FRAME_LOG && f.status == TASKER_LOG_INFO && frame_count(&out) == 4097);
  tasker_buf_free(&out);
  EXPECT(TASKER_TIMEOUT, tasker_log_poll(8, 0, &out));
  EXPECT(TASKER_TIMEOUT, tasker_log_poll(8, 20, &out));
  CHECK(tasker_log_write(99, STR("{}")) == TASKER_E_INVALID && tasker_log_write(1, STR("{")) == TASKER_E_ENCODING);

  log_host host = {0};
  CHECK(tasker_set_log_callback(on_log, &host) == TASKER_OK);
  for (int i = 0; i < 100; i++) CHECK(tasker_log_write(TASKER_LOG_WARN, STR("\"x\"")) == TASKER_OK);
  for (int64_t end = now_ns() + PATIENCE_MS * 1000000LL; host.calls < 100 && now_ns() < end;) usleep(1000);
  CHECK(host.calls == 100 && host.state_errors == 100, "%d calls, %d", host.calls, host.state_errors);
  host.slow = 1;
  CHECK(tasker_log_write(TASKER_LOG_WARN, STR("\"slow\"")) == TASKER_OK);
  while (!host.running) usleep(100);
  host.watched = 1;
  CHECK(tasker_set_log_callback(NULL, NULL) == TASKER_OK);
  CHECK(!host.running && host.calls == 101, "it returns when no callback runs any more");
  CHECK(tasker_log_write(TASKER_LOG_WARN, STR("\"x\"")) == TASKER_OK);
  usleep(20000);
  CHECK(host.calls == 101);
  CHECK(tasker_log_poll(8, PATIENCE_MS, &out) == TASKER_OK);
  tasker_buf_free(&out);
  for (int i = 0; i < 50; i++) { /* on and off */
    CHECK(tasker_set_log_callback(on_log, &host) == TASKER_OK);
    CHECK(tasker_set_log_callback(i % 2 ? on_log : NULL, &host) == TASKER_OK);
  }
  CHECK(tasker_set_log_callback(NULL, NULL) == TASKER_OK);
}

/* ---- a host that serves ---- */

static volatile sig_atomic_t terminated;
static void on_term(int s) { (void)s, terminated = 1; }

/* Tells the test where it is, and with DRIVER_ASK waits until the test has it go on. */
static void reached(const char *where) {
  printf("%s\n", where);
  char c = 0;
  while (getenv("DRIVER_ASK") && c != '\n') {
    ssize_t n = read(0, &c, 1);
    if (n == 0 || (n < 0 && errno != EINTR)) exit(3); /* the test has gone */
  }
}

/* Polls until it is told to stop working on a step. */
static void await_cancel(tasker_handle w, tasker_token t) {
  for (;;) {
    tasker_buf out = {0};
    int32_t rc = tasker_poll(w, 1, 0, PATIENCE_MS, &out);
    CHECK(rc == TASKER_OK, "%s", tasker_status_name(rc));
    size_t at = 0;
    frame f = frame_next(&out, &at);
    int told = f.type == TASKER_FRAME_CANCEL && f.number == t;
    tasker_buf_free(&out);
    if (told) break;
  }
  reached("cancelled");
}

/* Completes this many steps, or, with 0, serves until SIGTERM. With DRIVER_AWAIT_CANCEL it first waits to be told not to. */
void scenario_serve(const char *settings, int steps) {
  struct sigaction a = {.sa_handler = on_term, .sa_flags = SA_ONSTACK};
  sigaction(SIGTERM, &a, NULL);
  if (getenv("DRIVER_DATABASE_URL")) setenv("DATABASE_URL", getenv("DRIVER_DATABASE_URL"), 1); /* after load, as a dotenv does */
  tasker_buf out = {0};
  tasker_handle w;
  EXPECT(TASKER_OK, tasker_worker_new(STR(settings), PATIENCE_MS, &w, &out));
  EXPECT(TASKER_OK, tasker_worker_start(w, &out));
  reached("ready");
  int done = 0;
  while (!terminated && (steps == 0 || done < steps)) {
    int32_t rc = tasker_poll(w, 1, 0, 500, &out);
    CHECK(rc >= 0, "%s", tasker_status_name(rc));
    size_t at = 0;
    for (uint32_t i = 0, n = rc == TASKER_OK ? frame_count(&out) : 0; i < n; i++) {
      frame f = frame_next(&out, &at);
      if (f.type != TASKER_FRAME_STEP) continue;
      reached("polled");
      if (getenv("DRIVER_AWAIT_CANCEL")) await_cancel(w, f.number);
      tasker_buf error = {0};
      rc = tasker_complete(w, f.number, STR(good), PATIENCE_MS, &error);
      char text[64];
      snprintf(text, sizeof text, "completed %s", tasker_status_name(rc));
      reached(text);
      tasker_buf_free(&error);
      done++;
    }
    tasker_buf_free(&out);
  }
  int32_t rc = tasker_worker_stop(w, PATIENCE_MS, &out);
  printf("stopped %s %.*s\n", tasker_status_name(rc), (int)out.len, (char *)out.data);
  tasker_buf_free(&out);
  CHECK(rc == TASKER_OK && tasker_worker_free(w) == TASKER_OK);
}

/* One call of a client of its own. */
void scenario_call(const char *settings, const char *method, const char *json) {
  tasker_buf out = {0};
  tasker_handle c;
  EXPECT(TASKER_OK, tasker_client_new(STR(settings), PATIENCE_MS, &c, &out));
  CHECK(tasker_call(c, STR(method), STR(json), PATIENCE_MS, &out) == TASKER_OK, "%.*s", (int)out.len, (char *)out.data);
  printf("%.*s\n", (int)out.len, (char *)out.data);
  tasker_buf_free(&out);
  CHECK(tasker_client_free(c) == TASKER_OK);
}

/* Forks children over a worker with database connections; its sessions live on. */
void scenario_fork_database(const char *settings) {
  tasker_buf out = {0};
  tasker_handle w;
  EXPECT(TASKER_OK, tasker_worker_new(STR(settings), PATIENCE_MS, &w, &out));
  EXPECT(TASKER_OK, tasker_worker_start(w, &out));
  call(w, "templates.list", "{}");
  reached("ready");
  for (int i = 0; i < 20; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(PATIENCE_MS / 1000);
      EXPECT(TASKER_E_FORKED, tasker_worker_stop(w, PATIENCE_MS, &out));
      EXPECT(TASKER_E_FORKED, tasker_worker_free(w));
      exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  for (int i = 0; i < 20; i++) call(w, "templates.list", "{}");
  reached("forked");
  worker_end(w);
}
