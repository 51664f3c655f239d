package dispatch

import "context"

// turn is what a runner has while it sends the result of the step that it ran: if nothing else is being stored, the runner
// stores it, and goes on with the first step that comes of it. On an otherwise idle machine the hand-over to other
// goroutines and back would take longer than a small handler.
type turn struct {
	service *HandlerDispatchService
	next    *DispatchHandlerMessage
}

type turnKey struct{}

// in is ctx with the turn.
func (t *turn) in(ctx context.Context) context.Context { return context.WithValue(ctx, turnKey{}, t) }

// turnOf is the turn that ctx holds, or nil.
func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// take makes m the runner's next step; false means that it has one already, or that it is not s's.
func (t *turn) take(s *HandlerDispatchService, m *DispatchHandlerMessage) bool {
	if t == nil || t.service != s || t.next != nil {
		return false
	}
	t.next = m
	return true
}

// end is the runner's next step, or nil.
func (t *turn) end() *DispatchHandlerMessage {
	if t == nil {
		return nil
	}
	return t.next
}
