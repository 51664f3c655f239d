package event

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/sdk"
)

// logbook keeps what was logged, a line a record.
type logbook struct{ testkit.Logs }

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// lines returns the records that contain part.
func (l *logbook) lines(part string) (found []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

// memoryQueue is a [DurablePublisher] that keeps what it is given, as JSON would bring it back.
type memoryQueue struct {
	mu     sync.Mutex
	calls  int
	events map[string][]DomainEvent
	// before, if set, decides about a call; its error is returned instead.
	before func(ctx context.Context, namespace string, events []DomainEvent) error
}

func (q *memoryQueue) Publish(ctx context.Context, namespace string, events []DomainEvent) error {
	if q.before != nil {
		if err := q.before(ctx, namespace, events); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls++
	if q.events == nil {
		q.events = map[string][]DomainEvent{}
	}
	q.events[namespace] = append(q.events[namespace], events...)
	return nil
}

func (q *memoryQueue) names(namespace string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return names(q.events[namespace])
}

func (q *memoryQueue) only(t testing.TB, namespace string) DomainEvent {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	require.Len(t, q.events[namespace], 1)
	return q.events[namespace][0]
}

func names(events []DomainEvent) (all []string) {
	for _, e := range events {
		all = append(all, e.EventName)
	}
	return all
}

// declare makes a declaration, changed by edits.
func declare(name string, edits ...func(*template.EventDeclaration)) template.EventDeclaration {
	d := template.EventDeclaration{Name: name, Condition: template.OnSuccess, DeliveryMode: template.DeliverDurable}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func by(mode template.DeliveryMode) func(*template.EventDeclaration) {
	return func(d *template.EventDeclaration) { d.DeliveryMode = mode }
}

func when(c template.EventCondition) func(*template.EventDeclaration) {
	return func(d *template.EventDeclaration) { d.Condition = c }
}

func shapedBy(publisher string) func(*template.EventDeclaration) {
	return func(d *template.EventDeclaration) { d.Publisher = &publisher }
}

func schema(t testing.TB, text string) func(*template.EventDeclaration) {
	return func(d *template.EventDeclaration) { require.NoError(t, json.Unmarshal([]byte(text), &d.Schema)) }
}

// succeeded is a step that returned this result.
func succeeded(result string, declared ...template.EventDeclaration) StepEvent {
	task := sdk.NewUUID()
	return StepEvent{
		TaskUUID: task, StepUUID: sdk.StepUUID(task, 0), CorrelationID: sdk.NewUUID(),
		Namespace: "shop", TaskName: "order", TaskVersion: "1.0.0", StepName: "charge",
		Result: &sdk.StepExecutionResult{
			StepUUID: sdk.StepUUID(task, 0), Success: true, Status: sdk.StatusCompleted, Result: json.RawMessage(result),
			Metadata: sdk.StepExecutionMetadata{CompletedAt: sdk.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))},
		},
		Declarations: declared,
	}
}

// failed is a step that failed, retryably or not.
func failed(retryable bool, declared ...template.EventDeclaration) StepEvent {
	e := succeeded("{}", declared...)
	e.Result.Success, e.Result.Status, e.Result.Metadata.Retryable = false, sdk.StatusError, retryable
	return e
}

// named is an event with nothing but a name and an id.
func named(name string) DomainEvent {
	return DomainEvent{EventID: sdk.NewUUID(), EventName: name, EventVersion: EventVersion,
		Payload:  EventPayload{TaskSequenceStep: json.RawMessage("{}"), Payload: json.RawMessage("{}")},
		Metadata: EventMetadata{Namespace: "shop"}}
}
