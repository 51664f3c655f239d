package bridge

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/payload"
)

// Core is what runs behind a worker: it claims steps, has them run through the channel and stores their results. Each of
// its methods is called from one goroutine at a time, but for Drain, InFlight, Status and Call.
type Core interface {
	Caller
	// Info is what the host is told when the worker is made.
	Info() map[string]any
	// Limits bound what steps may return.
	Limits() payload.Limits
	// Start begins to claim steps of these handlers. They go to the channel that connect makes; it is called once.
	Start(ctx context.Context, handlers []string, connect Connect) error
	// Serve replaces the handlers of a core that was started.
	Serve(ctx context.Context, handlers []string) error
	// Drain claims no more. What was claimed goes on.
	Drain()
	// InFlight counts the steps that were claimed and whose results are not stored yet. It does not wait.
	InFlight() int
	// Stop ends a core whose host holds no step any more, once all results are stored. It also ends one that was not
	// started. When ctx is done it ends anyway.
	Stop(ctx context.Context) error
	// Status adds to what the host is told of the worker. It asks nobody and does not wait.
	Status() map[string]any
}

// Connect makes the channel between a core and its host, tuned by cfg; the hooks in cfg are the bridge's to set.
type Connect func(source dispatch.FfiEventSource, slots *dispatch.Slots, sink dispatch.CompletionSender, cfg dispatch.FfiConfig) *dispatch.FfiDispatchChannel

// Caller answers generic calls.
type Caller interface {
	// Call takes and returns a JSON document. A method that it does not know gets an [Error] of [EUnsupported].
	Call(ctx context.Context, method string, params []byte) (result []byte, err error)
}

// ClientCore is what runs behind a client.
type ClientCore interface {
	Caller
	// Info is what the host is told when the client is made.
	Info() map[string]any
	// Close ends it. Calls under way have been cancelled.
	Close() error
}

// Setup is what a core is made from.
type Setup struct {
	Config Config
	// Environ holds "NAME=value" pairs, as the host's environment was a moment ago.
	Environ []string
	Logger  *slog.Logger
	// SetLogLevel drops log records that are less severe: error, warn, info, debug or trace. It holds for the process.
	SetLogLevel func(level string)
	// Events takes domain events for the host. It does not wait.
	Events func(DomainEvent)
}

// Options are what the library stands on.
type Options struct {
	OpenWorker func(context.Context, Setup) (Core, error)
	OpenClient func(context.Context, Setup) (ClientCore, error)
	// OnOpenFD and OnCloseFD hear of the library's descriptors, which a forked child closes.
	OnOpenFD, OnCloseFD func(fd int)
	// LogRecords is the room of the ring of log records. Defaults to 4096.
	LogRecords int
}
