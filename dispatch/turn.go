package dispatch

import "context"

// turn is what a runner has while it sends the result of the step that it ran: if nothing else is being stored, the runner
// stores it, and goes on with the first step that comes of it. On an otherwise idle machine the hand-over to other
// goroutines and back would take longer than a small handler.
type turn struct {
	service *HandlerDispatchService
	next    *attempt
}

type turnKey struct{}

// in is ctx with the turn.
func (t *turn) in(ctx context.Context) context.Context { return context.WithValue(ctx, turnKey{}, t) }

// turnOf is the turn that ctx holds, or nil.
func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// take makes a the runner's next step; false means that it has one already, or belongs to another service.
func (t *turn) take(a *attempt) bool {
	if t == nil || t.service != a.service || t.next != nil {
		return false
	}
	t.next = a
	return true
}

// end is the runner's next step, or nil.
func (t *turn) end() *attempt {
	if t == nil {
		return nil
	}
	return t.next
}
