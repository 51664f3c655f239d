package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
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
	numbers map[string]int32 // of batches
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

// loadResults reads the results of steps that lie upstream of step no, by name. Others have none as far as it may know. The
// name of a batch_worker stands for all of its batches, which answer under their own names.
func (t *TaskData) loadResults(ctx context.Context, no int32, names []string) (map[string]json.RawMessage, error) {
	found := make(map[string]json.RawMessage, len(names))
	var ask []int32
	asked := map[int32]string{}
	upstream := t.Template.Upstream(no)
	var batches []string
	t.mu.Lock()
	for _, name := range names {
		at, ok := t.Template.StepNumber(name)
		if !ok && t.Template.Blueprint != nil || ok && t.Template.Steps[at].Definition.Type == template.BatchWorkerStep {
			batches = append(batches, name)
			continue
		}
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
	if len(batches) > 0 {
		if err := t.loadBatches(ctx, upstream, batches, found); err != nil {
			return nil, err
		}
	}
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

// loadBatches reads the results of batches, given by their own names or by that of their pattern.
func (t *TaskData) loadBatches(ctx context.Context, upstream func(int32) bool, names []string, found map[string]json.RawMessage) error {
	b := t.Template.Blueprint
	var all, some []int32
	for i := range t.Template.Steps {
		s := &t.Template.Steps[i]
		switch {
		case s.Definition.Type != template.BatchWorkerStep || !upstream(s.No):
		case slices.Contains(names, s.Definition.Name):
			all = append(all, s.No)
		default:
			some = append(some, s.No)
		}
	}
	if len(all)+len(some) == 0 {
		return nil
	}
	return whenThere(ctx, func() error {
		read, err := t.store.BatchResults(ctx, t.TaskUUID, b.Stride(), all, some, names)
		for _, r := range read {
			found[r.Name] = r.Result
			t.number(r.Name, r.StepNo)
		}
		return err
	})
}

// number remembers which step a batch is.
func (t *TaskData) number(batch string, no int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.numbers == nil {
		t.numbers = map[string]int32{}
	}
	t.numbers[batch] = no
}

// stepNumber finds a step of the task by its name; of batches, those whose results were read.
func (t *TaskData) stepNumber(name string) (int32, bool) {
	if no, ok := t.Template.StepNumber(name); ok {
		return no, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	no, ok := t.numbers[name]
	return no, ok
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
