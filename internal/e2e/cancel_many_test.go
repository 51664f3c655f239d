package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// sleepers is a template of many steps that start together and sleep.
func sleepers(n int) []template.StepDefinition {
	steps := make([]template.StepDefinition, n)
	for i := range steps {
		steps[i] = template.NewStep(fmt.Sprintf("s%04d", i), "work")
	}
	return steps
}

// sleepingNode is a worker with slots for n handlers that sleep until they are told to stop.
func sleepingNode(t *testing.T, w *world, n int, asleep, told *atomic.Int32) *system.Node {
	t.Helper()
	registry := sdk.NewRegistry()
	registry.RegisterFunc("work", func(ctx context.Context, _ *sdk.StepContext) (sdk.StepResult, error) {
		asleep.Add(1)
		<-ctx.Done()
		told.Add(1)
		return sdk.StepResult{}, context.Cause(ctx)
	})
	cfg := config.Default()
	cfg.Database.URL = config.Secret(w.db.DSN())
	cfg.Database.Pool.MinConnections = 1
	cfg.Worker.Lease = time.Hour // whoever is told, is told by a cancel
	cfg.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers = n
	cfg.Worker.MpscChannels.HandlerDispatch.HandlerTimeout = time.Hour
	s, err := system.Open(t.Context(), cfg, system.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	node, err := system.StartNode(t.Context(), s, &system.WorkerOptions{Registry: registry})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Stop(context.Background())) })
	return node
}

// It runs before the tests that run in parallel: a thousand handlers beside them would measure these.
func TestACancelReachesAThousandHandlersOnTwoWorkers(t *testing.T) {
	const handlers = 1000
	w := newWorld(t)
	w.register(t, "sleepers", sleepers(handlers)...)
	front := w.node(t, role{})
	var asleep, told atomic.Int32
	left := sleepingNode(t, w, handlers/2, &asleep, &told)
	right := sleepingNode(t, w, handlers/2, &asleep, &told)
	promptly(t, time.Second, func() time.Duration {
		asleep.Store(0)
		told.Store(0)
		task := w.submit(t, front, "sleepers", nil)
		require.Eventually(t, func() bool { return asleep.Load() == handlers }, patience, tick, "not all handlers run")
		require.Equal(t, handlers/2, left.Worker.Slots.InUse())

		began := time.Now()
		_, err := w.store.CancelTask(t.Context(), task, "test", "no longer wanted")
		require.NoError(t, err)
		require.Eventually(t, func() bool { return told.Load() == handlers }, patience, time.Millisecond)
		took := time.Since(began)
		awaitSlots(t, left.Worker.Slots, 0)
		awaitSlots(t, right.Worker.Slots, 0)
		require.Equal(t, "cancelled", w.taskState(t, task))
		return took
	})
	w.requireIntact(t)
}

func TestAStepEndedByHandStopsItsHandlerAndNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "sleepers", sleepers(2)...)
	n := w.node(t, role{Slots: 2, Handlers: allHandlers})
	task := w.submit(t, n, "sleepers", map[string]conduct{"s0000": {MS: 600_000}, "s0001": {MS: 600_000}})
	w.effectOf(t, task, "s0000", "start", 1)
	w.effectOf(t, task, "s0001", "start", 1)
	_, err := w.store.Repair(t.Context(), store.Intervention{TaskUUID: task, Action: "resolve_manually", By: "test", Reason: "it hangs"},
		func(r workflow.RepairTask) (*workflow.RepairPlan, error) { return workflow.ResolveStep(r, 0, false) })
	require.NoError(t, err)
	awaitSlots(t, n.Worker.Slots, 1)
	require.Equal(t, "resolved_manually", w.step(t, task, "s0000").State)
	require.Equal(t, "in_progress", w.step(t, task, "s0001").State)
	_, err = w.store.CancelTask(t.Context(), task, "test", "")
	require.NoError(t, err)
	awaitSlots(t, n.Worker.Slots, 0)
	w.requireIntact(t)
}

func TestACancelWhoseNoticeWasLostIsFoundByLooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "sleepers", sleepers(1)...)
	n := w.node(t, role{Slots: 2, Handlers: allHandlers})
	task := w.submit(t, n, "sleepers", map[string]conduct{"s0000": {MS: 600_000}})
	w.effectOf(t, task, "s0000", "start", 1)
	// What CancelTask does, but for the notice.
	w.db.Exec(t, `with s as (update tasker.workflow_steps set state = 'cancelled', worker_id = null where task_uuid = $1),
		m as (insert into tasker.step_transitions (task_uuid, step_no, attempt, path) values ($1, 0, 1, '{in_progress,cancelled}')),
		t as (update tasker.tasks set state = 'cancelled', completed_at = clock_timestamp() where task_uuid = $1),
		c as (delete from tasker.task_claims where task_uuid = $1)
		insert into tasker.task_transitions (task_uuid, path) values ($1, '{steps_in_process,cancelled}')`, task)
	awaitSlots(t, n.Worker.Slots, 0)
	w.requireIntact(t)
}
