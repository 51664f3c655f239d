/* The contract, each code by a call that earns it, and the ways in which tokens are misused. */
#include <pthread.h>
#include <stdatomic.h>

#include "driver.h"

static const char *good = "{\"success\":true}";

/* Of many results each is accepted or not, whatever the others are. */
static void batches(void) {
  tasker_handle w = worker_started("\"loopback.steps\":4,\"loopback.timeout_ms\":600000");
  tasker_token a = next_token(w), b = next_token(w), c = next_token(w);
  const char *wrong = "{\"success\":true,\"no_such_key\":1}";
  complete_batch(w, 6, (tasker_token[]){a, b, 4711, a, c, c}, (const char *[]){good, wrong, good, good, good, wrong},
                 (int32_t[]){TASKER_OK, TASKER_E_INVALID, TASKER_E_STALE_TOKEN, TASKER_E_STALE_TOKEN, TASKER_OK, TASKER_E_INVALID});
  complete_batch(w, 2, (tasker_token[]){b, c}, (const char *[]){good, good}, (int32_t[]){TASKER_OK, TASKER_E_STALE_TOKEN});
  complete_batch(w, 0, NULL, NULL, NULL);
  tasker_token d = next_token(w);
  int32_t answer;
  CHECK(tasker_complete_batch(w, &d, NULL, NULL, &answer, 1, NULL) == TASKER_E_INVALID);
  CHECK(tasker_complete_batch(w, &d, &(const uint8_t *){NULL}, &(size_t){9}, &answer, 1, NULL) == TASKER_E_INVALID && answer == TASKER_E_INVALID);
  complete_batch(4711, 1, &d, &good, &(int32_t){TASKER_E_HANDLE});
  complete_batch(w, 1, &d, &good, &(int32_t){TASKER_OK});
  worker_end(w);

  /* a full channel: what has no room is the host's still */
  w = worker_started("\"loopback.steps\":64,\"loopback.room\":1");
  call(w, "test.database", "{\"up\":false}");
  tasker_token tokens[20];
  const uint8_t *results[20];
  size_t sizes[20];
  int32_t codes[20];
  for (int i = 0; i < 20; i++) tokens[i] = next_token(w), results[i] = (const uint8_t *)good, sizes[i] = strlen(good);
  CHECK(tasker_complete_batch(w, tokens, results, sizes, codes, 20, NULL) == TASKER_E_BUSY);
  CHECK(codes[0] == TASKER_OK && codes[19] == TASKER_E_BUSY);
  call(w, "test.database", "{\"up\":true}");
  for (int i = 0; i < 20; i++)
    CHECK(tasker_complete(w, tokens[i], results[i], sizes[i], PATIENCE_MS, NULL) == (codes[i] == TASKER_OK ? TASKER_E_STALE_TOKEN : TASKER_OK));
  worker_end(w);
}

void scenario_contract(void) {
  tasker_buf out = {0};
  CHECK(tasker_abi_version() >> 16 == TASKER_ABI_MAJOR);
  CHECK(tasker_abi_check(TASKER_ABI_MAJOR << 16 | TASKER_ABI_MINOR, sizeof(tasker_buf), sizeof(void *)) == TASKER_OK);
  CHECK(tasker_abi_check((TASKER_ABI_MAJOR + 1) << 16, sizeof(tasker_buf), sizeof(void *)) == TASKER_E_ABI);
  CHECK(tasker_abi_check(TASKER_ABI_MAJOR << 16 | 0xffff, sizeof(tasker_buf), sizeof(void *)) == TASKER_E_ABI);
  CHECK(tasker_abi_check(TASKER_ABI_MAJOR << 16, 16, sizeof(void *)) == TASKER_E_ABI);
  CHECK(strstr(tasker_version(), "go1."), "%s", tasker_version());
  CHECK(!strcmp(tasker_status_name(TASKER_E_BUSY), "E_BUSY") && !strcmp(tasker_status_name(12345), "UNKNOWN"));

  /* NULL where it is not allowed, and buffers that were never ours */
  tasker_handle h = 7;
  CHECK(tasker_worker_new(NULL, 0, 0, NULL, &out) == TASKER_E_INVALID);
  CHECK(tasker_worker_new(NULL, 0, 0, &h, NULL) == TASKER_E_INVALID);
  CHECK(tasker_worker_new(NULL, 5, 0, &h, &out) == TASKER_E_INVALID && h == 0);
  CHECK(tasker_worker_new((const uint8_t *)"", SIZE_MAX, 0, &h, &out) == TASKER_E_INVALID);
  CHECK(tasker_poll(1, 1, 0, 0, NULL) == TASKER_E_INVALID);
  CHECK(tasker_complete(1, 1, NULL, 9, 0, NULL) == TASKER_E_INVALID);
  CHECK(tasker_call(1, NULL, 1, NULL, 0, 0, &out) == TASKER_E_INVALID);
  tasker_buf_free(NULL);
  tasker_buf made_up = {.data = (uint8_t *)0x1234, .len = 5, .cookie = 99};
  tasker_buf_free(&made_up);
  CHECK(made_up.data == NULL);

  h = 7;
  EXPECT(TASKER_E_INVALID, tasker_worker_new(STR("{\"no_such_key\":1}"), PATIENCE_MS, &h, &out));
  CHECK(h == 0);
  EXPECT(TASKER_E_CONFIG, tasker_worker_new(STR("{\"settings\":{\"no.such\":1}}"), PATIENCE_MS, &h, &out));
  EXPECT(TASKER_E_DATABASE, tasker_worker_new(STR("{\"settings\":{\"loopback.fail\":\"away\"}}"), PATIENCE_MS, &h, &out));
  EXPECT(TASKER_E_DEADLINE, tasker_worker_new(STR("{\"settings\":{\"loopback.open_ms\":60000}}"), 10, &h, &out));
  EXPECT(TASKER_E_PANIC, tasker_worker_new(STR("{\"settings\":{\"loopback.panic\":\"x\"}}"), PATIENCE_MS, &h, &out));
  EXPECT(TASKER_E_HANDLE, tasker_worker_status(4711, &out));

  tasker_handle w = worker_new("\"loopback.steps\":5");
  EXPECT(TASKER_TIMEOUT, tasker_poll(w, 1, 0, 0, &out));
  EXPECT(TASKER_OK, tasker_worker_register(w, STR("[\"b\"]"), &out));
  EXPECT(TASKER_E_INVALID, tasker_worker_register(w, STR("{}"), &out));
  EXPECT(TASKER_OK, tasker_worker_start(w, &out));
  EXPECT(TASKER_E_STATE, tasker_worker_start(w, &out));
  CHECK(tasker_event_fd(w) >= 0 && tasker_event_fd(4711) == TASKER_E_HANDLE);

  /* one step for each end */
  tasker_token t = next_token(w);
  EXPECT(TASKER_E_ENCODING, tasker_complete(w, t, STR("{\"success\":true,\"result\":\"\xff\"}"), 0, &out));
  EXPECT(TASKER_E_ENCODING, tasker_complete(w, t, (const uint8_t *)"{\"success\":true}\0 trailing", 26, 0, &out));
  EXPECT(TASKER_E_INVALID, tasker_complete(w, t, STR("{\"success\":true,\"error_message\":\"x\"}"), 0, &out));
  size_t large = 10u << 20;
  uint8_t *p = malloc(large);
  CHECK(p);
  memset(p, ' ', large);
  EXPECT(TASKER_E_TOO_LARGE, tasker_complete(w, t, p, large, 0, &out));
  free(p);
  EXPECT(TASKER_OK, tasker_heartbeat(w, t, STR("{\"done\":1}"), &out));
  EXPECT(TASKER_OK, tasker_complete(w, t, STR(good), 0, &out));
  EXPECT(TASKER_E_STALE_TOKEN, tasker_complete(w, t, STR(good), 0, &out));
  t = next_token(w);
  EXPECT(TASKER_OK, tasker_release(w, t, STR("\"not now\""), &out));
  t = next_token(w);
  EXPECT(TASKER_OK, tasker_checkpoint(w, t, STR("{\"cursor\":1,\"items_processed\":1}"), PATIENCE_MS, &out));
  t = next_token(w);
  EXPECT(TASKER_PENDING, tasker_checkpoint(w, t, STR("{\"cursor\":2,\"items_processed\":2}"), 0, &out));
  t = next_token(w);
  EXPECT(TASKER_OK, tasker_complete(w, t, STR(good), 0, &out));
  t = next_token(w);
  call(w, "test.cancel", "{}");
  EXPECT(TASKER_E_CANCELLED, tasker_heartbeat(w, t, NULL, 0, &out));
  EXPECT(TASKER_E_STALE_TOKEN, tasker_release(w, t, NULL, 0, &out));

  /* calls */
  EXPECT(TASKER_OK, tasker_call(w, STR("test.echo"), STR("{}"), PATIENCE_MS, &out));
  EXPECT(TASKER_E_UNSUPPORTED, tasker_call(w, STR("no.such"), NULL, 0, PATIENCE_MS, &out));
  EXPECT(TASKER_E_DEADLINE, tasker_call(w, STR("test.hang"), NULL, 0, 10, &out));
  EXPECT(TASKER_E_INTERNAL, tasker_call(w, STR("test.fail"), STR("{\"text\":\"x\"}"), PATIENCE_MS, &out));
  EXPECT(TASKER_PENDING, tasker_call_async(w, 9, STR("test.sleep"), STR("{\"ms\":60000}"), -1, &out));
  EXPECT(TASKER_E_CONFLICT, tasker_call_async(w, 9, STR("test.echo"), NULL, 0, PATIENCE_MS, &out));
  CHECK(tasker_call_cancel(w, 9) == TASKER_OK);
  int cancelled = 0;
  while (!cancelled) {
    CHECK(tasker_poll(w, 8, 0, PATIENCE_MS, &out) == TASKER_OK);
    size_t at = 0;
    for (uint32_t i = 0, n = frame_count(&out); i < n; i++) {
      frame f = frame_next(&out, &at);
      if (f.type == TASKER_FRAME_RESPONSE) CHECK(f.number == 9 && f.status == TASKER_E_CANCELLED);
      cancelled |= f.type == TASKER_FRAME_RESPONSE;
      if (f.type == TASKER_FRAME_STEP) CHECK(tasker_complete(w, f.number, STR(good), 0, NULL) == TASKER_OK);
    }
    tasker_buf_free(&out);
  }
  CHECK(tasker_call_cancel(w, 9) == TASKER_E_NOT_FOUND);
  CHECK(tasker_wake(w) == TASKER_OK);

  /* a client */
  tasker_handle c;
  EXPECT(TASKER_OK, tasker_client_new(NULL, 0, PATIENCE_MS, &c, &out));
  EXPECT(TASKER_OK, tasker_call(c, STR("test.echo"), NULL, 0, PATIENCE_MS, &out));
  CHECK(tasker_complete(c, t, STR(good), 0, NULL) == TASKER_E_HANDLE, "a client is no worker");
  CHECK(tasker_worker_free(c) == TASKER_E_HANDLE && tasker_client_free(c) == TASKER_OK && tasker_client_free(c) == TASKER_E_HANDLE);

  /* the end */
  CHECK(tasker_worker_drain(w) == TASKER_OK);
  int32_t rc;
  int shutdown = 0;
  while ((rc = tasker_poll(w, 8, 0, PATIENCE_MS, &out)) != TASKER_CLOSED) {
    CHECK(rc == TASKER_OK || rc == TASKER_TIMEOUT, "%s", tasker_status_name(rc));
    size_t at = 0;
    for (uint32_t i = 0, n = rc == TASKER_OK ? frame_count(&out) : 0; i < n; i++) shutdown |= frame_next(&out, &at).type == TASKER_FRAME_SHUTDOWN;
    tasker_buf_free(&out);
  }
  CHECK(shutdown);
  EXPECT(TASKER_OK, tasker_worker_stop(w, PATIENCE_MS, &out));
  CHECK(tasker_worker_free(w) == TASKER_OK && tasker_worker_free(w) == TASKER_E_HANDLE);

  /* a full channel: the token stays valid */
  w = worker_started("\"loopback.steps\":64,\"loopback.room\":1");
  call(w, "test.database", "{\"up\":false}");
  do {
    t = next_token(w);
    rc = tasker_complete(w, t, STR(good), 200, &out);
    tasker_buf_free(&out);
  } while (rc == TASKER_OK);
  CHECK(rc == TASKER_E_BUSY, "%s", tasker_status_name(rc));
  call(w, "test.database", "{\"up\":true}");
  EXPECT(TASKER_OK, tasker_complete(w, t, STR(good), PATIENCE_MS, &out));
  worker_end(w);
  batches();
}

/* ---- tokens ---- */

static tasker_handle shared_worker;
static _Atomic tasker_token shared_token;
static _Atomic int accepted;
static pthread_barrier_t go;

static void *complete_shared(void *arg) {
  (void)arg;
  pthread_barrier_wait(&go);
  int32_t rc = tasker_complete(shared_worker, shared_token, STR(good), PATIENCE_MS, NULL);
  if (rc == TASKER_OK)
    atomic_fetch_add(&accepted, 1);
  else
    CHECK(rc == TASKER_E_STALE_TOKEN, "%s", tasker_status_name(rc));
  return NULL;
}

void scenario_misuse(void) {
  tasker_buf out = {0};
  tasker_handle w = shared_worker = worker_started("\"loopback.steps\":10,\"loopback.timeout_ms\":600000");
  for (int i = 0; i < 10; i++) {
    shared_token = next_token(w);
    accepted = 0;
    pthread_t threads[100];
    pthread_barrier_init(&go, NULL, 100);
    for (int n = 0; n < 100; n++) CHECK(pthread_create(&threads[n], NULL, complete_shared, NULL) == 0);
    for (int n = 0; n < 100; n++) pthread_join(threads[n], NULL);
    pthread_barrier_destroy(&go);
    CHECK(accepted == 1, "%d", accepted);
  }
  worker_end(w);
  w = shared_worker = worker_started("\"loopback.steps\":1,\"loopback.timeout_ms\":500");
  tasker_handle other = worker_started("\"loopback.steps\":1");
  tasker_token foreign = next_token(other);
  EXPECT(TASKER_E_STALE_TOKEN, tasker_complete(w, foreign, STR(good), 0, &out));
  EXPECT(TASKER_OK, tasker_complete(other, foreign, STR(good), 0, &out));
  EXPECT(TASKER_E_STALE_TOKEN, tasker_complete(w, 0, STR(good), 0, &out));

  /* after the timeout */
  tasker_token late = next_token(w);
  int told = 0;
  while (!told) {
    CHECK(tasker_poll(w, 1, 0, PATIENCE_MS, &out) == TASKER_OK);
    size_t at = 0;
    frame f = frame_next(&out, &at);
    told = f.type == TASKER_FRAME_CANCEL && f.number == late;
    tasker_buf_free(&out);
  }
  int32_t rc = tasker_complete(w, late, STR(good), 0, &out);
  CHECK(rc == TASKER_E_STALE_TOKEN && memmem(out.data, out.len, "\"timeout\"", 9), "%.*s", (int)out.len, (char *)out.data);
  tasker_buf_free(&out);
  worker_end(w);
  worker_end(other);

  /* after a restart */
  w = worker_started("\"loopback.steps\":1");
  EXPECT(TASKER_E_STALE_TOKEN, tasker_complete(w, late, STR(good), 0, &out));
  CHECK(tasker_complete(shared_worker, late, STR(good), 0, NULL) == TASKER_E_HANDLE);
  CHECK(tasker_complete(w, next_token(w), STR(good), 0, NULL) == TASKER_OK);
  worker_end(w);
}
