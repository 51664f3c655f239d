package store

import "context"

// Future is an answer of the database that is on its way.
type Future[R any] struct {
	fd  int
	get func(context.Context) (R, error)
}

// FD is a descriptor that is readable when the answer has come. It is the future's until Get.
func (f *Future[R]) FD() int { return f.fd }

// Get reads the answer, and waits for it if need be. It must be called once, whether the answer is wanted or not.
func (f *Future[R]) Get(ctx context.Context) (R, error) { return f.get(ctx) }

// Then is f with what follows from its answer in the place of that. It is nil if f is.
func Then[A, B any](f *Future[A], follow func(context.Context, A, error) (B, error)) *Future[B] {
	if f == nil {
		return nil
	}
	return &Future[B]{f.fd, func(ctx context.Context) (B, error) {
		a, err := f.Get(ctx)
		return follow(ctx, a, err)
	}}
}
