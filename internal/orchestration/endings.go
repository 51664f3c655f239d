package orchestration

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Endings lets callers wait for tasks to come to rest: at once when it happens in this process, by looking otherwise.
type Endings struct {
	store *store.Store

	mu      sync.Mutex
	waiting map[sdk.UUID][]chan workflow.TaskState
}

// lookEvery is how often a task that ends elsewhere is looked at.
const lookEvery = 250 * time.Millisecond

// NewEndings makes the hub.
func NewEndings(s *store.Store) *Endings {
	return &Endings{store: s, waiting: map[sdk.UUID][]chan workflow.TaskState{}}
}

// tell wakes those who wait for the tasks.
func (e *Endings) tell(ended []store.EndedTask) {
	if len(ended) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range ended {
		for _, c := range e.waiting[t.TaskUUID] {
			c <- t.State
		}
		delete(e.waiting, t.TaskUUID)
	}
}

// Await returns a channel that gets the task's state when it comes to rest in this process. forget ends the waiting.
func (e *Endings) Await(task sdk.UUID) (rest <-chan workflow.TaskState, forget func()) {
	c := make(chan workflow.TaskState, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting[task] = append(e.waiting[task], c)
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		others := e.waiting[task][:0]
		for _, o := range e.waiting[task] {
			if o != c {
				others = append(others, o)
			}
		}
		if e.waiting[task] = others; len(others) == 0 {
			delete(e.waiting, task)
		}
	}
}

// Wait returns the state in which the task came to rest: terminal, or blocked by failures.
func (e *Endings) Wait(ctx context.Context, task sdk.UUID) (workflow.TaskState, error) {
	rest, forget := e.Await(task)
	defer forget()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		state, err := e.store.TaskState(ctx, task)
		if err == nil && (state.Terminal() || state == workflow.TaskBlockedByFailures) {
			return state, nil
		}
		if err != nil && store.Classify(err) == store.RemedyNone {
			return "", err
		}
		select {
		case state := <-rest:
			return state, nil
		case <-look.C:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for task %s: %w", task, context.Cause(ctx))
		}
	}
}
