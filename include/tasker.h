/*
 * tasker.h - the C interface of libtasker.so, the core of Tasker for programs that are not written in Go.
 *
 * A host opens a worker, tells which handlers it serves, polls for steps, runs them in its own threads and completes
 * them. The core claims steps, keeps their leases, watches their time and stores their results. examples/c/ holds the
 * smallest possible host; ffi/README.md tells the whole story; include/contract/ holds the JSON documents by example.
 *
 * Rules that hold for every function, unless its comment says otherwise
 *
 * Threads    Any thread may call anything at any time. Nothing is kept per thread.
 * Handles    tasker_handle and tasker_token are numbers that are never used again. 0 is none. A number that is dead, made
 *            up, or of the wrong kind gets TASKER_E_HANDLE (handles) or TASKER_E_STALE_TOKEN (tokens), never a crash.
 * Input      (pointer, length): UTF-8, JSON unless said; no terminating NUL is needed or read. The memory is only read,
 *            and only during the call. Length 0 allows a NULL pointer.
 * Output     tasker_buf *out: a struct of the caller, one for each call under way. It is zeroed first, whatever it
 *            held: free it before you use it again. On return it may own memory, also when the call failed: free it
 *            with tasker_buf_free. "may be NULL" is said where out may be left out.
 * Errors     A negative result is an error; out then holds {"code":-20,"name":"E_BUSY","message":"...",
 *            "retryable":true,"details":{...}}. Positive results are outcomes that are no errors.
 * Waiting    timeout_ms: 0 does not wait, < 0 waits without limit. "Waits" means that the call may block up to
 *            timeout_ms: let go of interpreter locks (GIL, GVL) around it. "Waits in C" means that it blocks in poll(2),
 *            outside of Go, and returns TASKER_INTERRUPTED when a signal handler has run on the calling thread.
 * Fork       The core lives in the process that loaded the library. In a forked child every function returns
 *            TASKER_E_FORKED at once, but for those marked P: they are plain C and work everywhere, always. Only exec
 *            gives a child a core of its own: load the library after the fork.
 * Environment  Settings are read from environ as it is when tasker_worker_new or tasker_client_new is called.
 * Standard input, output and error are never touched, nor are signal handlers, but for tasker_signals_harden.
 */
#ifndef TASKER_H
#define TASKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TASKER_API __attribute__((visibility("default")))
#else
#define TASKER_API
#endif

#define TASKER_ABI_MAJOR 1 /* changes when a host must change */
#define TASKER_ABI_MINOR 1 /* grows with what is added */

typedef uint64_t tasker_handle; /* a worker or a client */
typedef uint64_t tasker_token;  /* one attempt of one step, as delivered in a frame */

/* Memory that the library hands out. The layout is frozen. Do not copy a filled one: two copies would be freed twice. */
typedef struct tasker_buf {
  uint8_t *data;
  size_t len;
  uint64_t cookie; /* the library's own */
} tasker_buf;

/* See tasker_set_log_callback. json is not NUL-terminated and lives only during the call. */
typedef void (*tasker_log_fn)(void *user_data, int32_t level, const uint8_t *json, size_t n);

enum {
  /* outcomes */
  TASKER_OK = 0,
  TASKER_TIMEOUT = 1,     /* nothing within timeout_ms */
  TASKER_CLOSED = 2,      /* there will be nothing more */
  TASKER_INTERRUPTED = 3, /* a signal handler ran on this thread: call again */
  TASKER_PENDING = 4,     /* under way; a frame will tell */

  /* mistakes of the caller: the same call would fail again */
  TASKER_E_INVALID = -1,     /* an argument or a document is wrong; details.key names the key */
  TASKER_E_HANDLE = -2,      /* no such handle, or one of another kind */
  TASKER_E_FORKED = -3,      /* called in a forked child */
  TASKER_E_ABI = -4,         /* header and library do not fit */
  TASKER_E_STATE = -5,       /* not now: already started, not started, called from within a callback */
  TASKER_E_ENCODING = -6,    /* not UTF-8, not JSON, or JSON that the database cannot hold; details.offset */
  TASKER_E_TOO_LARGE = -7,   /* larger than the configured limit; details.limit */
  TASKER_E_STALE_TOKEN = -8, /* the attempt is over for this token; details.reason tells how it ended */
  TASKER_E_UNSUPPORTED = -9, /* no such method, or not on this kind of handle */

  /* the environment: see "retryable" in the error document */
  TASKER_E_BUSY = -20,      /* full: what was given is still the caller's, try again */
  TASKER_E_CANCELLED = -21, /* the step is cancelled or taken away: stop working on it */
  TASKER_E_DEADLINE = -22,  /* not done within timeout_ms; it may have happened or not */
  TASKER_E_CONFIG = -23,    /* the configuration is wrong */
  TASKER_E_DATABASE = -24,  /* PostgreSQL did not answer, or not well */
  TASKER_E_NOT_FOUND = -25,
  TASKER_E_CONFLICT = -26, /* what is there already differs */
  TASKER_E_DENIED = -27,

  /* trouble in the core */
  TASKER_E_NOMEM = -40,
  TASKER_E_PANIC = -41, /* a bug in the core was caught; details.stack */
  TASKER_E_INTERNAL = -42
};

/* Levels of log records. */
enum {
  TASKER_LOG_ERROR = 1,
  TASKER_LOG_WARN = 2,
  TASKER_LOG_INFO = 3,
  TASKER_LOG_DEBUG = 4,
  TASKER_LOG_TRACE = 5
};

/*
 * Frames: what tasker_poll and tasker_log_poll return. All numbers are little endian.
 *
 *   header, 16 bytes   "TKF1"  u32 count  u64 total_len
 *   each frame, 40     u32 payload_len  u16 type  u16 flags  u64 token_or_req_id  u8 id[16]  i32 status  u32 reserved
 *                      then the payload, then zeros up to a multiple of 8
 *
 * total_len counts the header too. id is the event's uuid, or zero. The lowest four bits of flags tell the payload's
 * encoding: 0 is JSON. Readers skip types that they do not know and ignore flags that they do not know.
 */
enum {
  TASKER_FRAME_STEP = 1,         /* run this step: token, id = event_id, payload = step event */
  TASKER_FRAME_CANCEL = 2,       /* stop working on token; payload = {"reason":"timeout"|"cancelled"|"lease_lost"|"shutdown", ...} */
  TASKER_FRAME_RESPONSE = 3,     /* answer to tasker_call_async: req_id, status = result code, payload as of tasker_call */
  TASKER_FRAME_DOMAIN_EVENT = 4, /* id = event_id, payload = domain event */
  TASKER_FRAME_SHUTDOWN = 5,     /* no further STEP frame will come; finish what you have */
  TASKER_FRAME_LOG = 6,          /* status = level, payload = log record */
  TASKER_FRAME_DROPPED = 7       /* payload = {"what":"log"|"domain_event","count":n}: a full buffer lost n of these */
};

enum { TASKER_FRAMES_HEADER_SIZE = 16, TASKER_FRAME_HEADER_SIZE = 40, TASKER_FRAME_ENCODING_MASK = 15 };

/* Bits of tasker_process_state. */
enum {
  TASKER_PROCESS_FORKED = 1,              /* this is a forked child: the core is not here */
  TASKER_PROCESS_GO_STARTED = 2,          /* a call has entered the core */
  TASKER_PROCESS_SEGV_NOT_GO = 4,         /* the handler of SIGSEGV was replaced after load: bugs in Go code kill the process */
  TASKER_PROCESS_HANDLERS_NO_ONSTACK = 8, /* handlers lack SA_ONSTACK: tasker_signals_harden can add it */
  TASKER_PROCESS_OTHER_GO_RUNTIME = 16,   /* another Go library is loaded; that works on Linux, but is nowhere promised */
  TASKER_PROCESS_MUSL = 32                /* the C library is musl, under which Go libraries do not work */
};

/* ---- the library (all P) ---- */

/* Returns major << 16 | minor of the library. A host refuses another major, or a minor below its own. */
TASKER_API uint32_t tasker_abi_version(void);

/* TASKER_OK if a host written for version want, with structs of these sizes, can use the library; else TASKER_E_ABI. */
TASKER_API int32_t tasker_abi_check(uint32_t want, uint32_t sizeof_buf, uint32_t sizeof_ptr);

/* Version, commit and Go version of the library, NUL-terminated, static. */
TASKER_API const char *tasker_version(void);

/* "OK", "E_BUSY", ...; "UNKNOWN" for codes of a newer library. NUL-terminated, static. */
TASKER_API const char *tasker_status_name(int32_t rc);

/* Frees what b owns and zeroes it. NULL, an empty struct, one freed before and one that never came from here do nothing. */
TASKER_API void tasker_buf_free(tasker_buf *b);

/* Buffers handed out and not freed. Host tests end with 0. */
TASKER_API int64_t tasker_live_buffers(void);

/* TASKER_PROCESS_ bits, looked up at each call. */
TASKER_API uint32_t tasker_process_state(void);

/* Adds SA_ONSTACK to signal handlers of the host that lack it; without it, a handler that runs on a thread of the core
 * kills the process. Bit s-1 of mask stands for signal s; 0 only counts. Returns how many handlers lacked it. For hosts
 * that install handlers after load (Ruby's trap, profilers); not for .NET or JavaScriptCore, which need their own way.
 * Call it after installing handlers, and again every few seconds. */
TASKER_API int32_t tasker_signals_harden(uint32_t mask);

/* ---- logs: one bounded ring for the process; when it is full the oldest records are dropped and counted ---- */

/* Takes up to max LOG frames, after a DROPPED frame if records were lost. Waits in C. Each record goes to one caller. */
TASKER_API int32_t tasker_log_poll(int32_t max, int32_t timeout_ms, tasker_buf *out);

/* A descriptor that is readable while there are records. The library's: do not read, write or close it. */
TASKER_API int32_t tasker_log_fd(void);

/* Adds a record of the host to the ring: an object, or a string that becomes its "message". Never waits. */
TASKER_API int32_t tasker_log_write(int32_t level, const uint8_t *json, size_t n);

/* Has every record given to fn instead of the ring. For C hosts: it is called on threads of the core, which interpreters
 * take badly. user_data is passed through untouched. fn NULL unsets; the call returns when no callback is running any
 * more, after which user_data may be freed. TASKER_E_STATE from within a callback. */
TASKER_API int32_t tasker_set_log_callback(tasker_log_fn fn, void *user_data);

/* ---- life of a worker: new -> [register] -> start -> poll and complete -> drain -> stop -> free ---- */

/* Reads the configuration, connects, checks schema and queues. Nothing is claimed yet. Waits. cfg may be empty: all
 * settings have defaults, files and environment variables. out = {"worker_id":...}. On error *h is 0 and nothing is left
 * running. */
TASKER_API int32_t tasker_worker_new(const uint8_t *cfg, size_t n, int32_t timeout_ms, tasker_handle *h, tasker_buf *out);

/* Adds names of handlers that the host serves: ["order.charge", ...]. Before or after start; names given twice count
 * once. Steps of other handlers are left to other workers. */
TASKER_API int32_t tasker_worker_register(tasker_handle h, const uint8_t *handlers, size_t n, tasker_buf *out);

/* Begins to claim steps. TASKER_E_STATE if the worker is not new. Waits. */
TASKER_API int32_t tasker_worker_start(tasker_handle h, tasker_buf *out);

/* What the worker knows of itself: state, pending steps, ages, starvation, drops, breaker. Asks nobody, never waits. */
TASKER_API int32_t tasker_worker_status(tasker_handle h, tasker_buf *out);

/* Stops claiming, gives steps that were not polled back to the queue and delivers a SHUTDOWN frame. What was polled can
 * still be completed. Calling it again is harmless. */
TASKER_API int32_t tasker_worker_drain(tasker_handle h);

/* Drains, waits until every polled step was given back and all results are stored, and ends the worker. Waits.
 * TASKER_TIMEOUT: steps are still out; call again, or free. out = summary. */
TASKER_API int32_t tasker_worker_stop(tasker_handle h, int32_t timeout_ms, tasker_buf *out);

/* Ends everything at once: waiting polls return TASKER_CLOSED, the handle and all tokens are dead, steps that are still
 * out run again when their lease ends. The second call gets TASKER_E_HANDLE. */
TASKER_API int32_t tasker_worker_free(tasker_handle h);

/* ---- steps ---- */

/* Takes up to max_frames frames of together max_bytes (0: 32 frames, 1 MiB); one that is larger than that comes alone.
 * Waits in C. TASKER_OK: out holds frames. TASKER_CLOSED: the last frame was taken. Any number of threads may poll; each
 * frame goes to one. From here on the attempt's time runs: the template's timeout_seconds, or the configured bound. */
TASKER_API int32_t tasker_poll(tasker_handle h, int32_t max_frames, uint32_t max_bytes, int32_t timeout_ms, tasker_buf *out);

/* Makes one waiting poll return TASKER_TIMEOUT; if none waits, the next one that would. */
TASKER_API int32_t tasker_wake(tasker_handle h);

/* A descriptor (>= 0) that is readable while there are frames, for event loops. The library's: do not read, write or
 * close it. It ends with the handle: take it out of the event loop before tasker_worker_free. */
TASKER_API int32_t tasker_event_fd(tasker_handle h);

/* Hands over the result of a step. Waits, but only for room. TASKER_OK: accepted, the token is used up, and the result
 * will be stored even if PostgreSQL is away. TASKER_E_BUSY: no room, the token is still yours, try again. Input that is
 * refused (TASKER_E_INVALID, TASKER_E_ENCODING, TASKER_E_TOO_LARGE) leaves the token valid, so that a failure can be
 * reported. out may be NULL. */
TASKER_API int32_t tasker_complete(tasker_handle h, tasker_token t, const uint8_t *result, size_t n, int32_t timeout_ms, tasker_buf *out);

/* Hands over the results of count steps, as tasker_complete does that of one; many at once cost much less. results[i] of
 * sizes[i] bytes is that of tokens[i], and codes[i] becomes its answer: each is accepted or not, whatever the others are.
 * Never waits. TASKER_OK: all were accepted; otherwise the answer to the first that was not, with its document in out.
 * Since ABI 1.1. out may be NULL. */
TASKER_API int32_t tasker_complete_batch(tasker_handle h, const tasker_token *tokens, const uint8_t *const *results, const size_t *sizes, int32_t *codes, size_t count, tasker_buf *out);

/* Stores how far a step got and has it delivered again, to go on from there, with a new token. Waits. TASKER_OK: stored,
 * the token is used up. TASKER_PENDING, only with timeout_ms 0: being stored, the token is used up; if that fails the
 * step fails as retryable. Any other answer leaves the token valid. out may be NULL. */
TASKER_API int32_t tasker_checkpoint(tasker_handle h, tasker_token t, const uint8_t *data, size_t n, int32_t timeout_ms, tasker_buf *out);

/* Says that the handler is alive: unless its template names a timeout, the attempt's time starts anew. Never waits.
 * TASKER_E_CANCELLED: stop working on it. details is any JSON for tasker_worker_status, or empty. out may be NULL. */
TASKER_API int32_t tasker_heartbeat(tasker_handle h, tasker_token t, const uint8_t *details, size_t n, tasker_buf *out);

/* Gives a step back to the queue without using up an attempt. reason is any JSON for the log, or empty. Never waits.
 * TASKER_E_BUSY as for complete. out may be NULL. */
TASKER_API int32_t tasker_release(tasker_handle h, tasker_token t, const uint8_t *reason, size_t n, tasker_buf *out);

/* ---- clients, and everything else ---- */

/* Connects to a server, or to the database. Waits. On error *h is 0. Free it with tasker_client_free. */
TASKER_API int32_t tasker_client_new(const uint8_t *cfg, size_t n, int32_t timeout_ms, tasker_handle *h, tasker_buf *out);

/* Calls under way are cancelled. The second call gets TASKER_E_HANDLE. */
TASKER_API int32_t tasker_client_free(tasker_handle h);

/* Calls a method of a worker or a client: one JSON document in, one out. Waits; the deadline is kept. Methods:
 * client.create_task get_task list_tasks cancel_task task_summary pause_task resume_task resolve_task list_steps get_step
 * step_audit reset_for_retry resolve_manually complete_manually retry_from run_now list_dlq get_dlq_entry add_dlq_entry
 * update_dlq_entry requeue_dlq_entry dlq_stats dlq_investigations dlq_staleness health; events.publish poll;
 * templates.list get validate refresh; health.basic live ready detailed; metrics.worker prometheus; config.runtime
 * environment. ffi/README.md describes the documents. */
TASKER_API int32_t tasker_call(tasker_handle h, const uint8_t *method, size_t mn, const uint8_t *json, size_t n, int32_t timeout_ms, tasker_buf *out);

/* Starts a call and returns TASKER_PENDING; its answer is a RESPONSE frame of tasker_poll with req_id, whatever becomes
 * of the call. TASKER_E_CONFLICT if req_id is in use, TASKER_E_BUSY if too many calls are under way. out may be NULL. */
TASKER_API int32_t tasker_call_async(tasker_handle h, uint64_t req_id, const uint8_t *method, size_t mn, const uint8_t *json, size_t n, int32_t timeout_ms, tasker_buf *out);

/* Cancels a call under way: its RESPONSE comes with TASKER_E_CANCELLED. TASKER_E_NOT_FOUND if there is none. */
TASKER_API int32_t tasker_call_cancel(tasker_handle h, uint64_t req_id);

#ifdef __cplusplus
}
#endif

#endif /* TASKER_H */
