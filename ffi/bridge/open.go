package bridge

import "context"

// open calls fn but keeps the deadline, even if fn does not. What comes too late is dropped.
func open[T any](parent context.Context, l *Library, timeoutMS int32, fn func(context.Context) (T, error), drop func(T)) (T, error) {
	type opened struct {
		value T
		err   error
	}
	ctx, cancel := deadline(parent, timeoutMS)
	done := make(chan opened, 1)
	l.tasks.run("open", func() {
		var o opened
		if p := l.tasks.guard("open", func() { o.value, o.err = fn(ctx) }); p != nil {
			o.err = Errorf(EPanic, "open: %v", p)
		}
		done <- o
	})
	select {
	case o := <-done:
		cancel()
		return o.value, o.err
	case <-ctx.Done():
	}
	l.tasks.run("drop what was opened too late", func() {
		defer cancel()
		if o := <-done; o.err == nil {
			drop(o.value)
		}
	})
	var none T
	return none, Errorf(EDeadline, "not ready within %d ms", timeoutMS)
}
