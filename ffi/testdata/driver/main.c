/* The driver: a C host that plays the scenarios of the conformance suite. The Go tests of package ffi run it. */
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static uint32_t u32(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

uint32_t frame_count(const tasker_buf *b) {
  CHECK(b->len >= TASKER_FRAMES_HEADER_SIZE && memcmp(b->data, "TKF1", 4) == 0 && u64(b->data + 8) == b->len, "a buffer of frames");
  return u32(b->data + 4);
}

frame frame_next(const tasker_buf *b, size_t *at) {
  if (*at == 0) *at = TASKER_FRAMES_HEADER_SIZE;
  const uint8_t *p = b->data + *at;
  frame f = {.len = u32(p), .type = (uint16_t)(p[4] | p[5] << 8), .number = u64(p + 8), .status = (int32_t)u32(p + 32),
             .payload = p + TASKER_FRAME_HEADER_SIZE};
  *at += TASKER_FRAME_HEADER_SIZE + ((f.len + 7) & ~7u);
  CHECK(*at <= b->len, "a frame within its buffer");
  return f;
}

tasker_handle worker_new(const char *settings) {
  char cfg[2048];
  snprintf(cfg, sizeof cfg, "{\"handlers\":[\"loopback\"],\"settings\":{%s}}", settings);
  tasker_handle h;
  tasker_buf out = {0};
  EXPECT(TASKER_OK, tasker_worker_new(STR(cfg), PATIENCE_MS, &h, &out));
  CHECK(h != 0);
  return h;
}

tasker_handle worker_started(const char *settings) {
  tasker_handle h = worker_new(settings);
  tasker_buf out = {0};
  EXPECT(TASKER_OK, tasker_worker_start(h, &out));
  return h;
}

void worker_end(tasker_handle w) {
  tasker_buf out = {0};
  EXPECT(TASKER_OK, tasker_worker_stop(w, PATIENCE_MS, &out));
  EXPECT(TASKER_OK, tasker_worker_free(w));
}

tasker_token next_token(tasker_handle w) {
  for (int64_t end = now_ns() + PATIENCE_MS * 1000000LL; now_ns() < end;) {
    tasker_buf out = {0};
    int32_t rc = tasker_poll(w, 1, 0, 1000, &out);
    if (rc == TASKER_OK) {
      size_t at = 0;
      frame f = frame_next(&out, &at);
      tasker_buf_free(&out);
      if (f.type == TASKER_FRAME_STEP) return f.number;
    }
  }
  CHECK(0, "no step came from worker %llu", (unsigned long long)w);
  return 0;
}

void complete_batch(tasker_handle w, size_t count, const tasker_token *tokens, const char *const *results, const int32_t *answers) {
  size_t sizes[16] = {0};
  int32_t codes[16] = {0}, all = TASKER_OK;
  tasker_buf out = {0};
  for (size_t i = 0; i < count; i++) sizes[i] = strlen(results[i]);
  int32_t rc = tasker_complete_batch(w, tokens, (const uint8_t *const *)results, sizes, codes, count, &out);
  for (size_t i = 0; i < count; i++) {
    CHECK(codes[i] == answers[i], "of %zu: %s instead of %s", i, tasker_status_name(codes[i]), tasker_status_name(answers[i]));
    if (codes[i] == rc) all = rc;
  }
  CHECK(rc == all && (rc != TASKER_OK || out.len == 0), "%s", tasker_status_name(rc));
  tasker_buf_free(&out);
}

void call(tasker_handle w, const char *method, const char *json) {
  tasker_buf out = {0};
  EXPECT(TASKER_OK, tasker_call(w, STR(method), STR(json), PATIENCE_MS, &out));
}

int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

long rss_kb(void) {
  char line[256];
  long kb = -1;
  FILE *f = fopen("/proc/self/status", "r");
  CHECK(f);
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "VmRSS: %ld", &kb) == 1) break;
  fclose(f);
  return kb;
}

int count_dir(const char *path) {
  int n = 0;
  DIR *d = opendir(path);
  CHECK(d);
  while (readdir(d)) n++;
  closedir(d);
  return n - 2;
}

static int number(int argc, char **argv, int i, int by_default) { return argc > i ? atoi(argv[i]) : by_default; }

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "contract")) scenario_contract();
  else if (!strcmp(what, "garbage")) scenario_garbage(number(argc, argv, 2, 1), argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
  else if (!strcmp(what, "misuse")) scenario_misuse();
  else if (!strcmp(what, "soak")) scenario_soak(argc > 2 ? atol(argv[2]) : 100000, number(argc, argv, 3, 32), number(argc, argv, 4, 600));
  else if (!strcmp(what, "fork")) scenario_fork(argv[2], argv[3]);
  else if (!strcmp(what, "signals")) scenario_signals(argv[2]);
  else if (!strcmp(what, "restart")) scenario_restart(number(argc, argv, 2, 100), argc > 3 ? argv[3] : "\"loopback.steps\":1");
  else if (!strcmp(what, "races")) scenario_races(number(argc, argv, 2, 1));
  else if (!strcmp(what, "panic")) scenario_panic();
  else if (!strcmp(what, "latency")) scenario_latency();
  else if (!strcmp(what, "process")) scenario_process();
  else if (!strcmp(what, "log")) scenario_log();
  else if (!strcmp(what, "serve")) scenario_serve(argc > 2 ? argv[2] : "", number(argc, argv, 3, 1));
  else if (!strcmp(what, "call")) scenario_call(argv[2], argv[3], argv[4]);
  else if (!strcmp(what, "fork_database")) scenario_fork_database(argv[2]);
  else {
    fprintf(stderr, "usage: driver SCENARIO ...\n");
    return 2;
  }
  CHECK(tasker_live_buffers() == 0, "%lld buffers were not freed", (long long)tasker_live_buffers());
  printf("ok %s\n", what);
  return 0;
}
