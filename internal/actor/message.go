package actor

import "context"

// Reply is embedded as the first field of a message and names the type of its answer. It takes no room.
type Reply[R any] struct{}

func (Reply[R]) answeredWith(R) {}

// Message is any struct that embeds a [Reply] of R.
type Message[R any] interface {
	answeredWith(R)
}

// Handler is an actor with a single message. An actor with several has one method for each, named for it, as in
// HandleExecuteStep for ExecuteStepMessage; Go has no overloading, and [Ask] takes either.
type Handler[M Message[R], R any] interface {
	Actor
	Handle(ctx context.Context, msg M) (R, error)
}
