package loopback

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Settings are the "loopback.…" settings of a worker's configuration.
type Settings struct {
	// Slots is how many steps are under way at most. Defaults to 256.
	Slots int
	// Steps is how many steps are made in all, on top of those asked for by test.publish; -1 is without end.
	Steps int
	// Payload is the size of the steps' events in bytes. Defaults to 600.
	Payload int
	// TimeoutMS bounds steps from the poll that hands them out. Defaults to 10 minutes.
	TimeoutMS int
	// Room is the room for results. Defaults to 1000.
	Room int
}

// Core is a core without a database.
type Core struct {
	settings Settings
	slots    *dispatch.Slots
	results  *dispatch.CompletionProcessorService
	channel  *dispatch.FfiDispatchChannel
	making   sync.WaitGroup
	quit     context.CancelFunc
	ctx      context.Context
	wanted   atomic.Int64
	more     chan struct{}
	event    []byte
	store    store
	logger   *slog.Logger
	environ  []string

	mu     sync.Mutex
	latest [most]*dispatch.DispatchHandlerMessage
	next   int // of latest
}

var _ bridge.Core = (*Core)(nil)

// Open makes a core. It fails when the configuration asks for that by the setting loopback.fail.
func Open(ctx context.Context, s bridge.Setup) (bridge.Core, error) {
	c := &Core{settings: Settings{Slots: 256, Payload: 600, Room: 1000, TimeoutMS: 600_000}, more: make(chan struct{}, 1), logger: s.Logger, environ: s.Environ}
	if err := c.configure(ctx, s.Config.Settings); err != nil {
		return nil, err
	}
	c.ctx, c.quit = context.WithCancel(context.Background())
	c.wanted.Store(int64(c.settings.Steps))
	c.slots = dispatch.NewSlots(c.settings.Slots)
	c.event = event(c.settings.Payload)
	c.store.up.Store(true)
	c.store.emit = s.Events
	return c, nil
}

func (c *Core) configure(ctx context.Context, settings []bridge.Setting) error {
	for _, s := range settings {
		n, _ := strconv.Atoi(s.Value)
		switch s.Key {
		case "loopback.slots":
			c.settings.Slots = n
		case "loopback.steps":
			c.settings.Steps = n
		case "loopback.payload":
			c.settings.Payload = n
		case "loopback.timeout_ms":
			c.settings.TimeoutMS = n
		case "loopback.room":
			c.settings.Room = n
		case "loopback.open_ms":
			select {
			case <-time.After(time.Duration(n) * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		case "loopback.fail":
			return bridge.Errorf(bridge.EDatabase, "%s", s.Value)
		case "loopback.panic":
			panic(s.Value)
		default:
			return bridge.Errorf(bridge.EConfig, "unknown setting %s", s.Key).With("key", s.Key)
		}
	}
	return nil
}

// event is a document of about size bytes.
func event(size int) []byte {
	e := []byte(`{"schema_version":1,"task_sequence_step":{"step_definition":{"handler":{"callable":"loopback"}}},"filler":"`)
	for len(e) < size-2 {
		e = append(e, 'x')
	}
	return append(e, '"', '}')
}

// Info implements [bridge.Core].
func (c *Core) Info() map[string]any { return map[string]any{"worker_id": "loopback"} }

// Limits implements [bridge.Core].
func (c *Core) Limits() payload.Limits { return payload.Limits{MaxBytes: 8 << 20} }

// Start implements [bridge.Core].
func (c *Core) Start(_ context.Context, _ []string, connect bridge.Connect) error {
	c.results = dispatch.NewCompletionProcessorService(&c.store, c.slots, dispatch.CompletionConfig{CompletionBufferSize: c.settings.Room, Logger: c.logger})
	c.channel = connect(c, c.slots, c.results, dispatch.FfiConfig{
		CompletionBufferSize: c.settings.Room, Checkpoints: &c.store, WorkerName: "loopback", Loaders: 1, // events are at hand
		CompletionTimeout: time.Duration(c.settings.TimeoutMS) * time.Millisecond, UnpolledTimeout: time.Hour, // a busy machine polls late
	})
	c.making.Add(1)
	go c.makeSteps()
	return nil
}

func (c *Core) makeSteps() {
	defer c.making.Done()
	for c.ctx.Err() == nil {
		if c.wanted.Load() == 0 {
			select {
			case <-c.more:
			case <-c.ctx.Done():
			}
			continue
		}
		if c.slots.Acquire(c.ctx) != nil {
			return
		}
		n := 1 + c.slots.TryAcquire(most-1)
		made := n
		if wanted := c.wanted.Load(); wanted >= 0 {
			made = int(min(wanted, int64(n)))
			c.wanted.Add(-int64(made))
		}
		c.dispatch(c.messages(made))
		c.slots.Release(n - made)
	}
}

// most is how many steps are made at once.
const most = 64

// anyStep is what handlers would know of a step; hosts know only the event.
var anyStep = sdk.NewStepContext(sdk.StepData{Attempt: 1, MaxAttempts: 1})

// messages makes steps, some at a time: what the tests measure is the interface.
func (c *Core) messages(n int) []dispatch.DispatchHandlerMessage {
	last := c.store.made.Add(int64(n))
	messages := make([]dispatch.DispatchHandlerMessage, n)
	for i := range messages {
		m := &messages[i]
		m.Key.Attempt, m.Handler, m.Step = 1, "loopback", anyStep
		binary.BigEndian.PutUint64(m.Key.TaskUUID[8:], uint64(last-int64(i)))
	}
	return messages
}

func (c *Core) dispatch(messages []dispatch.DispatchHandlerMessage) {
	c.mu.Lock()
	for i := range messages {
		c.latest[c.next%most] = &messages[i]
		c.next++
	}
	c.mu.Unlock()
	for i := range messages {
		c.channel.Dispatch(c.ctx, &messages[i])
	}
}

// cancelAll cancels the steps that were made last; those that have ended do not mind.
func (c *Core) cancelAll() {
	c.mu.Lock()
	latest := c.latest
	c.mu.Unlock()
	for _, m := range latest {
		if m != nil {
			m.Cancel(dispatch.ErrCancelled)
		}
	}
}

// StepEvent implements [dispatch.FfiEventSource]. After a checkpoint the event holds it.
func (c *Core) StepEvent(_ context.Context, e *dispatch.FfiStepEvent) ([]byte, error) {
	switch {
	case e.Checkpoint != nil:
		return fmt.Appendf(nil, `{"checkpoint":%s}`, e.Checkpoint), nil
	case c.settings.Payload == 0:
		return fmt.Appendf(nil, `{"published_ns":%d}`, monotonic()), nil
	}
	return c.event, nil
}

// Serve implements [bridge.Core].
func (c *Core) Serve(context.Context, []string) error { return nil }

// Drain implements [bridge.Core].
func (c *Core) Drain() { c.quit() }

// InFlight implements [bridge.Core].
func (c *Core) InFlight() int { return int(c.store.made.Load() - c.store.accepted.Load()) }

// Stop implements [bridge.Core].
func (c *Core) Stop(ctx context.Context) error {
	c.quit()
	c.making.Wait()
	if c.channel == nil {
		return nil
	}
	return errors.Join(c.channel.Stop(ctx, 0), c.results.Stop(ctx))
}

// Status implements [bridge.Core].
func (c *Core) Status() map[string]any { return c.store.counts() }

// Call implements [bridge.Caller]; see the cases for what it can be told.
func (c *Core) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	var p struct {
		N    int64  `json:"n"`
		MS   int    `json:"ms"`
		Up   bool   `json:"up"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, bridge.Errorf(bridge.EInvalid, "%s", err)
	}
	switch method {
	case "test.echo":
		return params, nil
	case "test.sleep":
		select {
		case <-time.After(time.Duration(p.MS) * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "test.hang": // for a method that minds no deadline
		<-c.ctx.Done()
	case "test.panic":
		panic(p.Text)
	case "test.publish", "test.publish_later":
		time.Sleep(time.Duration(p.MS) * time.Millisecond)
		c.wanted.Add(p.N)
		select {
		case c.more <- struct{}{}:
		default:
		}
	case "test.database":
		c.store.up.Store(p.Up)
	case "test.cancel":
		c.cancelAll()
	case "test.event":
		id := sdk.NewUUID()
		c.store.emit(bridge.DomainEvent{ID: id, Document: params})
	case "test.fail":
		return nil, errors.New(p.Text)
	case "test.environ":
		return json.Marshal(slices.Contains(c.environ, p.Text))
	case "test.counts":
		return json.Marshal(c.store.counts())
	default:
		return nil, bridge.Errorf(bridge.EUnsupported, "no method %q", method).With("method", method)
	}
	return []byte("{}"), nil
}

// Close implements [bridge.ClientCore].
func (c *Core) Close() error { c.quit(); return nil }

// OpenClient makes a client over nothing.
func OpenClient(ctx context.Context, s bridge.Setup) (bridge.ClientCore, error) {
	core, err := Open(ctx, s)
	if err != nil {
		return nil, err
	}
	return core.(*Core), nil
}
