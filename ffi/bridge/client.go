package bridge

import "context"

// client is what a client's handle stands for.
type client struct {
	*endpoint
	core ClientCore
}

// ClientNew opens a client.
func (l *Library) ClientNew(config []byte, environ []string, timeoutMS int32) (uint64, Reply) {
	cfg, err := decodeConfig(config)
	if err != nil {
		return 0, fail(err)
	}
	c := &client{endpoint: newEndpoint(l)}
	setup := Setup{Config: cfg, Environ: environ, Logger: l.Logger(), SetLogLevel: l.SetLogLevel, Events: c.emit}
	c.core, err = open(c.ctx, l, timeoutMS, func(ctx context.Context) (ClientCore, error) { return l.opts.OpenClient(ctx, setup) },
		func(late ClientCore) { _ = late.Close() })
	if err != nil {
		c.free()
		return 0, fail(err)
	}
	c.caller = c.core
	info := c.core.Info()
	info["schema_version"] = SchemaVersion
	return uint64(l.clients.put(c)), ok(info)
}

// ClientFree ends a client.
func (l *Library) ClientFree(h uint64) Reply {
	c, ok := l.clients.remove(handle(h), "freed")
	if !ok {
		_, _, _, known := l.clients.get(handle(h))
		return fail(badHandle("client", known))
	}
	c.free()
	l.tasks.run("close a freed client", func() {
		if err := c.core.Close(); err != nil {
			l.Logger().Warn("a client did not close cleanly", "error", err)
		}
	})
	return Reply{}
}
