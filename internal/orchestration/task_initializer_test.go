package orchestration_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// blocked waits until a statement waits for a lock.
func (w *world) blocked(t testing.TB, statement string) {
	t.Helper()
	testkit.Eventually(t, func() bool {
		return w.db.Count(t, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
			and query like '/* tasker:`+statement+` */%'`) > 0
	}, "nothing waits for a lock")
}

// holdUp has statements that make tasks wait until they may go on.
func (w *world) holdUp(t testing.TB) (goOn func()) {
	t.Helper()
	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), "lock table tasker.tasks in share mode")
	require.NoError(t, err)
	return func() {
		t.Helper()
		require.NoError(t, tx.Rollback(t.Context()))
	}
}

// abandon begins a request, lets its statement wait, and leaves; it returns what the client is told.
func (w *world) abandon(t testing.TB, r sdk.TaskRequest, cause error) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	answer := make(chan error, 1)
	go func() { _, err := w.request(ctx, r); answer <- err }()
	w.blocked(t, "create_task%")
	cancel(cause)
	return <-answer
}

// taker is a worker in the same process that notes how it is used.
type taker struct {
	mu       sync.Mutex
	offer    store.Lease
	reserved []int
	taken    [][]store.ClaimedStep
	open     int
	adopted  int
}

func (k *taker) Reserve(want int) store.Lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reserved, k.open = append(k.reserved, want), k.open+1
	l := k.offer
	l.Budget = min(l.Budget, want)
	return l
}

func (k *taker) Take(_ context.Context, _ store.Lease, steps []store.ClaimedStep) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.taken, k.open = append(k.taken, steps), k.open-1
}

func (k *taker) Adopt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.adopted++
}

func newTakingWorld(t testing.TB) (*world, *taker) {
	t.Helper()
	k := &taker{}
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Worker = k })
	w.register(t, "forked", template.IdentityStrict, step("a"), step("b"), step("c", "a", "b"))
	k.offer = w.lease(t)
	return w, k
}

func TestRootsGoStraightToTheWorkerOfTheSameProcess(t *testing.T) {
	t.Parallel()
	w, k := newTakingWorld(t)
	r := requestFor("forked", `{"cart":7}`)
	r.CorrelationID = sdk.NewUUID()
	created, err := w.request(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, []int{2}, k.reserved)
	require.Zero(t, k.open)
	require.Len(t, k.taken[0], 2)
	for _, s := range k.taken[0] {
		require.Equal(t, workflow.AttemptCounts{Attempt: 1}, s.Counts)
		require.Equal(t, store.TaskHeader{
			TaskUUID: created.TaskUUID, TemplateID: s.Task.TemplateID, CorrelationID: r.CorrelationID, Context: json.RawMessage(`{"cart":7}`),
		}, s.Task)
		require.Equal(t, workflow.StepInProgress, w.step(t, created.TaskUUID, s.StepNo).State)
	}
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.ready_steps"))

	existing, err := w.request(t.Context(), r)
	require.NoError(t, err)
	require.True(t, existing.Existing)
	require.Empty(t, k.taken[1], "what exists already is nobody's to run")
}

func TestRootsBeyondTheFreeSlotsAreQueued(t *testing.T) {
	t.Parallel()
	w, k := newTakingWorld(t)
	k.offer.Budget = 1
	created, err := w.request(t.Context(), requestFor("forked", `{}`))
	require.NoError(t, err)
	require.Len(t, k.taken[0], 1)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.ready_steps where task_uuid = $1", created.TaskUUID))
}

func TestACommitThatWentUnansweredIsMadeOnceAndTheWorkerLooksForItsSteps(t *testing.T) {
	t.Parallel()
	w, k := newTakingWorld(t)
	goOn := w.holdUp(t)
	answer := make(chan orchestration.TaskRequestResult, 1)
	failed := make(chan error, 1)
	go func() {
		r, err := w.request(t.Context(), requestFor("forked", `{}`))
		answer <- r
		failed <- err
	}()
	w.blocked(t, "create_task%")
	require.Equal(t, 1, w.db.Count(t, `select count(pg_terminate_backend(pid)) from pg_stat_activity
		where datname = current_database() and wait_event_type = 'Lock'`))
	goOn()
	created := <-answer
	require.NoError(t, <-failed)
	require.False(t, created.Existing)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.tasks where task_uuid = $1", created.TaskUUID))
	require.Equal(t, 3, w.db.Count(t, "select count(*) from tasker.workflow_steps"))
	k.mu.Lock()
	defer k.mu.Unlock()
	require.GreaterOrEqual(t, len(k.reserved), 2)
	require.Zero(t, k.open, "every reservation is followed by one take")
	require.Equal(t, 1, k.adopted)
}

func TestAnAbandonedRequestHasTheWorkerLookForItsSteps(t *testing.T) {
	t.Parallel()
	w, k := newTakingWorld(t)
	goOn := w.holdUp(t)
	err := w.abandon(t, requestFor("forked", `{}`), errors.New("the client has gone"))
	require.ErrorContains(t, err, "its outcome is unknown: the client has gone")
	goOn()
	again, err := w.request(t.Context(), requestFor("forked", `{}`))
	require.NoError(t, err)
	require.True(t, again.Existing)
	k.mu.Lock()
	defer k.mu.Unlock()
	require.Equal(t, 1, k.adopted)
	require.Zero(t, k.open)
}

func TestAPoisonedRequestHarmsNoOther(t *testing.T) {
	t.Parallel()
	w, k := newTakingWorld(t)
	forked, err := w.catalog.Current(t.Context(), "n", "forked", "1.0.0")
	require.NoError(t, err)
	initializer := orchestration.NewTaskInitializer(orchestration.Dependencies{Store: w.store, Worker: k}, w.Timers, &orchestration.Counters{})
	goOn := w.holdUp(t) // so that requests gather

	const requests, poisoned = 24, 7
	errs := make([]error, requests)
	var g errgroup.Group
	for i := range requests {
		g.Go(func() error {
			id := sdk.NewUUID()
			task := store.NewTask{TaskUUID: id, TemplateID: forked.ID, IdentityHash: id[:], CorrelationID: id, Context: json.RawMessage(`{}`), RequestedAt: time.Now()}
			if i == poisoned { // what a request's own check would have found, and one day might not
				task.Context = json.RawMessage(`{"a": "\u0000"}`)
			}
			_, errs[i] = initializer.InitializeTask(t.Context(), forked, task)
			return nil
		})
	}
	w.blocked(t, "create_task%")
	goOn()
	require.NoError(t, g.Wait())
	for i, err := range errs {
		if i == poisoned {
			require.Equal(t, store.RemedyRefuse, store.Classify(err), "%v", err)
		} else {
			require.NoError(t, err)
		}
	}
	require.Equal(t, requests-1, w.db.Count(t, "select count(*) from tasker.tasks"))
	require.Zero(t, k.open)
}

func TestAStoppingInitializerFinishesWhatItTookAndTakesNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	const clients = 12
	begun := make(chan struct{}, 1000)
	made := make([]int, clients)
	var g errgroup.Group
	for c := range clients {
		g.Go(func() error {
			for i := 0; ; i++ {
				r := requestFor("any", `{}`)
				r.IdempotencyKey = strconv.Itoa(c) + "/" + strconv.Itoa(i)
				_, err := w.request(t.Context(), r)
				if errors.Is(err, orchestration.ErrStopping) {
					return nil
				}
				if err != nil {
					return err
				}
				made[c]++
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 3 * clients {
		<-begun
	}
	require.NoError(t, w.Shutdown(t.Context()))
	require.NoError(t, g.Wait())
	total := 0
	for _, n := range made {
		total += n
	}
	require.Equal(t, total, w.db.Count(t, "select count(*) from tasker.tasks"))
	_, err := w.request(t.Context(), requestFor("any", `{}`))
	require.ErrorIs(t, err, orchestration.ErrStopping)
	require.NoError(t, w.Shutdown(t.Context()), "once is enough, twice does no harm")
}

func TestTasksOfManyRequestsAreAllMade(t *testing.T) {
	t.Parallel()
	w, k := newTakingWorld(t)
	var mu sync.Mutex
	var ids []sdk.UUID
	var g errgroup.Group
	for c := range 16 {
		g.Go(func() error {
			for i := range 25 {
				r := requestFor("forked", `{}`)
				r.IdempotencyKey = strconv.Itoa(c*1000 + i)
				created, err := w.request(t.Context(), r)
				if err != nil {
					return err
				}
				mu.Lock()
				ids = append(ids, created.TaskUUID)
				mu.Unlock()
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	slices.SortFunc(ids, func(a, b sdk.UUID) int { return slices.Compare(a[:], b[:]) })
	require.Len(t, slices.Compact(ids), 400)
	require.Equal(t, 400, w.db.Count(t, "select count(*) from tasker.tasks"))
	taken := 0
	for _, steps := range k.taken {
		taken += len(steps)
	}
	require.Equal(t, taken, w.db.Count(t, "select count(*) from tasker.workflow_steps where state = 'in_progress'"))
	require.Equal(t, 800-taken, w.db.Count(t, "select count(*) from tasker.ready_steps"))
}
