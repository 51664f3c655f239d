package event

import (
	"context"
	"encoding/json"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// Publisher is code of the user that shapes the events whose declarations name it. One that panics fails its event only. It
// runs on the one goroutine that publishes: while it works, other events wait.
type Publisher interface {
	// Name is what declarations call it by.
	Name() string
	// ShouldPublish may call off an event whose condition holds.
	ShouldPublish(ctx context.Context, p PublishContext) bool
	// TransformPayload makes the business payload: JSON that meets the declaration's schema.
	TransformPayload(ctx context.Context, p PublishContext) (json.RawMessage, error)
	// AdditionalMetadata is added to the event's metadata; nil adds nothing.
	AdditionalMetadata(ctx context.Context, p PublishContext) map[string]any
}

// PublishContext is what a publisher works from. It must not change what it points to.
type PublishContext struct {
	*StepEvent
	Declaration *template.EventDeclaration
	Outcome     Outcome
}

// BeforePublisher is a [Publisher] that sees each event just before it is routed, and may call it off by returning false.
type BeforePublisher interface {
	BeforePublish(ctx context.Context, e DomainEvent) bool
}

// AfterPublisher is a [Publisher] that hears of each event that was published.
type AfterPublisher interface {
	AfterPublish(ctx context.Context, e DomainEvent)
}

// PublishErrorHandler is a [Publisher] that hears of each event that could not be published. payload is nil if it failed
// before there was one.
type PublishErrorHandler interface {
	OnPublishError(ctx context.Context, eventName string, err error, payload json.RawMessage)
}

// Forwarder is a [Publisher] that has events shaped and published elsewhere, by code in another language for instance.
type Forwarder interface {
	Publisher
	// Forward passes on an event with the payload that TransformPayload made. It does not wait for what becomes of it. Whoever
	// publishes it checks the payload then, by [CheckPayload].
	Forward(ctx context.Context, d Delivery, p PublishContext) error
}

// DefaultPublisher publishes the step's result as it is, {} if there is none. It shapes the events whose declarations name
// no publisher, or one that is not registered.
type DefaultPublisher struct{}

var _ Publisher = DefaultPublisher{}

// Name returns "default".
func (DefaultPublisher) Name() string { return "default" }

// ShouldPublish never calls an event off.
func (DefaultPublisher) ShouldPublish(context.Context, PublishContext) bool { return true }

// TransformPayload returns the step's result.
func (DefaultPublisher) TransformPayload(_ context.Context, p PublishContext) (json.RawMessage, error) {
	if len(p.Result.Result) == 0 {
		return json.RawMessage("{}"), nil
	}
	return p.Result.Result, nil
}

// AdditionalMetadata adds nothing.
func (DefaultPublisher) AdditionalMetadata(context.Context, PublishContext) map[string]any {
	return nil
}
