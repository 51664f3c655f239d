/* Garbage through every entry, and shutdown against everything else. */
#include <pthread.h>
#include <stdatomic.h>

#include "driver.h"

static const char *good_result = "{\"success\":true}";
static uint64_t state;

static uint64_t next(void) { /* xorshift */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static tasker_handle handles[8];
static tasker_token tokens[64];

static tasker_handle any_handle(void) { return next() % 4 ? handles[next() % 8] : next() % 2 ? next() : next() % 100; }
static tasker_token any_token(void) { return next() % 4 ? tokens[next() % 64] : next(); }
static int32_t any_int(void) { return next() % 3 ? (int32_t)(next() % 20) - 5 : (int32_t)next(); }
static int32_t any_timeout(void) { return (int32_t)(next() % 3); }

static const char *documents[] = {
    "", "{}", "[]", "{", "null", "{\"success\":true}", "{\"success\":false,\"error\":{\"message\":\"x\"}}", "{\"cursor\":1,\"items_processed\":1}",
    "[\"a\",\"b\"]", "\"x\"", "{\"settings\":{\"loopback.steps\":3}}", "{\"settings\":{\"no\":1}}", "{\"n\":2}", "{\"success\":true,\"result\":\"\\ud800\"}",
    "{\"success\":true,\"result\":{\"decision_point_outcome\":{\"type\":\"x\"}}}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["};

/* A document, at times damaged, and now and then a NULL with a length or the other way round. */
static const uint8_t *any_document(size_t *n) {
  static uint8_t copy[256];
  const char *d = documents[next() % (sizeof documents / sizeof *documents)];
  *n = strlen(d);
  if (next() % 50 == 0) return NULL;
  memcpy(copy, d, *n);
  while (*n > 0 && next() % 4 == 0) copy[next() % *n] = (uint8_t)next();
  return copy;
}

static void remember(tasker_buf *out) {
  size_t at = 0;
  for (uint32_t i = 0, n = frame_count(out); i < n; i++) {
    frame f = frame_next(out, &at);
    if (f.type == TASKER_FRAME_STEP) tokens[next() % 64] = f.number;
  }
}

static const char *methods[] = {"test.echo", "test.publish", "test.cancel", "test.counts", "test.event", "no.such", ""};

static void call_something(void) {
  tasker_buf buf = {0}, *out = next() % 20 ? &buf : NULL;
  size_t n, mn;
  const uint8_t *d = any_document(&n);
  const char *method = methods[next() % (sizeof methods / sizeof *methods)];
  mn = strlen(method);
  int32_t rc = 0;
  switch (next() % 30) {
  case 0: case 1: {
    tasker_handle h = 0;
    rc = tasker_worker_new(d, n, 1000, next() % 20 ? &h : NULL, out);
    if (h) {
      tasker_handle *slot = &handles[next() % 8];
      tasker_worker_free(*slot);
      tasker_client_free(*slot);
      *slot = h;
    }
    break;
  }
  case 2: {
    tasker_handle h = 0;
    rc = tasker_client_new(d, n, 1000, &h, out);
    if (h) {
      tasker_handle *slot = &handles[next() % 8];
      tasker_worker_free(*slot);
      tasker_client_free(*slot);
      *slot = h;
    }
    break;
  }
  case 3: rc = tasker_worker_register(any_handle(), d, n, out); break;
  case 4: case 5: rc = tasker_worker_start(any_handle(), out); break;
  case 6: rc = tasker_worker_status(any_handle(), out); break;
  case 7: rc = next() % 20 ? 0 : tasker_worker_drain(any_handle()); break;
  case 8: rc = next() % 20 ? 0 : tasker_worker_stop(any_handle(), any_timeout(), out); break;
  case 9: rc = next() % 20 ? 0 : tasker_worker_free(any_handle()); break;
  case 10: case 11: case 12: case 13:
    rc = tasker_poll(any_handle(), any_int(), (uint32_t)any_int(), any_timeout(), out);
    if (rc == TASKER_OK) remember(out);
    break;
  case 14: rc = tasker_wake(any_handle()); break;
  case 15: rc = tasker_event_fd(any_handle()); rc = rc > 0 ? 0 : rc; break;
  case 16: case 17: rc = tasker_complete(any_handle(), any_token(), d, n, any_timeout(), out); break;
  case 29: {
    tasker_token tokens[8];
    const uint8_t *results[8];
    size_t sizes[8], count = next() % 9;
    int32_t codes[8];
    for (int i = 0; i < 8; i++) tokens[i] = any_token(), results[i] = d, sizes[i] = n;
    rc = tasker_complete_batch(any_handle(), next() % 20 ? tokens : NULL, results, sizes, codes, count, out);
    break;
  }
  case 18: rc = tasker_checkpoint(any_handle(), any_token(), d, n, any_timeout(), out); break;
  case 19: rc = tasker_heartbeat(any_handle(), any_token(), d, n, out); break;
  case 20: rc = tasker_release(any_handle(), any_token(), d, n, out); break;
  case 21: rc = next() % 20 ? 0 : tasker_client_free(any_handle()); break;
  case 22: rc = tasker_call(any_handle(), (const uint8_t *)method, mn, d, n, any_timeout(), out); break;
  case 23: rc = tasker_call_async(any_handle(), next() % 8, (const uint8_t *)method, mn, d, n, any_timeout(), out); break;
  case 24: rc = tasker_call_cancel(any_handle(), next() % 8); break;
  case 25: rc = tasker_log_poll(any_int(), any_timeout(), out); break;
  case 26: rc = tasker_log_write(any_int(), d, n); break;
  case 27:
    tasker_abi_version(), tasker_version(), tasker_process_state(), tasker_live_buffers(), tasker_log_fd();
    rc = tasker_abi_check((uint32_t)next(), (uint32_t)next(), (uint32_t)next());
    tasker_status_name(any_int());
    break;
  case 28: {
    tasker_buf garbage = {.data = (uint8_t *)(uintptr_t)next(), .len = next(), .cookie = next()};
    tasker_buf_free(&garbage);
    break;
  }
  }
  CHECK(rc <= TASKER_PENDING && rc != TASKER_E_PANIC && rc != TASKER_E_NOMEM, "%s: %.*s", tasker_status_name(rc), (int)buf.len, (char *)buf.data);
  tasker_buf_free(&buf);
}

void scenario_garbage(int seconds, uint64_t seed) {
  state = seed * 2654435761u + 1;
  long calls = 0;
  for (int64_t end = now_ns() + seconds * 1000000000LL; now_ns() < end || calls <= 1000;)
    for (int i = 0; i < 200; i++, calls++) call_something();
  for (int i = 0; i < 8; i++) tasker_worker_free(handles[i]), tasker_client_free(handles[i]);
  printf("seed=%llu calls=%ld rss_kb=%ld\n", (unsigned long long)seed, calls, rss_kb());
}

/* ---- races ---- */

static _Atomic tasker_handle current;
static _Atomic int over;
static _Atomic long polled;

static void *poll_and_complete(void *arg) {
  (void)arg;
  while (!over) {
    tasker_handle h = current;
    tasker_buf out = {0};
    int32_t rc = tasker_poll(h, 4, 0, 50, &out);
    CHECK(rc == TASKER_OK || rc == TASKER_TIMEOUT || rc == TASKER_CLOSED || rc == TASKER_E_HANDLE || rc == TASKER_INTERRUPTED, "%s", tasker_status_name(rc));
    if (rc == TASKER_OK) {
      size_t at = 0;
      for (uint32_t i = 0, n = frame_count(&out); i < n; i++) {
        frame f = frame_next(&out, &at);
        if (f.type != TASKER_FRAME_STEP) continue;
        rc = tasker_complete(h, f.number, STR(good_result), 10, NULL);
        CHECK(rc == TASKER_OK || rc == TASKER_E_STALE_TOKEN || rc == TASKER_E_HANDLE || rc == TASKER_E_BUSY, "%s", tasker_status_name(rc));
        polled++;
      }
    }
    tasker_buf_free(&out);
  }
  return NULL;
}

/* Workers come and go, by stop or by a free alone, while four threads poll and complete on whichever is the current one. */
void scenario_races(int seconds) {
  pthread_t pollers[4];
  state = (uint64_t)now_ns();
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&pollers[i], NULL, poll_and_complete, NULL) == 0);
  long rounds = 0;
  for (int64_t end = now_ns() + seconds * 1000000000LL; now_ns() < end || rounds <= 10; rounds++) {
    tasker_handle w = worker_started("\"loopback.steps\":200");
    current = w;
    for (uint64_t spin = next() % 20000; spin > 0; spin--) atomic_thread_fence(memory_order_seq_cst);
    tasker_buf out = {0};
    if (next() % 3 == 0) CHECK(tasker_worker_drain(w) == TASKER_OK);
    if (next() % 2 == 0) {
      int32_t rc = tasker_worker_stop(w, (int32_t)(next() % 3), &out);
      CHECK(rc == TASKER_OK || rc == TASKER_TIMEOUT, "%s", tasker_status_name(rc));
      tasker_buf_free(&out);
    }
    CHECK(tasker_worker_free(w) == TASKER_OK);
  }
  over = 1;
  for (int i = 0; i < 4; i++) pthread_join(pollers[i], NULL);
  printf("rounds=%ld completed=%ld threads=%d\n", rounds, polled, count_dir("/proc/self/task"));
}
