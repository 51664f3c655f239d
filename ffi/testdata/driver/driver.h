/* What the scenarios of the driver share. A scenario returns if all is well, and ends the program by CHECK otherwise. */
#ifndef DRIVER_H
#define DRIVER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasker.h"

#define CHECK(cond, ...)                                                     \
  do {                                                                       \
    if (!(cond)) {                                                           \
      fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);             \
      fprintf(stderr, " " __VA_ARGS__);                                      \
      fputc('\n', stderr);                                                   \
      exit(1);                                                               \
    }                                                                        \
  } while (0)

/* Requires a code, and frees out. */
#define EXPECT(code, call)                                                                                              \
  do {                                                                                                                  \
    int32_t rc_ = (call);                                                                                               \
    CHECK(rc_ == (code), "got %s instead of %s: %.*s", tasker_status_name(rc_), tasker_status_name(code), (int)out.len, \
          out.data ? (char *)out.data : "");                                                                            \
    tasker_buf_free(&out);                                                                                              \
  } while (0)

#define STR(s) (const uint8_t *)(s), strlen(s)

/* Longer than whatever comes takes on a busy machine, also under valgrind. */
#define PATIENCE_MS 60000

/* One frame as it stands in a buffer. */
typedef struct {
  uint16_t type;
  uint64_t number;
  int32_t status;
  const uint8_t *payload;
  uint32_t len;
} frame;

uint32_t frame_count(const tasker_buf *b);
/* Reads the frame at *at, which starts at 0, and moves on. */
frame frame_next(const tasker_buf *b, size_t *at);

tasker_handle worker_new(const char *settings);    /* {"settings":{...}} without the braces */
tasker_handle worker_started(const char *settings);
void worker_end(tasker_handle w); /* stop and free */
tasker_token next_token(tasker_handle w); /* polls until a STEP comes */
/* Completes count steps at once, and requires the answer to each. */
void complete_batch(tasker_handle w, size_t count, const tasker_token *tokens, const char *const *results, const int32_t *answers);
void call(tasker_handle w, const char *method, const char *json);

int64_t now_ns(void);
long rss_kb(void);
int count_dir(const char *path); /* entries of /proc/self/fd or /proc/self/task */

void scenario_contract(void);
void scenario_garbage(int seconds, uint64_t seed);
void scenario_misuse(void);
void scenario_soak(long trips, int batch, int payload);
void scenario_fork(const char *phase, const char *how);
void scenario_signals(const char *which);
void scenario_restart(int cycles, const char *settings);
void scenario_races(int seconds);
void scenario_panic(void);
void scenario_latency(void);
void scenario_process(void);
void scenario_log(void);
void scenario_serve(const char *settings, int steps);
void scenario_call(const char *settings, const char *method, const char *json);
void scenario_fork_database(const char *settings);

#endif
