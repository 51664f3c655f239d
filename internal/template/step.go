package template

import (
	"time"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// StepDefinition declares one step.
type StepDefinition struct {
	Name             string             `json:"name"`
	Description      *string            `json:"description"`
	Handler          HandlerDefinition  `json:"handler"`
	Type             StepType           `json:"type"` // read under step_type as well
	SystemDependency *string            `json:"system_dependency"`
	Dependencies     []string           `json:"dependencies"` // read under depends_on as well
	Retry            RetryConfiguration `json:"retry"`
	// TimeoutSeconds bounds one attempt. Nil takes the worker's bound.
	TimeoutSeconds  *int32              `json:"timeout_seconds"`
	PublishesEvents []EventDeclaration  `json:"publishes_events"`
	BatchConfig     *BatchConfiguration `json:"batch_config"`
	// ResultSchema is the JSON Schema of the step's result, as decoded JSON.
	ResultSchema any `json:"result_schema,omitempty"`
	// EnforceResultSchema fails the step for good when its result does not meet ResultSchema. It is ours.
	EnforceResultSchema bool `json:"enforce_result_schema,omitempty"`
	// Composition is opaque JSON for handlers that are put together from parts.
	Composition any `json:"composition,omitempty"`
}

// StepType says how a step takes part in the graph.
type StepType string

// The types of step.
const (
	// StandardStep is created with the task, or with the branch it lies on. It is the default.
	StandardStep StepType = "standard"
	// DecisionStep chooses at run time which of the steps below it are created.
	DecisionStep StepType = "decision"
	// DeferredConvergenceStep waits for those of its dependencies that were really created.
	DeferredConvergenceStep StepType = "deferred_convergence"
	// BatchableStep says at run time into how many batches its work is split.
	BatchableStep StepType = "batchable"
	// BatchWorkerStep is a pattern: one step is created from it for each batch.
	BatchWorkerStep StepType = "batch_worker"
)

// HandlerDefinition names the code that runs a step.
type HandlerDefinition struct {
	Callable string  `json:"callable"`
	Method   *string `json:"method"`
	Resolver *string `json:"resolver"`
	// Initialization is configuration for the handler. Numbers in it are of type [encoding/json.Number].
	Initialization map[string]any `json:"initialization"`
}

// DefaultMethod is the method that is called on a handler whose definition names none.
const DefaultMethod = "call"

// EffectiveMethod is the method to call.
func (h HandlerDefinition) EffectiveMethod() string {
	if h.Method == nil || *h.Method == "" {
		return DefaultMethod
	}
	return *h.Method
}

// RetryConfiguration says how often and how late a failed step is tried again. Its zero value stands for
// [DefaultRetry].
type RetryConfiguration struct {
	// Retryable false allows the first attempt only.
	Retryable bool `json:"retryable"`
	// MaxAttempts bounds the attempts; 0 and 1 both allow just the first.
	MaxAttempts int32 `json:"max_attempts"`
	// Backoff says how the delay between attempts grows, from BackoffBaseMS to MaxBackoffMS, both in milliseconds.
	Backoff       workflow.BackoffKind `json:"backoff"`
	BackoffBaseMS int64                `json:"backoff_base_ms"`
	MaxBackoffMS  int64                `json:"max_backoff_ms"`

	// Jitter spreads the delays, so that steps which failed together do not come back together. It is ours.
	Jitter bool `json:"jitter"`
	// MaxCrashes bounds the attempts that end with the loss of their worker. It is ours.
	MaxCrashes int32 `json:"max_crashes"`
}

// The retry of a step that declares none.
const (
	DefaultMaxAttempts   int32 = 3
	DefaultBackoffBaseMS int64 = 1_000
	DefaultMaxBackoffMS  int64 = 30_000
	DefaultMaxCrashes    int32 = 3
)

// DefaultRetry allows three attempts, one and two seconds apart, spread by jitter.
func DefaultRetry() RetryConfiguration {
	return RetryConfiguration{
		Retryable:     true,
		MaxAttempts:   DefaultMaxAttempts,
		Backoff:       workflow.BackoffExponential,
		BackoffBaseMS: DefaultBackoffBaseMS,
		MaxBackoffMS:  DefaultMaxBackoffMS,
		Jitter:        true,
		MaxCrashes:    DefaultMaxCrashes,
	}
}

// BatchConfiguration says how a batch is worked off.
type BatchConfiguration struct {
	BatchSize       int32           `json:"batch_size"`
	Parallelism     int32           `json:"parallelism"`
	CursorField     string          `json:"cursor_field"`
	WorkerTemplate  string          `json:"worker_template"` // a step of type batch_worker
	FailureStrategy FailureStrategy `json:"failure_strategy"`
}

// The batch configuration where fields are left out.
const (
	DefaultBatchSize   int32 = 1_000
	DefaultParallelism int32 = 10
	DefaultCursorField       = "id"
)

// FailureStrategy says what a failed item means for its batch.
type FailureStrategy string

// What a failed item means for its batch.
const (
	ContinueOnFailure FailureStrategy = "continue_on_failure" // the default
	FailFast          FailureStrategy = "fail_fast"
	Isolate           FailureStrategy = "isolate"
)

// EventDeclaration says that a step publishes a domain event when it is done.
type EventDeclaration struct {
	Name         string         `json:"name"` // at least two parts, as in order.paid
	Description  *string        `json:"description"`
	Schema       any            `json:"schema"` // JSON Schema that the payload must meet
	Condition    EventCondition `json:"condition"`
	DeliveryMode DeliveryMode   `json:"delivery_mode"`
	Publisher    *string        `json:"publisher"` // code of the user that shapes the event
}

// EventCondition says after which outcomes an event is published.
type EventCondition string

// The outcomes after which an event is published.
const (
	OnSuccess          EventCondition = "success" // the default
	OnFailure          EventCondition = "failure"
	OnRetryableFailure EventCondition = "retryable_failure"
	OnPermanentFailure EventCondition = "permanent_failure"
	Always             EventCondition = "always"
)

// DeliveryMode says how an event travels.
type DeliveryMode string

// How an event travels.
const (
	DeliverDurable   DeliveryMode = "durable" // through a queue that survives restarts; the default
	DeliverFast      DeliveryMode = "fast"    // within the process
	DeliverBroadcast DeliveryMode = "broadcast"
)

// NewStep makes a standard step with the defaults in place.
func NewStep(name, callable string, dependsOn ...string) StepDefinition {
	s := StepDefinition{Name: name, Handler: HandlerDefinition{Callable: callable}, Dependencies: dependsOn}
	s.applyDefaults()
	return s
}

// Timeout bounds one attempt; 0 takes the worker's bound.
func (s *StepDefinition) Timeout() time.Duration {
	if s.TimeoutSeconds == nil {
		return 0
	}
	return time.Duration(*s.TimeoutSeconds) * time.Second
}
