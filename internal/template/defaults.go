package template

import (
	"maps"
	"slices"
	"time"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// ApplyDefaults fills what the template leaves open. [Parse], [New] and decoding from JSON have done so already; call it
// on a template that was put together as a Go literal.
func (t *TaskTemplate) ApplyDefaults() {
	fill(&t.Version, DefaultVersion)
	fill(&t.IdentityStrategy, IdentityStrict)
	fill(&t.SystemDependencies.Primary, DefaultSystem)
	fillList(&t.SystemDependencies.Secondary)
	fillList(&t.DomainEvents)
	fillList(&t.Steps)
	if t.Environments == nil {
		t.Environments = map[string]EnvironmentOverride{}
	}
	for name, env := range t.Environments {
		fillList(&env.Steps)
		t.Environments[name] = env
	}
	if m := t.Metadata; m != nil {
		fillList(&m.Tags)
		m.CreatedAt, m.UpdatedAt = inUTC(m.CreatedAt), inUTC(m.UpdatedAt)
	}
	if t.Lifecycle != nil {
		fill(&t.Lifecycle.StalenessAction, StalenessDLQ)
	}
	for i := range t.Steps {
		t.Steps[i].applyDefaults()
	}
}

func (s *StepDefinition) applyDefaults() {
	fill(&s.Type, StandardStep)
	fillList(&s.Dependencies)
	fillList(&s.PublishesEvents)
	for i := range s.PublishesEvents {
		fill(&s.PublishesEvents[i].Condition, OnSuccess)
		fill(&s.PublishesEvents[i].DeliveryMode, DeliverDurable)
	}
	if s.Handler.Initialization == nil {
		s.Handler.Initialization = map[string]any{}
	}
	s.Retry.applyDefaults()
	if b := s.BatchConfig; b != nil {
		fill(&b.BatchSize, DefaultBatchSize)
		fill(&b.Parallelism, DefaultParallelism)
		fill(&b.CursorField, DefaultCursorField)
		fill(&b.FailureStrategy, ContinueOnFailure)
		if s.Type == BatchWorkerStep {
			fill(&b.WorkerTemplate, s.Name)
		}
	}
}

func (r *RetryConfiguration) applyDefaults() {
	if *r == (RetryConfiguration{}) {
		*r = DefaultRetry()
	}
	fill(&r.Backoff, workflow.BackoffExponential)
	fill(&r.BackoffBaseMS, DefaultBackoffBaseMS)
	fill(&r.MaxBackoffMS, max(DefaultMaxBackoffMS, r.BackoffBaseMS))
	fill(&r.MaxCrashes, DefaultMaxCrashes)
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func fill[T comparable](field *T, def T) {
	var none T
	if *field == none {
		*field = def
	}
}

// fillList makes an absent list an empty one: JSON must say [], not null.
func fillList[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}

// clone copies the template, but for JSON values within it, which nobody changes in place.
func (t *TaskTemplate) clone() *TaskTemplate {
	c := *t
	c.SystemDependencies.Secondary = slices.Clone(t.SystemDependencies.Secondary)
	c.DomainEvents = slices.Clone(t.DomainEvents)
	c.Metadata = clonePointer(t.Metadata)
	c.Lifecycle = clonePointer(t.Lifecycle)
	c.Environments = maps.Clone(t.Environments)
	c.Steps = slices.Clone(t.Steps)
	for i := range c.Steps {
		c.Steps[i] = c.Steps[i].clone()
	}
	return &c
}

func (s StepDefinition) clone() StepDefinition {
	s.Dependencies = slices.Clone(s.Dependencies)
	s.PublishesEvents = slices.Clone(s.PublishesEvents)
	s.Handler.Initialization = maps.Clone(s.Handler.Initialization)
	s.BatchConfig = clonePointer(s.BatchConfig)
	return s
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
