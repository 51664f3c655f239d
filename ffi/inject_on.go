//go:build tasker_testhooks

package main

import "sync/atomic"

// panicIn names the function whose next call panics; see test.inject.
var panicIn atomic.Pointer[string]

func injected(function string) {
	if name := panicIn.Load(); name != nil && *name == function && panicIn.CompareAndSwap(name, nil) {
		panic("injected into " + function)
	}
}
