package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/internal/event"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/template"
)

// publishing is a step that declares events, each by its name, condition, mode and publisher.
func publishing(s template.StepDefinition, events ...template.EventDeclaration) template.StepDefinition {
	s.PublishesEvents = events
	return s
}

func declared(name string, on template.EventCondition, by template.DeliveryMode) template.EventDeclaration {
	return template.EventDeclaration{Name: name, Condition: on, DeliveryMode: by}
}

// brokenPublisher panics over every payload.
type brokenPublisher struct{}

func (brokenPublisher) Name() string                                             { return "broken" }
func (brokenPublisher) ShouldPublish(context.Context, event.PublishContext) bool { return true }
func (brokenPublisher) AdditionalMetadata(context.Context, event.PublishContext) map[string]any {
	return nil
}
func (brokenPublisher) TransformPayload(context.Context, event.PublishContext) (json.RawMessage, error) {
	panic("the publisher is broken")
}

// W12
func TestStepsPublishWhatTheyDeclareWhateverBreaksOverIt(t *testing.T) {
	t.Parallel()
	forms.Each(t, func(t *testing.T, form forms.Form) {
		promptly(t, 10*time.Second, func() time.Duration { return publishInForm(t, form) })
	})
}

// publishInForm holds a sale's events to what it declares, and returns how long the sales took.
func publishInForm(t *testing.T, form forms.Form) time.Duration {
	t.Helper()
	w := newWorld(t)
	broken := declared("order.broken", template.Always, template.DeliverDurable)
	publisher := brokenPublisher{}.Name()
	broken.Publisher = &publisher
	w.register(t, "sale", in(form,
		publishing(step("validate"), declared("order.validated", template.OnSuccess, template.DeliverFast), broken),
		publishing(step("payment", "validate"), declared("payment.processed", template.OnSuccess, template.DeliverDurable),
			declared("payment.failed", template.OnFailure, template.DeliverDurable)),
		publishing(step("inventory", "payment"), declared("inventory.updated", template.Always, template.DeliverFast)),
		publishing(step("notification", "inventory"), declared("notification.sent", template.OnSuccess, template.DeliverBroadcast)))...)

	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	events := event.New(event.NewStorePublisher(w.store), event.Config{Logger: logger})
	require.NoError(t, events.Publishers().Register(brokenPublisher{}))
	var mu sync.Mutex
	fast := map[string]int{}
	_, err := events.Bus().Subscribe("*", func(_ context.Context, e event.DomainEvent) error {
		mu.Lock()
		defer mu.Unlock()
		fast[e.EventName]++
		return nil
	})
	require.NoError(t, err)
	_, err = events.Bus().Subscribe("*", func(context.Context, event.DomainEvent) error { return errors.New("the subscriber is broken") })
	require.NoError(t, err)

	r := role{DSN: w.db.DSN(), Effects: string(w.effectLog), Slots: 8}
	s, err := system.Open(t.Context(), r.config(), system.Options{Logger: logger})
	require.NoError(t, err)
	started, err := system.StartNode(t.Context(), s, &system.WorkerOptions{Registry: handlers(w.effectLog, allHandlers), Events: events})
	require.NoError(t, err)
	n, asked := &node{started, s}, time.Now()
	for range 3 {
		w.submit(t, n, "sale", nil)
	}
	w.submit(t, n, "sale", map[string]conduct{"payment": {Fail: 9, Permanent: true}})
	w.submit(t, n, "sale", map[string]conduct{"inventory": {Fail: 9, Permanent: true}})
	w.eventually(t, patience, 3, "select count(*) from tasker.tasks where state = 'complete'")
	w.eventually(t, patience, 2, "select count(*) from tasker.tasks where state = 'blocked_by_failures'")
	took := time.Since(asked)
	require.NoError(t, n.stop(context.WithoutCancel(t.Context())), "a stop publishes what waits")

	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, map[string]int{"order.validated": 5, "inventory.updated": 4, "notification.sent": 3}, fast)
	for name, want := range map[string]int{
		"payment.processed": 4, "payment.failed": 1, "notification.sent": 3, "order.validated": 0, "inventory.updated": 0, "order.broken": 0,
	} {
		require.Equal(t, want, w.db.Count(t, "select count(*) from tasker.domain_events where event_name = $1", name), name)
	}
	stats := events.Stats()
	require.EqualValues(t, []uint64{5, 9, 3}, []uint64{stats.System.Durable, stats.System.Fast, stats.System.Broadcast})
	require.EqualValues(t, 5, stats.System.Failed, "those of the broken publisher")
	require.EqualValues(t, 12, stats.InProcessBus.HandlerErrors, "those of the broken subscriber")
	w.requireIntact(t)
	return took
}
