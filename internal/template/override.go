package template

import (
	"maps"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// EnvironmentOverride changes steps in one environment.
type EnvironmentOverride struct {
	Steps []StepOverride `json:"steps"`
}

// AllSteps is the name under which a [StepOverride] applies to every step.
const AllSteps = "ALL"

// StepOverride changes one step, or all. What it leaves out stays.
type StepOverride struct {
	Name           string           `json:"name"`
	Handler        *HandlerOverride `json:"handler"`
	TimeoutSeconds *int32           `json:"timeout_seconds"`
	Retry          *RetryOverride   `json:"retry"`
}

// HandlerOverride changes the configuration of a handler, key by key.
type HandlerOverride struct {
	Initialization map[string]any `json:"initialization"`
}

// RetryOverride changes parts of a [RetryConfiguration].
type RetryOverride struct {
	Retryable     *bool                 `json:"retryable,omitempty"`
	MaxAttempts   *int32                `json:"max_attempts,omitempty"`
	Backoff       *workflow.BackoffKind `json:"backoff,omitempty"`
	BackoffBaseMS *int64                `json:"backoff_base_ms,omitempty"`
	MaxBackoffMS  *int64                `json:"max_backoff_ms,omitempty"`
	Jitter        *bool                 `json:"jitter,omitempty"`
	MaxCrashes    *int32                `json:"max_crashes,omitempty"`
}

// ForEnvironment is the template as it runs in an environment: the overrides for [AllSteps] are applied first, then those
// for single steps. The result has no overrides left. An environment that the template does not mention changes nothing.
func (t *TaskTemplate) ForEnvironment(env string) *TaskTemplate {
	c := t.clone()
	c.Environments = nil
	c.ApplyDefaults()
	overrides := t.Environments[env].Steps
	for i := range c.Steps {
		for _, o := range overrides {
			if o.Name == AllSteps {
				c.Steps[i].override(o)
			}
		}
		for _, o := range overrides {
			if o.Name == c.Steps[i].Name {
				c.Steps[i].override(o)
			}
		}
	}
	return c
}

func (s *StepDefinition) override(o StepOverride) {
	if o.TimeoutSeconds != nil {
		s.TimeoutSeconds = o.TimeoutSeconds
	}
	if o.Retry != nil {
		s.Retry = s.Retry.overridden(*o.Retry)
	}
	if o.Handler != nil {
		maps.Copy(s.Handler.Initialization, o.Handler.Initialization)
	}
}

func (r RetryConfiguration) overridden(o RetryOverride) RetryConfiguration {
	replace(&r.Retryable, o.Retryable)
	replace(&r.MaxAttempts, o.MaxAttempts)
	replace(&r.Backoff, o.Backoff)
	replace(&r.BackoffBaseMS, o.BackoffBaseMS)
	replace(&r.MaxBackoffMS, o.MaxBackoffMS)
	replace(&r.Jitter, o.Jitter)
	replace(&r.MaxCrashes, o.MaxCrashes)
	return r
}

func replace[T any](field *T, with *T) {
	if with != nil {
		*field = *with
	}
}
