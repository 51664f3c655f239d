package cli

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// snapshot is a task as it stood when it was read.
type snapshot struct {
	task  *client.TaskResponse
	steps []client.StepResponse
}

// change is one move of a task or of one of its steps. Its JSON form is what --output json writes, one a line.
type change struct {
	Type     string        `json:"type"` // task or step
	At       sdk.Timestamp `json:"at"`
	TaskUUID sdk.UUID      `json:"task_uuid"`
	// Template is set on the first line of a task.
	Template string `json:"template,omitempty"`
	Step     string `json:"step,omitempty"`
	Status   string `json:"status"`
	// Attempt counts a step's attempts, from 1.
	Attempt     int32  `json:"attempt,omitempty"`
	MaxAttempts int32  `json:"max_attempts,omitempty"`
	DurationMS  *int64 `json:"duration_ms,omitempty"`
	Error       string `json:"error,omitempty"`
	// RetryAt is when a failed step runs again.
	RetryAt *sdk.Timestamp `json:"retry_at,omitempty"`
	// Results, by step, come with the last line of a task.
	Results map[string]json.RawMessage `json:"results,omitempty"`

	since          time.Duration // the task was made
	completed, all int64         // steps
}

// changes lists what is different in after, oldest first. What moved more than once in between shows its last move only.
func changes(before, after *snapshot) []change {
	var list []change
	if before == nil {
		first := taskChange(after, client.StatusPending)
		first.At, first.since = after.task.CreatedAt, 0
		first.Template = templateOf(after.task)
		list = append(list, first)
	}
	for _, s := range after.order() {
		if old := before.step(s.StepUUID); old == nil || old.CurrentState != s.CurrentState || old.Attempts != s.Attempts {
			if old != nil || s.CurrentState != string(workflow.StepPending) {
				list = append(list, stepChange(after.task, s))
			}
		}
	}
	if after.task.Resting() && (before == nil || !before.task.Resting()) {
		last := taskChange(after, after.task.Status)
		last.Results = after.results()
		list = append(list, last)
	}
	return list
}

// order is the steps by the time of their last move, equal ones in the order of the template.
func (s *snapshot) order() []*client.StepResponse {
	steps := make([]*client.StepResponse, len(s.steps))
	for i := range s.steps {
		steps[i] = &s.steps[i]
	}
	slices.SortStableFunc(steps, func(a, b *client.StepResponse) int { return a.UpdatedAt.Compare(b.UpdatedAt.Time) })
	return steps
}

func (s *snapshot) step(id sdk.UUID) *client.StepResponse {
	if s == nil {
		return nil
	}
	for i := range s.steps {
		if s.steps[i].StepUUID == id {
			return &s.steps[i]
		}
	}
	return nil
}

// results are what the steps of a task returned, by their names. A step that failed has none.
func (s *snapshot) results() map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for i := range s.steps {
		if r := execution(&s.steps[i]); r != nil && r.Success {
			all[s.steps[i].Name] = r.Result
		}
	}
	return all
}

// execution is the record of a step's last attempt that ended, or nil.
func execution(s *client.StepResponse) *sdk.StepExecutionResult {
	r, err := s.Result()
	if err != nil {
		return nil
	}
	return r
}

func taskChange(s *snapshot, status string) change {
	t := s.task
	c := change{
		Type: "task", At: t.UpdatedAt, TaskUUID: t.TaskUUID, Status: status,
		since: t.UpdatedAt.Sub(t.CreatedAt.Time), completed: t.CompletedSteps, all: t.TotalSteps,
	}
	if t.Resting() && status == t.Status {
		took := c.since.Milliseconds()
		c.DurationMS = &took
	}
	return c
}

func stepChange(t *client.TaskResponse, s *client.StepResponse) change {
	c := change{
		Type: "step", At: s.UpdatedAt, TaskUUID: t.TaskUUID, Step: s.Name, Status: s.CurrentState,
		Attempt: s.Attempts, MaxAttempts: s.MaxAttempts, RetryAt: s.NextRetryAt, since: s.UpdatedAt.Sub(t.CreatedAt.Time),
	}
	switch workflow.StepState(s.CurrentState) {
	case workflow.StepPending, workflow.StepEnqueued, workflow.StepInProgress:
		return c // what there is tells of an earlier attempt
	}
	if r := execution(s); r != nil {
		c.DurationMS = &r.Metadata.ExecutionTimeMS
		if r.Error != nil {
			c.Error = r.Error.Message
		}
	}
	return c
}

func templateOf(t *client.TaskResponse) string { return t.Namespace + "/" + t.Name + "@" + t.Version }
