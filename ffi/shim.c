/*
 * The C half of libtasker: every function of tasker.h is here. It checks what must be checked before Go may be entered,
 * waits in poll(2) where the host waits, and owns the memory that hosts free. What needs the core it passes on to the
 * tkgo_ functions, which cgo exports from main.go and the version script hides.
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

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "64-bit systems only");
_Static_assert(sizeof(tasker_buf) == 24 && offsetof(tasker_buf, data) == 0 && offsetof(tasker_buf, len) == 8 &&
                   offsetof(tasker_buf, cookie) == 16, "the layout of tasker_buf is frozen");

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

/* ---- waiting ---- */

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t deadline_of(int32_t timeout_ms) { return timeout_ms < 0 ? -1 : now_ms() + timeout_ms; }

/* Waits until fd is readable: 1, the deadline is reached: 0, or a signal handler ran: -1. */
static int wait_readable(int fd, int64_t deadline) {
  int left = -1;
  if (deadline >= 0) {
    int64_t ms = deadline - now_ms();
    left = ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
  }
  struct pollfd p = {.fd = fd, .events = POLLIN};
  int n = poll(&p, 1, left);
  return n > 0 ? 1 : n == 0 ? 0 : -1;
}

static int over(int64_t deadline) { return deadline >= 0 && now_ms() >= deadline; }

/* ---- memory: plain C, so that it can be freed anywhere, also after a fork ---- */

#define BUF_HEAD 16
#define BUF_MAGIC UINT64_C(0x7461736b65723031)

static _Atomic int64_t live_buffers;

static uint64_t cookie_of(const uint8_t *data) { return BUF_MAGIC ^ (uint64_t)(uintptr_t)data; }

uint8_t *tkc_buf_alloc(tasker_buf *b, size_t n) {
  uint8_t *p = n > PTRDIFF_MAX - BUF_HEAD - 1 ? NULL : malloc(BUF_HEAD + n + 1);
  if (p == NULL) return NULL;
  memcpy(p, &(uint64_t){BUF_MAGIC}, sizeof(uint64_t));
  p[BUF_HEAD + n] = 0; /* so that a debugger can print it */
  atomic_fetch_add_explicit(&live_buffers, 1, memory_order_relaxed);
  b->data = p + BUF_HEAD;
  b->len = n;
  b->cookie = cookie_of(b->data);
  return b->data;
}

TASKER_API void tasker_buf_free(tasker_buf *b) {
  if (b == NULL || b->data == NULL) return;
  if (b->cookie == cookie_of(b->data)) {
    uint8_t *p = b->data - BUF_HEAD;
    memset(p, 0, sizeof(uint64_t));
    free(p);
    atomic_fetch_sub_explicit(&live_buffers, 1, memory_order_relaxed);
  }
  CLEAR(b);
}

TASKER_API int64_t tasker_live_buffers(void) { return atomic_load_explicit(&live_buffers, memory_order_relaxed); }

/* ---- the library ---- */

TASKER_API uint32_t tasker_abi_version(void) { return TASKER_ABI_MAJOR << 16 | TASKER_ABI_MINOR; }

TASKER_API int32_t tasker_abi_check(uint32_t want, uint32_t sizeof_buf, uint32_t sizeof_ptr) {
  int fits = want >> 16 == TASKER_ABI_MAJOR && (want & 0xffff) <= TASKER_ABI_MINOR && sizeof_buf == sizeof(tasker_buf) &&
             sizeof_ptr == sizeof(void *);
  return fits ? TASKER_OK : TASKER_E_ABI;
}

/* Set by the object that the build links in; see ffi.mk. */
extern const char tkc_build_version[] __attribute__((weak));

TASKER_API const char *tasker_version(void) { return tkc_build_version ? tkc_build_version : "dev"; }

TASKER_API const char *tasker_status_name(int32_t rc) {
  switch (rc) {
  case TASKER_OK: return "OK";
  case TASKER_TIMEOUT: return "TIMEOUT";
  case TASKER_CLOSED: return "CLOSED";
  case TASKER_INTERRUPTED: return "INTERRUPTED";
  case TASKER_PENDING: return "PENDING";
  case TASKER_E_INVALID: return "E_INVALID";
  case TASKER_E_HANDLE: return "E_HANDLE";
  case TASKER_E_FORKED: return "E_FORKED";
  case TASKER_E_ABI: return "E_ABI";
  case TASKER_E_STATE: return "E_STATE";
  case TASKER_E_ENCODING: return "E_ENCODING";
  case TASKER_E_TOO_LARGE: return "E_TOO_LARGE";
  case TASKER_E_STALE_TOKEN: return "E_STALE_TOKEN";
  case TASKER_E_UNSUPPORTED: return "E_UNSUPPORTED";
  case TASKER_E_BUSY: return "E_BUSY";
  case TASKER_E_CANCELLED: return "E_CANCELLED";
  case TASKER_E_DEADLINE: return "E_DEADLINE";
  case TASKER_E_CONFIG: return "E_CONFIG";
  case TASKER_E_DATABASE: return "E_DATABASE";
  case TASKER_E_NOT_FOUND: return "E_NOT_FOUND";
  case TASKER_E_CONFLICT: return "E_CONFLICT";
  case TASKER_E_DENIED: return "E_DENIED";
  case TASKER_E_NOMEM: return "E_NOMEM";
  case TASKER_E_PANIC: return "E_PANIC";
  case TASKER_E_INTERNAL: return "E_INTERNAL";
  }
  return "UNKNOWN";
}

/* ---- logs ---- */

static _Atomic uint64_t callback_thread; /* whose callback is running; 0 is no thread */

TASKER_API int32_t tasker_log_poll(int32_t max, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  NEED(out);
  CLEAR(out);
  tkc_wait w = {0};
  int32_t rc = tkgo_log_poll(max, timeout_ms != 0, out, &w);
  int64_t deadline = w.id != 0 ? deadline_of(timeout_ms) : 0;
  while (w.id != 0) {
    int ready = wait_readable(w.fd, deadline);
    if (ready > 0) rc = tkgo_log_poll_again(w.id, max, out, &w);
    if (w.id != 0 && (ready <= 0 || over(deadline))) {
      tkgo_wait_done(w.id);
      return ready < 0 ? TASKER_INTERRUPTED : TASKER_TIMEOUT;
    }
  }
  return rc;
}

TASKER_API int32_t tasker_log_fd(void) {
  GUARD();
  return tkgo_log_fd();
}

TASKER_API int32_t tasker_log_write(int32_t level, const uint8_t *json, size_t n) {
  GUARD();
  READABLE(json, n);
  return tkgo_log_write(level, (uint8_t *)json, n);
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
  return tkgo_worker_register(h, (uint8_t *)handlers, n, out);
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
  return tkgo_worker_status(h, out);
}

TASKER_API int32_t tasker_worker_drain(tasker_handle h) {
  GUARD();
  return tkgo_worker_drain(h);
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
  int32_t rc = tkgo_poll(h, max_frames, max_bytes, timeout_ms != 0, out, &w);
  int64_t deadline = w.id != 0 ? deadline_of(timeout_ms) : 0;
  while (w.id != 0) {
    int ready = wait_readable(w.fd, deadline);
    if (ready > 0) rc = tkgo_poll_again(w.id, max_frames, max_bytes, out, &w);
    if (w.id != 0 && (ready <= 0 || over(deadline))) {
      tkgo_wait_done(w.id);
      return ready < 0 ? TASKER_INTERRUPTED : TASKER_TIMEOUT;
    }
  }
  return rc;
}

TASKER_API int32_t tasker_wake(tasker_handle h) {
  GUARD();
  return tkgo_wake(h);
}

TASKER_API int32_t tasker_event_fd(tasker_handle h) {
  GUARD();
  return tkgo_event_fd(h);
}

TASKER_API int32_t tasker_complete(tasker_handle h, tasker_token t, const uint8_t *result, size_t n, int32_t timeout_ms, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(result, n);
  for (int64_t deadline = 0;;) { /* known from the first wait on: most calls never look at a clock */
    tkc_wait w = {0};
    int32_t rc = tkgo_complete(h, t, (uint8_t *)result, n, timeout_ms != 0, out, &w);
    if (w.id == 0) return rc;
    if (deadline == 0) deadline = deadline_of(timeout_ms);
    int ready = wait_readable(w.fd, deadline);
    tkgo_wait_done(w.id);
    if (ready <= 0) return rc; /* E_BUSY, with its document in out */
    if (out) tasker_buf_free(out);
  }
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
  return tkgo_heartbeat(h, t, (uint8_t *)details, n, out);
}

TASKER_API int32_t tasker_release(tasker_handle h, tasker_token t, const uint8_t *reason, size_t n, tasker_buf *out) {
  GUARD();
  CLEAR(out);
  READABLE(reason, n);
  return tkgo_release(h, t, (uint8_t *)reason, n, out);
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
  return tkgo_call_async(h, req_id, (uint8_t *)method, mn, (uint8_t *)json, n, timeout_ms, out);
}

TASKER_API int32_t tasker_call_cancel(tasker_handle h, uint64_t req_id) {
  GUARD();
  return tkgo_call_cancel(h, req_id);
}
