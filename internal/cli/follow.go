package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// lookEvery is how often a task that is followed is read, and the screen drawn.
const lookEvery = 100 * time.Millisecond

// errTimeout is the cause with which --timeout ends waiting.
var errTimeout = errors.New("the time of --timeout is up")

// view shows a task as it moves.
type view interface {
	show(s *snapshot) error
}

// follow shows a task until it rests, and returns how it stood then.
func follow(ctx context.Context, c *client.Client, task sdk.UUID, v view) (*snapshot, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		s, err := look(ctx, c, task)
		if err == nil {
			err = v.show(s)
		}
		if err != nil || s.task.Resting() {
			return s, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// look reads a task. Its steps are read after it, so that those of a task that rests do too.
func look(ctx context.Context, c *client.Client, task sdk.UUID) (*snapshot, error) {
	t, err := c.GetTask(ctx, task)
	if err != nil {
		return nil, gaveUp(ctx, err)
	}
	steps, err := c.ListTaskSteps(ctx, task)
	if err != nil {
		return nil, gaveUp(ctx, err)
	}
	return &snapshot{t, steps}, nil
}

// gaveUp is why a request failed: because nobody waits for its answer any more, or on its own account.
func gaveUp(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var answer *client.Error
	if errors.As(err, &answer) && answer.StatusCode/100 == 4 && answer.Code != client.CodeBadAnswer {
		return refusedError{answer}
	}
	return err
}

// refusedError is an answer that says what is wrong with the request; the rest of it is of no use to people.
type refusedError struct{ answer *client.Error }

func (e refusedError) Error() string { return e.answer.Message }
func (e refusedError) Unwrap() error { return e.answer }

// outcome is the error for a task that rests without being done.
func outcome(t *client.TaskResponse) error {
	switch t.Status {
	case client.StatusComplete, client.StatusResolvedManually:
		return nil
	case client.StatusBlockedByFailures:
		return &exitError{exitFailed, fmt.Errorf("task %s is blocked: %s failed for good", t.TaskUUID, count(t.FailedSteps, "step"))}
	}
	return &exitError{exitFailed, fmt.Errorf("task %s ended as %s", t.TaskUUID, t.Status)}
}

// left is the error for a task that is no longer followed but goes on.
func (a *app) left(task sdk.UUID, err error) error {
	again := fmt.Sprintf("task %s goes on; follow it with '%s task watch %s'", task, a.Name, task)
	switch {
	case errors.Is(err, errTimeout):
		return &exitError{exitTimeout, fmt.Errorf("%w; %s, or ask '%s doctor' what it waits for", err, again, a.Name)}
	case errors.Is(err, errInterrupted):
		return &exitError{exitInterrupted, fmt.Errorf("%w; %s", err, again)}
	}
	return err
}
