//go:build tasker_testhooks

package main

import (
	"context"
	"strings"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/ffi/bridge/loopback"
)

// withCore runs the library over a core that needs no database, for tests of the interface itself.
func withCore(o bridge.Options) bridge.Options {
	o.OpenWorker = func(ctx context.Context, s bridge.Setup) (bridge.Core, error) {
		c, err := loopback.Open(ctx, s)
		if err != nil {
			return nil, err
		}
		return injectingCore{c}, nil
	}
	o.OpenClient = loopback.OpenClient
	return o
}

// injectingCore is told by test.inject which function shall panic: "tasker_poll".
type injectingCore struct{ bridge.Core }

func (c injectingCore) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	if method == "test.inject" {
		name := strings.Trim(string(params), `"`)
		panicIn.Store(&name)
		return []byte("{}"), nil
	}
	return c.Core.Call(ctx, method, params)
}
