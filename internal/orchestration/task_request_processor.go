package orchestration

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Bounds of a request's fields.
const (
	minPriority, maxPriority = -100, 100
	maxTextField             = 128
	maxTags                  = 50
)

// TaskRequestProcessor checks requests and has their tasks made.
type TaskRequestProcessor struct {
	catalog     *catalog.Catalog
	initializer *TaskInitializer
	limits      payload.Limits
}

// NewTaskRequestProcessor makes the service.
func NewTaskRequestProcessor(c *catalog.Catalog, i *TaskInitializer, cfg Config) *TaskRequestProcessor {
	return &TaskRequestProcessor{catalog: c, initializer: i, limits: cfg.ContextLimits}
}

// ProcessTaskRequest makes the task, or finds the one that an earlier request of the same identity made. Where each request makes
// a task, requests with the same requestID are one, unless it is empty. Errors are a
// [RequestError], [store.ErrNotFound] for an unknown template, or the database's.
func (p *TaskRequestProcessor) ProcessTaskRequest(ctx context.Context, r sdk.TaskRequest, requestID string) (TaskRequestResult, error) {
	if len(r.Context) == 0 {
		r.Context = json.RawMessage("{}")
	}
	if problems := p.check(&r); len(problems) > 0 {
		return TaskRequestResult{}, &RequestError{Problems: problems}
	}
	var t *catalog.Template
	_, err := retry(ctx, time.Now().Add(createFor), func() (err error) {
		t, err = p.catalog.Current(ctx, r.Namespace, r.Name, r.Version)
		return err
	})
	if err != nil {
		return TaskRequestResult{}, err
	}
	if violations := t.CheckContext(r.Context); len(violations) > 0 {
		return TaskRequestResult{}, &RequestError{Problems: violations}
	}
	task, err := newTask(t, &r, requestID)
	if err != nil {
		return TaskRequestResult{}, err
	}
	return p.initializer.InitializeTask(ctx, t, task)
}

func (p *TaskRequestProcessor) check(r *sdk.TaskRequest) (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for field, value := range map[string]string{"name": r.Name, "namespace": r.Namespace, "version": r.Version} {
		if strings.TrimSpace(value) == "" {
			add("%s is required", field)
		}
	}
	for field, value := range map[string]string{
		"initiator": r.Initiator, "source_system": r.SourceSystem, "reason": r.Reason, "idempotency_key": r.IdempotencyKey,
	} {
		if len(value) > maxTextField {
			add("%s has %d bytes, at most %d are kept", field, len(value), maxTextField)
		}
		if err := storable(value); err != nil {
			add("%s: %v", field, err)
		}
	}
	if len(r.Tags) > maxTags {
		add("there are %d tags, at most %d are kept", len(r.Tags), maxTags)
	}
	for _, tag := range r.Tags {
		if tag == "" || len(tag) > maxTextField || storable(tag) != nil {
			add("tag %q is empty, too long or not text", tag)
		}
	}
	if r.Priority != nil && (*r.Priority < minPriority || *r.Priority > maxPriority) {
		add("priority %d is not between %d and %d", *r.Priority, minPriority, maxPriority)
	}
	if err := payload.Check(r.Context, p.limits); err != nil {
		add("context: %v", err)
	}
	return problems
}

// storable says whether PostgreSQL takes a text.
func storable(text string) error {
	if text == "" {
		return nil
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return err
	}
	if strings.ToValidUTF8(text, "") != text {
		return errors.New("it is not UTF-8")
	}
	return payload.Check(quoted, payload.Limits{})
}

func newTask(t *catalog.Template, r *sdk.TaskRequest, requestID string) (store.NewTask, error) {
	task := store.NewTask{
		TaskUUID: sdk.NewUUID(), TemplateID: t.ID, CorrelationID: r.CorrelationID,
		Initiator: r.Initiator, SourceSystem: r.SourceSystem, Reason: r.Reason, Tags: r.Tags,
		Context: r.Context, RequestedAt: time.Now(),
	}
	if task.CorrelationID == (sdk.UUID{}) {
		task.CorrelationID = sdk.NewUUID()
	}
	if r.ParentCorrelationID != nil {
		task.ParentCorrelationID = *r.ParentCorrelationID
	}
	if r.Priority != nil {
		task.Priority = *r.Priority
	}
	if r.RequestedAt != nil && !r.RequestedAt.IsZero() {
		task.RequestedAt = r.RequestedAt.Time
	}
	if r.RunAt != nil && !r.RunAt.IsZero() {
		task.Delay = max(time.Until(r.RunAt.Time), 0)
	}
	var err error
	task.IdentityHash, err = identity(t, r, requestID, task.TaskUUID)
	return task, err
}

// strategyOption is the request's option that comes before the template's identity strategy.
const strategyOption = "identity_strategy"

// strategy is the request's, or else the template's.
func strategy(t *catalog.Template, r *sdk.TaskRequest) (template.IdentityStrategy, error) {
	raw, ok := r.Options[strategyOption]
	if !ok {
		return t.IdentityStrategy, nil
	}
	var s template.IdentityStrategy
	known := []template.IdentityStrategy{template.IdentityStrict, template.IdentityCallerProvided, template.IdentityAlwaysUnique}
	if err := json.Unmarshal(raw, &s); err != nil || !slices.Contains(known, s) {
		return "", &RequestError{Problems: []string{fmt.Sprintf("options.%s %s is not one of strict, caller_provided, always_unique", strategyOption, raw)}}
	}
	return s, nil
}

// identity is equal for requests that are to make one task. A key given with the request decides alone; without one the
// request's or the template's strategy does.
func identity(t *catalog.Template, r *sdk.TaskRequest, requestID string, id sdk.UUID) ([]byte, error) {
	wanted, err := strategy(t, r)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", t.Namespace, t.Name, t.Version)
	switch {
	case r.IdempotencyKey != "":
		fmt.Fprintf(h, "key\x00%s", r.IdempotencyKey)
	case wanted == template.IdentityAlwaysUnique && requestID != "":
		fmt.Fprintf(h, "request\x00%s", requestID)
	case wanted == template.IdentityAlwaysUnique:
		return id[:], nil
	case wanted == template.IdentityCallerProvided:
		return nil, &RequestError{Problems: []string{fmt.Sprintf("template %s/%s asks for an idempotency_key with each request", t.Namespace, t.Name)}}
	default:
		canonical, err := payload.Canonical(r.Context)
		if err != nil {
			return nil, &RequestError{Problems: []string{"context: " + err.Error()}}
		}
		fmt.Fprint(h, "context\x00")
		h.Write(canonical)
	}
	return h.Sum(nil), nil
}
