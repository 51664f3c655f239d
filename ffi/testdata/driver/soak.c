/* Throughput, memory, latency and restarts. */
#include <poll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static const char *result = "{\"success\":true,\"result\":{\"value\":46},\"metadata\":{\"execution_time_ms\":1}}";

#define MOST 256 /* steps of a poll */

/* Completes count steps at once; those for which there was no room wait for it. */
static void complete_all(tasker_handle w, const tasker_token *tokens, size_t count) {
  const uint8_t *results[MOST];
  size_t sizes[MOST];
  int32_t codes[MOST];
  for (size_t i = 0; i < count; i++) results[i] = (const uint8_t *)result, sizes[i] = strlen(result);
  if (tasker_complete_batch(w, tokens, results, sizes, codes, count, NULL) == TASKER_OK) return;
  for (size_t i = 0; i < count; i++) {
    if (codes[i] == TASKER_OK) continue;
    CHECK(codes[i] == TASKER_E_BUSY, "%s", tasker_status_name(codes[i]));
    tasker_buf out = {0};
    EXPECT(TASKER_OK, tasker_complete(w, tokens[i], results[i], sizes[i], PATIENCE_MS, &out));
    tasker_buf_free(&out);
  }
}

/* Polls and completes up to trips steps, up to batch at once; returns how many. */
static long round_trips(tasker_handle w, long trips, int batch) {
  long done = 0;
  CHECK(batch <= MOST);
  while (done < trips) {
    tasker_buf out = {0};
    int32_t rc = tasker_poll(w, batch, 8u << 20, 1000, &out);
    if (rc == TASKER_OK) {
      tasker_token tokens[MOST];
      size_t at = 0;
      uint32_t n = frame_count(&out);
      for (uint32_t i = 0; i < n; i++) {
        frame f = frame_next(&out, &at);
        CHECK(f.type == TASKER_FRAME_STEP);
        tokens[i] = f.number;
      }
      complete_all(w, tokens, n);
      done += n;
    } else {
      CHECK(rc == TASKER_TIMEOUT || rc == TASKER_INTERRUPTED, "%s", tasker_status_name(rc));
    }
    tasker_buf_free(&out);
  }
  return done;
}

/* Processor time of the process in microseconds. */
static double cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void scenario_soak(long trips, int batch, int payload) {
  char settings[128];
  int slots = 4 * batch > 256 ? 4 * batch : 256; /* the next batches are made while the host has one */
  snprintf(settings, sizeof settings, "\"loopback.steps\":-1,\"loopback.payload\":%d,\"loopback.slots\":%d", payload, slots);
  tasker_handle w = worker_started(settings);
  round_trips(w, trips / 10 < 1000000 ? trips / 10 : 1000000, batch); /* warm-up */
  long before = rss_kb();
  int fds = count_dir("/proc/self/fd"), threads = count_dir("/proc/self/task");
  long most = before;
  double best = 0;
  int64_t begun = now_ns();
  double cpu = cpu_us();
  for (int part = 0; part < 10; part++) {
    int64_t start = now_ns();
    long n = round_trips(w, trips / 10, batch);
    double rate = (double)n * 1e9 / (double)(now_ns() - start);
    if (rate > best) best = rate;
    if (rss_kb() > most) most = rss_kb();
  }
  cpu = (cpu_us() - cpu) / (double)(trips / 10 * 10);
  double mean = (double)(trips / 10 * 10) * 1e9 / (double)(now_ns() - begun);
  printf("trips=%ld batch=%d payload=%d rate=%.0f/s best_tenth=%.0f/s cpu_us_each=%.2f rss_before_kb=%ld rss_after_kb=%ld rss_most_kb=%ld fds=%d->%d threads=%d->%d\n",
         trips, batch, payload, mean, best, cpu, before, rss_kb(), most, fds, count_dir("/proc/self/fd"), threads, count_dir("/proc/self/task"));
  tasker_buf out = {0};
  EXPECT(TASKER_OK, tasker_worker_stop(w, PATIENCE_MS, &out));
  EXPECT(TASKER_OK, tasker_worker_free(w));
}

/* Lives of a worker one after the other: descriptors, threads and memory stay as they are. The first half warms up. */
void scenario_restart(int cycles, const char *settings) {
  int fds = 0, threads = 0;
  long rss = 0;
  int64_t begun = 0;
  for (int i = 0; i <= cycles; i++) {
    if (i == cycles / 2) {
      fds = count_dir("/proc/self/fd"), threads = count_dir("/proc/self/task"), rss = rss_kb();
      begun = now_ns();
    }
    tasker_handle w = worker_started(settings);
    tasker_buf out = {0};
    int32_t rc = tasker_poll(w, 1, 0, i % 3, &out);
    CHECK(rc == TASKER_OK || rc == TASKER_TIMEOUT, "%s", tasker_status_name(rc));
    if (rc == TASKER_OK) {
      size_t at = 0;
      frame f = frame_next(&out, &at);
      if (f.type == TASKER_FRAME_STEP) CHECK(tasker_complete(w, f.number, STR(result), PATIENCE_MS, NULL) == TASKER_OK);
    }
    tasker_buf_free(&out);
    worker_end(w);
    CHECK(tasker_worker_status(w, &out) == TASKER_E_HANDLE);
    tasker_buf_free(&out);
  }
  double us = (double)(now_ns() - begun) / 1000 / (cycles - cycles / 2);
  printf("cycles=%d us_each=%.0f fds=%d->%d threads=%d->%d rss_kb=%ld->%ld\n", cycles, us, fds, count_dir("/proc/self/fd"), threads,
         count_dir("/proc/self/task"), rss, rss_kb());
}

/* ---- latency: from the publishing of a step to its poll ---- */

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

/* Takes what there is and returns how long ago its step was published, or -1 if there is none. */
static int64_t age_of_next(tasker_handle w, int32_t timeout_ms) {
  tasker_buf out = {0};
  int64_t age = -1;
  int32_t rc = tasker_poll(w, 8, 0, timeout_ms, &out);
  int64_t now = now_ns();
  size_t at = 0;
  for (uint32_t i = 0, n = rc == TASKER_OK ? frame_count(&out) : 0; i < n; i++) {
    frame f = frame_next(&out, &at);
    if (f.type != TASKER_FRAME_STEP) continue; /* the answer to the call that publishes it */
    char text[128];
    snprintf(text, sizeof text, "%.*s", (int)f.len, (const char *)f.payload);
    char *colon = strchr(text, ':');
    CHECK(colon, "%s", text);
    age = now - strtoll(colon + 1, NULL, 10);
    CHECK(tasker_complete(w, f.number, STR(result), PATIENCE_MS, NULL) == TASKER_OK);
  }
  tasker_buf_free(&out);
  return age;
}

/* Has the core publish a step a little later, from a thread of its own, while the host waits in one of three ways. */
static void measure(const char *how, tasker_handle w, int n, int64_t *ages) {
  int fd = tasker_event_fd(w);
  CHECK(fd >= 0);
  for (int i = 0; i < n; i++) {
    char params[64];
    snprintf(params, sizeof params, "{\"n\":1,\"ms\":%d}", 1 + i % 7);
    tasker_buf out = {0};
    EXPECT(TASKER_PENDING, tasker_call_async(w, (uint64_t)i, STR("test.publish_later"), STR(params), PATIENCE_MS, &out));
    int64_t age = -1;
    while (age < 0) {
      if (!strcmp(how, "sleep")) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        age = age_of_next(w, 0);
      } else if (!strcmp(how, "eventfd")) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, 1000);
        age = age_of_next(w, 0);
      } else {
        age = age_of_next(w, 1000);
      }
    }
    ages[i] = age;
  }
}

void scenario_latency(void) {
  enum { N = 200 };
  static int64_t ages[N];
  const char *ways[] = {"sleep", "eventfd", "poll"};
  tasker_handle w = worker_started("\"loopback.payload\":0");
  for (int i = 0; i < 3; i++) {
    measure(ways[i], w, N, ages);
    qsort(ages, N, sizeof *ages, by_value);
    printf("way=%s p50_us=%.1f p99_us=%.1f\n", ways[i], (double)ages[N / 2] / 1000, (double)ages[N * 99 / 100] / 1000);
  }
  worker_end(w);
}
