package main

// #include "shim.h"
// #include "guard.h"
import "C"

import "github.com/tasker-systems/tasker-go/ffi/bridge"

//export tkgo_client_new
func tkgo_client_new(cfg *C.uint8_t, n C.size_t, timeout C.int32_t, h *C.tasker_handle, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_client_new", &rc, out, &r)
	C.tkc_entered()
	injected("tasker_client_new")
	var handle uint64
	handle, r = lib.ClientNew(bytesOf(cfg, n), environ(), int32(timeout))
	*h = C.tasker_handle(handle)
	return
}

//export tkgo_client_free
func tkgo_client_free(h C.tasker_handle) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_client_free", &rc, nil, &r)
	injected("tasker_client_free")
	r = lib.ClientFree(uint64(h))
	return
}

//export tkgo_call
func tkgo_call(h C.tasker_handle, method *C.uint8_t, mn C.size_t, params *C.uint8_t, n C.size_t, timeout C.int32_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_call", &rc, out, &r)
	injected("tasker_call")
	r = lib.Call(uint64(h), string(bytesOf(method, mn)), bytesOf(params, n), int32(timeout))
	return
}

//export tkgo_call_async
func tkgo_call_async(h C.tasker_handle, request C.uint64_t, method *C.uint8_t, mn C.size_t, params *C.uint8_t, n C.size_t, timeout C.int32_t, out *C.tasker_buf) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_call_async", &rc, out, &r)
	injected("tasker_call_async")
	r = lib.CallAsync(uint64(h), uint64(request), string(bytesOf(method, mn)), bytesOf(params, n), int32(timeout))
	return
}

//export tkgo_call_cancel
func tkgo_call_cancel(h C.tasker_handle, request C.uint64_t) (rc C.int32_t) {
	var r bridge.Reply
	defer finish("tasker_call_cancel", &rc, nil, &r)
	injected("tasker_call_cancel")
	r = lib.CallCancel(uint64(h), uint64(request))
	return
}
