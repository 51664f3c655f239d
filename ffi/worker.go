package main

// #include "shim.h"
// #include "guard.h"
import "C"

import "github.com/tasker-systems/tasker-go/ffi/bridge"

//export tkgo_worker_new
func tkgo_worker_new(cfg *C.uint8_t, n C.size_t, timeout C.int32_t, h *C.tasker_handle, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_new", &rc, out, &r)
	C.tkc_entered()
	injected("tasker_worker_new")
	var handle uint64
	handle, r = lib.WorkerNew(bytesOf(cfg, n), environ(), int32(timeout))
	*h = C.tasker_handle(handle)
	return
}

//export tkgo_worker_register
func tkgo_worker_register(h C.tasker_handle, handlers *C.uint8_t, n C.size_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_register", &rc, out, &r)
	injected("tasker_worker_register")
	r = lib.WorkerRegister(uint64(h), bytesOf(handlers, n))
	return
}

//export tkgo_worker_start
func tkgo_worker_start(h C.tasker_handle, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_start", &rc, out, &r)
	injected("tasker_worker_start")
	r = lib.WorkerStart(uint64(h))
	return
}

//export tkgo_worker_status
func tkgo_worker_status(h C.tasker_handle, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_status", &rc, out, &r)
	injected("tasker_worker_status")
	r = lib.WorkerStatus(uint64(h))
	return
}

//export tkgo_worker_drain
func tkgo_worker_drain(h C.tasker_handle) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_drain", &rc, nil, &r)
	injected("tasker_worker_drain")
	r = lib.WorkerDrain(uint64(h))
	return
}

//export tkgo_worker_stop
func tkgo_worker_stop(h C.tasker_handle, timeout C.int32_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_stop", &rc, out, &r)
	injected("tasker_worker_stop")
	r = lib.WorkerStop(uint64(h), int32(timeout))
	return
}

//export tkgo_worker_free
func tkgo_worker_free(h C.tasker_handle) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_worker_free", &rc, nil, &r)
	injected("tasker_worker_free")
	r = lib.WorkerFree(uint64(h))
	return
}
