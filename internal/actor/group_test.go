package actor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// diary is what several actors did, in order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) write(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, entry)
}

// stageActor keeps a diary and does in its lifecycle what a test tells it to.
type stageActor struct {
	actor.Base
	diary            *diary
	starting, ending func(context.Context) error
}

func (d *diary) actor(name string) *stageActor {
	nothing := func(context.Context) error { return nil }
	return &stageActor{Base: actor.NewBase(name, nil), diary: d, starting: nothing, ending: nothing}
}

func (a *stageActor) Started(ctx context.Context) error {
	a.diary.write("+" + a.Name())
	return a.starting(ctx)
}

func (a *stageActor) Stopped(ctx context.Context) error {
	a.diary.write("-" + a.Name())
	return a.ending(ctx)
}

func failing(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestActorsStartInOrderAndStopInReverse(t *testing.T) {
	t.Parallel()
	d := &diary{}
	g := actor.NewGroup(actor.GroupConfig{}, d.actor("A"), d.actor("B"), d.actor("C"))
	require.NoError(t, g.Start(t.Context()))
	require.NoError(t, g.Stop(t.Context()))
	require.Equal(t, []string{"+A", "+B", "+C", "-C", "-B", "-A"}, d.entries)
}

func TestAFailedStartIsUndoneInReverse(t *testing.T) {
	t.Parallel()
	d := &diary{}
	a, b, c := d.actor("A"), d.actor("B"), d.actor("C")
	cause, alsoWrong := errors.New("no templates"), errors.New("stuck door")
	a.ending = failing(alsoWrong)
	c.starting = failing(cause)

	g := actor.NewGroup(actor.GroupConfig{}, a, b, c, d.actor("D"))
	err := g.Start(t.Context())
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, alsoWrong)
	require.EqualError(t, err, "start C: no templates\nstop A: stuck door")
	require.Equal(t, []string{"+A", "+B", "+C", "-B", "-A"}, d.entries, "C undid its own start, D was never reached")
	require.NoError(t, g.Stop(t.Context()))
	require.Len(t, d.entries, 5, "nothing is left to stop")
}

func TestACancelledStartIsUndoneWithAContextThatStillRuns(t *testing.T) {
	t.Parallel()
	d := &diary{}
	a, b := d.actor("A"), d.actor("B")
	ctx, cancel := context.WithCancel(t.Context())
	a.starting = func(context.Context) error { cancel(); return nil }
	a.ending = func(ctx context.Context) error { return ctx.Err() }

	err := actor.NewGroup(actor.GroupConfig{}, a, b).Start(ctx)
	require.EqualError(t, err, "start B: context canceled")
	require.Equal(t, []string{"+A", "-A"}, d.entries)
}

func TestStopTellsEveryActorAndJoinsTheErrors(t *testing.T) {
	t.Parallel()
	d := &diary{}
	a, b, c := d.actor("A"), d.actor("B"), d.actor("C")
	wrongA, wrongC := errors.New("a is wrong"), errors.New("c is wrong")
	a.ending, c.ending = failing(wrongA), failing(wrongC)

	g := actor.NewGroup(actor.GroupConfig{}, a, b, c)
	require.NoError(t, g.Start(t.Context()))
	err := g.Stop(t.Context())
	require.ErrorIs(t, err, wrongA)
	require.ErrorIs(t, err, wrongC)
	require.EqualError(t, err, "stop C: c is wrong\nstop A: a is wrong")
	require.Equal(t, []string{"+A", "+B", "+C", "-C", "-B", "-A"}, d.entries)
}

func TestStopIsIdempotentAndAllowsAnotherStart(t *testing.T) {
	t.Parallel()
	d := &diary{}
	g := actor.NewGroup(actor.GroupConfig{}, d.actor("A"))
	require.NoError(t, g.Stop(t.Context()), "there is nothing to stop before a start")
	require.NoError(t, g.Start(t.Context()))
	require.ErrorIs(t, g.Start(t.Context()), actor.ErrStarted)

	var stops sync.WaitGroup
	for range 4 {
		stops.Go(func() {
			if err := g.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	stops.Wait()
	require.Equal(t, []string{"+A", "-A"}, d.entries, "of four stops at once, one stops")

	require.NoError(t, g.Start(t.Context()))
	require.NoError(t, g.Stop(t.Context()))
	require.Equal(t, []string{"+A", "-A", "+A", "-A"}, d.entries)
}

func TestAPanicInTheLifecycleIsAnError(t *testing.T) {
	t.Parallel()
	d := &diary{}
	a, b, c := d.actor("A"), d.actor("B"), d.actor("C")
	c.starting = func(context.Context) error { panic("no stage") }
	b.ending = func(context.Context) error { panic("no exit") }

	err := actor.NewGroup(actor.GroupConfig{}, a, b, c).Start(t.Context())
	require.EqualError(t, err, "start C: C: panic: no stage\nstop B: B: panic: no exit")
	var caught *actor.PanicError
	require.ErrorAs(t, err, &caught)
	require.Contains(t, string(caught.Stack), "group_test.go")
	require.Equal(t, []string{"+A", "+B", "+C", "-B", "-A"}, d.entries)
}

func TestAnActorThatNeverStopsIsLeftBehindAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		a, b, c := d.actor("A"), d.actor("B"), d.actor("C")
		freed := make(chan struct{})
		b.ending = func(context.Context) error { <-freed; return nil }
		c.ending = func(ctx context.Context) error { <-ctx.Done(); return errors.New("2 steps still run") }

		g := actor.NewGroup(actor.GroupConfig{StopTimeout: 20 * time.Second}, a, b, c)
		require.NoError(t, g.Start(t.Context()))
		begun := time.Now()
		err := g.Stop(t.Context())
		require.EqualError(t, err, "stop C: 2 steps still run\nstop B: left behind, it did not return: context deadline exceeded")
		require.Equal(t, 41*time.Second, time.Since(begun), "20 s for C, 20 s and the second to return for B")
		require.Equal(t, []string{"+A", "+B", "+C", "-C", "-B", "-A"}, d.entries)
		close(freed)
	})
}

func TestTheCallersDeadlineEndsTheWaitSooner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		a, b := d.actor("A"), d.actor("B")
		freed := make(chan struct{})
		b.ending = func(context.Context) error { <-freed; return nil }

		g := actor.NewGroup(actor.GroupConfig{}, a, b)
		require.NoError(t, g.Start(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, g.Stop(ctx), context.DeadlineExceeded)
		require.Equal(t, 4*time.Second, time.Since(begun))
		require.Contains(t, d.entries, "-A", "A is told to stop although ctx is done")
		close(freed)
	})
}

func TestBaseLogsStartAndStopByName(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	base := actor.NewBase("TaskRequestActor", slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, base.Started(t.Context()))
	require.NoError(t, base.Stopped(t.Context()))
	require.Regexp(t, `level=DEBUG msg="actor started" actor=TaskRequestActor\n.*msg="actor stopped" actor=TaskRequestActor`, log.String())
}
