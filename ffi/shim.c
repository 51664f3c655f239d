/*
 * The functions of tasker.h that need the core. Each checks what must be checked before Go may be entered, waits in poll(2)
 * where the host waits, and passes on to a tkgo_ function, which cgo exports from main.go and the version script hides.
 * Those that need no core are in library.c and guard.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shim.h"
#include "guard.h"
#include "_cgo_export.h"

/* No function but those marked P goes on in a forked child: Go's threads are not there. */
#define GUARD()                                       \
  do {                                                \
    if (!tkc_alive()) return TASKER_E_FORKED;         \
  } while (0)
#define CLEAR(out)                                    \
  do {                                                \
    if (out) *(out) = (tasker_buf){0};                \
  } while (0)
#define NEED(what)                                    \
  do {                                                \
    if (!(what)) return TASKER_E_INVALID;             \
  } while (0)
/* n bytes at p can be read: p may be NULL only where n is 0, and no object is larger than half the address space. */
#define READABLE(p, n) NEED(((p) != NULL || (n) == 0) && (n) <= PTRDIFF_MAX)

/*
 * Signals of the host are held back during short calls of Go. Its code runs on small stacks, in memory beside others: a handler
 * without SA_ONSTACK that ran there would write over its neighbours. Calls that may take long do not hold signals back, since a
 * host must be able to end; nearly all of their time they wait where a handler does no harm.
 */
static sigset_t hold(void) {
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &tkc_host_signals, &before);
  return before;
}

static int32_t let_go(sigset_t before, int32_t rc) {
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

#define SHORT(call)                                   \
  do {                                                \
    sigset_t before_ = hold();                        \
    return let_go(before_, (call));                   \
  } while (0)

/* ---- waiting ---- */

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t deadline_of(int32_t timeout_ms) { return timeout_ms < 0 ? -1 : now_ms() + timeout_ms; }

/* Waits until w's fd is readable: 1, or what it watches: 2, the deadline is reached: 0, or a signal handler ran: -1. Signals that were
 * held back until now end the wait too. */
static int wait_readable(const tkc_wait *w, int64_t deadline, const sigset_t *open) {
  struct timespec left = {0};
  if (deadline >= 0) {
    int64_t ms = deadline - now_ms();
    if (ms > 0) left = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  }
  struct pollfd p[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->watched, .events = POLLIN}};
  int n = ppoll(p, 2, deadline < 0 ? NULL : &left, open);
  return n <= 0 ? n : p[1].revents != 0 ? 2 : 1;
}

static int over(int64_t deadline) { return deadline >= 0 && now_ms() >= deadline; }

/* ---- logs ---- */

static _Atomic uint64_t callback_thread; /* whose callback is running; 0 is no thread */

TASKER_API int32_t tasker_log_poll(int32_t max, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  tkc_wait w = {0};
  sigset_t before = hold();
  int32_t rc = tkgo_log_poll(max, timeout_ms != 0, out, &w);
  int64_t deadline = w.id != 0 ? deadline_of(timeout_ms) : 0;
  while (w.id != 0) {
    int ready = wait_readable(&w, deadline, &before);
    if (ready > 0) rc = tkgo_log_poll_again(w.id, max, out, &w);
    if (w.id != 0 && (ready <= 0 || over(deadline))) {
      tkgo_wait_done(w.id);
      return let_go(before, ready < 0 ? TASKER_INTERRUPTED : TASKER_TIMEOUT);
    }
  }
  return let_go(before, rc);
}

TASKER_API int32_t tasker_log_fd(void) {
  GUARD();
  SHORT(tkgo_log_fd());
}

TASKER_API int32_t tasker_log_write(int32_t level, const uint8_t *json, size_t n) {
  GUARD();
  READABLE(json, n);
  SHORT(tkgo_log_write(level, (uint8_t *)json, n));
}

TASKER_API int32_t tasker_set_log_callback(tasker_log_fn fn, void *user_data) {
  GUARD();
  if (atomic_load(&callback_thread) == (uint64_t)pthread_self()) return TASKER_E_STATE;
  return tkgo_set_log_callback(fn, user_data);
}

void tkc_log_pump(void *stream, tasker_log_fn fn, void *user_data) {
  tkc_record r = {0};
  while (tkgo_log_next(stream, &r)) {
    atomic_store(&callback_thread, (uint64_t)pthread_self());
    fn(user_data, r.level, r.data, r.len);
    atomic_store(&callback_thread, 0);
    free(r.data);
  }
}

/* ---- environment ---- */

extern char **environ;

uint8_t *tkc_environ(size_t *n) {
  size_t size = 0;
  for (char **e = environ; e != NULL && *e != NULL; e++) size += strlen(*e) + 1;
  uint8_t *copy = malloc(size + 1), *end = copy;
  *n = 0;
  if (copy == NULL) return NULL;
  for (char **e = environ; e != NULL && *e != NULL; e++) {
    size_t len = strlen(*e) + 1;
    if ((size_t)(end - copy) + len > size) break; /* the host added variables meanwhile */
    memcpy(end, *e, len);
    end += len;
  }
  *n = (size_t)(end - copy);
  return copy;
}

/* ---- workers ---- */

TASKER_API int32_t tasker_worker_new(const uint8_t *cfg, size_t n, int32_t timeout_ms, tasker_handle *h, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  NEED(h && out);
  *h = 0;
  READABLE(cfg, n);
  return tkgo_worker_new((uint8_t *)cfg, n, timeout_ms, h, out);
}

TASKER_API int32_t tasker_worker_register(tasker_handle h, const uint8_t *handlers, size_t n, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  READABLE(handlers, n);
  SHORT(tkgo_worker_register(h, (uint8_t *)handlers, n, out));
}

TASKER_API int32_t tasker_worker_start(tasker_handle h, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  return tkgo_worker_start(h, out);
}

TASKER_API int32_t tasker_worker_status(tasker_handle h, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  SHORT(tkgo_worker_status(h, out));
}

TASKER_API int32_t tasker_worker_drain(tasker_handle h) {
  GUARD();
  SHORT(tkgo_worker_drain(h));
}

TASKER_API int32_t tasker_worker_stop(tasker_handle h, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  return tkgo_worker_stop(h, timeout_ms, out);
}

TASKER_API int32_t tasker_worker_free(tasker_handle h) {
  GUARD();
  return tkgo_worker_free(h);
}

/* ---- steps ---- */

TASKER_API int32_t tasker_poll(tasker_handle h, int32_t max_frames, uint32_t max_bytes, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  tkc_wait w = {0};
  sigset_t before = hold();
  int32_t rc = tkgo_poll(h, max_frames, max_bytes, timeout_ms != 0, out, &w);
  int64_t deadline = w.id != 0 ? deadline_of(timeout_ms) : 0;
  while (w.id != 0) {
    int ready = wait_readable(&w, deadline, &before);
    if (ready > 0) rc = tkgo_poll_again(w.id, ready == 2, max_frames, max_bytes, out, &w);
    if (w.id != 0 && (ready <= 0 || over(deadline))) {
      tkgo_wait_done(w.id);
      return let_go(before, ready < 0 ? TASKER_INTERRUPTED : TASKER_TIMEOUT);
    }
  }
  return let_go(before, rc);
}

TASKER_API int32_t tasker_wake(tasker_handle h) {
  GUARD();
  SHORT(tkgo_wake(h));
}

TASKER_API int32_t tasker_event_fd(tasker_handle h) {
  GUARD();
  SHORT(tkgo_event_fd(h));
}

TASKER_API int32_t tasker_complete(tasker_handle h, tasker_token t, const uint8_t *result, size_t n, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(result, n);
  sigset_t before = hold();
  for (int64_t deadline = 0;;) { /* known from the first wait on: most calls never look at a clock */
    tkc_wait w = {0};
    int32_t rc = tkgo_complete(h, t, (uint8_t *)result, n, timeout_ms != 0, out, &w);
    if (w.id == 0) return let_go(before, rc);
    if (deadline == 0) deadline = deadline_of(timeout_ms);
    int ready = wait_readable(&w, deadline, &before);
    tkgo_wait_done(w.id);
    if (ready <= 0) return let_go(before, rc); /* E_BUSY, with its document in out */
    if (out) tasker_buf_free(out);
  }
}

TASKER_API int32_t tasker_complete_batch(tasker_handle h, const tasker_token *tokens, const uint8_t *const *results, const size_t *sizes,
                                         int32_t *codes, size_t count, tasker_buf *out) {
  CLEAR(out);
  NEED(count == 0 || (tokens && results && sizes && codes && count <= PTRDIFF_MAX / sizeof *tokens));
  int32_t otherwise = TASKER_E_PANIC; /* the answers if Go gives none */
  for (size_t i = 0; i < count; i++)
    if ((results[i] == NULL && sizes[i] > 0) || sizes[i] > PTRDIFF_MAX) otherwise = TASKER_E_INVALID;
  if (!tkc_alive()) otherwise = TASKER_E_FORKED;
  for (size_t i = 0; i < count; i++) codes[i] = otherwise;
  if (otherwise != TASKER_E_PANIC) return otherwise;
  SHORT(tkgo_complete_batch(h, (tasker_token *)tokens, (uint8_t **)results, (size_t *)sizes, codes, count, out));
}

TASKER_API int32_t tasker_checkpoint(tasker_handle h, tasker_token t, const uint8_t *data, size_t n, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(data, n);
  return tkgo_checkpoint(h, t, (uint8_t *)data, n, timeout_ms, out);
}

TASKER_API int32_t tasker_heartbeat(tasker_handle h, tasker_token t, const uint8_t *details, size_t n, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(details, n);
  SHORT(tkgo_heartbeat(h, t, (uint8_t *)details, n, out));
}

TASKER_API int32_t tasker_release(tasker_handle h, tasker_token t, const uint8_t *reason, size_t n, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(reason, n);
  SHORT(tkgo_release(h, t, (uint8_t *)reason, n, out));
}

/* ---- clients and calls ---- */

TASKER_API int32_t tasker_client_new(const uint8_t *cfg, size_t n, int32_t timeout_ms, tasker_handle *h, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  NEED(h && out);
  *h = 0;
  READABLE(cfg, n);
  return tkgo_client_new((uint8_t *)cfg, n, timeout_ms, h, out);
}

TASKER_API int32_t tasker_client_free(tasker_handle h) {
  GUARD();
  return tkgo_client_free(h);
}

TASKER_API int32_t tasker_call(tasker_handle h, const uint8_t *method, size_t mn, const uint8_t *json, size_t n, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  READABLE(method, mn);
  READABLE(json, n);
  return tkgo_call(h, (uint8_t *)method, mn, (uint8_t *)json, n, timeout_ms, out);
}

TASKER_API int32_t tasker_call_async(tasker_handle h, uint64_t req_id, const uint8_t *method, size_t mn, const uint8_t *json, size_t n, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(method, mn);
  READABLE(json, n);
  SHORT(tkgo_call_async(h, req_id, (uint8_t *)method, mn, (uint8_t *)json, n, timeout_ms, out));
}

TASKER_API int32_t tasker_call_cancel(tasker_handle h, uint64_t req_id) {
  GUARD();
  SHORT(tkgo_call_cancel(h, req_id));
}
