/*
 * What is plain C: memory that can be freed anywhere, also in a forked child, and what the library says of itself.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "64-bit systems only");
_Static_assert(sizeof(tasker_buf) == 24 && offsetof(tasker_buf, data) == 0 && offsetof(tasker_buf, len) == 8 &&
                   offsetof(tasker_buf, cookie) == 16, "the layout of tasker_buf is frozen");

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
  *b = (tasker_buf){0};
}

TASKER_API int64_t tasker_live_buffers(void) { return atomic_load_explicit(&live_buffers, memory_order_relaxed); }

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
