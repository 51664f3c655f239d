/* Forked children: every call that would enter the core answers E_FORKED at once, and the parent does not notice. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

static const char *good = "{\"success\":true}";
static _Atomic int over;

static void *keep_polling(void *arg) {
  tasker_handle w = *(tasker_handle *)arg;
  while (!over) {
    tasker_buf out = {0};
    if (tasker_poll(w, 4, 0, 20, &out) == TASKER_OK) {
      size_t at = 0;
      for (uint32_t i = 0, n = frame_count(&out); i < n; i++) {
        frame f = frame_next(&out, &at);
        if (f.type == TASKER_FRAME_STEP) CHECK(tasker_complete(w, f.number, STR(good), PATIENCE_MS, NULL) == TASKER_OK);
      }
    }
    tasker_buf_free(&out);
  }
  return NULL;
}

static pid_t fork_by(const char *how) {
  if (!strcmp(how, "fork")) return fork();
  if (!strcmp(how, "_Fork")) return _Fork();
  return (pid_t)syscall(SYS_fork);
}

static void ignore_log(void *user_data, int32_t level, const uint8_t *json, size_t n) { (void)user_data, (void)level, (void)json, (void)n; }

/* What is plain C works, the rest does not enter Go. */
static void in_child(tasker_handle w, tasker_buf *inherited, int fd, const char *how) {
  alarm(PATIENCE_MS / 1000); /* a call that hangs ends the child */
  tasker_buf out = {0};
  tasker_handle h;
  int64_t begun = now_ns();
  EXPECT(TASKER_E_FORKED, tasker_worker_new(NULL, 0, PATIENCE_MS, &h, &out));
  EXPECT(TASKER_E_FORKED, tasker_worker_register(w, STR("[]"), &out));
  EXPECT(TASKER_E_FORKED, tasker_worker_start(w, &out));
  EXPECT(TASKER_E_FORKED, tasker_worker_status(w, &out));
  EXPECT(TASKER_E_FORKED, tasker_worker_drain(w));
  EXPECT(TASKER_E_FORKED, tasker_worker_stop(w, PATIENCE_MS, &out));
  EXPECT(TASKER_E_FORKED, tasker_worker_free(w));
  EXPECT(TASKER_E_FORKED, tasker_poll(w, 1, 0, PATIENCE_MS, &out));
  EXPECT(TASKER_E_FORKED, tasker_wake(w));
  EXPECT(TASKER_E_FORKED, tasker_event_fd(w));
  EXPECT(TASKER_E_FORKED, tasker_complete(w, 1, STR(good), PATIENCE_MS, &out));
  complete_batch(w, 1, &(tasker_token){1}, &good, &(int32_t){TASKER_E_FORKED});
  EXPECT(TASKER_E_FORKED, tasker_checkpoint(w, 1, STR("{}"), PATIENCE_MS, &out));
  EXPECT(TASKER_E_FORKED, tasker_heartbeat(w, 1, NULL, 0, &out));
  EXPECT(TASKER_E_FORKED, tasker_release(w, 1, NULL, 0, &out));
  EXPECT(TASKER_E_FORKED, tasker_client_new(NULL, 0, PATIENCE_MS, &h, &out));
  EXPECT(TASKER_E_FORKED, tasker_client_free(1));
  EXPECT(TASKER_E_FORKED, tasker_call(w, STR("test.echo"), NULL, 0, PATIENCE_MS, &out));
  EXPECT(TASKER_E_FORKED, tasker_call_async(w, 1, STR("test.echo"), NULL, 0, PATIENCE_MS, &out));
  EXPECT(TASKER_E_FORKED, tasker_call_cancel(w, 1));
  EXPECT(TASKER_E_FORKED, tasker_log_poll(1, PATIENCE_MS, &out));
  EXPECT(TASKER_E_FORKED, tasker_log_fd());
  EXPECT(TASKER_E_FORKED, tasker_log_write(3, STR("\"x\"")));
  EXPECT(TASKER_E_FORKED, tasker_set_log_callback(ignore_log, NULL));
  int64_t took = now_ns() - begun;
  CHECK(took < PATIENCE_MS / 2 * 1000000LL, "a call waited: they took %lld us", (long long)took / 1000);

  CHECK(tasker_process_state() & TASKER_PROCESS_FORKED);
  CHECK(tasker_abi_version() >> 16 == TASKER_ABI_MAJOR && tasker_version() && tasker_status_name(0));
  CHECK(tasker_signals_harden(0) >= 0);
  if (inherited->data) {
    CHECK(tasker_live_buffers() >= 1);
    tasker_buf_free(inherited);
  }
  if (fd >= 0 && !strcmp(how, "fork")) CHECK(fcntl(fd, F_GETFD) == -1, "the event descriptor lives on in the child");
}

void scenario_fork(const char *phase, const char *how) {
  tasker_handle w = 0;
  tasker_buf out = {0}, held = {0};
  pthread_t pollers[2];
  int fd = -1;
  if (strcmp(phase, "loaded") != 0) {
    w = worker_started(!strcmp(phase, "active") ? "\"loopback.steps\":-1" : "\"loopback.steps\":1");
    fd = tasker_event_fd(w);
    if (!strcmp(phase, "idle")) CHECK(tasker_poll(w, 1, 0, PATIENCE_MS, &held) == TASKER_OK); /* a buffer for the child to free */
    if (!strcmp(phase, "active"))
      for (int i = 0; i < 2; i++) CHECK(pthread_create(&pollers[i], NULL, keep_polling, &w) == 0);
  }
  for (int i = 0; i < 20; i++) {
    pid_t child = fork_by(how);
    CHECK(child >= 0);
    if (child == 0) {
      in_child(w, &held, fd, how);
      if (i % 2) exit(0); /* with the destructors of whatever is loaded */
      _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: status %x", i, status);
    if (w) EXPECT(TASKER_OK, tasker_worker_status(w, &out)); /* the parent goes on */
  }
  CHECK(!(tasker_process_state() & TASKER_PROCESS_FORKED));
  over = 1;
  if (!strcmp(phase, "active"))
    for (int i = 0; i < 2; i++) pthread_join(pollers[i], NULL);
  if (held.data) {
    size_t at = 0;
    frame f = frame_next(&held, &at);
    CHECK(tasker_complete(w, f.number, STR(good), PATIENCE_MS, NULL) == TASKER_OK);
    tasker_buf_free(&held);
  }
  if (w) worker_end(w);
}
