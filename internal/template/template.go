package template

import (
	"time"
)

// TaskTemplate declares a workflow: its steps, what each waits for, and how it is run. A template that [Parse] or
// [TaskTemplateManager] gave out is shared and must not be changed.
type TaskTemplate struct {
	Name          string  `json:"name"`
	NamespaceName string  `json:"namespace_name"`
	Version       string  `json:"version"` // semantic; [DefaultVersion] if none is written
	Description   *string `json:"description"`

	Metadata           *TemplateMetadata       `json:"metadata"`
	SystemDependencies SystemDependencies      `json:"system_dependencies"`
	DomainEvents       []DomainEventDefinition `json:"domain_events"`
	// InputSchema is the JSON Schema of a task's context, as decoded JSON.
	InputSchema any              `json:"input_schema"`
	Steps       []StepDefinition `json:"steps"`
	// Environments change steps where the engine runs in the environment of that name; see [TaskTemplate.ForEnvironment].
	Environments map[string]EnvironmentOverride `json:"environments"`
	Lifecycle    *LifecycleConfig               `json:"lifecycle"`

	// IdentityStrategy says when two requests are one task. It is ours, not upstream's.
	IdentityStrategy IdentityStrategy `json:"identity_strategy,omitzero"`
}

// DefaultVersion is the version of a template that names none.
const DefaultVersion = "0.1.0"

// TemplateMetadata is for people and tools; the engine does not read it.
type TemplateMetadata struct {
	Author           *string    `json:"author"`
	Tags             []string   `json:"tags"`
	DocumentationURL *string    `json:"documentation_url"`
	CreatedAt        *time.Time `json:"created_at"`
	UpdatedAt        *time.Time `json:"updated_at"`
}

// SystemDependencies name the outside systems that the workflow needs. They are informational.
type SystemDependencies struct {
	Primary   string   `json:"primary"` // [DefaultSystem] if none is written
	Secondary []string `json:"secondary"`
}

// DefaultSystem is the primary system dependency of a template that names none.
const DefaultSystem = "default"

// DomainEventDefinition describes an event that the workflow publishes. It is informational.
type DomainEventDefinition struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Schema      any     `json:"schema"` // JSON Schema of the payload
}

// LifecycleConfig bounds how long a task may stay in a state before it counts as stale. Nil takes the engine's bound.
type LifecycleConfig struct {
	MaxDurationMinutes               *int32          `json:"max_duration_minutes"`
	MaxWaitingForDependenciesMinutes *int32          `json:"max_waiting_for_dependencies_minutes"`
	MaxWaitingForRetryMinutes        *int32          `json:"max_waiting_for_retry_minutes"`
	MaxStepsInProcessMinutes         *int32          `json:"max_steps_in_process_minutes"`
	StalenessAction                  StalenessAction `json:"staleness_action"`
	AutoFailOnTimeout                *bool           `json:"auto_fail_on_timeout"`
	AutoDLQOnTimeout                 *bool           `json:"auto_dlq_on_timeout"`
}

// StalenessAction is what happens to a stale task.
type StalenessAction string

// What happens to a stale task: an entry for operators, an error, or nothing.
const (
	StalenessDLQ   StalenessAction = "dlq" // the default
	StalenessError StalenessAction = "error"
	StalenessNone  StalenessAction = "none"
)

// IdentityStrategy says when two requests for a task mean the same one.
type IdentityStrategy string

// When requests mean the same task.
const (
	// IdentityStrict takes requests with equal contexts for one task. It is the default.
	IdentityStrict IdentityStrategy = "strict"
	// IdentityCallerProvided takes requests with equal idempotency keys for one task, and wants a key with each.
	IdentityCallerProvided IdentityStrategy = "caller_provided"
	// IdentityAlwaysUnique makes every request a task of its own.
	IdentityAlwaysUnique IdentityStrategy = "always_unique"
)

// IsZero reports whether the strategy is the default, which JSON leaves out: upstream's templates have no such field.
func (s IdentityStrategy) IsZero() bool { return s == "" || s == IdentityStrict }

// New makes a template with the defaults in place, for workflows that are declared in Go. [Validate] it before use.
func New(namespace, name, version string, steps ...StepDefinition) *TaskTemplate {
	t := &TaskTemplate{NamespaceName: namespace, Name: name, Version: version, Steps: steps}
	t.ApplyDefaults()
	return t
}

// Step finds a step by name, or returns nil.
func (t *TaskTemplate) Step(name string) *StepDefinition {
	for i := range t.Steps {
		if t.Steps[i].Name == name {
			return &t.Steps[i]
		}
	}
	return nil
}

// Key identifies a template.
type Key struct{ Namespace, Name, Version string }

// String gives namespace/name/version.
func (k Key) String() string { return k.Namespace + "/" + k.Name + "/" + k.Version }

// Key is the name under which the template is registered.
func (t *TaskTemplate) Key() Key { return Key{t.NamespaceName, t.Name, t.Version} }
