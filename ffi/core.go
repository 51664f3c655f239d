//go:build !tasker_testhooks

package main

import (
	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/ffi/bridge/engine"
)

func withCore(o bridge.Options) bridge.Options {
	o.OpenWorker, o.OpenClient = engine.Open, engine.OpenClient
	return o
}
