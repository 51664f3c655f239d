package actor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
)

// greetMessage asks for a greeting of one person.
type greetMessage struct {
	actor.Reply[string]
	Whom string
}

// countMessage asks for the length of a word; its handler allocates nothing, so that what is measured is Ask.
type countMessage struct {
	actor.Reply[int]
	Word string
}

// greeterActor has two messages, so each has a method named for it.
type greeterActor struct {
	actor.Base
	fails error
}

func (a *greeterActor) HandleGreet(_ context.Context, msg greetMessage) (string, error) {
	if a.fails != nil {
		return "", a.fails
	}
	return "hello " + msg.Whom, nil
}

//go:noinline
func (a *greeterActor) HandleCount(_ context.Context, msg countMessage) (int, error) {
	return len(msg.Word), nil
}

// counterActor has one message, so it is a Handler.
type counterActor struct{ actor.Base }

var _ actor.Handler[countMessage, int] = (*counterActor)(nil)

func (a *counterActor) Handle(_ context.Context, msg countMessage) (int, error) {
	if msg.Word == "" {
		panic(errNoWord)
	}
	return len(msg.Word), nil
}

var errNoWord = errors.New("no word to count")

// asked is one call of an observer.
type asked struct {
	message string
	took    time.Duration
	err     error
}

// listener remembers the messages of its own test, whatever other tests ask at the same time.
type listener struct {
	mu    sync.Mutex
	heard []asked
}

type listenerKey struct{}

func (l *listener) Asked(ctx context.Context, message string, took time.Duration, err error) {
	if ctx.Value(listenerKey{}) != l {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, asked{message, took, err})
}

func listen(t *testing.T) (*listener, context.Context) {
	l := &listener{}
	t.Cleanup(actor.Observe(l))
	return l, context.WithValue(t.Context(), listenerKey{}, l)
}

func TestAskReturnsTheHandlersAnswer(t *testing.T) {
	t.Parallel()
	answer, err := actor.Ask(t.Context(), (&greeterActor{}).HandleGreet, greetMessage{Whom: "Ada"})
	require.NoError(t, err)
	require.Equal(t, "hello Ada", answer)

	n, err := actor.Ask(t.Context(), (&counterActor{}).Handle, countMessage{Word: "three"})
	require.NoError(t, err)
	require.Equal(t, 5, n)
}

func TestAskReturnsTheHandlersErrorAsItIs(t *testing.T) {
	t.Parallel()
	cause := errors.New("lost my voice")
	_, err := actor.Ask(t.Context(), (&greeterActor{fails: cause}).HandleGreet, greetMessage{})
	require.Equal(t, cause, err)
}

func TestAskTurnsAPanicIntoAnErrorWithItsStack(t *testing.T) {
	t.Parallel()
	l, ctx := listen(t)
	n, err := actor.Ask(ctx, (&counterActor{}).Handle, countMessage{})
	require.Zero(t, n)
	require.ErrorIs(t, err, errNoWord)
	require.EqualError(t, err, "countMessage: panic: no word to count")

	var caught *actor.PanicError
	require.ErrorAs(t, err, &caught)
	require.Contains(t, string(caught.Stack), "counterActor")
	require.Len(t, l.heard, 1, "an observer hears of the panic too")
	require.Equal(t, err, l.heard[0].err)
}

func TestAPanicWithoutAnErrorUnwrapsToNothing(t *testing.T) {
	t.Parallel()
	_, err := actor.Ask(t.Context(), func(context.Context, greetMessage) (string, error) { panic(42) }, greetMessage{})
	require.EqualError(t, err, "greetMessage: panic: 42")
	require.NoError(t, errors.Unwrap(err))
}

func TestAnObserverHearsEachMessageByNameWithItsTimeAndError(t *testing.T) {
	t.Parallel()
	l, ctx := listen(t)
	cause := errors.New("not now")
	slow := func(context.Context, greetMessage) (string, error) {
		for begun := time.Now(); time.Since(begun) < time.Millisecond; {
		}
		return "", cause
	}
	_, err := actor.Ask(ctx, slow, greetMessage{})
	require.Equal(t, cause, err)
	_, err = actor.Ask(ctx, (&counterActor{}).Handle, countMessage{Word: "a"})
	require.NoError(t, err)

	require.Len(t, l.heard, 2)
	require.Equal(t, "greetMessage", l.heard[0].message)
	require.GreaterOrEqual(t, l.heard[0].took, time.Millisecond)
	require.Equal(t, cause, l.heard[0].err)
	require.Equal(t, "countMessage", l.heard[1].message)
	require.NoError(t, l.heard[1].err)
}

func TestObserversComeAndGoWithoutDisturbingOneAnother(t *testing.T) {
	t.Parallel()
	l, ctx := listen(t)
	once, twice := actor.Observe(l), actor.Observe(l)
	ask := func() {
		_, err := actor.Ask(ctx, (&counterActor{}).Handle, countMessage{Word: "a"})
		require.NoError(t, err)
	}
	ask()
	require.Len(t, l.heard, 3, "the same observer may be added more than once")

	once()
	once()
	ask()
	require.Len(t, l.heard, 3+2, "removing again removes nobody else")

	twice()
	ask()
	require.Len(t, l.heard, 3+2+1)
}

func TestObserversMayChangeWhileMessagesPass(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				actor.Observe(&listener{})()
				_, err := actor.Ask(t.Context(), (&counterActor{}).Handle, countMessage{Word: "ab"})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
