/* What shim.c and the Go files of this package share. */
#ifndef TASKER_SHIM_H
#define TASKER_SHIM_H

#include "../include/tasker.h"

/* A promise of Go to keep fd open until tkgo_wait_done(id). id 0: there is nothing to wait for. watched is another descriptor that ends
 * the wait, or -1; it may be closed meanwhile. */
typedef struct tkc_wait {
  int32_t fd, watched;
  uint64_t id;
} tkc_wait;

/* A log record on its way to the host's callback; data belongs to the C side once it is filled. */
typedef struct tkc_record {
  int32_t level;
  uint8_t *data;
  size_t len;
} tkc_record;

/* Memory of a tasker_buf. NULL: there is none. */
uint8_t *tkc_buf_alloc(tasker_buf *b, size_t n);

/* Descriptors that a forked child closes. */
void tkc_fd_register(int fd);
void tkc_fd_forget(int fd);

/* environ, as "NAME=value" strings one after the other with their NULs; to be freed. */
uint8_t *tkc_environ(size_t *n);

/* Gives records to fn until tkgo_log_next says that it is over. stream is a Go value saved by go-pointer. */
void tkc_log_pump(void *stream, tasker_log_fn fn, void *user_data);

#endif
