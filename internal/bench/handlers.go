package bench

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// applicationName is how the engine's connections are known to the server.
const applicationName = "tasker-bench"

// handlers are those of the steps: they do nothing, so that what is measured is the engine.
type handlers struct {
	payload int
	began   func(context.Context)
	last    func(sdk.UUID)
}

// registry holds a handler for all steps, and one for the last of a task.
func (h *handlers) registry() *sdk.Registry {
	result := sdk.Success(resultOf(h.payload))
	r := sdk.NewRegistry()
	r.RegisterFunc(stepHandler, func(ctx context.Context, _ *sdk.StepContext) (sdk.StepResult, error) {
		h.began(ctx)
		return result, nil
	})
	r.RegisterFunc(lastHandler, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		h.began(ctx)
		h.last(step.TaskUUID())
		return result, nil
	})
	return r
}

// resultOf is a JSON object of that many bytes, or a small one.
func resultOf(size int) json.RawMessage {
	const small, frame = `{"result": 49}`, `{"pad":""}`
	if size <= len(small) {
		return json.RawMessage(small)
	}
	return json.RawMessage(`{"pad":"` + strings.Repeat("x", size-len(frame)) + `"}`)
}

// watch calls ended once the task comes to rest in this process.
func watch(endings *orchestration.Endings, task sdk.UUID, ended func(workflow.TaskState)) {
	rest, _ := endings.Await(task)
	go func() { ended(<-rest) }()
}

// meetings bring together those who wait for the end of a task and those who tell of it, whoever comes first.
type meetings struct {
	mu     sync.Mutex
	places map[sdk.UUID]chan workflow.TaskState
}

// at is where the end of a task is told; there is room for one.
func (m *meetings) at(task sdk.UUID) chan workflow.TaskState {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.places == nil {
		m.places = map[sdk.UUID]chan workflow.TaskState{}
	}
	place, ok := m.places[task]
	if !ok {
		place = make(chan workflow.TaskState, 1)
		m.places[task] = place
	}
	return place
}

// wait returns the state in which the task came to rest.
func (m *meetings) wait(ctx context.Context, task sdk.UUID) (workflow.TaskState, error) {
	place := m.at(task)
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.places, task)
	}()
	select {
	case state := <-place:
		return state, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
