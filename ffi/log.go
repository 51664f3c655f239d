package main

// #include <stdlib.h>
// #include <string.h>
// #include "shim.h"
// #include "guard.h"
import "C"

import (
	"sync"
	"unsafe"

	"github.com/mattn/go-pointer"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

//export tkgo_log_poll
func tkgo_log_poll(limit C.int32_t, waits C.int, out *C.tasker_buf, w *C.tkc_wait) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_log_poll", &rc, out, &r)
	injected("tasker_log_poll")
	r = lib.LogPoll(int32(limit), waits != 0, allocInto(out))
	waitFor(w, &r)
	return
}

//export tkgo_log_poll_again
func tkgo_log_poll_again(id C.uint64_t, limit C.int32_t, out *C.tasker_buf, w *C.tkc_wait) C.int32_t {
	return tkgo_poll_again(id, 0, limit, 0, out, w)
}

//export tkgo_log_fd
func tkgo_log_fd() (rc C.int32_t) {
	var r bridge.Reply
	var fd int
	defer func() {
		if rc == 0 {
			rc = C.int32_t(fd)
		}
	}()
	defer finish("tasker_log_fd", &rc, nil, &r)
	injected("tasker_log_fd")
	fd, r = lib.LogFD()
	return
}

//export tkgo_log_write
func tkgo_log_write(level C.int32_t, json *C.uint8_t, n C.size_t) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_log_write", &rc, nil, &r)
	injected("tasker_log_write")
	r = lib.LogWrite(int32(level), bytesOf(json, n))
	return
}

// callback is the log callback that is set, if any.
var callback struct {
	sync.Mutex
	stream *bridge.LogStream
	done   chan struct{} // closed when it is not called any more
}

//export tkgo_set_log_callback
func tkgo_set_log_callback(fn C.tasker_log_fn, userData unsafe.Pointer) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_set_log_callback", &rc, nil, &r)
	injected("tasker_set_log_callback")
	callback.Lock()
	defer callback.Unlock()
	if callback.stream != nil {
		callback.stream.Stop()
		<-callback.done
		callback.stream = nil
	}
	if fn != nil {
		callback.stream, callback.done = lib.NewLogStream(), make(chan struct{})
		go pump(callback.stream, callback.done, fn, userData)
	}
	return
}

// pump has the records of a stream given to the host by C, which knows the stream by a pointer that go-pointer makes. It is
// given back when C will not use it any more.
func pump(s *bridge.LogStream, done chan struct{}, fn C.tasker_log_fn, userData unsafe.Pointer) {
	var rc C.int32_t
	var r bridge.Reply
	defer close(done)
	defer finish("log callback", &rc, nil, &r)
	saved := pointer.Save(s)
	defer pointer.Unref(saved)
	C.tkc_log_pump(saved, fn, userData)
}

// tkgo_log_next copies the next record into memory of C; 0 ends the pump.
//
//export tkgo_log_next
func tkgo_log_next(saved unsafe.Pointer, into *C.tkc_record) (more C.int) {
	var rc C.int32_t
	var r bridge.Reply
	defer finish("log callback", &rc, nil, &r)
	s, ok := pointer.Restore(saved).(*bridge.LogStream)
	if !ok {
		return 0
	}
	record, ok := s.Next()
	if !ok {
		return 0
	}
	into.level, into.len = C.int32_t(record.Level), C.size_t(len(record.JSON))
	into.data = (*C.uint8_t)(C.CBytes(record.JSON))
	return 1
}
