package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// stalledAfter is how long nothing may be finished before a run is given up.
const stalledAfter = time.Minute

// work has tasks run and returns how long each took from its request to its end. From a backlog, no times are known.
func (e *engine) work(ctx context.Context, tasks int) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.failure, func() { cancel(context.Cause(e.failure)) })()
	go e.giveUpWhenStalled(ctx, cancel)
	if e.gate != nil {
		return nil, e.gate.let(ctx, tasks*e.options.Shape.Steps())
	}
	return e.submit(ctx, tasks)
}

func (e *engine) giveUpWhenStalled(ctx context.Context, cancel context.CancelCauseFunc) {
	check := time.NewTicker(stalledAfter)
	defer check.Stop()
	for last := e.finished.Load(); ; {
		select {
		case <-check.C:
		case <-ctx.Done():
			return
		}
		now := e.finished.Load()
		if now == last {
			cancel(fmt.Errorf("nothing was finished for %v; the log may say why", stalledAfter))
		}
		last = now
	}
}

// submit is a closed loop: each of a number of clients waits for the end of its task before it asks for the next.
func (e *engine) submit(ctx context.Context, tasks int) ([]time.Duration, error) {
	latencies := make([]time.Duration, tasks)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(e.options.Concurrency, tasks) {
		group.Go(func() (err error) {
			for i := next.Add(1) - 1; err == nil && i < int64(tasks); i = next.Add(1) - 1 {
				latencies[i], err = e.one(ctx)
			}
			return err
		})
	}
	return latencies, group.Wait()
}

var taskContext = json.RawMessage(`{"n": 7}`)

func (e *engine) one(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	task, err := actor.Ask(ctx, e.node.Orchestration.Actors.TaskRequestActor.Handle, orchestration.ProcessTaskRequestMessage{
		Request: sdk.TaskRequest{Name: e.template.Name, Namespace: e.template.Namespace, Version: e.template.Version, Context: taskContext},
	})
	if err != nil {
		return 0, err
	}
	state, err := e.ends.wait(ctx, task.TaskUUID)
	if err == nil && state != workflow.TaskComplete {
		err = fmt.Errorf("its state is %s", state)
	}
	if err != nil {
		return 0, fmt.Errorf("task %s did not complete: %w", task.TaskUUID, err)
	}
	return time.Since(begun), nil
}
