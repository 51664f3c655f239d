package orchestration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/internal/batch"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
)

const (
	// createFor bounds how long a request waits for a database that is away.
	createFor = 10 * time.Second
	// createSteps bounds the steps that one statement makes, a single larger task apart.
	createSteps = 20_000
)

// TaskInitializer makes tasks: the task, its steps, counters and first transitions, and readies its roots, in one
// statement for all requests that wait at that moment. One that comes alone is made by its caller.
type TaskInitializer struct {
	store  *store.Store
	worker StepTaker
	timers *Timers
	counts *Counters

	requests chan *creation
	onWay    atomic.Int64 // tasks that were accepted and are not finished
	crowded  atomic.Bool  // the last ones came together
	ctx      context.Context
	abort    context.CancelFunc
	mu       sync.RWMutex // held for reading by those who send or make; closing takes it
	closed   bool
	done     chan struct{}
}

// creation is a task on its way.
type creation struct {
	task         store.NewTask
	roots, steps int
	result       TaskRequestResult
	err          error
	finished     chan struct{}
}

// ErrStopping refuses requests that come while the process stops; another process can take them.
var ErrStopping = errors.New("the process is stopping")

// NewTaskInitializer starts the service.
func NewTaskInitializer(d Dependencies, timers *Timers, counts *Counters) *TaskInitializer {
	limit := d.Config.CreateBatchSize
	if limit <= 0 {
		limit = 200
	}
	i := &TaskInitializer{
		store: d.Store, worker: d.Worker, timers: timers, counts: counts,
		requests: make(chan *creation, limit), done: make(chan struct{}),
	}
	i.ctx, i.abort = context.WithCancel(context.Background())
	go func() {
		defer close(i.done)
		batch.Loop(context.Background(), i.requests, limit, i.create)
	}()
	return i
}

// InitializeTask makes a task and waits for its commit.
func (i *TaskInitializer) InitializeTask(ctx context.Context, t *catalog.Template, task store.NewTask) (TaskRequestResult, error) {
	c := &creation{task: task, roots: t.Roots, steps: len(t.Steps), finished: make(chan struct{})}
	if err := i.accept(ctx, c); err != nil {
		return TaskRequestResult{}, fmt.Errorf("create task: %w", err)
	}
	select {
	case <-c.finished:
	case <-ctx.Done():
		return TaskRequestResult{}, fmt.Errorf("create task %s: its outcome is unknown: %w", task.TaskUUID, context.Cause(ctx))
	}
	if c.err != nil {
		return TaskRequestResult{}, fmt.Errorf("create task: %w", c.err)
	}
	return c.result, nil
}

func (i *TaskInitializer) accept(ctx context.Context, c *creation) error {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if i.closed {
		return ErrStopping
	}
	if i.onWay.Add(1) == 1 && !i.crowded.Load() && i.createAlone(ctx, c) {
		i.finish(c)
		return nil
	}
	select {
	case i.requests <- c: // whatever ctx says, if there is room
		return nil
	default:
	}
	select {
	case i.requests <- c:
		return nil
	case <-ctx.Done():
		i.onWay.Add(-1)
		return context.Cause(ctx)
	}
}

func (i *TaskInitializer) finish(c *creation) {
	i.onWay.Add(-1)
	close(c.finished)
}

// createAlone makes a task on its caller's goroutine, when no other one is on its way: the hand-over to the loop and back takes
// longer than a good part of the statement. Where tasks come together, the first one waits for the others instead. It tries only
// once; false leaves the task to the loop, also if the caller has gone.
func (i *TaskInitializer) createAlone(ctx context.Context, c *creation) (finished bool) {
	i.createUntil(ctx, time.Now(), []*creation{c})
	if c.err == nil || store.Classify(c.err) == store.RemedyRefuse {
		return true
	}
	c.err = nil
	return false
}

// stop makes what was sent and takes no more.
func (i *TaskInitializer) stop() {
	i.mu.Lock()
	if !i.closed {
		i.closed = true
		close(i.requests)
	}
	i.mu.Unlock()
	<-i.done
	i.abort()
}

func (i *TaskInitializer) create(batch []*creation) {
	i.crowded.Store(len(batch) > 1)
	deadline := time.Now().Add(createFor)
	for len(batch) > 0 {
		n, steps := 1, batch[0].steps
		for n < len(batch) && steps+batch[n].steps <= createSteps {
			steps += batch[n].steps
			n++
		}
		i.createUntil(i.ctx, deadline, batch[:n])
		for _, c := range batch[:n] {
			i.finish(c)
		}
		batch = batch[n:]
	}
}

// createUntil makes tasks in one statement, which it tries at least once.
func (i *TaskInitializer) createUntil(ctx context.Context, deadline time.Time, batch []*creation) {
	tasks, roots := make([]store.NewTask, len(batch)), 0
	for n, c := range batch {
		tasks[n] = c.task
		roots += c.roots
	}
	var created store.Created
	begun := time.Now()
	unknown, err := retry(ctx, deadline, func() (err error) {
		created, err = i.tryCreate(ctx, tasks, roots)
		return err
	})
	if i.worker != nil && (unknown || err != nil && ctx.Err() != nil) {
		i.worker.Adopt()
	}
	switch {
	case err != nil && store.Classify(err) == store.RemedyRefuse && len(batch) > 1:
		for n := range batch { // one of them is at fault: the others must not suffer
			i.createUntil(ctx, deadline, batch[n:n+1])
		}
	case err != nil:
		for _, c := range batch {
			c.err = err
		}
	default:
		i.counts.Initialization.since(begun)
		i.counts.created(len(batch), len(created.Existing))
		for n, c := range batch {
			c.result = TaskRequestResult{TaskUUID: c.task.TaskUUID}
			if c.task.Delay > 0 {
				i.timers.Made()
			}
			if id, ok := created.Existing[n]; ok {
				c.result = TaskRequestResult{TaskUUID: id, Existing: true}
			}
		}
	}
}

func (i *TaskInitializer) tryCreate(ctx context.Context, tasks []store.NewTask, roots int) (created store.Created, err error) {
	if i.worker == nil {
		return i.store.CreateTasks(ctx, tasks, store.Lease{})
	}
	lease := i.worker.Reserve(roots)
	defer func() { i.worker.Take(i.ctx, lease, claimed(created.Leased, tasks)) }()
	return i.store.CreateTasks(ctx, tasks, lease)
}

func claimed(leased []store.LeasedStep, tasks []store.NewTask) []store.ClaimedStep {
	if len(leased) == 0 {
		return nil
	}
	at := make(map[[16]byte]int, len(tasks))
	for n := range tasks {
		at[tasks[n].TaskUUID] = n
	}
	steps := make([]store.ClaimedStep, len(leased))
	for n, s := range leased {
		t := &tasks[at[s.TaskUUID]]
		steps[n] = store.ClaimedStep{LeasedStep: s, Task: header(t)}
	}
	return steps
}

func header(t *store.NewTask) store.TaskHeader {
	return store.TaskHeader{
		TaskUUID: t.TaskUUID, TemplateID: t.TemplateID, CorrelationID: t.CorrelationID,
		ParentCorrelationID: t.ParentCorrelationID, Priority: t.Priority, Context: t.Context,
	}
}
