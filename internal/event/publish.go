package event

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

// prepared is an event that is ready to be routed.
type prepared struct {
	Delivery
	ctx       context.Context
	publisher Publisher
	forwarded bool
}

// publishSafely publishes a batch. A panic, or an end of the goroutine, fails those of its events that were not settled
// before.
func (s *DomainEventSystem) publishSafely(commands []command) {
	before, events := s.counters.settled.Load(), uint64(0)
	for i := range commands {
		events += uint64(len(commands[i].chosen))
	}
	err := errGoroutineEnded
	defer func() {
		if lost := before + events - s.counters.settled.Load(); lost > 0 {
			s.counters.failed.Add(lost)
			s.counters.settled.Add(lost)
			s.log.ErrorContext(commands[0].ctx, "domain events were not published", "count", lost, "error", err)
		}
	}()
	defer recovered(&err, "the domain event system")
	s.publish(commands)
}

// publish prepares and routes the events of a batch. Each event is settled exactly once: published, skipped, failed or
// dropped.
func (s *DomainEventSystem) publish(commands []command) {
	ctx, cancel := context.WithTimeout(s.work, s.cfg.PublishTimeout)
	defer cancel()
	var ready []prepared
	var deliveries []Delivery
	for i := range commands {
		c := &commands[i]
		if s.work.Err() != nil {
			s.counters.dropped.Add(uint64(len(c.chosen)))
			s.counters.settled.Add(uint64(len(c.chosen)))
			continue
		}
		for _, declaration := range c.chosen {
			if p, ok := s.prepare(withValues{ctx, c.ctx}, c, &c.Declarations[declaration]); ok {
				ready, deliveries = append(ready, p), append(deliveries, p.Delivery)
			}
		}
	}
	if len(ready) > 0 {
		s.settle(ready, s.router.Route(ctx, deliveries))
	}
}

// prepare lets the declaration's publisher shape an event and checks it. If that is not ok, the event is settled.
func (s *DomainEventSystem) prepare(ctx context.Context, c *command, d *template.EventDeclaration) (p prepared, ok bool) {
	p = prepared{ctx: ctx, publisher: s.publisherOf(ctx, d), Delivery: Delivery{Mode: d.DeliveryMode}}
	wanted, err := s.shape(&p, c, d)
	var mismatch *schemaError
	switch {
	case errors.As(err, &mismatch):
		s.counters.skipped.Add(1)
		s.log.WarnContext(ctx, "a domain event is skipped", "event_name", d.Name, "step_uuid", c.StepUUID,
			"correlation_id", c.CorrelationID, "error", err)
		s.tellError(&p, d.Name, err)
	case err != nil:
		s.counters.failed.Add(1)
		s.log.ErrorContext(ctx, "a domain event could not be made", "event_name", d.Name, "publisher", p.publisher.Name(),
			"step_uuid", c.StepUUID, "correlation_id", c.CorrelationID, "error", err)
		s.tellError(&p, d.Name, err)
	case p.forwarded:
		s.counters.forwarded.Add(1)
	case !wanted:
		s.counters.skipped.Add(1)
	default:
		return p, true
	}
	s.counters.settled.Add(1)
	return p, false
}

// shape fills in the event. Not wanted means that the publisher called it off.
func (s *DomainEventSystem) shape(p *prepared, c *command, d *template.EventDeclaration) (wanted bool, err error) {
	defer recovered(&err, "publisher")
	from := PublishContext{&c.StepEvent, d, OutcomeOf(c.Result, c.State)}
	if !p.publisher.ShouldPublish(p.ctx, from) {
		return false, nil
	}
	payload, err := p.publisher.TransformPayload(p.ctx, from)
	if err != nil {
		return false, err
	}
	if f, ok := p.publisher.(Forwarder); ok {
		p.forwarded = true
		p.Event = s.newEvent(c, d, payload)
		return false, f.Forward(p.ctx, p.Delivery, from)
	}
	if !json.Valid(payload) {
		return false, errors.New("the payload is not JSON")
	}
	p.Event.Payload.Payload = payload
	if err := s.schemas.check(d.Schema, payload); err != nil {
		return false, err
	}
	p.Event = s.newEvent(c, d, payload)
	p.Event.Metadata.Additional = p.publisher.AdditionalMetadata(p.ctx, from)
	if hook, ok := p.publisher.(BeforePublisher); ok {
		return hook.BeforePublish(p.ctx, p.Event), nil
	}
	return true, nil
}

func (s *DomainEventSystem) newEvent(c *command, d *template.EventDeclaration, payload json.RawMessage) DomainEvent {
	return DomainEvent{
		EventID: sdk.NewUUID(), EventName: d.Name, EventVersion: EventVersion,
		Payload: EventPayload{TaskSequenceStep: c.sequenceStep(), ExecutionResult: c.Result, Payload: payload},
		Metadata: EventMetadata{
			TaskUUID: c.TaskUUID, StepUUID: c.StepUUID, StepName: c.StepName, Namespace: c.Namespace,
			CorrelationID: c.CorrelationID, FiredAt: sdk.At(time.Now()), FiredBy: s.cfg.FiredBy,
		},
	}
}

func (s *DomainEventSystem) publisherOf(ctx context.Context, d *template.EventDeclaration) Publisher {
	if d.Publisher == nil || *d.Publisher == "" {
		return DefaultPublisher{}
	}
	p, known := s.publishers.Get(*d.Publisher)
	if known {
		return p
	}
	if !s.unknown[*d.Publisher] {
		s.unknown[*d.Publisher] = true
		s.log.WarnContext(ctx, "a publisher is not registered in this process: the default one stands in for it",
			"publisher", *d.Publisher, "event_name", d.Name, "registered", s.publishers.Names())
	}
	return s.publishers.GetOrDefault(*d.Publisher)
}

// settle counts what became of the routed events and tells their publishers. Failures of a batch mostly have one cause: the
// first is logged, with how many there are.
func (s *DomainEventSystem) settle(ready []prepared, errs []error) {
	var failed []int
	for i := range ready {
		p := &ready[i]
		s.counters.settled.Add(1)
		if errs[i] != nil {
			failed = append(failed, i)
			s.counters.failed.Add(1)
			s.tellError(p, p.Event.EventName, errs[i])
			continue
		}
		s.counters.publishedBy(p.Mode)
		if hook, ok := p.publisher.(AfterPublisher); ok {
			s.callHook(p, func() { hook.AfterPublish(p.ctx, p.Event) })
		}
	}
	if len(failed) > 0 {
		first := &ready[failed[0]]
		s.log.ErrorContext(first.ctx, "domain events were not published", "count", len(failed),
			"event_name", first.Event.EventName, "event_id", first.Event.EventID,
			"correlation_id", first.Event.Metadata.CorrelationID, "error", errs[failed[0]])
	}
}

// tellError tells the publisher of an event that was not published.
func (s *DomainEventSystem) tellError(p *prepared, name string, err error) {
	if hook, ok := p.publisher.(PublishErrorHandler); ok {
		s.callHook(p, func() { hook.OnPublishError(p.ctx, name, err, p.Event.Payload.Payload) })
	}
}

func (s *DomainEventSystem) callHook(p *prepared, hook func()) {
	var err error
	func() {
		defer recovered(&err, "publisher hook")
		hook()
	}()
	if err != nil {
		s.log.ErrorContext(p.ctx, "a hook of a publisher failed", "publisher", p.publisher.Name(), "error", err)
	}
}

// withValues is a context with the values of another.
type withValues struct {
	context.Context
	values context.Context
}

// Value looks in both.
func (c withValues) Value(key any) any {
	if v := c.values.Value(key); v != nil {
		return v
	}
	return c.Context.Value(key)
}
