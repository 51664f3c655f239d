/*
 * The smallest possible host: a worker whose handler is a C function. It polls for steps, runs them one after the other and
 * completes them, until it is interrupted.
 *
 *   worker            serves math.square
 *   worker 6          and creates a task that squares 6 four times, waits for it and prints its result
 *
 * It needs nothing but include/tasker.h and libtasker.so. DATABASE_URL names the database; without it, Tasker's private
 * PostgreSQL is used. Templates are read from TASKER_TEMPLATE_PATH.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tasker.h"

static volatile sig_atomic_t interrupted;
static void on_signal(int signal) { (void)signal, interrupted = 1; }

/* Says what went wrong, frees the error document and ends the program. */
static void die(const char *what, int32_t rc, tasker_buf *error) {
  fprintf(stderr, "%s: %s %.*s\n", what, tasker_status_name(rc), (int)error->len, error->data ? (char *)error->data : "");
  tasker_buf_free(error);
  exit(1);
}

/* ---- the handler ---- */

/* Squares the decimal number n. 1: done, 0: n is no number, or its square is too large for this example. */
static int square(span n, char *result, size_t size) {
  unsigned __int128 value = 0, squared;
  for (size_t i = 0; i < n.len; i++) {
    if (n.start[i] < '0' || n.start[i] > '9' || value > UINT64_MAX / 10) return 0;
    value = value * 10 + (unsigned)(n.start[i] - '0');
  }
  squared = value * value;
  if (n.len == 0 || value > UINT64_MAX) return 0;
  char digits[40], *p = digits + sizeof digits;
  for (*--p = 0; squared > 0 || p == digits + sizeof digits - 1; squared /= 10) *--p = (char)('0' + squared % 10);
  return snprintf(result, size, "%s", p) < (int)size;
}

/* Runs the step and writes its result document. */
static void run(const char *event, char *result, size_t size) {
  span step = json_find(event, "task_sequence_step.step_definition.dependencies");
  span n = json_find(event, "task_sequence_step.task.task.context.even_number");
  if (step.start && step.len > 2) { /* not the first: square what the step before returned */
    char path[256];
    span before = json_find(step.start, "");
    snprintf(path, sizeof path, "task_sequence_step.dependency_results.%.*s.result.value", (int)strcspn(before.start + 2, "\""), before.start + 2);
    n = json_find(event, path);
  }
  char value[64];
  if (n.start && square(n, value, sizeof value)) {
    snprintf(result, size, "{\"success\":true,\"result\":{\"value\":\"%s\"}}", value);
  } else {
    snprintf(result, size, "{\"success\":false,\"error\":{\"message\":\"no number to square\",\"error_type\":\"permanent_error\",\"retryable\":false}}");
  }
}

/* ---- the host ---- */

static uint32_t u32(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

/* Runs and completes the steps of one buffer of frames. */
static void serve(tasker_handle worker, const tasker_buf *frames) {
  const uint8_t *at = frames->data + TASKER_FRAMES_HEADER_SIZE;
  for (uint32_t i = 0; i < u32(frames->data + 4); i++) {
    uint32_t len = u32(at);
    uint16_t type = (uint16_t)(at[4] | at[5] << 8);
    tasker_token token = u64(at + 8);
    if (type == TASKER_FRAME_STEP) { /* others can be ignored by a host that runs one step at a time */
      char *event = malloc(len + 1), result[512];
      if (event == NULL) abort();
      memcpy(event, at + TASKER_FRAME_HEADER_SIZE, len);
      event[len] = 0;
      run(event, result, sizeof result);
      span name = json_find(event, "task_sequence_step.workflow_step.name");
      printf("%.*s %s\n", (int)name.len, name.start, result);
      free(event);

      tasker_buf error = {0};
      int32_t rc;
      while ((rc = tasker_complete(worker, token, (const uint8_t *)result, strlen(result), 1000, &error)) == TASKER_E_BUSY) {
        tasker_buf_free(&error); /* no room yet: the token is still ours */
      }
      if (rc != TASKER_OK) fprintf(stderr, "complete: %.*s\n", (int)error.len, (char *)error.data);
      tasker_buf_free(&error);
    }
    at += TASKER_FRAME_HEADER_SIZE + ((len + 7) & ~7u);
  }
}

/* Calls a method; the answer is NUL-terminated and to be freed. */
static char *call(tasker_handle worker, const char *method, const char *json) {
  tasker_buf out = {0};
  int32_t rc = tasker_call(worker, (const uint8_t *)method, strlen(method), (const uint8_t *)json, strlen(json), 10000, &out);
  if (rc != TASKER_OK) die(method, rc, &out);
  char *answer = malloc(out.len + 1);
  if (answer == NULL) abort();
  memcpy(answer, out.data, out.len);
  answer[out.len] = 0;
  tasker_buf_free(&out);
  return answer;
}

static void create(tasker_handle worker, const char *n, char *task, size_t size) {
  char request[512];
  snprintf(request, sizeof request,
           "{\"namespace\":\"examples_linear\",\"name\":\"mathematical_sequence\",\"version\":\"1.0.0\","
           "\"context\":{\"even_number\":%s},\"initiator\":\"examples/c\",\"source_system\":\"c\",\"reason\":\"to show\"}", n);
  char *made = call(worker, "client.create_task", request);
  span id = json_find(made, "task_uuid");
  snprintf(task, size, "{\"task_uuid\":\"%.*s\"}", (int)id.len, id.start);
  free(made);
}

/* Whether the task has come to its end. */
static int ended(tasker_handle worker, const char *task) {
  char *state = call(worker, "client.get_task", task);
  span status = json_find(state, "status");
  int end = span_is(status, "complete") || span_is(status, "error") || span_is(status, "blocked_by_failures");
  if (end) printf("task %.*s\n", (int)status.len, status.start);
  free(state);
  return end;
}

int main(int argc, char **argv) {
  if (tasker_abi_check(TASKER_ABI_MAJOR << 16 | TASKER_ABI_MINOR, sizeof(tasker_buf), sizeof(void *)) != TASKER_OK) {
    fprintf(stderr, "libtasker is %s: it does not fit this program\n", tasker_version());
    return 1;
  }
  struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);

  tasker_handle worker;
  tasker_buf out = {0};
  const char *handlers = "[\"math.square\"]";
  int32_t rc = tasker_worker_new(NULL, 0, 60000, &worker, &out);
  if (rc != TASKER_OK) die("worker_new", rc, &out);
  tasker_buf_free(&out);
  if ((rc = tasker_worker_register(worker, (const uint8_t *)handlers, strlen(handlers), &out)) != TASKER_OK) die("register", rc, &out);
  tasker_buf_free(&out);
  if ((rc = tasker_worker_start(worker, &out)) != TASKER_OK) die("start", rc, &out);
  tasker_buf_free(&out);

  char task[128] = "";
  if (argc > 1) create(worker, argv[1], task, sizeof task);
  while (!interrupted && !(*task && ended(worker, task))) {
    rc = tasker_poll(worker, 8, 0, *task ? 50 : 1000, &out);
    if (rc == TASKER_OK) serve(worker, &out);
    if (rc < 0) die("poll", rc, &out);
    tasker_buf_free(&out);
    if (rc == TASKER_CLOSED) break;
  }

  rc = tasker_worker_stop(worker, 10000, &out); /* gives back what it holds, and stores the last results */
  if (rc != TASKER_OK) fprintf(stderr, "stop: %s\n", tasker_status_name(rc));
  tasker_buf_free(&out);
  tasker_worker_free(worker);
  return tasker_live_buffers() == 0 && rc == TASKER_OK ? 0 : 1;
}
