package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// StepData is what a [StepContext] stands on. Workers fill it; tests of handlers may, through sdk/tasktest.
type StepData struct {
	TaskUUID, CorrelationID, ParentCorrelationID UUID
	StepNo                                       int32
	Namespace, TaskName, TaskVersion             string
	StepName, TemplateStepName                   string
	HandlerName, HandlerMethod                   string
	Config                                       map[string]any
	Dependencies                                 []string
	// Attempt counts from 1. MaxAttempts is the template's bound.
	Attempt, MaxAttempts int32
	Timeout              time.Duration
	Inputs, Checkpoint   json.RawMessage
	// LoadInput reads the task's context; LoadResults the results of the named steps. Either may go to the database; the
	// StepContext calls each at most once per answer.
	// The name of a batch_worker stands for all of its batches, which are answered under their own names.
	LoadInput   func(ctx context.Context) (json.RawMessage, error)
	LoadResults func(ctx context.Context, steps []string) (map[string]json.RawMessage, error)
	// NumberOf finds the number of a step whose result was read.
	NumberOf func(step string) (int32, bool)
}

// StepContext is what a handler knows about the step it runs. It is safe for concurrent use.
type StepContext struct {
	data StepData

	mu      sync.Mutex
	input   json.RawMessage
	results map[string]json.RawMessage
	batches map[string][]string // by their pattern
}

// NewStepContext makes the context of one attempt.
func NewStepContext(d StepData) *StepContext { return &StepContext{data: d} }

// WithCheckpoint is the same step, called again after a checkpoint. It is for those who run handlers.
func (s *StepContext) WithCheckpoint(saved json.RawMessage) *StepContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &StepContext{data: s.data, input: s.input, results: maps.Clone(s.results), batches: maps.Clone(s.batches)}
	next.data.Checkpoint = saved
	return next
}

// TaskUUID names the task.
func (s *StepContext) TaskUUID() UUID { return s.data.TaskUUID }

// StepUUID names the step within all tasks.
func (s *StepContext) StepUUID() UUID { return StepUUID(s.data.TaskUUID, s.data.StepNo) }

// CorrelationID is the task's: it follows the work through logs, events and other systems.
func (s *StepContext) CorrelationID() UUID { return s.data.CorrelationID }

// ParentCorrelationID is that of the work which caused this task; the zero UUID if none.
func (s *StepContext) ParentCorrelationID() UUID { return s.data.ParentCorrelationID }

// Namespace, TaskName and TaskVersion name the template.
func (s *StepContext) Namespace() string { return s.data.Namespace }

// TaskName is the template's name.
func (s *StepContext) TaskName() string { return s.data.TaskName }

// TaskVersion is the template's version.
func (s *StepContext) TaskVersion() string { return s.data.TaskVersion }

// StepName is the step's name in its task.
func (s *StepContext) StepName() string { return s.data.StepName }

// TemplateStepName is the name in the template; it differs from StepName for batch workers.
func (s *StepContext) TemplateStepName() string { return s.data.TemplateStepName }

// HandlerName is the template's handler.callable.
func (s *StepContext) HandlerName() string { return s.data.HandlerName }

// HandlerMethod is the template's handler.method, or "".
func (s *StepContext) HandlerMethod() string { return s.data.HandlerMethod }

// Attempt counts the attempts of this step, from 1.
func (s *StepContext) Attempt() int { return int(s.data.Attempt) }

// RetryCount is the number of attempts before this one.
func (s *StepContext) RetryCount() int { return int(s.data.Attempt) - 1 }

// MaxAttempts is how many attempts the template allows.
func (s *StepContext) MaxAttempts() int { return int(s.data.MaxAttempts) }

// IsRetry says whether an attempt was made before.
func (s *StepContext) IsRetry() bool { return s.data.Attempt > 1 }

// IsLastRetry says whether no attempt is left after this one.
func (s *StepContext) IsLastRetry() bool { return s.data.Attempt >= s.data.MaxAttempts }

// Timeout is how long this attempt may take.
func (s *StepContext) Timeout() time.Duration { return s.data.Timeout }

// IdempotencyKey is the same for all attempts of this step and differs between steps and tasks. Give it to the systems
// that the handler calls, so that a second attempt does not repeat an effect.
func (s *StepContext) IdempotencyKey() string { return s.StepUUID().String() }

// Config is the template's handler.initialization. Do not change it: it is shared.
func (s *StepContext) Config() map[string]any { return s.data.Config }

// Dependencies lists the steps this one depends on directly.
func (s *StepContext) Dependencies() []string { return s.data.Dependencies }

// StepInputs is what the step itself was given (batch workers), or nil.
func (s *StepContext) StepInputs() json.RawMessage { return s.data.Inputs }

// Checkpoint is what this step saved last, in this attempt or an earlier one, or nil. See [Resume].
func (s *StepContext) Checkpoint() json.RawMessage { return s.data.Checkpoint }

// Input decodes the task's context into v. A context that does not fit v fails the step for good.
func (s *StepContext) Input(ctx context.Context, v any) error {
	raw, err := s.RawInput(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return Permanent(fmt.Errorf("task context: %w", err), WithType(ErrTypeValidation))
	}
	return nil
}

// RawInput is the task's context as it was given.
func (s *StepContext) RawInput(ctx context.Context) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.input == nil {
		if s.data.LoadInput == nil {
			return json.RawMessage("{}"), nil
		}
		raw, err := s.data.LoadInput(ctx)
		if err != nil {
			return nil, Retryable(fmt.Errorf("read the context of task %s: %w", s.data.TaskUUID, err))
		}
		s.input = raw
	}
	return s.input, nil
}

// DependencyResult is the result of an earlier step that this one depends on, directly or through others. A name that is
// not upstream of this step fails it for good.
func (s *StepContext) DependencyResult(ctx context.Context, name string) (json.RawMessage, error) {
	got, err := s.DependencyResults(ctx, name)
	if err != nil {
		return nil, err
	}
	raw, ok := got[name]
	if !ok {
		return nil, Permanent(fmt.Errorf("step %q has no completed step %q upstream; it depends on %q", s.data.StepName, name, s.data.Dependencies))
	}
	return raw, nil
}

// DependencyResults reads several results at once, by step name; without names, those of all direct dependencies. The name of
// a batch_worker stands for all of its batches, which come under their own names. Steps that have no result are left out:
// those that a decision did not choose, and batches that failed.
func (s *StepContext) DependencyResults(ctx context.Context, names ...string) (map[string]json.RawMessage, error) {
	if len(names) == 0 {
		names = s.data.Dependencies
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []string
	for _, n := range names {
		if _, ok := s.results[n]; !ok && s.batches[n] == nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 && s.data.LoadResults != nil {
		loaded, err := s.data.LoadResults(ctx, missing)
		if err != nil {
			return nil, Retryable(fmt.Errorf("read results of steps %q of task %s: %w", missing, s.data.TaskUUID, err))
		}
		if s.results == nil {
			s.results = make(map[string]json.RawMessage, len(loaded))
		}
		for n, raw := range loaded {
			s.results[n] = raw
		}
		s.keepBatches(missing, loaded)
	}
	got := make(map[string]json.RawMessage, len(names))
	for _, n := range names {
		if raw, ok := s.results[n]; ok {
			got[n] = raw
		}
		for _, batch := range s.batches[n] {
			got[batch] = s.results[batch]
		}
	}
	return got, nil
}

// keepBatches remembers which results came for the name of their batch_worker.
func (s *StepContext) keepBatches(asked []string, loaded map[string]json.RawMessage) {
	for batch := range loaded {
		if slices.Contains(asked, batch) {
			continue
		}
		of := ""
		for _, pattern := range asked {
			if strings.HasPrefix(batch, pattern+"_") && len(pattern) > len(of) {
				of = pattern
			}
		}
		if s.batches == nil {
			s.batches = map[string][]string{}
		}
		s.batches[of] = append(s.batches[of], batch)
	}
}

// DependencyUUID is the UUID of an earlier step whose result was read.
func (s *StepContext) DependencyUUID(name string) (id UUID, ok bool) {
	if s.data.NumberOf == nil {
		return id, false
	}
	no, ok := s.data.NumberOf(name)
	return StepUUID(s.data.TaskUUID, no), ok
}
