package event

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// start runs a system over a queue in a bubble, and stops it when the test ends.
func start(t *testing.T, queue DurablePublisher, cfg Config, publishers ...Publisher) *DomainEventSystem {
	t.Helper()
	s := New(queue, cfg)
	for _, p := range publishers {
		require.NoError(t, s.Publishers().Register(p))
	}
	s.Start()
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func TestAStepsEventsArePublishedByModeAndCondition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		s := start(t, &queue, Config{FiredBy: "worker-1"})
		poller, err := s.Bus().NewPoller()
		require.NoError(t, err)
		declared := []template.EventDeclaration{
			declare("order.paid"),
			declare("order.refused", when(template.OnFailure)),
			declare("order.tried", when(template.Always), by(template.DeliverFast)),
			declare("order.seen", by(template.DeliverBroadcast)),
		}
		e := succeeded(`{"total":12}`, declared...)
		require.True(t, s.Dispatch(t.Context(), e))
		synctest.Wait()
		require.Equal(t, []string{"order.paid", "order.seen"}, queue.names("shop"))
		fast := poller.Poll(10)
		require.Equal(t, []string{"order.tried", "order.seen"}, names(fast))
		require.Equal(t, queue.events["shop"][1], fast[1], "both halves are one event")

		paid := queue.events["shop"][0]
		require.EqualValues(t, 7, paid.EventID.Version())
		require.Equal(t, DomainEvent{
			EventID: paid.EventID, EventName: "order.paid", EventVersion: "1.0",
			Payload: EventPayload{TaskSequenceStep: e.sequenceStep(), ExecutionResult: e.Result, Payload: json.RawMessage(`{"total":12}`)},
			Metadata: EventMetadata{TaskUUID: e.TaskUUID, StepUUID: e.StepUUID, StepName: "charge", Namespace: "shop",
				CorrelationID: e.CorrelationID, FiredAt: sdk.At(time.Now()), FiredBy: "worker-1"},
		}, paid)
		require.Equal(t, SystemStats{EventsDispatched: 3, Published: 3, Durable: 1, Fast: 1, Broadcast: 1, ChannelCapacity: 1000}, s.Stats().System)
	})
}

func TestEachFailureConditionIsMet(t *testing.T) {
	t.Parallel()
	declared := []template.EventDeclaration{
		declare("on.success"), declare("on.failure", when(template.OnFailure)), declare("on.always", when(template.Always)),
		declare("on.retryable", when(template.OnRetryableFailure)), declare("on.permanent", when(template.OnPermanentFailure)),
	}
	exhausted := failed(true, declared...)
	exhausted.State = workflow.StepError
	for name, tt := range map[string]struct {
		step StepEvent
		want []string
	}{
		"success":                      {succeeded(`{}`, declared...), []string{"on.success", "on.always"}},
		"a retryable failure":          {failed(true, declared...), []string{"on.failure", "on.always", "on.retryable"}},
		"a permanent failure":          {failed(false, declared...), []string{"on.failure", "on.always", "on.permanent"}},
		"the last retryable failure":   {exhausted, []string{"on.failure", "on.always", "on.permanent"}},
		"a step that declares nothing": {succeeded(`{}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var queue memoryQueue
				s := start(t, &queue, Config{})
				require.True(t, s.Dispatch(t.Context(), tt.step))
				synctest.Wait()
				require.Equal(t, tt.want, queue.names("shop"))
			})
		})
	}
}

func TestAPayloadThatDoesNotMeetItsSchemaIsSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		var logs logbook
		s := start(t, &queue, Config{Logger: logs.logger()})
		strict := schema(t, `{"type":"object","required":["total"]}`)
		require.True(t, s.Dispatch(t.Context(), succeeded(`{"sum":1}`, declare("order.paid", strict), declare("order.done"))))
		require.True(t, s.Dispatch(t.Context(), succeeded(`{"total":1}`, declare("order.paid", strict))))
		synctest.Wait()
		require.Equal(t, []string{"order.done", "order.paid"}, queue.names("shop"))
		require.EqualValues(t, 1, s.Stats().System.Skipped)
		require.Zero(t, s.Stats().System.Failed)
		lines := logs.lines("a domain event is skipped")
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], "/: required total")
	})
}

// gate is a durable publisher that lets calls through one at a time.
type gate struct {
	memoryQueue
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate {
	g := &gate{entered: make(chan struct{}), open: make(chan struct{})}
	g.before = func(ctx context.Context, _ string, _ []DomainEvent) error {
		g.entered <- struct{}{}
		select {
		case <-g.open:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g
}

func TestAFullChannelDropsCountsAndLogsOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := newGate()
		var logs logbook
		s := start(t, queue, Config{ChannelCapacity: 2, Logger: logs.logger()})
		step := succeeded(`{}`, declare("order.paid"), declare("order.done"))
		require.True(t, s.Dispatch(t.Context(), step))
		<-queue.entered // the first is being published: two more may wait
		require.True(t, s.Dispatch(t.Context(), step))
		require.True(t, s.Dispatch(t.Context(), step))
		for range 5 {
			require.False(t, s.Dispatch(t.Context(), step))
		}
		require.Equal(t, SystemStats{EventsDispatched: 6, Dropped: 10, ChannelDepth: 2, ChannelCapacity: 2}, s.Stats().System)
		require.Len(t, logs.lines("domain events are dropped"), 1)
		time.Sleep(999 * time.Millisecond)
		require.False(t, s.Dispatch(t.Context(), step))
		require.Len(t, logs.lines("domain events are dropped"), 1)
		time.Sleep(time.Millisecond)
		require.False(t, s.Dispatch(t.Context(), step))
		require.Len(t, logs.lines("domain events are dropped"), 2)
		require.Contains(t, logs.lines("domain events are dropped")[1], "dropped_in_all=14")

		queue.open <- struct{}{}
		<-queue.entered // what waited is one batch
		queue.open <- struct{}{}
		synctest.Wait()
		require.Len(t, queue.names("shop"), 6)
		require.Equal(t, 2, queue.calls)
	})
}

func TestDispatchDoesNotFollowACancelledStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		s := start(t, &queue, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.True(t, s.Dispatch(ctx, succeeded(`{}`, declare("order.paid"))))
		synctest.Wait()
		require.Equal(t, []string{"order.paid"}, queue.names("shop"))
	})
}

func TestAStepWithoutAResultIsRefusedWithoutPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs logbook
		s := start(t, &memoryQueue{}, Config{Logger: logs.logger()})
		require.False(t, s.Dispatch(t.Context(), StepEvent{Declarations: []template.EventDeclaration{declare("order.paid")}}))
		require.Len(t, logs.lines("without a result"), 1)
	})
}

func TestWhatTheQueueRefusesIsCountedAndLoggedOnceABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs logbook
		queue := memoryQueue{before: func(context.Context, string, []DomainEvent) error { return errors.New("no database") }}
		s := start(t, &queue, Config{Logger: logs.logger()})
		require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid"), declare("order.done"), declare("order.fast", by(template.DeliverFast)))))
		synctest.Wait()
		require.Equal(t, SystemStats{EventsDispatched: 3, Published: 1, Fast: 1, Failed: 2, ChannelCapacity: 1000}, s.Stats().System)
		lines := logs.lines("domain events were not published")
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], "count=2")
	})
}

func TestAPanickingQueueFailsItsBatchAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs logbook
		broken := true
		queue := memoryQueue{before: func(context.Context, string, []DomainEvent) error {
			if broken {
				panic("driver bug")
			}
			return nil
		}}
		s := start(t, &queue, Config{Logger: logs.logger()})
		step := succeeded(`{}`, declare("order.paid"), declare("order.done"))
		require.True(t, s.Dispatch(t.Context(), step))
		synctest.Wait()
		broken = false
		require.True(t, s.Dispatch(t.Context(), step))
		synctest.Wait()
		require.Equal(t, SystemStats{EventsDispatched: 4, Published: 2, Durable: 2, Failed: 2, ChannelCapacity: 1000}, s.Stats().System)
		require.Len(t, logs.lines("driver bug"), 1)
	})
}

func TestABatchIsPublishedWithinItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := newGate()
		s := start(t, queue, Config{PublishTimeout: 3 * time.Second})
		require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid"))))
		<-queue.entered
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		require.Zero(t, s.Stats().System.Failed)
		time.Sleep(1)
		synctest.Wait()
		require.EqualValues(t, 1, s.Stats().System.Failed)
	})
}
