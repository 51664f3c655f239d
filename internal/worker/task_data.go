package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
)

// Results of more than this are not kept in memory but read again when a later step asks.
const (
	maxKeptResult = 64 << 10
	maxKeptTotal  = 1 << 20
)

// TaskData is what a process knows of a task while it runs steps of it: the steps hand it on, so that one after the other
// finds in memory what it would otherwise read.
type TaskData struct {
	store.TaskHeader
	Template *catalog.Template

	store   *store.Store
	mu      sync.Mutex
	context json.RawMessage
	results map[int32]json.RawMessage
	kept    int
}

func newTaskData(s *store.Store, t *catalog.Template, h store.TaskHeader) *TaskData {
	return &TaskData{TaskHeader: h, Template: t, store: s, context: h.Context}
}

// keep remembers a result that this process had accepted.
func (t *TaskData) keep(stepNo int32, result json.RawMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(result) > maxKeptResult || t.kept+len(result) > maxKeptTotal {
		return
	}
	if t.results == nil {
		t.results = map[int32]json.RawMessage{}
	}
	t.results[stepNo] = result
	t.kept += len(result)
}

func (t *TaskData) loadContext(ctx context.Context) (json.RawMessage, error) {
	t.mu.Lock()
	raw := t.context
	t.mu.Unlock()
	if raw != nil {
		return raw, nil
	}
	err := whenThere(ctx, func() (err error) {
		raw, err = t.store.TaskContext(ctx, t.TaskUUID)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.context = raw
	return raw, nil
}

// loadResults reads the results of steps that lie upstream of step no, by name. Others have none as far as it may know.
func (t *TaskData) loadResults(ctx context.Context, no int32, names []string) (map[string]json.RawMessage, error) {
	found := make(map[string]json.RawMessage, len(names))
	var ask []int32
	asked := map[int32]string{}
	upstream := t.Template.Upstream(no)
	t.mu.Lock()
	for _, name := range names {
		at, ok := t.Template.StepNumber(name)
		if !ok || !upstream(at) {
			continue
		}
		if raw, ok := t.results[at]; ok {
			found[name] = raw
			continue
		}
		ask, asked[at] = append(ask, at), name
	}
	t.mu.Unlock()
	if len(ask) == 0 {
		return found, nil
	}
	var read map[int32]json.RawMessage
	err := whenThere(ctx, func() (err error) {
		read, err = t.store.StepResults(ctx, t.TaskUUID, ask)
		return err
	})
	if err != nil {
		return nil, err
	}
	for at, raw := range read {
		found[asked[at]] = raw
		t.keep(at, raw)
	}
	return found, nil
}

// whenThere reads again while the database is away, for as long as the step may take: a step does not fail because of that.
func whenThere(ctx context.Context, read func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 10*time.Millisecond, 500*time.Millisecond
	for {
		err := read()
		if remedy := store.Classify(err); remedy != store.RemedyRetry && remedy != store.RemedyReconnect || ctx.Err() != nil {
			return err
		}
		pause(ctx, wait.NextBackOff())
	}
}

func (t *TaskData) step(no int32) (*catalog.Step, error) {
	if s := t.Template.Step(no); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("task %s has no step number %d in its template", t.TaskUUID, no)
}
