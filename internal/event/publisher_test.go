package event

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// customPublisher is a [Publisher] called Orders with all hooks; each can be replaced.
type customPublisher struct {
	should    func() bool
	transform func(ctx context.Context, p PublishContext) (json.RawMessage, error)
	metadata  func() map[string]any
	before    func(e DomainEvent) bool
	after     func(e DomainEvent)

	told []string // what the hooks were told
}

func (p *customPublisher) Name() string { return "Orders" }

func (p *customPublisher) ShouldPublish(context.Context, PublishContext) bool {
	return p.should == nil || p.should()
}

func (p *customPublisher) TransformPayload(ctx context.Context, from PublishContext) (json.RawMessage, error) {
	if p.transform == nil {
		return json.RawMessage(`{"shaped":true}`), nil
	}
	return p.transform(ctx, from)
}

func (p *customPublisher) AdditionalMetadata(context.Context, PublishContext) map[string]any {
	if p.metadata == nil {
		return map[string]any{"tenant": "acme"}
	}
	return p.metadata()
}

func (p *customPublisher) BeforePublish(_ context.Context, e DomainEvent) bool {
	p.told = append(p.told, "before "+e.EventName)
	return p.before == nil || p.before(e)
}

func (p *customPublisher) AfterPublish(_ context.Context, e DomainEvent) {
	p.told = append(p.told, "after "+e.EventName)
	if p.after != nil {
		p.after(e)
	}
}

func (p *customPublisher) OnPublishError(_ context.Context, name string, err error, payload json.RawMessage) {
	p.told = append(p.told, "error "+name+" "+string(payload))
}

func TestADeclaredPublisherShapesTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		type traceKey struct{}
		p := &customPublisher{transform: func(ctx context.Context, from PublishContext) (json.RawMessage, error) {
			return json.Marshal(map[string]any{"event": from.Declaration.Name, "step": from.StepName, "ok": from.Outcome == Succeeded,
				"result": from.Result.Result, "trace": ctx.Value(traceKey{})})
		}}
		s := start(t, &queue, Config{}, p)
		ctx := context.WithValue(t.Context(), traceKey{}, "t-1")
		require.True(t, s.Dispatch(ctx, succeeded(`{"total":1}`, declare("order.paid", shapedBy("Orders")))))
		synctest.Wait()
		e := queue.only(t, "shop")
		require.JSONEq(t, `{"event":"order.paid","step":"charge","ok":true,"result":{"total":1},"trace":"t-1"}`, string(e.Payload.Payload))
		require.Equal(t, map[string]any{"tenant": "acme"}, e.Metadata.Additional)
		require.Equal(t, []string{"before order.paid", "after order.paid"}, p.told)
	})
}

func TestWhatAPublisherDoesToItsEventStaysWithIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		publisher customPublisher
		refused   bool // by the queue
		published []string
		failed    uint64
		skipped   uint64
		told      []string
		logged    string
	}{
		"it calls the event off": {
			publisher: customPublisher{should: func() bool { return false }},
			published: []string{"order.plain"}, skipped: 1,
		},
		"it calls the finished event off": {
			publisher: customPublisher{before: func(DomainEvent) bool { return false }},
			published: []string{"order.plain"}, skipped: 1, told: []string{"before order.paid"},
		},
		"it fails": {
			publisher: customPublisher{transform: func(context.Context, PublishContext) (json.RawMessage, error) {
				return nil, errors.New("no rates today")
			}},
			published: []string{"order.plain"}, failed: 1, told: []string{"error order.paid "}, logged: "no rates today",
		},
		"it makes what is not JSON": {
			publisher: customPublisher{transform: func(context.Context, PublishContext) (json.RawMessage, error) {
				return json.RawMessage(`{"half":`), nil
			}},
			published: []string{"order.plain"}, failed: 1, told: []string{"error order.paid "}, logged: "the payload is not JSON",
		},
		"its payload does not meet the schema": {
			publisher: customPublisher{transform: func(context.Context, PublishContext) (json.RawMessage, error) {
				return json.RawMessage(`{"shaped":1}`), nil
			}},
			published: []string{"order.plain"}, skipped: 1, told: []string{`error order.paid {"shaped":1}`}, logged: "/shaped: type",
		},
		"it panics when asked": {
			publisher: customPublisher{should: func() bool { panic("first bug") }},
			published: []string{"order.plain"}, failed: 1, told: []string{"error order.paid "}, logged: "publisher panicked: first bug",
		},
		"it panics over metadata": {
			publisher: customPublisher{metadata: func() map[string]any { panic("second bug") }},
			published: []string{"order.plain"}, failed: 1, told: []string{`error order.paid {"shaped":true}`}, logged: "second bug",
		},
		"it panics afterwards": {
			publisher: customPublisher{after: func(DomainEvent) { panic("third bug") }},
			published: []string{"order.paid", "order.plain"}, told: []string{"before order.paid", "after order.paid"},
			logged: "publisher hook panicked: third bug",
		},
		"it hears that the queue refused": {
			refused: true,
			failed:  2, told: []string{"before order.paid", `error order.paid {"shaped":true}`}, logged: "no database",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var logs logbook
				var queue memoryQueue
				if tt.refused {
					queue.before = func(context.Context, string, []DomainEvent) error { return errors.New("no database") }
				}
				s := start(t, &queue, Config{Logger: logs.logger()}, &tt.publisher)
				strict := schema(t, `{"properties":{"shaped":{"type":"boolean"}}}`)
				require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid", shapedBy("Orders"), strict), declare("order.plain"))))
				synctest.Wait()
				require.Equal(t, tt.published, queue.names("shop"))
				stats := s.Stats().System
				require.Equal(t, [3]uint64{uint64(len(tt.published)), tt.failed, tt.skipped}, [3]uint64{stats.Published, stats.Failed, stats.Skipped})
				require.Equal(t, tt.told, tt.publisher.told)
				if tt.logged != "" {
					require.Len(t, logs.lines(tt.logged), 1)
				}
				require.Zero(t, s.counters.pending())
			})
		})
	}
}

func TestAPublisherThatEndsItsGoroutineFailsItsBatchOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		var logs logbook
		s := start(t, &queue, Config{Logger: logs.logger()}, &customPublisher{should: func() bool { runtime.Goexit(); return true }})
		require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.paid", shapedBy("Orders")), declare("order.plain"))))
		synctest.Wait()
		require.True(t, s.Dispatch(t.Context(), succeeded(`{}`, declare("order.plain"))))
		require.NoError(t, s.Stop(t.Context()))
		require.Equal(t, []string{"order.plain"}, queue.names("shop"))
		require.Equal(t, SystemStats{EventsDispatched: 3, Published: 1, Durable: 1, Failed: 2, ChannelCapacity: 1000}, s.Stats().System)
		require.Len(t, logs.lines(errGoroutineEnded.Error()), 1)
	})
}

func TestThePublisherThatIsMissingIsReplacedAndMissedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queue memoryQueue
		var logs logbook
		s := start(t, &queue, Config{Logger: logs.logger()}, calledPublisher{name: "Mail"})
		for range 3 {
			require.True(t, s.Dispatch(t.Context(), succeeded(`{"total":1}`, declare("order.paid", shapedBy("Orders")))))
		}
		synctest.Wait()
		require.Len(t, queue.names("shop"), 3)
		require.JSONEq(t, `{"total":1}`, string(queue.events["shop"][0].Payload.Payload))
		lines := logs.lines("a publisher is not registered")
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], "registered=[Mail]")
	})
}

func TestTheDefaultPayloadOfNoResultIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	e := succeeded("")
	payload, err := DefaultPublisher{}.TransformPayload(t.Context(), PublishContext{StepEvent: &e})
	require.NoError(t, err)
	require.Equal(t, json.RawMessage("{}"), payload)
}

// forwardingPublisher has its events published elsewhere.
type forwardingPublisher struct {
	DefaultPublisher
	err error
	got []Delivery
}

func (p *forwardingPublisher) Name() string { return "Orders" }

func (p *forwardingPublisher) Forward(_ context.Context, d Delivery, from PublishContext) error {
	if from.Outcome != Succeeded {
		return errors.New("only what succeeded")
	}
	p.got = append(p.got, d)
	return p.err
}

func TestAForwardedEventIsPublishedElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &memoryQueue{}
		s := New(queue, Config{Logger: (&logbook{}).logger()})
		publisher := &forwardingPublisher{}
		require.NoError(t, s.Publishers().Register(publisher))
		s.Start()
		require.True(t, s.Dispatch(t.Context(), succeeded(`{"id":"a"}`, declare("order.paid", shapedBy("Orders")))))
		synctest.Wait()
		publisher.err = errors.New("nobody is there")
		require.True(t, s.Dispatch(t.Context(), succeeded(`{"id":"b"}`, declare("order.sent", shapedBy("Orders")))))
		synctest.Wait()
		require.Zero(t, s.Pending())
		require.NoError(t, s.Stop(t.Context()))
		require.Empty(t, queue.names("shop"))
		require.Equal(t, "order.paid", publisher.got[0].Event.EventName)
		require.JSONEq(t, `{"id":"a"}`, string(publisher.got[0].Event.Payload.Payload))
		stats := s.Stats().System
		require.Equal(t, [3]uint64{1, 1, 0}, [3]uint64{stats.Forwarded, stats.Failed, stats.Published})
	})
}
