// Package main is libtasker.so: the C functions of include/tasker.h, which shim.c and guard.c define, over package bridge.
//
// A function here takes memory of C apart, calls the bridge and puts the answer into memory that C frees. It is called by
// the shim only, which has checked what must hold before Go is entered.
package main

/*
#cgo CFLAGS: -std=gnu11 -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter
#include <stdlib.h>
#include "shim.h"
#include "guard.h"
*/
import "C"

import (
	"log/slog"
	"runtime/debug"
	"strings"
	"unsafe"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

func main() {}

func init() {
	// Whatever in the process logs without being given a logger must not reach the host's standard error.
	slog.SetDefault(lib.Logger())
	debug.SetTraceback("all")
	// The core's heap is small beside a host's: let it be collected half as often, unless GOGC says otherwise.
	if percent := debug.SetGCPercent(200); percent != 100 {
		debug.SetGCPercent(percent)
	}
}

var lib = bridge.New(withCore(bridge.Options{
	OnOpenFD:  func(fd int) { C.tkc_fd_register(C.int(fd)) },
	OnCloseFD: func(fd int) { C.tkc_fd_forget(C.int(fd)) },
}))

// bytesOf is memory of C as a slice; it is valid during the call.
func bytesOf(p *C.uint8_t, n C.size_t) []byte {
	return unsafe.Slice((*byte)(p), int(n))
}

// allocInto returns memory that out owns.
func allocInto(out *C.tasker_buf) bridge.Alloc {
	return func(n int) []byte {
		p := C.tkc_buf_alloc(out, C.size_t(n))
		if p == nil {
			return nil
		}
		return unsafe.Slice((*byte)(p), n)
	}
}

// finish answers a call: recovers a panic, writes the document to out, if the host wants it, and returns the code. It is
// deferred, so that no panic crosses into C.
func finish(what string, rc *C.int32_t, out *C.tasker_buf, reply *bridge.Reply) {
	if v := recover(); v != nil {
		*reply = lib.Panicked(what, v, debug.Stack())
	}
	*rc = C.int32_t(reply.Code)
	if out == nil || len(reply.Document) == 0 {
		return
	}
	b := allocInto(out)(len(reply.Document))
	if b == nil {
		if reply.Code >= 0 {
			*rc = C.TASKER_E_NOMEM
		}
		return
	}
	copy(b, reply.Document)
}

// waitFor tells the shim what to wait for.
func waitFor(w *C.tkc_wait, reply *bridge.Reply) {
	w.fd, w.watched, w.id = C.int32_t(reply.Wait.FD), C.int32_t(reply.Wait.Watched), C.uint64_t(reply.Wait.ID)
}

// environ is the host's environment at this moment: Go's own copy is that of the program's start.
func environ() []string {
	var n C.size_t
	p := C.tkc_environ(&n)
	if p == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(p))
	pairs := strings.Split(string(bytesOf(p, n)), "\x00")
	return pairs[:len(pairs)-1]
}
