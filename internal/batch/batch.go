// Package batch holds the natural batching loop: one at a time when idle, hundreds when busy, never a wait to fill up.
package batch

import "context"

// Loop hands the values of in to flush, in order, in batches of 1 to limit. It waits for one value, adds whatever else
// is ready at that moment, and flushes; what arrives while flush runs makes the next batch. So an idle caller waits for
// no one, and the batches grow by themselves as flush slows down. A limit below 1 counts as 1.
//
// Loop returns
//   - when in is closed and everything sent on it has been flushed, or
//   - when ctx is done: it then still flushes what can be received without waiting, buffered values and those of senders
//     already blocked on in, and returns once nothing is ready. It receives nothing after that, so senders stop before
//     ctx is done, or also watch it.
//
// The slice given to flush is used again: flush must not keep it. Loop calls flush on its own goroutine and does not
// recover its panics.
func Loop[T any](ctx context.Context, in <-chan T, limit int, flush func([]T)) {
	limit = max(limit, 1)
	var batch []T
	for {
		first, ok := next(ctx, in)
		if !ok {
			return
		}
		batch = append(batch, first)
		for len(batch) < limit {
			more, ok := ready(in)
			if !ok {
				break
			}
			batch = append(batch, more)
		}
		flush(batch)
		clear(batch) // lets go of what the values point to
		batch = batch[:0]
	}
}

// next waits for a value until in is closed or ctx is done; after that it takes only what is ready.
func next[T any](ctx context.Context, in <-chan T) (v T, ok bool) {
	select {
	case v, ok = <-in:
		return v, ok
	case <-ctx.Done():
		return ready(in)
	}
}

// ready takes a value if that needs no waiting.
func ready[T any](in <-chan T) (v T, ok bool) {
	select {
	case v, ok = <-in:
		return v, ok
	default:
		return v, false
	}
}
