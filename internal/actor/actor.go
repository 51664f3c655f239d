// Package actor holds the little that orchestration and worker actors share: typed messages, the one seam through which
// they are asked, and a start and stop in order.
//
// An actor is a thin typed door over a stateless service. It has no mailbox and no goroutine: [Ask] calls the actor's
// method on the caller's goroutine, so the caller's context, its back-pressure and its stack stay whole. An actor is
// therefore used from many goroutines at once and must be safe for that.
//
// A message names what it is answered with by embedding [Reply]; the compiler then refuses a handler with another
// answer:
//
//	type FinalizeTaskMessage struct {
//		actor.Reply[FinalizationResult]
//		TaskUUID sdk.UUID
//	}
//
//	result, err := actor.Ask(ctx, finalizer.Handle, FinalizeTaskMessage{TaskUUID: id})
package actor

import (
	"context"
	"log/slog"
)

// Actor is what a [Group] starts and stops. Embed [Base] and override what differs.
type Actor interface {
	// Name is the actor's type name, letter for letter, as in "TaskFinalizerActor".
	Name() string
	// Started makes the actor ready for messages. If it returns an error it has undone what it did itself: Stopped is
	// not called then.
	Started(ctx context.Context) error
	// Stopped lets go of what Started took. It is called once for each successful Started, and returns when ctx is done.
	Stopped(ctx context.Context) error
}

// Base gives an actor its name and a lifecycle that only logs.
type Base struct {
	name   string
	logger *slog.Logger
}

// NewBase returns the base of the actor called name. A nil logger means [slog.Default].
func NewBase(name string, logger *slog.Logger) Base {
	if logger == nil {
		logger = slog.Default()
	}
	return Base{name: name, logger: logger}
}

// Name returns the name given to [NewBase].
func (b *Base) Name() string { return b.name }

// Started logs that the actor started.
func (b *Base) Started(ctx context.Context) error {
	b.logger.DebugContext(ctx, "actor started", "actor", b.name)
	return nil
}

// Stopped logs that the actor stopped.
func (b *Base) Stopped(ctx context.Context) error {
	b.logger.DebugContext(ctx, "actor stopped", "actor", b.name)
	return nil
}
