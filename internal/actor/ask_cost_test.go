package actor_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// tally is as cheap as an observer can be, so that what is measured is the seam.
type tally struct{ messages int }

func (c *tally) Asked(context.Context, string, time.Duration, error) { c.messages++ }

// Not parallel: allocations are counted for the whole process.
func TestAskAllocatesNothingObservedOrNot(t *testing.T) {
	a, ctx := &greeterActor{}, t.Context()
	ask := func() {
		if n, err := actor.Ask(ctx, a.HandleCount, countMessage{Word: "word"}); n != 4 || err != nil {
			t.Error(n, err)
		}
	}
	require.Zero(t, testing.AllocsPerRun(1000, ask))

	watch := &tally{}
	defer actor.Observe(watch)()
	require.Zero(t, testing.AllocsPerRun(1000, ask))
	require.Equal(t, 1001, watch.messages)
}

func BenchmarkAsk(b *testing.B) {
	a, ctx := &greeterActor{}, b.Context()
	msg := countMessage{Word: "word"}
	b.Run("direct call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = a.HandleCount(ctx, msg)
		}
	})
	b.Run("asked", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = actor.Ask(ctx, a.HandleCount, msg)
		}
	})
	b.Run("asked and observed", func(b *testing.B) {
		b.ReportAllocs()
		defer actor.Observe(&tally{})()
		for b.Loop() {
			_, _ = actor.Ask(ctx, a.HandleCount, msg)
		}
	})
}
