package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

//export tkgo_poll
func tkgo_poll(h C.tasker_handle, maxFrames C.int32_t, maxBytes C.uint32_t, waits C.int, out *C.tasker_buf, w *C.tkc_wait) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_poll", &rc, out, &r)
	injected("tasker_poll")
	r = lib.Poll(uint64(h), int32(maxFrames), uint32(maxBytes), waits != 0, allocInto(out))
	waitFor(w, &r)
	return
}

//export tkgo_poll_again
func tkgo_poll_again(id C.uint64_t, readable C.int, maxFrames C.int32_t, maxBytes C.uint32_t, out *C.tasker_buf, w *C.tkc_wait) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_poll", &rc, out, &r)
	r = lib.PollAgain(uint64(id), readable != 0, int32(maxFrames), uint32(maxBytes), allocInto(out))
	w.id, w.watched = C.uint64_t(r.Wait.ID), C.int32_t(r.Wait.Watched)
	return
}

//export tkgo_wait_done
func tkgo_wait_done(id C.uint64_t) {
	var rc C.int32_t
	var r bridge.Reply
	defer finish("end of a wait", &rc, nil, &r)
	lib.WaitDone(uint64(id))
}

//export tkgo_wake
func tkgo_wake(h C.tasker_handle) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_wake", &rc, nil, &r)
	injected("tasker_wake")
	r = lib.Wake(uint64(h))
	return
}

//export tkgo_event_fd
func tkgo_event_fd(h C.tasker_handle) (rc C.int32_t) {
	var r bridge.Reply
	var fd int
	defer func() {
		if rc == 0 {
			rc = C.int32_t(fd)
		}
	}()
	defer finish("tasker_event_fd", &rc, nil, &r)
	injected("tasker_event_fd")
	fd, r = lib.EventFD(uint64(h))
	return
}

//export tkgo_complete
func tkgo_complete(h C.tasker_handle, t C.tasker_token, result *C.uint8_t, n C.size_t, waits C.int, out *C.tasker_buf, w *C.tkc_wait) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_complete", &rc, out, &r)
	injected("tasker_complete")
	r = lib.Complete(uint64(h), uint64(t), bytesOf(result, n), waits != 0)
	waitFor(w, &r)
	return
}

//export tkgo_complete_batch
func tkgo_complete_batch(h C.tasker_handle, tokens *C.tasker_token, results **C.uint8_t, sizes *C.size_t, codes *C.int32_t, count C.size_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_complete_batch", &rc, out, &r)
	injected("tasker_complete_batch")
	n := int(count)
	batch := &completions{unsafe.Slice(tokens, n), unsafe.Slice(results, n), unsafe.Slice(sizes, n), unsafe.Slice(codes, n)}
	r = lib.CompleteBatch(uint64(h), batch)
	return
}

// completions are the arrays of a host.
type completions struct {
	tokens  []C.tasker_token
	results []*C.uint8_t
	sizes   []C.size_t
	codes   []C.int32_t
}

func (c *completions) Len() int                       { return len(c.tokens) }
func (c *completions) Token(i int) uint64             { return uint64(c.tokens[i]) }
func (c *completions) Result(i int) []byte            { return bytesOf(c.results[i], c.sizes[i]) }
func (c *completions) Answer(i int, code bridge.Code) { c.codes[i] = C.int32_t(code) }

//export tkgo_checkpoint
func tkgo_checkpoint(h C.tasker_handle, t C.tasker_token, data *C.uint8_t, n C.size_t, timeout C.int32_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_checkpoint", &rc, out, &r)
	injected("tasker_checkpoint")
	r = lib.Checkpoint(uint64(h), uint64(t), bytesOf(data, n), int32(timeout))
	return
}

//export tkgo_heartbeat
func tkgo_heartbeat(h C.tasker_handle, t C.tasker_token, details *C.uint8_t, n C.size_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_heartbeat", &rc, out, &r)
	injected("tasker_heartbeat")
	r = lib.Heartbeat(uint64(h), uint64(t), bytesOf(details, n))
	return
}

//export tkgo_release
func tkgo_release(h C.tasker_handle, t C.tasker_token, reason *C.uint8_t, n C.size_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_release", &rc, out, &r)
	injected("tasker_release")
	r = lib.Release(uint64(h), uint64(t), bytesOf(reason, n))
	return
}
