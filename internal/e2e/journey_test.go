package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

// TestJourney follows a task of two steps through one process and prints its hops: every message an actor was asked, every
// statement on tasks and steps, every handler that ran. It runs alone, so that all it hears is its own.
func TestJourney(t *testing.T) {
	hops := &hops{}
	defer actor.Observe(hops)()

	cfg := config.Default()
	cfg.Database.URL = config.Secret(testdb.New(t).DSN())
	s, err := system.Open(t.Context(), cfg, system.Options{Tracer: hops, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()

	handlers := sdk.NewRegistry()
	for _, name := range []string{"weigh", "ship"} {
		handlers.RegisterFunc(name, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			upstream, err := step.DependencyResults(ctx)
			hops.add("HandlerDispatchService runs handler %s, with the results of %d steps", step.HandlerName(), len(upstream))
			return sdk.Success(map[string]string{"by": step.HandlerName()}), err
		})
	}
	parcel := template.New("journey", "parcel", "1.0.0", template.NewStep("weigh", "weigh"), template.NewStep("ship", "ship", "weigh"))
	parcel.Steps[1].PublishesEvents = []template.EventDeclaration{{Name: "parcel.shipped", Condition: template.OnSuccess, DeliveryMode: template.DeliverDurable}}
	_, err = s.Catalog.Register(t.Context(), parcel, false)
	require.NoError(t, err)
	node, err := system.StartNode(t.Context(), s, &system.WorkerOptions{Registry: handlers})
	require.NoError(t, err)
	hops.clear()

	request := sdk.TaskRequest{Namespace: "journey", Name: "parcel", Version: "1.0.0"}
	created, err := actor.Ask(t.Context(), node.Orchestration.Actors.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{Request: request})
	require.NoError(t, err)
	state, err := node.Orchestration.Actors.Endings.Wait(t.Context(), created.TaskUUID)
	require.NoError(t, err)
	require.Equal(t, "complete", string(state))
	stopping, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, node.Stop(stopping))

	walked := hops.all()
	for i, hop := range walked {
		t.Logf("%2d  %s", i+1, hop)
	}
	require.Subset(t, walked, []string{
		"TaskInitializer, StepEnqueuer: statement create_task",
		"TaskRequestActor answers ProcessTaskRequestMessage",
		"StepExecutorActor answers ExecuteStepMessage",
		"HandlerDispatchService runs handler weigh, with the results of 0 steps",
		"OrchestrationResultProcessor: statement end_attempt",
		"ResultProcessorActor answers ProcessStepResultMessage",
		"FFICompletionActor answers SendStepResultMessage",
		"FFICompletionActor answers ProcessStepCompletionMessage",
		"HandlerDispatchService runs handler ship, with the results of 1 steps",
		"DomainEventActor answers DispatchDomainEventsMessage",
		"DomainEventSystem: statement publish_domain_events",
	})
	require.Equal(t, 2, count(walked, "statement end_attempt"), "one commit for each step")
	require.Zero(t, count(walked, "dependency_results"), "a result that this process had accepted is not read again")
}

func count(hops []string, part string) (n int) {
	for _, h := range hops {
		if strings.Contains(h, part) {
			n++
		}
	}
	return n
}

// hops writes down what happens.
type hops struct {
	mu   sync.Mutex
	list []string
}

func (h *hops) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, fmt.Sprintf(format, args...))
}

func (h *hops) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = nil
}

func (h *hops) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.list...)
}

// answeredBy names the actor of each message of the journey.
var answeredBy = map[string]string{
	"ProcessTaskRequestMessage":    "TaskRequestActor",
	"ProcessStepResultMessage":     "ResultProcessorActor",
	"ExecuteStepMessage":           "StepExecutorActor",
	"SendStepResultMessage":        "FFICompletionActor",
	"ProcessStepCompletionMessage": "FFICompletionActor",
	"DispatchDomainEventsMessage":  "DomainEventActor",
}

func (h *hops) Asked(_ context.Context, message string, _ time.Duration, _ error) {
	if by, ok := answeredBy[message]; ok {
		h.add("%s answers %s", by, message)
	}
}

// issuedBy names the service of each statement of the journey; what merely looks for work or beats is left out.
var issuedBy = map[string]string{
	"create_task":           "TaskInitializer, StepEnqueuer",
	"end_attempt":           "OrchestrationResultProcessor",
	"task_context":          "StepContext",
	"dependency_results":    "StepContext",
	"publish_domain_events": "DomainEventSystem",
}

var statementName = regexp.MustCompile(`/\* tasker:(\w+) \*/`)

func (h *hops) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if name := statementName.FindStringSubmatch(data.SQL); name != nil && issuedBy[name[1]] != "" {
		h.add("%s: statement %s", issuedBy[name[1]], name[1])
	}
	return ctx
}

func (h *hops) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
